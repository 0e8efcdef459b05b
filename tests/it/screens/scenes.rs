//! Records after PRODUCT's drawings: run 14 of research-and-draft and its neighbours.

use checkride::protocol::{
    Agent, Command, Fact, Fetch, Inventory, Key, LoopFacts, LoopRow, LoopState, MemoryText, Record,
    Review, RunId, Server, Waking,
    review::{Change as Fate, Ordered, Reviewed, Tone},
};
use checkride::run::spec::{
    Budget, Check, Cron, Format, Goal, Independence, Judge, JudgeKind, OnEvent, PromptBy, Publish,
    PublishTo, Schedule, Source, Trigger, When, WorkerKind,
};
use checkride::run::{
    AfterVerdict, Answer, Ask, Author, Breach, Change, ChangeKind, CheckOutcome, CheckResult,
    Checkpoint, CheckpointId, Decision, Digest, Event, Failure, Finding, Flag, Ground, JudgeAnswer,
    Judgement, Limit, LoopSpec, Mode, Offer, Outcome, Part, PartKind, Prompt, Sign, Signal, Stage,
    Stand, TextRef, Usage, Verdict, Wake, Work,
};
use checkride::tui::app::Out;

use super::NOON;

pub(crate) const LOOP: &str = "research-and-draft";

pub(crate) fn run_id() -> RunId {
    RunId::new(LOOP, 14)
}

pub(crate) const PROMPT: &str = "## Skill\n\nWrite a short sourced article. Read notes/topics.md, take the top topic, gather primary sources, then write drafts/<date>-<slug>.md.\n\n## Goal\n\nA draft of 500–800 words on the top topic. Every claim cites a source that resolves. No TODO left.\n\n## Memory\n\n- Fetch each URL before citing it; two were dead on 06-11.\n- notes/topics.md may be stale on Mondays; re-read it first.\n\n## Feedback from the last iteration\n\nlinks resolve 4/6: …/blog/loops-2024 404, …/wiki/agents 410.\njudge: two claims in ¶3 and ¶5 have no source.\n";

pub(crate) const DIFF: &str = "--- a/drafts/2026-06-12-loops.md\n+++ b/drafts/2026-06-12-loops.md\n@@ intro\n-In this article we will be looking at what loops are, why they matter and how a solo developer might begin to build one.\n+A loop is a prompt that checks its own work and runs again until it is done.\n \n@@ ¶3\n-A 2024 post says loops cut review time by half [4].\n+Reflexion raised HumanEval pass@1 from 80 % to 91 % by writing a short reflection after each failed trial [2].\n";

pub(crate) const ARTEFACT: &str = "# Loops, honestly\n\nA loop is a prompt that checks its own work and runs again until it is done.\nThe clever part is not the prompt; it is the check.\n\nReflexion raised HumanEval pass@1 from 80 % to 91 % by writing a short reflection after each failed trial [2].\n";

pub(crate) const MEMORY: &str = "# Memory · research-and-draft\n\n## 2026-06-12 · run 13\n\n- Fetch each URL before citing it; two were dead on 06-11.\n- Keep the intro under 80 words.\n- Prefer primary papers over blog summaries.\n\n## 2026-06-11 · run 12\n\n- Topic list lives in notes/topics.md; take the top one.\n- Do not touch posts/; only drafts/.\n\n## Standing rules (yours, never rewritten by the loop)\n\n- One topic per draft.\n";

/// A loop that was allowed once, and whose check has changed since.
pub(crate) fn review(name: &str) -> Review {
    let order = |who: &str, line: &str| Ordered {
        who: who.to_owned(),
        line: line.to_owned(),
    };
    let file = |path: &str, role: &str, change| Reviewed {
        path: path.to_owned(),
        role: role.to_owned(),
        digest: Digest::of(path.as_bytes()),
        change,
    };
    Review {
        name: name.to_owned(),
        digest: Digest::of(b"reviewed"),
        allowed: false,
        known: true,
        commands: vec![
            order("worker", "claude -p --output-format stream-json"),
            order("check «links resolve»", "scripts/links-resolve '{draft}'"),
        ],
        files: vec![
            file(&format!("loops/{name}.toml"), "loop", Fate::Same),
            file("scripts/links-resolve", "script", Fate::Changed),
        ],
        diff: vec![
            (Tone::Head, "scripts/links-resolve".to_owned()),
            (Tone::Quiet, "@@ -1,2 +1,2 @@".to_owned()),
            (Tone::Plain, " #!/bin/sh".to_owned()),
            (Tone::Removed, "-exec check-links \"$1\"".to_owned()),
            (Tone::Added, "+exit 0".to_owned()),
        ],
    }
}

