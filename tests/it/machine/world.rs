//! A world that answers a run: loops to run, and plausible news for every effect.

use checkride::run::spec::{Check, Goal, Independence, Judge, JudgeKind, Publish, PublishTo};
use checkride::run::{
    Author, Breach, Change, ChangeKind, CheckOutcome, CheckResult, Digest, Effect, Finding, Flag,
    Ground, Input, JudgeAnswer, Judgement, LoopSpec, Mode, Offer, Prompt, Receipt, Sign, Since,
    Stand, TextRef, Usage, Wake, Work, spec::WorkerKind,
};
use serde::Deserialize;

/// What a scenario may change in the loop it runs; the rest is the same everywhere.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Setup {
    pub(super) mode: String,
    pub(super) audit: bool,
    pub(super) judge: String,
    pub(super) publish: String,
    pub(super) max_iterations: u32,
    pub(super) tokens: u64,
    pub(super) minutes: u64,
    pub(super) micro_usd: Option<u64>,
    pub(super) same_verdict: u32,
    pub(super) published_before: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            mode: "training".to_owned(),
            audit: false,
            judge: "none".to_owned(),
            publish: "none".to_owned(),
            max_iterations: 5,
            tokens: 60_000,
            minutes: 30,
            micro_usd: None,
            same_verdict: 2,
            published_before: false,
        }
    }
}

impl Setup {
    /// How a run of this loop begins.
    pub(super) fn wake(&self) -> Wake {
        Wake {
            date: "2026-06-12".to_owned(),
            skill: Digest::of(b"skill"),
            not_enforced: Vec::new(),
            spec: self.spec(),
            number: 7,
            fired: None,
            mode: match self.mode.as_str() {
                "training" => Mode::Training,
                "supervised" => Mode::Supervised,
                "autonomous" => Mode::Autonomous,
                other => panic!("no such mode: {other}"),
            },
            audit: self.audit,
            by: "by hand".to_owned(),
            pinned: Digest::of(b"pinned"),
            published_before: self.published_before,
        }
    }

    fn spec(&self) -> LoopSpec {
        let worker = WorkerKind::Script {
            file: "worker.toml".to_owned(),
        };
        let goal = Goal {
            statement: "the words are right".to_owned(),
            checks: vec![check("words"), check("links")],
            judge: self.judge(),
        };
        let mut spec = crate::spec::minimal("draft", worker, goal);
        spec.publish = self.publish();
        let rails = &mut spec.guardrails;
        rails.max_iterations = self.max_iterations;
        rails.budget.tokens = self.tokens;
        rails.budget.minutes = self.minutes;
        rails.budget.micro_usd = self.micro_usd;
        rails.stuck.same_verdict = self.same_verdict;
        spec
    }

    fn judge(&self) -> Option<Judge> {
        let kind = match self.judge.as_str() {
            "none" => return None,
            "human" => JudgeKind::Human,
            "command" => JudgeKind::Command {
                command: vec!["judge".to_owned()],
                format: None,
            },
            other => panic!("no such judge: {other}"),
        };
        Some(Judge {
            kind,
            model: None,
            rubric: vec!["sourced".to_owned(), "clear".to_owned()],
            stance: "find reasons to reject".to_owned(),
            votes: 1,
            independence: Independence::Context,
            timeout_s: 60,
        })
    }

    fn publish(&self) -> Option<Publish> {
        let command = |undo: &[&str]| PublishTo::Command {
            command: vec!["send".to_owned()],
            undo: undo.iter().map(|&word| word.to_owned()).collect(),
        };
        let branch = PublishTo::GitBranch {
            branch: "posts".to_owned(),
            rename: None,
        };
        let (to, reversible) = match self.publish.as_str() {
            "none" => return None,
            "reversible" => (branch, true),
            "irreversible" => (branch, false),
            "command" => (command(&[]), true),
            "command with undo" => (command(&["unsend"]), true),
            other => panic!("no such target: {other}"),
        };
        Some(Publish { to, reversible })
    }
}

/// A required check of this name.
pub(super) fn check(name: &str) -> Check {
    Check {
        name: name.to_owned(),
        command: vec![name.to_owned()],
        required: true,
        timeout_s: 60,
        network: false,
    }
}

/// The ground that every run here stands on.
pub(super) fn ground() -> Ground {
    Ground {
        tree: "T0".to_owned(),
        base: None,
        workspace: "private clone".to_owned(),
        notices: Vec::new(),
        not_enforced: Vec::new(),
    }
}

/// The prompt that this feedback makes.
pub(super) fn prompt(feedback: &str) -> Prompt {
    Prompt {
        text: TextRef::to(&format!("the goal\n{feedback}")),
        parts: Vec::new(),
        edited: false,
        without_skill: false,
    }
}

/// A worker's turn that left this tree; its diff is named after the tree.
pub(super) fn work(tree: &str) -> Work {
    Work {
        tree: tree.to_owned(),
        diff: TextRef::to(tree),
        changes: vec![Change {
            path: "draft.md".to_owned(),
            kind: ChangeKind::Modified,
            added: 1,
            removed: 0,
        }],
        claim: None,
        note: None,
        question: None,
        author: Author::Worker,
        usage: tokens(1_000),
        took_ms: 1_000,
        breaches: Vec::new(),
        tried: None,
        flags: Vec::new(),
    }
}

