//! Files that are good, and what they become.

use checkride::config::{self, Prices, loops, prices, settings};
use checkride::run::spec::{
    Check, Format, Goal, Independence, JudgeKind, NoteBy, OutputKind, PromptBy, PublishTo, Trigger,
    WorkerKind, WorkspaceKind,
};
use checkride::run::{Digest, Mode};

use super::{project, write};

/// The minimal file of the manual.
pub(crate) fn minimal(name: &str) -> String {
    format!(
        r#"version = 1
name = "{name}"
skill = {{ path = "skills/good" }}
worker = {{ type = "command", command = ["claude", "-p"] }}
goal = {{ statement = "notes/ has no broken links", verify = {{ checks = [{{ name = "links", command = ["lychee", "--offline", "notes"] }}] }} }}
"#
    )
}

/// Every key of the manual, with values that this build runs.
pub(crate) const FULL: &str = include_str!("full.toml");

/// R7, R46: the minimal file reads, and everything else has the strictest defaults.
#[test]
fn the_minimal_file_has_every_default() {
    let folder = project();
    let file = write(
        folder.path(),
        "loops/tidy-notes.toml",
        &minimal("tidy-notes"),
    );
    let read = loops::read(folder.path(), &file);
    assert_eq!(read.diagnostics, []);
    assert_eq!(read.not_enforced, [""; 0]);

    let worker = WorkerKind::Command {
        command: vec!["claude".into(), "-p".into()],
        prompt: PromptBy::Stdin,
        format: Format::Text,
    };
    let check = Check {
        name: "links".into(),
        command: ["lychee", "--offline", "notes"].map(String::from).to_vec(),
        required: true,
        timeout_s: 300,
        network: false,
    };
    let goal = Goal {
        statement: "notes/ has no broken links".into(),
        checks: vec![check],
        judge: None,
    };
    let mut wanted = crate::spec::minimal("tidy-notes", worker, goal);
    wanted.skill.path = "skills/good".into();
    assert_eq!(read.spec, Some(wanted));
}

/// Every key of the manual is understood; what this build does not enforce is named.
#[test]
fn the_full_file_reads() {
    let folder = project();
    let root = folder.path();
    let file = write(root, "loops/full.toml", FULL);
    let read = loops::read(root, &file);
    assert_eq!(
        read.diagnostics,
        [],
        "{}",
        config::check(root, &[file], &Prices::default()).render()
    );
    let spec = read.spec.unwrap();
    let Trigger::Schedule(schedule) = &spec.trigger else {
        panic!("{:?}", spec.trigger);
    };
    assert_eq!(spec.trigger.words(), "weekdays 07:00");
    assert_eq!(schedule.expires_s, Some(90 * 86_400));
    assert_eq!(schedule.jitter_s, 120);
    assert!(!schedule.make_up);
    assert_eq!(spec.guardrails.max_runs_per_day, 2);
    assert_eq!(spec.guardrails.micro_usd_per_day, Some(2_000_000));
    assert!(spec.guardrails.quiet_hours.is_some());
    assert_eq!(spec.skill.proven_min, 5);
    assert_eq!(spec.worker.timeout_s, 20 * 60);
    assert_eq!(spec.goal.checks[1].timeout_s, 120);
    assert!(!spec.goal.checks[1].required && spec.goal.checks[1].network);
    let judge = spec.goal.judge.unwrap();
    assert_eq!(
        (judge.votes, judge.independence),
        (3, Independence::Provider)
    );
    assert!(matches!(judge.kind, JudgeKind::Command { .. }));
    assert_eq!(
        (spec.memory.note, spec.memory.max_note_lines),
        (NoteBy::Verdict, 4)
    );
    assert_eq!(spec.output.kind, OutputKind::Files);
    let publish = spec.publish.unwrap();
    assert!(publish.reversible);
    assert_eq!(
        publish.to,
        PublishTo::GitBranch {
            branch: "posts/{slug}".into(),
            rename: Some("posts/{slug}.md".into())
        }
    );
    assert_eq!(spec.guardrails.mode, Mode::Supervised);
    assert_eq!(spec.guardrails.budget.micro_usd, Some(600_000));
    assert_eq!(spec.guardrails.workspace.kind, WorkspaceKind::Clone);
    assert!(spec.guardrails.workspace.dirty);
    assert_eq!(spec.guardrails.workspace.setup, [["npm", "ci"]]);
    assert_eq!(spec.guardrails.stuck.same_failure, 4);
    insta::assert_snapshot!("full-file-not-enforced", read.not_enforced.join("\n"));
}

/// §5.5, §5.10: check scripts are pinned by digest; they and an unusual memory are protected.
#[test]
fn examiners_are_pinned_and_protected() {
    let folder = project();
    let root = folder.path();
    write(root, "scripts/count.sh", "exit 0\n");
    let text = minimal("log").replace(
        r#"["lychee", "--offline", "notes"]"#,
        r#"["sh", "scripts/count.sh", "notes"] }, { name = "words", command = ["./scripts/words"]"#,
    ) + "memory = { path = \"logs/[daily].md\" }\n";
    let file = write(root, "loops/log.toml", &text);
    let read = loops::read(root, &file);
    assert_eq!(read.diagnostics, []);
    let pinned: Vec<(&str, &Digest)> = read
        .pinned
        .iter()
        .map(|p| (p.path.as_str(), &p.digest))
        .collect();
    assert_eq!(
        pinned,
        [
            ("scripts/count.sh", &Digest::of(b"exit 0\n")),
            ("scripts/words", &Digest::of(b"#!/bin/sh\nexit 0\n")),
        ]
    );
    assert_eq!(
        read.spec.unwrap().guardrails.workspace.protected,
        ["scripts/count.sh", "scripts/words", "logs/[[]daily[]].md"]
    );
}

