//! Prose that its author has broken into lines, on a screen that is narrower than those lines: a
//! paragraph with a line too long is filled again as a whole. Nothing that fits is touched.

use std::ops::Range;

use super::{width, wrap};

/// Shorter lines were broken on purpose.
const BROKEN_AT: usize = 72;

/// The lines in groups: each a line of its own, or a paragraph to be filled together.
///
/// `alike` says whether two neighbours may share a paragraph.
pub fn groups(
    lines: &[String],
    columns: usize,
    alike: impl Fn(&str, &str) -> bool,
) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut from, mut fenced) = (0, false);
    while let Some(first) = lines.get(from) {
        fenced ^= is_fence(first);
        let (mut to, mut widest) = (from + 1, width(first));
        while let (false, Some(last), Some(next)) = (fenced, lines.get(to - 1), lines.get(to)) {
            if !alike(last, next) || !goes_on(last, next, widest.max(BROKEN_AT)) {
                break;
            }
            widest = widest.max(width(next));
            to += 1;
        }
        if widest > columns {
            out.push(from..to);
        } else {
            out.extend((from..to).map(|line| line..line + 1));
        }
        from = to;
    }
    out
}

/// The lines of a group at this width; what follows a list mark hangs below its text.
pub fn fill(lines: &[String], columns: usize) -> Vec<String> {
    let Some(first) = lines.first() else {
        return Vec::new();
    };
    let text = first.trim_start();
    let lead = first.len() - text.len() + mark(text);
    let (lead, text) = first.split_at(lead);
    let rest = lines.iter().skip(1).map(|l| l.trim());
    let text = std::iter::once(text.trim_end())
        .chain(rest)
        .collect::<Vec<_>>();
    let hang = width(lead).min(columns / 2);
    wrap(&text.join(" "), columns.saturating_sub(hang))
        .into_iter()
        .enumerate()
        .map(|(i, line)| {
            let lead = if i == 0 { lead } else { "" };
            format!(
                "{lead}{}{line}",
                " ".repeat(hang.saturating_sub(width(lead)))
            )
        })
        .collect()
}

/// Whether a paragraph goes on in the next line, because its first word had no room in the last.
fn goes_on(last: &str, next: &str, column: usize) -> bool {
    let text = next.trim_start();
    let Some(word) = text.split_whitespace().next() else {
        return false;
    };
    let block = |text: &str| text.starts_with(['#', '|', '>']) || is_fence(text);
    let meant = last.ends_with("  ") || last.ends_with('\\');
    !meant
        && !block(text)
        && !block(last.trim_start())
        && mark(text) == 0
        && !last.trim().is_empty()
        && width(last) + 1 + width(word) > column
}

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// Bytes of the list mark that a text begins with, and the blank behind it.
fn mark(text: &str) -> usize {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &text[digits..];
    let marks: &[&str] = if digits > 0 {
        &[". ", ") "]
    } else {
        &["- ", "* ", "+ "]
    };
    if marks.iter().any(|m| rest.starts_with(m)) {
        digits + 2
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, columns: usize) -> Vec<String> {
        let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        groups(&lines, columns, |_, _| true)
            .into_iter()
            .flat_map(|group| fill(&lines[group], columns))
            .collect()
    }

    /// A list item that its author broke at 80 columns is filled again at 60 and hangs.
    #[test]
    fn a_broken_paragraph_is_filled_again() {
        let text = "2. If the draft is there already, it is your own last draft: improve it, and begin\n   with what the feedback names.\n3. Next.";
        assert_eq!(
            shown(text, 60),
            [
                "2. If the draft is there already, it is your own last draft:",
                "   improve it, and begin with what the feedback names.",
                "3. Next.",
            ]
        );
        assert_eq!(shown(text, 90), text.lines().collect::<Vec<_>>());
    }

    /// Short lines, headings, tables, quotes and fenced code stay lines of their own.
    #[test]
    fn what_was_broken_on_purpose_stays() {
        let long = "word ".repeat(20);
        for next in ["# head", "| a | b |", "> said", "- item", "```", ""] {
            let text = format!("{long}\n{next}");
            assert_eq!(shown(&text, 40).last().map(String::as_str), Some(next));
        }
        let code = format!("```\n{long}\nnext\n```\nafter");
        assert_eq!(shown(&code, 40)[4..], ["next", "```", "after"]);
        assert_eq!(
            shown("links 4/6: two are dead\njudge: no source", 20).len(),
            3
        );
    }
}