/// What the host would answer to a fetch.
pub(crate) fn answer(out: &Out) -> Option<Record> {
    if let Out::Send(Command::Review { name }) = out {
        return Some(record(0, Fact::Review(Box::new(review(name)))));
    }
    let Out::Send(Command::Fetch(of)) = out else {
        return None;
    };
    let fact = match of {
        Fetch::Text { digest, from, .. } => {
            let text = [PROMPT, DIFF, ARTEFACT]
                .into_iter()
                .find(|t| TextRef::to(t).digest == *digest)?;
            let lines: Vec<String> = text
                .lines()
                .skip(usize::try_from(*from).unwrap())
                .map(str::to_owned)
                .collect();
            Fact::Lines {
                of: of.clone(),
                total: text.lines().count() as u64,
                lines,
            }
        }
        Fetch::Transcript { from, .. } => {
            let all = transcript();
            let lines = all
                .iter()
                .skip(usize::try_from(*from).unwrap())
                .cloned()
                .collect();
            Fact::Lines {
                of: of.clone(),
                total: all.len() as u64,
                lines,
            }
        }
        Fetch::Memory { name } if name == LOOP => Fact::Memory(memory()),
        Fetch::File { .. } => {
            let lines: Vec<String> = ARTEFACT.split('\n').map(str::to_owned).collect();
            Fact::Lines {
                of: of.clone(),
                total: lines.len() as u64,
                lines,
            }
        }
        Fetch::History { name, .. } => Fact::HistoryEnd {
            name: name.clone(),
            more: false,
        },
        Fetch::Lapses { .. } => Fact::Lapses(Vec::new()),
        Fetch::Inventory => Fact::Found(inventory()),
        Fetch::Memory { .. } => return None,
    };
    Some(record(NOON, fact))
}

fn inventory() -> Inventory {
    let agent = |name: &str, version: Option<&str>| Agent {
        name: name.into(),
        format: "text".into(),
        version: version.map(str::to_owned),
    };
    let key = |name: &str, set| Key {
        name: name.into(),
        set,
    };
    Inventory {
        git: Some("2.47.3".into()),
        agents: vec![agent("claude", Some("2.1.330")), agent("codex", None)],
        keys: vec![key("ANTHROPIC_API_KEY", true), key("OPENAI_API_KEY", false)],
        servers: vec![Server {
            name: "Ollama".into(),
            base_url: "http://localhost:11434/v1".into(),
            models: vec!["qwen3:8b".into()],
        }],
    }
}

pub(crate) fn memory() -> MemoryText {
    MemoryText {
        name: LOOP.into(),
        path: format!("memory/{LOOP}.md"),
        digest: Digest::of(MEMORY.as_bytes()),
        text: MEMORY.into(),
    }
}

fn transcript() -> Vec<String> {
    let at = |min: i64, s: i64| NOON - 7 * 60_000 + min * 60_000 + s * 1000;
    [
        (
            at(3, 10),
            "prompt",
            "2,104 tok = skill 512 + goal 120 + memory 1,402 + feedback 70",
        ),
        (
            at(3, 11),
            "said",
            "Last run was rejected for two dead links. I will fetch every URL before citing it.",
        ),
        (at(3, 19), "tool", "read notes/topics.md"),
        (at(3, 24), "tool", "fetch …/papers/2303.11366"),
        (at(3, 31), "result", "404 …/blog/loops-2024"),
        (
            at(3, 33),
            "said",
            "That one is dead; dropping it and using the archived primary source instead.",
        ),
        (at(3, 52), "file", "drafts/2026-06-12-loops.md +84 −0"),
        (at(5, 12), "file", "drafts/2026-06-12-loops.md +9 −14"),
        (
            at(5, 40),
            "claim",
            "“612 words, 7 sources, every claim cited.”",
        ),
        (at(5, 41), "held", "before checks · waiting for you"),
    ]
    .into_iter()
    .map(|(at, kind, text)| serde_json::json!({"at": at, "kind": kind, "text": text}).to_string())
    .collect()
}

