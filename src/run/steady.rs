//! What a check says, without what differs from one run of it to the next: addresses, clocks, folders
//! for the moment, the order of lines. What measures the work itself stays.

/// Units of a duration.
const UNITS: [&str; 13] = [
    "ns", "us", "µs", "ms", "s", "m", "h", "sec", "secs", "second", "seconds", "minutes", "min",
];

/// Words of a line in which a test runner or a builder says how long it took.
const RUNNERS: [&str; 20] = [
    "test",
    "tests",
    "suites",
    "ran",
    "run",
    "passed",
    "failed",
    "failures",
    "skipped",
    "ok",
    "error",
    "errors",
    "finished",
    "done",
    "completed",
    "target",
    "checked",
    "built",
    "build",
    "compiled",
];

/// Words before a number that somebody draws anew each time.
const DRAWN: [&str; 6] = ["pid", "port", "seed", "thread", "goroutine", "process"];

/// Stands for what was left out.
const GONE: &str = "·";

/// Fewest hex digits, with a letter and a figure among them, that are taken for a hash.
const HASH_DIGITS: usize = 8;

/// Fewest figures that are taken for milliseconds or seconds since 1970.
const EPOCH_DIGITS: usize = 10;

/// The lines of this text, sorted, without noise: equal for two failures that are the same.
///
/// A duration is noise where a runner tells how long it took (`3 failed in 1.03s`); where the text
/// names durations otherwise, or has nothing else to tell, they are what is measured, and stay.
pub fn steady(text: &str) -> Vec<String> {
    let lines: Vec<Line<'_>> = text.lines().map(Line::read).collect();
    let measures = measures_time(&lines);
    let mut lines: Vec<String> = lines
        .iter()
        .map(|line| line.without_noise(measures))
        .filter(|line| !line.is_empty())
        .collect();
    lines.sort_unstable();
    lines
}

/// Whether durations are what this text is about.
fn measures_time(lines: &[Line<'_>]) -> bool {
    let mut told = lines.iter().filter(|line| !line.words.is_empty());
    let first = told.next();
    let alone = first.is_some_and(|first| told.all(|line| line.words == first.words));
    let bare = |line: &Line<'_>| (0..line.words.len()).all(|at| line.counts_nothing(at));
    let elsewhere = |line: &Line<'_>| {
        (0..line.words.len()).any(|at| line.duration(at) > 0 && !line.of_runner(at))
    };
    lines.iter().any(elsewhere) || (alone && first.is_some_and(bare))
}

/// A word, and whether it stands right behind `(` or right before `)`.
#[derive(Debug, PartialEq)]
struct Word<'a> {
    text: &'a str,
    opens: bool,
    closes: bool,
}

impl Word<'_> {
    /// Without the colon or full stop behind it.
    fn bare(&self) -> &str {
        self.text.trim_end_matches([':', '.'])
    }
}

