//! One line of a shell script as the commands that it holds: their words without quotes, and whether what they print
//! goes somewhere. Rules for what scripts usually say; nothing is run, and what is not known before it runs is said.

use super::{LONGEST, PLACED, UNKNOWN};
use crate::run::inert::head;

/// Most bytes of a line with its variables in their places; what comes after is left as it stands.
const FILLED: usize = 64 * 1024;

/// Most bytes of what stands within `${…}`.
const BRACED: usize = 256;

/// Most digits before a redirection, and most letters of the redirection itself.
const STREAM: usize = 4;

/// One command of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// Its words, redirections left out.
    pub(super) words: Vec<String>,
    /// Whether what it prints goes to another program, a file or a variable: then that is looked at, and how the
    /// command ends says little.
    pub(super) heard: bool,
    /// The file that it reads.
    pub(super) input: Option<String>,
}

impl Command {
    pub(super) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }
}

/// The commands of a line whose variables are in their places, those within substitutions among them.
pub(super) fn of(line: &str) -> Vec<Command> {
    let (line, within) = substituted(line);
    let within = within.iter().flat_map(|text| {
        let commands = split(text).into_iter();
        commands.map(|command| Command {
            heard: true,
            ..command
        })
    });
    let within: Vec<Command> = within.collect();
    split(&line).into_iter().chain(within).collect()
}

/// A line whose `$(…)` have become what they print, the innermost first, and the texts of these; what is left of `$`
/// is not known.
fn substituted(line: &str) -> (String, Vec<String>) {
    let mut within = Vec::new();
    let line = backquoted(&bracketed(line, &mut within), &mut within);
    let unknown = |text: &str| text.replace('$', &UNKNOWN.to_string());
    let within = within.iter().map(|text| unknown(text)).collect();
    (unknown(&line), within)
}

fn bracketed(line: &str, within: &mut Vec<String>) -> String {
    let mut around = Vec::new();
    let mut text = String::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '$' && letters.next_if_eq(&'(').is_some() {
            around.push(std::mem::take(&mut text));
        } else if let Some(before) = around.pop_if(|_| letter == ')') {
            let inner = std::mem::replace(&mut text, before);
            text.push_str(&printed(&inner));
            within.push(inner);
        } else {
            text.push(letter);
        }
    }
    // What nothing closes stays as it is.
    around.push(text);
    around.join("$(")
}

fn backquoted(line: &str, within: &mut Vec<String>) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let [before, inner, after] = rest.splitn(3, '`').collect::<Vec<_>>()[..] {
        text.push_str(before);
        text.push_str(&printed(inner));
        within.push(inner.to_owned());
        rest = after;
    }
    text + rest
}

/// What `dirname FILE`, `cd FOLDER && pwd` and what names the folder of the project print.
fn printed(command: &str) -> String {
    let bare = command.replace(['"', '\''], "");
    let noise = ["--", "&&", "-P", "-L", ";", ">/dev/null", "2>&1"];
    let words: Vec<&str> = bare
        .split_whitespace()
        .filter(|word| !noise.contains(word))
        .collect();
    match words[..] {
        _ if bare.len() > LONGEST => UNKNOWN.to_string(),
        ["dirname", file] if !file.contains([UNKNOWN, '$', '`']) => folder(file),
        ["cd", folder, "pwd"] | ["realpath", folder] if folder.starts_with(PLACED) => {
            folder.to_owned()
        }
        ["pwd"] | ["git", "rev-parse", "--show-toplevel"] => ".".to_owned(),
        _ => UNKNOWN.to_string(),
    }
}

/// The folder of a file, placed where that is.
pub(super) fn folder(file: &str) -> String {
    let here = if file.starts_with(PLACED) {
        format!("{PLACED}.")
    } else {
        ".".to_owned()
    };
    let folder = file.rsplit_once('/').map(|(folder, _)| folder);
    folder.map_or(here, str::to_owned)
}

