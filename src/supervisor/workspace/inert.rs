//! Bytes of files, names and programs as inert text: nothing in it moves a cursor or hides.

use std::fmt::Write as _;

/// The bytes as text with line breaks and tabs kept and everything else that is not plain
/// written out: `\xNN` for control bytes and broken UTF-8, `\u{NNNN}` for hidden characters.
pub fn inert(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\n' || c == '\t' {
                text.push(c);
            } else if c.is_control() {
                push(&mut text, format_args!("\\x{:02x}", u32::from(c)));
            } else if is_hidden(c) {
                push(&mut text, format_args!("\\u{{{:04x}}}", u32::from(c)));
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            push(&mut text, format_args!("\\x{byte:02x}"));
        }
    }
    text
}

/// As `inert`, on one line: line breaks and tabs are written out too.
pub fn inert_line(bytes: &[u8]) -> String {
    inert(bytes).replace('\n', "\\x0a").replace('\t', "\\x09")
}

fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    text.write_fmt(what).unwrap_or_default();
}

/// Characters without a width of their own that can reorder or conceal text.
fn is_hidden(c: char) -> bool {
    matches!(u32::from(c),
        0x00ad | 0x061c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
        | 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Control bytes, broken UTF-8 and hidden characters are written out; plain text stays.
    #[test]
    fn hostile_bytes_become_plain_text() {
        assert_eq!(inert(b"a\x1b[2Jb\n\tc"), "a\\x1b[2Jb\n\tc");
        assert_eq!(inert(b"caf\xe9"), "caf\\xe9");
        assert_eq!(inert("x\u{202e}y ä".as_bytes()), "x\\u{202e}y ä");
        assert_eq!(inert_line(b"a\nb"), "a\\x0ab");
    }
}