struct Line<'a> {
    words: Vec<Word<'a>>,
    /// Whether it says where in a program something failed: that moves with every edit above.
    frame: bool,
    /// Whether a runner speaks.
    runner: bool,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Self {
        let ends = |c: char| c.is_whitespace() || "()[]{}<>\"'=,;`".contains(c);
        let mut words = Vec::new();
        let (mut rest, mut opens) = (line, false);
        while let Some(end) = rest.find(ends).or((!rest.is_empty()).then_some(rest.len())) {
            let (text, after) = rest.split_at(end);
            let mut after = after.chars();
            let end = after.next();
            if !text.is_empty() {
                let closes = end == Some(')');
                words.push(Word {
                    text,
                    opens,
                    closes,
                });
            }
            opens = end == Some('(');
            rest = after.as_str();
        }
        let start = line.trim_start();
        Self {
            frame: start.starts_with("at ")
                || start.starts_with("File \"")
                || line.contains("panicked")
                || line.contains(" +0x"),
            runner: words.iter().any(|word| {
                let word = word.bare().to_lowercase();
                RUNNERS.contains(&word.as_str())
            }),
            words,
        }
    }

    fn word(&self, at: usize) -> Option<&str> {
        self.words.get(at).map(Word::bare)
    }

    /// How many words from here are a duration: `1.03s`, `0m1.2s` are one, `5 ms` is two, else none.
    fn duration(&self, at: usize) -> usize {
        let Some(word) = self.word(at).filter(|w| w.starts_with(is_figure)) else {
            return 0;
        };
        let mut parts = word.split(|c: char| c.is_ascii_digit() || c == '.');
        if word.ends_with(is_figure) {
            let number = parts.all(str::is_empty);
            let unit = self.word(at + 1).is_some_and(|unit| UNITS.contains(&unit));
            return if number && unit { 2 } else { 0 };
        }
        usize::from(parts.all(|unit| unit.is_empty() || UNITS.contains(&unit)))
    }

    /// Whether the duration here is a runner's own: `3 failed in 1s`, `Time: 1s`, `(0.00s)`,
    /// `FAIL pkg 0.1s`.
    fn of_runner(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|at| self.word(at));
        let end = at + self.duration(at).max(1);
        let enclosed = self.words.get(at).is_some_and(|word| word.opens)
            && self.words.get(end - 1).is_some_and(|word| word.closes);
        let last = end == self.words.len();
        match before.map(str::to_lowercase).as_deref() {
            Some("in" | "took") => self.runner,
            Some("time" | "duration" | "elapsed" | "real" | "user" | "sys") => true,
            Some(_) | None => {
                enclosed || (last && matches!(self.word(0), Some("FAIL" | "ok" | "PASS")))
            }
        }
    }

    /// Whether no number begins here, or only that of a duration.
    fn counts_nothing(&self, at: usize) -> bool {
        let number = self.word(at).is_some_and(|word| word.contains(is_figure));
        !number || self.duration(at) > 0
    }

    fn without_noise(&self, measures: bool) -> String {
        let mut kept: Vec<String> = Vec::with_capacity(self.words.len());
        let mut at = 0;
        while let Some(word) = self.words.get(at) {
            let duration = self.duration(at);
            if duration > 0 && !measures && self.of_runner(at) {
                kept.push(GONE.to_owned());
                at += duration;
                continue;
            }
            kept.push(self.settled(at, word));
            at += 1;
        }
        kept.join(" ")
    }

    /// The word here, without what is drawn anew in it.
    fn settled(&self, at: usize, word: &Word<'_>) -> String {
        let before = at.checked_sub(1).and_then(|at| self.word(at));
        let before = before.map(str::to_lowercase).unwrap_or_default();
        let text = word.bare();
        let number = !text.is_empty() && text.chars().all(is_figure);
        let drawn = DRAWN.contains(&before.as_str())
            || (self.frame && (before == "line" || (word.opens && word.closes)));
        if (number && drawn) || before == "duration_ms" || is_clock(text) {
            return GONE.to_owned();
        }
        let text = without_folder(text);
        let local = ["localhost:", "127.0.0.1:"];
        if let Some(host) = local.iter().find(|host| text.contains(**host)) {
            return (*host).to_owned();
        }
        let mut parts: Vec<&str> = text.split(':').collect();
        if self.frame {
            parts.retain(|part| !part.chars().all(is_figure));
        }
        without_names(&parts.join(":"))
    }
}

fn is_figure(c: char) -> bool {
    c.is_ascii_digit()
}

/// `12:30:05`, with a fraction, a date or a zone around it or not.
fn is_clock(word: &str) -> bool {
    let time = word.split_once('T').map_or(word, |(_, time)| time);
    let mut parts = time.split(':');
    let two = |part: Option<&str>| part.is_some_and(|p| p.len() == 2 && p.chars().all(is_figure));
    let hours_and_minutes = two(parts.next()) && two(parts.next());
    let seconds = parts.next().is_some_and(|part| two(part.get(..2)));
    hours_and_minutes && seconds
}