pub(crate) fn record(at: i64, fact: Fact) -> Record {
    Record { seq: 0, at, fact }
}

pub(crate) fn event(run: &RunId, at: i64, event: Event) -> Record {
    record(
        at,
        Fact::Run {
            run: run.clone(),
            event,
        },
    )
}

fn check(name: &str) -> Check {
    Check {
        name: name.into(),
        command: vec![format!("scripts/{}", name.split(' ').next().unwrap())],
        required: true,
        timeout_s: 60,
        network: false,
    }
}

pub(crate) fn spec(name: &str, trigger: Trigger) -> LoopSpec {
    let goal = Goal {
        statement: "sourced draft, 500–800 words, on topic".into(),
        checks: ["words 500–800", "sources ≥ 5", "links resolve", "no TODO"]
            .map(check)
            .to_vec(),
        judge: Some(Judge {
            kind: JudgeKind::Command {
                command: vec!["judge".into()],
                format: None,
            },
            model: None,
            rubric: vec![
                "every claim carries a source".into(),
                "the intro is short".into(),
            ],
            stance: "strict".into(),
            votes: 1,
            independence: Independence::Model,
            timeout_s: 120,
        }),
    };
    let worker = WorkerKind::Command {
        command: vec!["claude".into(), "-p".into()],
        prompt: PromptBy::Stdin,
        format: Format::Text,
    };
    let mut spec = crate::spec::minimal(name, worker, goal);
    spec.trigger = trigger;
    spec.guardrails.budget = Budget {
        tokens: 60_000,
        micro_usd: Some(600_000),
        minutes: 30,
    };
    spec.publish = Some(Publish {
        to: PublishTo::GitBranch {
            branch: "drafts".into(),
            rename: None,
        },
        reversible: true,
    });
    spec
}

fn row(name: &str, mode: Mode, trigger: Trigger, off: bool) -> LoopRow {
    LoopRow {
        name: name.into(),
        state: LoopState::Valid(Box::new(LoopFacts {
            description: "Writes one short sourced article.".into(),
            mode,
            mode_why: String::new(),
            distrust: None,
            off,
            waking: waking(&trigger, off),
            lapse: None,
            day: Vec::new(),
            expires: None,
            spec: spec(name, trigger),
            files: vec![
                format!("loops/{name}.toml"),
                format!("skills/{name}/SKILL.md"),
            ],
            proven: 6,
            skill_changed: false,
            approved: 3,
            spent: Usage {
                tokens: 61_200,
                micro_usd: Some(1_230_000),
                priced: true,
                ..Usage::default()
            },
            in_force: vec![
                "writes stay in the workspace, a home and a temporary folder of its own".into(),
                "worker reaches api.anthropic.com claude.ai".into(),
            ],
            not_enforced: vec!["network: hosts".into()],
            warnings: Vec::new(),
        })),
        last_run: None,
        earlier_today: Usage::default(),
        record: vec![
            Outcome::Done,
            Outcome::Published,
            Outcome::Exhausted,
            Outcome::Kept,
        ],
    }
}

/// A schedule of five fields.
fn schedule(cron: &str) -> Trigger {
    Trigger::Schedule(Schedule::plain(When::Cron(Cron::parse(cron).unwrap())))
}

/// How a trigger of these scenes stands: the next full hour but one is the next slot.
fn waking(trigger: &Trigger, off: bool) -> Waking {
    match trigger {
        _ if off => Waking::Off {
            why: "switched off; u arms it".into(),
        },
        Trigger::Manual => Waking::Manual,
        Trigger::Event(_) => Waking::Armed { next: None },
        Trigger::Schedule(_) => Waking::Armed {
            next: Some(NOON + 2 * 3_600_000),
        },
    }
}