/// A line with each variable in its place whose value is known; `value` is asked for what stands behind `$` or within
/// `${…}`.
pub(super) fn filled(line: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut full = String::new();
    let mut rest = line;
    while full.len() < FILLED
        && let Some((before, after)) = rest.split_once('$')
    {
        full.push_str(before);
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, left) = match after.strip_prefix('{') {
            Some(braced) => match head(braced, BRACED).find('}') {
                Some(end) => (&braced[..end], &braced[end + 1..]),
                None => ("", braced),
            },
            None if after.starts_with('0') => after.split_at(1),
            None => after.split_at(after.find(|c| !letter(c)).unwrap_or(after.len())),
        };
        if let Some(value) = value(name) {
            full.push_str(&value);
            rest = left;
        } else {
            full.push('$');
            rest = after;
        }
    }
    full + rest
}

/// The commands of a line without substitutions.
fn split(line: &str) -> Vec<Command> {
    let mut cutter = Cutter::default();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let redirects = cutter.redirects();
        match (cutter.quote, letter) {
            (Some(quote), _) if letter == quote => cutter.quote = None,
            (None, '\'' | '"') => cutter.quotes(letter),
            (Some('"') | None, '\\') => cutter.put(letters.next().unwrap_or(letter)),
            (None, '#') if cutter.word.is_none() => break,
            (None, '<' | '>') => cutter.redirect(letter),
            (None, '&') if redirects || letters.peek() == Some(&'>') => cutter.put(letter),
            (None, '&' | '|') if letters.next_if_eq(&letter).is_some() => cutter.end(false),
            (None, '|') if !redirects => cutter.end(true),
            (None, '(') => cutter.open(redirects),
            (None, ')') => cutter.close(),
            (None, '&' | ';') => cutter.end(false),
            (None, _) if letter.is_whitespace() => cutter.end_word(),
            (Some(_) | None, _) => cutter.put(letter),
        }
    }
    cutter.end(false);
    cutter.found
}

/// Cuts a line into its commands, letter by letter.
#[derive(Debug, Default)]
struct Cutter {
    found: Vec<Command>,
    words: Vec<Word>,
    word: Option<Word>,
    quote: Option<char>,
    /// Where the commands of the open or just closed brackets begin.
    bracket: usize,
    /// Whether brackets were closed right before.
    closed: bool,
    /// Whether the open brackets are read by a command around them.
    within: bool,
}

#[derive(Debug, Default)]
struct Word {
    text: String,
    /// Whether it begins outside of quotes.
    bare: bool,
}

impl Word {
    /// Where a redirection stands in it, after the number of a stream or `&`.
    fn redirection(&self) -> Option<(&str, &str)> {
        let stream = |c: char| c.is_ascii_digit() || c == '&';
        let letters = self.text.chars().take(STREAM);
        let (_, rest) = self
            .text
            .split_at(letters.take_while(|c| stream(*c)).count());
        let at = self.text.len() - rest.len();
        (self.bare && rest.starts_with(['<', '>'])).then(|| self.text.split_at(at))
    }
}

impl Cutter {
    /// Whether the word is a redirection whose target is still to come.
    fn redirects(&self) -> bool {
        let open = |word: &Word| word.redirection().is_some() && word.text.ends_with(['<', '>']);
        self.word.as_ref().is_some_and(open)
    }

    fn put(&mut self, letter: char) {
        let bare = self.quote.is_none();
        let fresh = || Word {
            text: String::new(),
            bare,
        };
        self.word.get_or_insert_with(fresh).text.push(letter);
    }

    /// Quotes begin; a word between them may be empty.
    fn quotes(&mut self, quote: char) {
        self.quote = Some(quote);
        self.word.get_or_insert_default();
    }

