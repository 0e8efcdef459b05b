//! What comes with a trigger, made fit to stand in a prompt: short enough, inert, without secrets, and
//! with a marker that whoever wrote it cannot know.

use std::fs::File;
use std::io::{self, Read as _};

use crate::run::inert::inert_lines;
use crate::run::{Payload, TextRef};
use crate::supervisor::redactor::Redactor;

/// Most bytes of a payload (PRODUCT §5.22).
pub const LONGEST: usize = 64 * 1024;

/// Takes a payload in: its description, and the text to be kept under its digest.
///
/// # Errors
/// One line: it is too long, or the system gives no random numbers.
pub(crate) fn admit(text: &str, redactor: &Redactor) -> Result<(Payload, String), String> {
    if text.len() > LONGEST {
        return Err(too_long(text.len()));
    }
    let text = inert_lines(&redactor.clean(text)).into_owned();
    // What was made harmless may be spelled out longer.
    if text.len() > LONGEST {
        return Err(too_long(text.len()));
    }
    let marker = marker().map_err(|e| format!("the system gives no random numbers: {e}"))?;
    let payload = Payload {
        text: TextRef::to(&text),
        marker,
    };
    Ok((payload, text))
}

fn too_long(bytes: usize) -> String {
    format!("its payload has {bytes} bytes, and {LONGEST} are the most; send a path instead")
}

/// 128 random bits, as 32 digits.
fn marker() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R11: a payload is made inert and capped, and its marker is new each time.
    #[test]
    fn payloads_are_inert_and_capped() {
        let redactor = Redactor::default();
        let (first, text) = admit("a\u{1b}[2Jb\u{202e}c\n", &redactor).unwrap();
        assert!(
            !text
                .chars()
                .any(|c| c != '\n' && crate::run::inert::steers(c)),
            "{text:?}"
        );
        assert_eq!(first.text, TextRef::to(&text));
        assert_eq!(first.marker.len(), 32);
        assert_ne!(first.marker, admit("a", &redactor).unwrap().0.marker);
        assert!(admit(&"x".repeat(LONGEST), &redactor).is_ok());
        let why = admit(&"x".repeat(LONGEST + 1), &redactor).unwrap_err();
        assert!(why.contains("65537 bytes"), "{why}");
    }
}