pub(crate) fn loops() -> Vec<LoopRow> {
    let mut rows = vec![
        row(LOOP, Mode::Training, schedule("0 7 * * 1-5"), false),
        row(
            "fix-failing-tests",
            Mode::Supervised,
            Trigger::Event(OnEvent {
                source: Source::Git("refs/heads/main".into()),
                expires_s: None,
            }),
            false,
        ),
        row("changelog", Mode::Supervised, schedule("0 18 * * *"), false),
        row(
            "issue-triage",
            Mode::Autonomous,
            schedule("59 15 * * *"),
            false,
        ),
        row("dependency-bump", Mode::Training, Trigger::Manual, true),
    ];
    rows.push(LoopRow {
        name: "docs-drift".into(),
        state: LoopState::Invalid {
            line: 12,
            why: "unknown key «modle»; did you mean «mode»?".into(),
        },
        last_run: None,
        earlier_today: Usage::default(),
        record: Vec::new(),
    });
    rows
}

/// A host that has answered `Attach`, with these loops.
pub(crate) fn attached() -> Vec<Record> {
    vec![
        record(NOON, Fact::Loops(loops())),
        record(
            NOON,
            Fact::Attached {
                project: "/home/ada/blog".into(),
                warnings: Vec::new(),
            },
        ),
    ]
}

/// No loop at all.
pub(crate) fn nothing() -> Vec<Record> {
    vec![record(
        NOON,
        Fact::Attached {
            project: "/home/ada/blog".into(),
            warnings: Vec::new(),
        },
    )]
}

pub(crate) fn woke(number: u32, mode: Mode) -> Event {
    Event::Woke(Box::new(Wake {
        date: "2026-06-12".to_owned(),
        skill: Digest::of(b"skill"),
        not_enforced: Vec::new(),
        spec: spec(LOOP, schedule("0 7 * * 1-5")),
        number,
        mode,
        audit: false,
        fired: None,
        by: "schedule".into(),
        pinned: Digest::of(b"pinned"),
        published_before: true,
    }))
}

fn ground() -> Event {
    Event::Prepared(Ground {
        tree: "t0".into(),
        base: Some("c0".into()),
        workspace: "private clone".into(),
        notices: vec!["3 uncommitted files not seen".into()],
        not_enforced: vec!["network: hosts".into()],
    })
}

pub(crate) fn prompt(feedback: bool) -> Prompt {
    let part = |kind, tokens, text: &str| Part {
        kind,
        tokens,
        digest: Digest::of(text.as_bytes()),
    };
    let mut parts = vec![
        part(PartKind::Skill, 512, "skill"),
        part(PartKind::Goal, 120, "goal"),
        part(
            PartKind::Memory,
            1_402,
            if feedback { "memory 2" } else { "memory 1" },
        ),
    ];
    if feedback {
        parts.push(part(PartKind::Feedback, 70, "feedback"));
    }
    Prompt {
        text: TextRef::to(PROMPT),
        parts,
        edited: false,
        without_skill: false,
    }
}

pub(crate) fn worked(tree: &str) -> Work {
    Work {
        tree: tree.into(),
        diff: TextRef::to(DIFF),
        changes: vec![Change {
            path: "drafts/2026-06-12-loops.md".into(),
            kind: ChangeKind::Modified,
            added: 93,
            removed: 14,
        }],
        claim: Some("612 words, 7 sources, every claim cited.".into()),
        note: None,
        question: None,
        author: Author::Worker,
        usage: Usage {
            tokens: 6_200,
            estimated: false,
            micro_usd: Some(55_000),
            ..Usage::default()
        },
        took_ms: 75_000,
        breaches: Vec::new(),
        tried: None,
        flags: Vec::new(),
    }
}

fn result(name: &str, passed: bool, figure: &str) -> CheckResult {
    let check = check(name);
    CheckResult {
        name: name.into(),
        required: true,
        outcome: if passed {
            CheckOutcome::Passed
        } else {
            CheckOutcome::Failed { code: Some(1) }
        },
        figure: figure.into(),
        command: check.command,
        evidence: if passed {
            String::new()
        } else {
            "…/wiki/agents → 410".into()
        },
        output: Digest::of(figure.as_bytes()),
        took_ms: 900,
    }
}

pub(crate) fn checks(links: &str, ok: bool) -> Vec<CheckResult> {
    vec![
        result("words 500–800", true, "612"),
        result("sources ≥ 5", true, "7"),
        result("links resolve", ok, links),
        result("no TODO", true, "0"),
    ]
}

