//! Leave: what a worker's tool call needs before it is made. The loop's rules answer what they
//! cover; for the rest the operator is asked, one call at a time, while the worker waits.

use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::run::spec::ToolRules;

/// The tool that runs a command line.
const COMMAND: &str = "Bash";

/// What joins several commands on one line, or lets one of them run in another.
const JOINING: [char; 8] = [';', '|', '&', '\n', '`', '$', '<', '>'];

/// One tool call, as rules and operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The tool as rules name it: `Read`, `Write`, `Edit`, `Bash` …
    pub tool: String,
    /// What the rules' patterns are held against: a path relative to the workspace, a command line.
    pub subject: String,
    /// The call in words, with all that the operator needs to decide, inert.
    pub what: String,
}

/// The answer to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// It may be made.
    Allowed,
    /// It may not; what the operator or the rule says to that, may be empty.
    Refused(String),
}

/// What the rules say to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruled<'a> {
    /// Allowed without a question.
    Allowed,
    /// Refused without a question, by this rule.
    Refused(&'a str),
    /// Not covered.
    Open,
}

/// The tool rules of a loop, ready to be held against calls.
#[derive(Debug, Clone)]
pub struct Rules {
    allow: Vec<Rule>,
    deny: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    text: String,
    tool: String,
    /// `None` covers every call of the tool.
    pattern: Option<GlobMatcher>,
}

impl Rules {
    /// Reads the rules of a loop; a pattern that is no glob covers exactly its own letters.
    pub fn new(rules: &ToolRules) -> Self {
        let read = |list: &[String]| list.iter().map(|text| Rule::new(text)).collect();
        Self {
            allow: read(&rules.allow),
            deny: read(&rules.deny),
        }
    }

    /// What they say to a call; a refusal wins.
    pub fn on(&self, call: &Call) -> Ruled<'_> {
        if let Some(rule) = self.deny.iter().find(|rule| rule.covers(call)) {
            return Ruled::Refused(&rule.text);
        }
        // `Bash(cargo *)` must not allow what a shell makes of «cargo test; rm -r .».
        let plain = !call.is_command() || !call.subject.contains(JOINING);
        if plain && self.allow.iter().any(|rule| rule.covers(call)) {
            return Ruled::Allowed;
        }
        Ruled::Open
    }
}

impl Call {
    fn is_command(&self) -> bool {
        self.tool.eq_ignore_ascii_case(COMMAND)
    }
}

impl Rule {
    fn new(text: &str) -> Self {
        let (tool, pattern) = match text.strip_suffix(')').and_then(|t| t.split_once('(')) {
            Some((tool, pattern)) => (tool, Some(pattern)),
            None => (text, None),
        };
        let glob = |pattern: &str| {
            // A path's `*` stays in its folder; a command line has no folders.
            let built = GlobBuilder::new(pattern)
                .literal_separator(!tool.trim().eq_ignore_ascii_case(COMMAND))
                .build()
                .or_else(|_| GlobBuilder::new(&globset::escape(pattern)).build());
            built.ok().map(|glob| glob.compile_matcher())
        };
        Self {
            text: text.to_owned(),
            tool: tool.trim().to_owned(),
            pattern: pattern.and_then(glob),
        }
    }

    fn covers(&self, call: &Call) -> bool {
        let Some(pattern) = &self.pattern else {
            return self.tool.eq_ignore_ascii_case(&call.tool);
        };
        let parts = || call.subject.split(JOINING).map(str::trim);
        self.tool.eq_ignore_ascii_case(&call.tool)
            && (pattern.is_match(&call.subject)
                || call.is_command() && parts().any(|part| pattern.is_match(part)))
    }
}

/// A question on its way to the operator.
#[derive(Debug)]
pub struct Question {
    /// The call in words.
    pub what: String,
    answer: oneshot::Sender<Permit>,
}

impl Question {
    /// Tells the worker; one that has given up needs no answer.
    pub fn answer(self, permit: Permit) {
        drop(self.answer.send(permit));
    }
}

/// A worker's way to ask for leave.
#[derive(Debug, Clone)]
pub struct Leave {
    rules: Rules,
    ask: mpsc::Sender<Question>,
}

impl Leave {
    /// A worker's way to ask, and where its questions come out, one after another.
    pub fn new(rules: &ToolRules) -> (Self, mpsc::Receiver<Question>) {
        let (ask, questions) = mpsc::channel(1);
        let rules = Rules::new(rules);
        (Self { rules, ask }, questions)
    }

    /// What the rules alone say to a call.
    pub fn ruled(&self, call: &Call) -> Ruled<'_> {
        self.rules.on(call)
    }

    /// The answer to a call, and the time that it took, which is the operator's and not the worker's.
    ///
    /// A question that nobody takes is refused.
    pub async fn of(&self, call: &Call) -> (Permit, Duration) {
        match self.rules.on(call) {
            Ruled::Allowed => (Permit::Allowed, Duration::ZERO),
            Ruled::Refused(rule) => {
                let why = format!("the loop's rule {rule} forbids it");
                (Permit::Refused(why), Duration::ZERO)
            }
            Ruled::Open => {
                let began = Instant::now();
                let (answer, answered) = oneshot::channel();
                let what = call.what.clone();
                let asked = self.ask.send(Question { what, answer }).await;
                let permit = match asked {
                    Ok(()) => answered.await.ok(),
                    Err(_) => None,
                };
                let permit = permit.unwrap_or_else(|| Permit::Refused(String::new()));
                (permit, began.elapsed())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R45: rules cover a tool or a pattern of it, and a refusal wins.
    #[test]
    fn rules_cover_calls() {
        let list = |rules: &[&str]| rules.iter().map(|r| (*r).to_owned()).collect();
        let rules = Rules::new(&ToolRules {
            allow: list(&["Read", "Write(drafts/**)", "Bash(cargo *)"]),
            deny: list(&["Bash(*--force*)", "Read(.env*)"]),
        });
        let on = |tool: &str, subject: &str| {
            let call = Call {
                tool: tool.to_owned(),
                subject: subject.to_owned(),
                what: String::new(),
            };
            format!("{:?}", rules.on(&call))
        };
        assert_eq!(on("Read", "src/a.rs"), "Allowed");
        assert_eq!(on("Read", ".env.local"), "Refused(\"Read(.env*)\")");
        assert_eq!(on("Write", "drafts/a/b.md"), "Allowed");
        assert_eq!(on("Write", "src/a.rs"), "Open");
        assert_eq!(on("Bash", "cargo test --lib a/b"), "Allowed");
        assert_eq!(
            on("bash", "cargo clean --force"),
            "Refused(\"Bash(*--force*)\")"
        );
        assert_eq!(on("Bash", "rm -r a"), "Open");
        assert_eq!(on("Bash", "cargo test; rm -r a"), "Open");
        assert_eq!(
            on("Bash", "true && git push --force"),
            "Refused(\"Bash(*--force*)\")"
        );
        assert_eq!(on("WebFetch", "https://a"), "Open");
    }
}
