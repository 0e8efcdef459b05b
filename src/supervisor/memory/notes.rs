//! Notes in a memory text: put under the run's own dated heading, taken out again; pure. Everything
//! else in the text is kept byte for byte.

/// The heading of a run's entry.
pub fn heading(date: &str, number: u32) -> String {
    format!("## {date} · run {number}")
}

/// The text with a note under the run's heading. A line that stands there already is not repeated,
/// so that saving twice is saving once.
///
/// `title` is the first line of a text that was empty.
pub fn with_note(text: &str, title: &str, heading: &str, note: &str) -> String {
    let mut text = if text.is_empty() {
        format!("# {title}\n")
    } else {
        text.to_owned()
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let (from, to) = section(&text, heading).unwrap_or_else(|| {
        let from = text.len() + 1;
        text.push('\n');
        text.push_str(heading);
        text.push_str("\n\n");
        (from, text.len())
    });
    let present = text.get(from..to).unwrap_or_default().to_owned();
    let new: Vec<String> = bullets(note)
        .filter(|line| !present.lines().any(|old| old == line))
        .map(|line| line + "\n")
        .collect();
    let end = from + present.trim_end().len();
    let gap = if present.trim_end() == heading {
        "\n\n"
    } else {
        "\n"
    };
    let rest = text.get(to..).unwrap_or_default();
    let space = if rest.is_empty() { "" } else { "\n" };
    let kept = text.get(..end).unwrap_or_default();
    if new.is_empty() {
        return text;
    }
    format!("{kept}{gap}{}{space}{rest}", new.concat())
}

/// The text without this note under the run's heading; the heading goes with its last line.
pub fn without_note(text: &str, heading: &str, note: &str) -> String {
    let Some((from, to)) = section(text, heading) else {
        return text.to_owned();
    };
    let (before, after) = (
        text.get(..from).unwrap_or_default(),
        text.get(to..).unwrap_or_default(),
    );
    let gone: Vec<String> = bullets(note).collect();
    let entry = text.get(from..to).unwrap_or_default();
    let left: String = entry
        .split_inclusive('\n')
        .filter(|line| !gone.iter().any(|g| g == line.trim_end()))
        .collect();
    if left.trim_end() == heading {
        let before = if after.is_empty() {
            before.trim_end_matches('\n')
        } else {
            before
        };
        let end = if after.is_empty() && !before.is_empty() {
            "\n"
        } else {
            ""
        };
        return format!("{before}{end}{after}");
    }
    format!("{before}{left}{after}")
}

/// The lines of a note as list items; one that is one already keeps all but its mark.
pub fn bullets(note: &str) -> impl Iterator<Item = String> {
    note.lines()
        .map(|line| unmarked(line.trim()))
        .filter(|line| !line.is_empty())
        .map(|line| format!("- {line}"))
}

/// A line without the mark of a list item: a `-` or `*` that stands by itself.
fn unmarked(line: &str) -> &str {
    let rest = line.strip_prefix(['-', '*']);
    let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
    rest.map_or(line, str::trim)
}

/// Where the section with exactly this heading begins and ends.
fn section(text: &str, heading: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut from = None;
    for line in text.split_inclusive('\n') {
        match from {
            None if line.trim_end() == heading => from = Some(at),
            Some(from) if line.starts_with("## ") || line.starts_with("# ") => {
                return Some((from, at));
            }
            Some(_) | None => {}
        }
        at += line.len();
    }
    from.map(|from| (from, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str =
        "# Log\n\n## 2026-06-11 · run 1\n\n- old\n\n## Standing rules\n\n- plain words\n";

    /// An existing log is kept byte for byte; entries go under a dated heading (R37).
    #[test]
    fn a_note_is_appended_under_a_dated_heading() {
        let once = with_note(LOG, "Memory", "## 2026-06-12 · run 2", "a\nb");
        assert_eq!(once, format!("{LOG}\n## 2026-06-12 · run 2\n\n- a\n- b\n"));
        let more = with_note(&once, "Memory", "## 2026-06-12 · run 2", "c");
        assert_eq!(more, format!("{once}- c\n"));
    }

    /// A note in the middle of the file leaves what follows alone.
    #[test]
    fn a_note_joins_its_run_wherever_it_stands() {
        let joined = with_note(LOG, "Memory", "## 2026-06-11 · run 1", "new");
        assert_eq!(joined, LOG.replace("- old\n", "- old\n- new\n"));
    }

    /// Saving the same note twice is saving it once.
    #[test]
    fn a_note_is_not_repeated() {
        let once = with_note("", "Memory · x", "## 2026-06-12 · run 2", "- a");
        assert_eq!(once, "# Memory · x\n\n## 2026-06-12 · run 2\n\n- a\n");
        assert_eq!(
            with_note(&once, "Memory · x", "## 2026-06-12 · run 2", "a"),
            once
        );
    }

    /// A line keeps what it begins with: only the mark of a list item is not doubled.
    #[test]
    fn a_line_keeps_its_words() {
        let note = "- a\n* b\n--force is needed\n**never** retry\n-\n\n- - c";
        let lines: Vec<String> = bullets(note).collect();
        let wanted = [
            "- a",
            "- b",
            "- --force is needed",
            "- **never** retry",
            "- - c",
        ];
        assert_eq!(lines, wanted);
    }

    /// What was put in is taken out, and nothing else.
    #[test]
    fn a_note_that_is_taken_back_leaves_no_trace() {
        for note in ["a", "a\nb"] {
            let with = with_note(LOG, "Memory", "## 2026-06-12 · run 2", note);
            assert_eq!(without_note(&with, "## 2026-06-12 · run 2", note), LOG);
        }
        let joined = with_note(LOG, "Memory", "## 2026-06-11 · run 1", "new");
        assert_eq!(without_note(&joined, "## 2026-06-11 · run 1", "new"), LOG);
    }
}