/// A rule that a worker went against.
pub(super) fn breach() -> Breach {
    Breach {
        rule: "max_deletions = 2".to_owned(),
        tried: "3 files deleted".to_owned(),
    }
}

/// Something in a result that a person should look at.
pub(super) fn flag(what: &str) -> Flag {
    Flag {
        sign: Sign::Test,
        what: what.to_owned(),
    }
}

/// So many tokens, counted, at no known price.
pub(super) fn tokens(tokens: u64) -> Usage {
    Usage {
        tokens,
        estimated: false,
        micro_usd: None,
        ..Usage::default()
    }
}

/// One check's result; the figure of a failure is its evidence too.
pub(super) fn result(name: &str, passed: bool, figure: &str) -> CheckResult {
    CheckResult {
        name: name.to_owned(),
        required: true,
        outcome: if passed {
            CheckOutcome::Passed
        } else {
            CheckOutcome::Failed { code: Some(1) }
        },
        figure: figure.to_owned(),
        command: vec![name.to_owned()],
        evidence: String::new(),
        output: Digest::of(figure.as_bytes()),
        took_ms: 10,
    }
}

/// A judge's answer, one finding per yes or no.
pub(super) fn judgement(answers: &[bool], note: Option<&str>) -> Judgement {
    let findings: Vec<_> = answers
        .iter()
        .enumerate()
        .map(|(n, &pass)| Finding {
            line: ["sourced", "clear"]
                .get(n)
                .copied()
                .unwrap_or("more")
                .to_owned(),
            pass,
            evidence: "line 3".to_owned(),
            overturned: false,
        })
        .collect();
    let yes = u32::from(answers.iter().all(|&pass| pass));
    Judgement::Given(JudgeAnswer {
        findings,
        note: note.map(str::to_owned),
        votes: (yes, 1),
    })
}

/// What a publish of this tree would send.
pub(super) fn offer(tree: &str) -> Offer {
    Offer {
        artefact: TextRef::to(tree),
        target: "branch posts".to_owned(),
        key: Digest::of(format!("posts {tree}").as_bytes()),
        stand: Stand::default(),
        unfit: None,
    }
}

/// The same once the target has moved.
pub(super) fn moved(tree: &str) -> Offer {
    let since = Since {
        how: "2 commits came to branch posts".to_owned(),
        files: vec!["a.md".to_owned()],
        more: 0,
    };
    let stand = Stand {
        holds: Some("c0ffee".to_owned()),
        words: "on commit c0ffee".to_owned(),
        unseen: None,
        since: Some(since),
    };
    Offer {
        stand,
        ..offer(tree)
    }
}

/// Proof that it was published.
pub(super) fn receipt(offer: &Offer) -> Receipt {
    Receipt {
        already: None,
        key: offer.key.clone(),
        place: offer.target.clone(),
        now: "c0ffee".to_owned(),
        before: None,
    }
}

/// The same where another run had done it.
pub(super) fn already(run: &str) -> Receipt {
    Receipt {
        already: Some(run.to_owned()),
        ..receipt(&offer("T1"))
    }
}

/// The news of a world in which everything goes well; `None` where nothing is in flight.
pub(super) fn well(effect: &Effect, tree: &str) -> Option<Input> {
    Some(match effect {
        Effect::Prepare => Input::Prepared(ground()),
        Effect::Compose { feedback } => Input::Composed(prompt(feedback)),
        Effect::Adopt { text } => Input::Composed(Prompt::by_hand(text, Some(""))),
        Effect::Work { .. } => Input::Worked(Box::new(work(tree))),
        Effect::Rework { from, .. } => {
            let mut edited = work(&format!("{from}e"));
            edited.author = Author::Operator;
            edited.usage = Usage::default();
            Input::Worked(Box::new(edited))
        }
        Effect::Reinstate { tree, .. } => Input::Worked(Box::new(work(tree))),
        Effect::Check { .. } => Input::Checked(vec![
            result("words", true, "640"),
            result("links", true, "8"),
        ]),
        Effect::Judge { .. } => Input::Judged {
            judgement: judgement(&[true, true], None),
            usage: tokens(100),
            took_ms: 100,
        },
        Effect::Remember { note } => Input::Remembered { note: note.clone() },
        Effect::Forget { .. } => Input::Forgotten,
        Effect::Draft {
            tree,
            offer: wanted,
        } => Input::Drafted {
            paths: vec!["drafts/draft.md".to_owned()],
            offer: wanted.then(|| Box::new(offer(tree))),
        },
        Effect::Publish { offer, .. } => Input::Published(receipt(offer)),
        Effect::Unpublish { .. } => Input::Unpublished,
        Effect::Restore { tree } => Input::Restored { tree: tree.clone() },
        Effect::Halt => Input::Halted,
        Effect::WaitUntil { .. } => Input::PauseOver,
        Effect::Continue | Effect::Wait | Effect::Permit { .. } | Effect::Finish => return None,
    })
}