fn findings(pass: bool) -> Judgement {
    let finding = |line: &str, pass, evidence: &str| Finding {
        line: line.into(),
        pass,
        evidence: evidence.into(),
        overturned: false,
    };
    Judgement::Given(JudgeAnswer {
        findings: vec![
            finding(
                "every claim carries a source",
                pass,
                if pass {
                    "Every claim carries a source."
                } else {
                    "¶5 cites nothing."
                },
            ),
            finding("the intro is short", true, "62 words."),
        ],
        note: None,
        votes: (u32::from(pass), 1),
    })
}

pub(crate) fn verdict(approved: bool) -> Verdict {
    Verdict {
        tree: "t2".into(),
        checks: if approved {
            checks("8/8", true)
        } else {
            checks("6/7", false)
        },
        judgement: if approved {
            findings(true)
        } else {
            Judgement::NotAsked {
                because: "links resolve".into(),
            }
        },
        note: (!approved).then(|| "- …/wiki/agents is gone (410); use the archived copy.".into()),
        feedback: if approved {
            String::new()
        } else {
            "links resolve 6/7: …/wiki/agents 410.".into()
        },
        flags: Vec::new(),
    }
}

fn first_verdict() -> Verdict {
    Verdict {
        checks: checks("4/6", false),
        ..verdict(false)
    }
}

/// One iteration up to its verdict, not approved.
fn iteration_one(run: &RunId) -> Vec<Record> {
    let at = NOON - 240_000;
    [
        Event::Composed {
            prompt: prompt(false),
        },
        Event::Began {
            iteration: 1,
            stage: Stage::Work,
        },
        Event::Worked(Box::new(worked("t1"))),
        Event::Ruled(Box::new(first_verdict())),
        Event::Remembered {
            note: "- Fetch each URL before citing it.".into(),
        },
    ]
    .into_iter()
    .map(|e| event(run, at, e))
    .collect()
}

/// Run 14 in iteration 2, before its prompt is asked about.
pub(crate) fn second_iteration() -> Vec<Record> {
    let run = run_id();
    let at = NOON - 300_000;
    let mut all = attached();
    all.push(event(&run, at, woke(14, Mode::Training)));
    all.push(event(&run, at, ground()));
    all.push(event(
        &run,
        at,
        Event::Began {
            iteration: 1,
            stage: Stage::Compose,
        },
    ));
    all.extend(iteration_one(&run));
    all.push(record(
        NOON,
        Fact::Grew {
            run: run.clone(),
            lines: 10,
        },
    ));
    all.push(event(
        &run,
        NOON - 30_000,
        Event::Began {
            iteration: 2,
            stage: Stage::Compose,
        },
    ));
    all.push(event(
        &run,
        NOON - 30_000,
        Event::Composed {
            prompt: prompt(true),
        },
    ));
    all
}

/// The worker of iteration 2 works.
pub(crate) fn running() -> Vec<Record> {
    let mut all = second_iteration();
    all.push(event(
        &run_id(),
        NOON - 26_000,
        Event::Began {
            iteration: 2,
            stage: Stage::Work,
        },
    ));
    all
}

/// Run 14 is over, published; nothing runs.
pub(crate) fn idle() -> Vec<Record> {
    let run = run_id();
    let mut all = running();
    let at = NOON - 1_000_000;
    for e in [
        Event::Worked(Box::new(worked("t2"))),
        Event::Ruled(Box::new(verdict(true))),
        Event::Ended(Outcome::Published),
    ] {
        all.push(event(&run, at, e));
    }
    all
}

pub(crate) fn checkpoint(number: u32, ask: Ask) -> Checkpoint {
    let digest = Digest::of_value(&(number, &ask));
    Checkpoint {
        id: CheckpointId(format!("{}.{number}", run_id())),
        iteration: 2,
        ask,
        digest,
    }
}

/// Run 14 asks this, 41 s ago.
pub(crate) fn asks(ask: Ask) -> Vec<Record> {
    let mut all = running();
    if let Ask::Work { work } = &ask {
        all.push(event(&run_id(), NOON - 41_000, Event::Worked(work.clone())));
    }
    let asked = Event::Asked(Box::new(checkpoint(7, ask)));
    all.push(event(&run_id(), NOON - 41_000, asked));
    all
}