    /// A redirection begins, or goes on.
    fn redirect(&mut self, letter: char) {
        let stream = |c: char| c.is_ascii_digit() || "&<>".contains(c);
        let short = |word: &Word| word.text.len() <= 2 * STREAM;
        let whole = |word: &Word| word.bare && short(word) && word.text.chars().all(stream);
        if !self.word.as_ref().is_some_and(whole) {
            self.end_word();
        }
        self.put(letter);
    }

    fn end_word(&mut self) {
        if !self.redirects() {
            self.words.extend(self.word.take());
        }
    }

    /// Ends a command; `piped` says that another program reads what it prints.
    fn end(&mut self, piped: bool) {
        self.words.extend(self.word.take());
        let mut command = Command {
            heard: piped || self.within,
            ..Command::default()
        };
        for word in self.words.drain(..) {
            let Some((stream, rest)) = word.redirection() else {
                command.words.push(word.text);
                continue;
            };
            let target = rest.trim_start_matches(['<', '>', '|']);
            if rest.starts_with('<') {
                command.input = Some(target.to_owned());
            } else if stream != "2" && target != "/dev/null" && !target.starts_with('&') {
                command.heard = true;
            }
        }
        if command.words.is_empty() && self.closed {
            // What stands after brackets is meant for all that stands in them.
            let all = self.found.iter_mut().skip(self.bracket);
            all.for_each(|inner| inner.heard |= command.heard);
        }
        self.closed = false;
        if !command.words.is_empty() || command.input.is_some() {
            self.found.push(command);
        }
    }

    /// `(`, and `<(`, which is read by a command around it.
    fn open(&mut self, read: bool) {
        self.end(false);
        (self.bracket, self.within) = (self.found.len(), read);
    }

    fn close(&mut self) {
        self.end(false);
        (self.closed, self.within) = (true, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands are told from each other, and what is heard from what only ends well or badly.
    #[test]
    fn a_line_is_its_commands() {
        let table: [(&str, &[(&str, bool)]); 14] = [
            (
                "sh a && echo 1 | awk -f b",
                &[("sh a", false), ("echo 1", true), ("awk -f b", false)],
            ),
            (
                "sh a >/dev/null 2>&1 || exit 1",
                &[("sh a", false), ("exit 1", false)],
            ),
            (
                "sh a > out; sh b 2> err",
                &[("sh a", true), ("sh b", false)],
            ),
            ("sh a >out&", &[("sh a", true)]),
            ("sh a 1>&2 &>> log", &[("sh a", true)]),
            (
                "diff <(sh a) want",
                &[("diff", false), ("sh a", true), ("want", false)],
            ),
            (
                "(cd app && ./run) | diff - x",
                &[("cd app", true), ("./run", true), ("diff - x", false)],
            ),
            (
                "(cd app && ./run) && x",
                &[("cd app", false), ("./run", false), ("x", false)],
            ),
            ("(./run) > out", &[("./run", true)]),
            (
                "same() { sh a \"b c\"; }",
                &[("same", false), ("{ sh a b c", false), ("}", false)],
            ),
            (
                "echo 'sh a; sh b' \"(c)\" \\; d",
                &[("echo sh a; sh b (c) ; d", false)],
            ),
            (
                "case x in a) sh a ;; esac # sh b",
                &[("case x in a", false), ("sh a", false), ("esac", false)],
            ),
            (
                "got=`sh a` x$(sh b)",
                &[("got=\u{2} x\u{2}", false), ("sh b", true), ("sh a", true)],
            ),
            ("a || b &", &[("a", false), ("b", false)]),
        ];
        for (line, wanted) in table {
            let found = of(line).into_iter();
            let found: Vec<_> = found.map(|c| (c.words.join(" "), c.heard)).collect();
            let wanted: Vec<_> = wanted.iter().map(|(w, h)| ((*w).to_owned(), *h)).collect();
            assert_eq!(found, wanted, "{line}");
        }
        assert_eq!(of("sh < lib/a")[0].input.as_deref(), Some("lib/a"));
    }
}