/// R18: a cap in dollars on a worker that does not tell what it costs holds where its model's price is
/// known, and is said not to hold elsewhere.
#[test]
fn a_known_price_makes_a_cap_hold() {
    let folder = project();
    let text = minimal("x").replace(
        "type = \"command\",",
        "type = \"command\", model = \"small-1\",",
    ) + "guardrails = { budget = { usd_per_run = 0.60 } }\n";
    let file = folder.path().join("loops/x.toml");
    let read = loops::read_text(folder.path(), &file, &text);
    let untold =
        |file: &loops::LoopFile| file.not_enforced.iter().any(|w| w.contains("usd_per_run"));
    assert!(untold(&read), "{:?}", read.diagnostics);
    let list = |name: &str| {
        let text = format!("[[model]]\nname = \"{name}\"\ninput = 1.0\noutput = 2.0\n");
        prices::read_text(&text).prices
    };
    assert!(untold(&read.clone().priced(&list("large"))));
    assert!(!untold(&read.priced(&list("small"))));
}

/// A file saved by another system's editor reads the same.
#[test]
fn a_byte_order_mark_and_crlf_are_read() {
    let folder = project();
    let text = format!("\u{feff}{}", minimal("x").replace('\n', "\r\n"));
    let file = folder.path().join("loops/x.toml");
    let read = loops::read_text(folder.path(), &file, &text);
    assert_eq!(read.diagnostics, []);
    let plain = loops::read_text(folder.path(), &file, &minimal("x"));
    assert_eq!(read.spec, plain.spec);
    let broken = loops::read_text(folder.path(), &file, &text.replace("worker", "wroker"));
    let place = broken.diagnostics[0].place.as_ref().unwrap();
    assert_eq!((place.line, place.column), (1, 1));
    assert_eq!(
        broken.diagnostics[1].to_string(),
        "loops/x.toml:4:1: unknown key `wroker`"
    );
}

/// R8: the words that the screen shows for each trigger.
#[test]
fn triggers_in_words() {
    let folder = project();
    let words = [
        (r#"{ type = "manual" }"#, "by hand"),
        (r#"{ type = "schedule", every = "6h" }"#, "every 6h"),
        (
            r#"{ type = "schedule", cron = "0 6 1 * *" }"#,
            "cron 0 6 1 * *",
        ),
        (
            r#"{ type = "schedule", cron = "0 6 * * *", timezone = "UTC" }"#,
            "daily 06:00 UTC",
        ),
        (
            r#"{ type = "event", watch = ["notes/**", "*.md"] }"#,
            "watch notes/** *.md",
        ),
        (r#"{ type = "event", inbox = true }"#, "inbox"),
        (
            r#"{ type = "event", git = { ref = "refs/heads/main", on = "update" } }"#,
            "git main",
        ),
        (
            r#"{ type = "event", poll = { command = ["scripts/words"], every = "90m" } }"#,
            "poll scripts/words every 1h30m",
        ),
    ];
    for (table, wanted) in words {
        let text = format!("{}trigger = {table}\n", minimal("x"));
        let read = loops::read_text(folder.path(), &folder.path().join("loops/x.toml"), &text);
        assert_eq!(read.diagnostics, [], "{table}");
        assert_eq!(read.spec.unwrap().trigger.words(), wanted);
    }
}

/// The project's settings: absent, good, and wrong with a place.
#[test]
fn settings_of_a_project() {
    let folder = project();
    assert_eq!(
        settings::read(folder.path()).settings,
        config::Settings::default()
    );
    write(
        folder.path(),
        "checkride.toml",
        "max_running = 3\ntokens_per_day = 1_000_000\nusd_per_day = 2\nquiet_hours = \"22:00-06:30\"\n",
    );
    let read = settings::read(folder.path());
    assert_eq!(read.diagnostics, []);
    assert_eq!(read.settings.max_running, 3);
    assert_eq!(read.settings.micro_usd_per_day, Some(2_000_000));
    assert!(read.settings.quiet_hours.unwrap().contains(0));
    assert_eq!(read.not_enforced.len(), 0);

    write(
        folder.path(),
        "checkride.toml",
        "max_runing = 3\nquiet_hours = \"late\"\n",
    );
    insta::assert_snapshot!(
        "settings-mistakes",
        config::check(folder.path(), &[], &Prices::default()).render()
    );
    assert_eq!(
        settings::read(folder.path()).settings,
        config::Settings::default()
    );
}

/// A trigger over a loop that nobody has ever seen at work is warned of; by hand it needs no proof.
#[test]
fn a_loop_that_proves_nothing_is_warned_of() {
    let folder = project();
    let warned = |trigger: &str| {
        let text = format!(
            "version = 1\nname = \"x\"\n{trigger}\nskill = {{ path = \"skills/good\", proven_min = 0 }}\n\
             [worker]\ntype = \"command\"\ncommand = [\"true\"]\n[goal]\nstatement = \"It is.\"\n\
             [[goal.verify.checks]]\nname = \"is\"\ncommand = [\"true\"]\n"
        );
        write(folder.path(), "loops/x.toml", &text);
        let files = loops::read_all(folder.path());
        let told = &files[0].diagnostics;
        assert!(files[0].spec.is_some(), "{told:?}");
        told.iter().any(|d| d.message.contains("`proven_min = 0`"))
    };
    assert!(warned(
        "trigger = { type = \"schedule\", cron = \"0 7 * * *\" }"
    ));
    assert!(warned("trigger = { type = \"event\", inbox = true }"));
    assert!(!warned("trigger = { type = \"manual\" }"));
}