pub(crate) fn work_ask() -> Ask {
    Ask::Work {
        work: Box::new(worked("t2")),
    }
}

/// What a person should look at, one of each kind.
pub(crate) fn flags() -> Vec<Flag> {
    [
        (Sign::Key, "GitHub token in notes.md:12"),
        (Sign::Test, "tests/sum.py changed"),
        (Sign::Check, "Makefile changed"),
        (Sign::Speaks, "words for whoever examines it in a.md:4"),
        (Sign::Examined, "asks for NEXTEST in a.sh:2"),
        (Sign::Orders, "AGENTS.md added"),
        (Sign::Hook, ".vscode/tasks.json added"),
        (Sign::Hides, ".gitignore changed"),
        (Sign::Invisible, "characters that hide in b.md:1"),
        (Sign::Unread, "logo.png is binary and cannot be read here"),
    ]
    .map(|(sign, what)| Flag {
        sign,
        what: what.into(),
    })
    .into()
}

/// The questions whose yes acts on a change, with all of that to look at.
pub(crate) fn flagged_asks() -> Vec<Ask> {
    let mut asks = vec![
        work_ask(),
        verdict_ask(true),
        publish_ask(true),
        every_ask().swap_remove(5),
    ];
    for ask in &mut asks {
        match ask {
            Ask::Work { work } | Ask::Guardrail { work, .. } => work.flags = flags(),
            Ask::Verdict { verdict, .. } => verdict.flags = flags(),
            Ask::Publish { flags: own, .. } => *own = flags(),
            other => panic!("{} shows no change", other.kind()),
        }
    }
    asks
}

pub(crate) fn work() -> Vec<Record> {
    asks(work_ask())
}

pub(crate) fn prompt_ask() -> Ask {
    Ask::Prompt {
        text: TextRef::to(PROMPT),
        pinned: Digest::of(b"pinned"),
    }
}

pub(crate) fn verdict_ask(approved: bool) -> Ask {
    Ask::Verdict {
        verdict: Box::new(verdict(approved)),
        then: if approved {
            AfterVerdict::Publish
        } else {
            AfterVerdict::NextIteration
        },
    }
}

pub(crate) fn human_ask() -> Ask {
    let verdict = Verdict {
        judgement: Judgement::Open,
        checks: checks("8/8", true),
        ..verdict(true)
    };
    Ask::Verdict {
        verdict: Box::new(verdict),
        then: AfterVerdict::NextIteration,
    }
}

pub(crate) fn publish_ask(typed: bool) -> Ask {
    Ask::Publish {
        tree: "t2".into(),
        artefact: TextRef::to(ARTEFACT),
        target: "git: commit to branch drafts, no push".into(),
        key: Digest::of(b"key"),
        typed,
        reversible: !typed,
        flags: Vec::new(),
        stand: Box::default(),
        unfit: None,
    }
}

pub(crate) fn publish(typed: bool) -> Vec<Record> {
    publishes(publish_ask(typed))
}

/// Run 14 asks this of what was approved and drafted.
pub(crate) fn publishes(ask: Ask) -> Vec<Record> {
    let run = run_id();
    let mut all = running();
    for e in [
        Event::Worked(Box::new(worked("t2"))),
        Event::Ruled(Box::new(verdict(true))),
        Event::Drafted {
            paths: vec!["drafts/2026-06-12-loops.md".into()],
            offer: Some(Box::new(Offer {
                artefact: TextRef::to(ARTEFACT),
                target: "git: commit to branch drafts, no push".into(),
                key: Digest::of(b"key"),
                stand: Stand::default(),
                unfit: None,
            })),
        },
        Event::Asked(Box::new(checkpoint(7, ask))),
    ] {
        all.push(event(&run, NOON - 41_000, e));
    }
    all
}