/// A path below a folder for temporary files, without the folders whose names are drawn.
fn without_folder(word: &str) -> &str {
    let below = ["/tmp/", "/var/folders/"].iter().find_map(|folder| {
        let at = word.find(folder)?;
        word.get(at + folder.len()..)
    });
    match below {
        None => word,
        Some(path) => path.rsplit_once('/').map_or(GONE, |(_, name)| name),
    }
}

/// A word without addresses, hashes and times since 1970 in it.
fn without_names(word: &str) -> String {
    if word.len() == 36 && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit()) {
        return GONE.to_owned();
    }
    let mut text = String::with_capacity(word.len());
    for part in word.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let name = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let end = part.get(name.len()..).unwrap_or_default();
        text.push_str(if is_drawn(name) { GONE } else { name });
        text.push_str(end);
    }
    text
}

/// `0x7f3a`, `1a2b3c4d5e6f` or `1781234567890`.
fn is_drawn(name: &str) -> bool {
    let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    if let Some(address) = name.strip_prefix("0x") {
        return !address.is_empty() && hex(address);
    }
    let figures = name.chars().filter(char::is_ascii_digit).count();
    let epoch = name.len() >= EPOCH_DIGITS && figures == name.len();
    let mixed = figures > 0 && figures < name.len();
    epoch || (name.len() >= HASH_DIGITS && mixed && hex(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What differs from run to run is left out, line by line and whatever their order.
    #[test]
    fn noise_is_left_out() {
        let pairs = [
            ("1 failed in 1.03s\na\nb", "1 failed in 0.98s\nb\na"),
            ("Time: 1.2 s", "Time: 1.2 s"),
            ("FAIL app/web 0.005s\nx 1", "FAIL app/web 1.2s\nx 1"),
            ("--- FAIL: TestA (0.00s)\n2", "--- FAIL: TestA (0.13s)\n2"),
            ("real 0m1.20s\nexit 1", "real 0m1.31s\nexit 1"),
            ("<Box at 0x7f3a12>", "<Box at 0x7e0000>"),
            ("12:30:05 ERROR down", "12:31:10.5 ERROR down"),
            ("2026-06-12T12:30:05Z no", "2026-06-12T12:30:09Z no"),
            ("no /tmp/pytest-12/a/out.txt", "no /tmp/pytest-13/a/out.txt"),
            ("seed: 8372, pid 12", "seed: 99, pid 14"),
            (
                "http://127.0.0.1:4512/a refused",
                "http://127.0.0.1:4599/a refused",
            ),
            (
                "thread 'a' (71) panicked at a.rs:12:5:",
                "thread 'a' (83) panicked at a.rs:15:5:",
            ),
            (
                "File \"a.py\", line 12, in f",
                "File \"a.py\", line 14, in f",
            ),
            (
                "Running deps/it-1a2b3c4d5e6f7890",
                "Running deps/it-99887766aabbccdd",
            ),
        ];
        for (a, b) in pairs {
            assert_eq!(steady(a), steady(b), "{a} | {b}");
        }
    }

    /// What measures the work stays: counts, durations that are the matter, places of a finding.
    #[test]
    fn measures_stay() {
        let pairs = [
            ("3 failed in 1.03s", "2 failed in 1.03s"),
            ("rendered 40 pages in 340 ms", "rendered 40 pages in 290 ms"),
            ("Finished in 340 ms", "Finished in 290 ms"),
            (
                "tests took 340 ms\nat most 200 ms",
                "tests took 290 ms\nat most 200 ms",
            ),
            ("p95 12.5ms", "p95 11.9ms"),
            ("draft.md:12: too long", "draft.md:40: too long"),
            ("left: 5\nright: 7", "left: 6\nright: 7"),
            ("test a ... FAILED", "test b ... FAILED"),
            ("x\nx\nx", "x\nx"),
        ];
        for (a, b) in pairs {
            assert_ne!(steady(a), steady(b), "{a} | {b}");
        }
    }
}
