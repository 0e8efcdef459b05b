//! Leave: what a worker's tool call needs before it is made. The loop's rules answer what they
//! cover; for the rest the operator is asked, one call at a time, while the worker waits.

use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::run::spec::ToolRules;

/// The tool that runs a command line.
const COMMAND: &str = "Bash";

/// The tools that change a file.
const WRITING: [&str; 2] = ["Write", "Edit"];

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

    /// What they say to calls that are made together or not at all.
    fn on_all(&self, calls: &[Call]) -> Ruled<'_> {
        let mut all = if calls.is_empty() {
            Ruled::Open
        } else {
            Ruled::Allowed
        };
        for call in calls {
            match self.on(call) {
                refused @ Ruled::Refused(_) => return refused,
                Ruled::Open => all = Ruled::Open,
                Ruled::Allowed => {}
            }
        }
        all
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

    /// Who may not write a file may not edit it, and the other way round: agents name both alike.
    fn names(&self, tool: &str) -> bool {
        let writes = |tool: &str| WRITING.iter().any(|name| tool.eq_ignore_ascii_case(name));
        self.tool.eq_ignore_ascii_case(tool) || writes(&self.tool) && writes(tool)
    }

    fn covers(&self, call: &Call) -> bool {
        let Some(pattern) = &self.pattern else {
            return self.names(&call.tool);
        };
        let parts = || call.subject.split(JOINING).map(str::trim);
        self.names(&call.tool)
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
        self.of_all(std::slice::from_ref(call)).await
    }

    /// The same for calls that are one: one of them refused refuses all, and only what the rules
    /// cover wholly needs no question. It is asked in the words of the first.
    pub async fn of_all(&self, calls: &[Call]) -> (Permit, Duration) {
        match self.rules.on_all(calls) {
            Ruled::Allowed => (Permit::Allowed, Duration::ZERO),
            Ruled::Refused(rule) => {
                let why = format!("the loop's rule {rule} forbids it");
                (Permit::Refused(why), Duration::ZERO)
            }
            Ruled::Open => {
                let began = Instant::now();
                let (answer, answered) = oneshot::channel();
                let what = calls
                    .first()
                    .map(|call| call.what.clone())
                    .unwrap_or_default();
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

    /// The rule that forbids a call, where one does; nobody is asked.
    pub fn forbids(&self, call: &Call) -> Option<String> {
        match self.rules.on(call) {
            Ruled::Refused(rule) => Some(rule.to_owned()),
            Ruled::Allowed | Ruled::Open => None,
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
        assert_eq!(on("Edit", "drafts/a.md"), "Allowed");
        let write = |subject: &str| Call {
            tool: "Write".to_owned(),
            subject: subject.to_owned(),
            what: String::new(),
        };
        let both = [write("drafts/a.md"), write("src/a.rs")];
        assert_eq!(rules.on_all(&both[..1]), Ruled::Allowed);
        assert_eq!(rules.on_all(&both), Ruled::Open);
        assert_eq!(rules.on_all(&[]), Ruled::Open);
    }
}