/// One of each of the ten kinds.
pub(crate) fn every_ask() -> Vec<Ask> {
    let breach = Breach {
        rule: "protected".into(),
        tried: "write posts/old.md".into(),
    };
    let failure = Failure {
        stage: Stage::Judge,
        cause: "the judge did not answer (timed out after 120 s); try again, or raise its timeout"
            .into(),
        detail: "connect: timed out".into(),
        maybe_done: false,
    };
    vec![
        prompt_ask(),
        work_ask(),
        verdict_ask(false),
        publish_ask(false),
        Ask::Question {
            question: "Which of the two topics?".into(),
        },
        Ask::Guardrail {
            breaches: vec![breach],
            work: Box::new(worked("t2")),
            tried: "t3".into(),
        },
        Ask::Stuck {
            signal: Signal::SameVerdict {
                times: 2,
                what: "links resolve 4/6".into(),
            },
        },
        Ask::Permission {
            call: "c1".into(),
            what: "Edit src/pad.js\n── src/pad.js\n@@ -1,2 +1,2 @@\n import pad from \"left-pad\";\n-pad(1);\n+pad(2);".into(),
        },
        Ask::Budget {
            limit: Limit::MicroUsd(600_000, 600_000),
            next: Stage::Work,
        },
        Ask::Error { failure },
    ]
}

/// Three runs for the timeline: 13 published, 12 stopped, 14 waits.
pub(crate) fn history() -> Vec<Record> {
    let mut all = work();
    for (number, outcome, days) in [(13, Outcome::Published, 1), (12, Outcome::Stopped, 2)] {
        let run = RunId::new(LOOP, number);
        let at = NOON - days * 86_400_000;
        let mut events = vec![
            woke(number, Mode::Training),
            Event::Began {
                iteration: 1,
                stage: Stage::Compose,
            },
            Event::Composed {
                prompt: prompt(false),
            },
            Event::Worked(Box::new(worked("t1"))),
            Event::Asked(Box::new(Checkpoint {
                iteration: 1,
                ..checkpoint(2, work_ask())
            })),
            Event::Decided {
                checkpoint: checkpoint(2, work_ask()).id,
                digest: Digest::of(b"x"),
                decision: Decision::APPROVE,
                by: "cockpit 1".into(),
            },
            Event::Ruled(Box::new(first_verdict())),
            Event::Remembered {
                note: "- Prefer primary papers over blog summaries.".into(),
            },
        ];
        if number == 13 {
            events.extend([
                Event::Began {
                    iteration: 2,
                    stage: Stage::Work,
                },
                Event::Worked(Box::new(worked("t2"))),
                Event::Ruled(Box::new(verdict(true))),
            ]);
        }
        events.push(Event::Ended(outcome));
        all.extend(events.into_iter().map(|e| event(&run, at, e)));
    }
    all
}

/// A decision of another cockpit on the open question.
pub(crate) fn decided_elsewhere() -> Record {
    let open = checkpoint(7, work_ask());
    event(
        &run_id(),
        NOON,
        Event::Decided {
            checkpoint: open.id,
            digest: open.digest,
            decision: Decision::APPROVE,
            by: "cockpit 2".into(),
        },
    )
}

/// The answers in their order, for tables.
pub(crate) const ANSWERS: [Answer; 4] =
    [Answer::Approve, Answer::Edit, Answer::Retry, Answer::Abort];

/// The same hostile text wherever the outside may speak.
pub(crate) fn hostile(bad: &str) -> Vec<Record> {
    let run = run_id();
    let mut work = worked("t2");
    work.claim = Some(bad.into());
    work.changes[0].path = bad.into();
    let mut ruled = verdict(false);
    ruled.note = Some(bad.into());
    ruled.checks[2].evidence = bad.into();
    ruled.checks[2].figure = bad.into();
    let mut rows = loops();
    rows[1].name = bad.into();
    let failure = Failure {
        stage: Stage::Work,
        cause: bad.into(),
        detail: bad.into(),
        maybe_done: true,
    };
    let refused = Fact::Refused {
        what: bad.into(),
        why: bad.into(),
    };
    let mut all = vec![record(NOON, Fact::Loops(rows))];
    all.extend(
        [
            Event::Worked(Box::new(work)),
            Event::Ruled(Box::new(ruled)),
            Event::Asked(Box::new(checkpoint(9, Ask::Error { failure }))),
        ]
        .map(|e| event(&run, NOON, e)),
    );
    all.push(record(NOON, refused));
    all
}
