//! Scenarios: `tests/scenarios/*.toml`, each a loop and a story of inputs and what they lead to.
//!
//! A line reads `input = events -> effect`, or `input = ! part of the refusal`; a line `? fact`
//! asks the run itself. `from` names the place to which all goes well before the story begins.

use std::fmt::Write as _;
use std::path::Path;

use checkride::run::spec::Mode;
use checkride::run::{
    Decision, Digest, Edit, Effect, Failure, Input, Judgement, Pause, Phase, Purse, Run, Stage,
    Step, Usage,
};
use serde::Deserialize;

use super::invariants::Witness;
use super::words;
use super::world::{self, Setup};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scenario: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What it shows, in one line.
    shows: String,
    #[serde(default, rename = "loop")]
    setup: Setup,
    /// `asked:KIND` or `doing:STAGE`.
    from: Option<String>,
    story: String,
}

/// Every scenario file is told as it stands (R12, R18, R28, R31, R44, R45, R48, R51, R57, R62, P3).
#[test]
fn every_scenario_is_told_as_it_stands() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut report = String::new();
    let mut told = 0;
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let file: File =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for scenario in file.scenario {
            told += 1;
            if let Err(why) = tell(&scenario) {
                let line = line_of(&text, &scenario, why.line);
                let _ = writeln!(
                    report,
                    "{name}:{line} «{}»\n  line     {}\n  expected {}\n  got      {}\n",
                    scenario.shows, why.input, why.expected, why.got
                );
            }
        }
    }
    assert!(report.is_empty(), "\n{report}");
    assert!(told > 50, "only {told} scenarios were found");
}

struct Why {
    line: usize,
    input: String,
    expected: String,
    got: String,
}

/// The line in the file of a line in a story.
fn line_of(text: &str, scenario: &Scenario, line: usize) -> usize {
    let start = text.find(&format!("\"{}\"", scenario.shows)).unwrap_or(0);
    let story = text[start..].find("story").map_or(start, |at| start + at);
    text[..story].matches('\n').count() + line + 2
}

fn tell(scenario: &Scenario) -> Result<(), Why> {
    let mut player = Player::wake(&scenario.setup);
    if let Some(place) = &scenario.from {
        player.go_to(place);
    }
    for (line, text) in scenario.story.lines().enumerate() {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let wrong = |expected: &str, got: String| Why {
            line,
            input: text.to_owned(),
            expected: expected.to_owned(),
            got,
        };
        if let Some(fact) = text.strip_prefix("? ") {
            let (name, expected) = fact.rsplit_once(' ').unwrap();
            let got = player.fact(name);
            if got != expected {
                return Err(wrong(expected, got));
            }
            continue;
        }
        let (input, expected) = text
            .split_once(" = ")
            .unwrap_or_else(|| panic!("no «=»: {text}"));
        let got = player.say(input.trim());
        let fits = match expected.trim().strip_prefix("! ") {
            Some(part) => got.starts_with("! ") && got.contains(part),
            None => got == expected.trim(),
        };
        if !fits {
            return Err(wrong(expected.trim(), got));
        }
    }
    Ok(())
}

/// A run, everything it ever asked, and the effect it waits for.
struct Player {
    witness: Witness,
    effect: Effect,
}

impl Player {
    fn wake(setup: &Setup) -> Self {
        let (run, step) = Run::wake(setup.wake());
        let effect = step.effect.clone();
        Self {
            witness: Witness::new(run, &step),
            effect,
        }
    }

    fn run(&self) -> &Run {
        &self.witness.run
    }

    fn feed(&mut self, input: Input) -> Step {
        let step = self.witness.step(input);
        if !matches!(step.effect, Effect::Continue | Effect::Permit { .. }) {
            self.effect = step.effect.clone();
        }
        step
    }

    fn say(&mut self, input: &str) -> String {
        let input = self.input(&split(input));
        words::step(&self.feed(input))
    }

    /// Everything goes well and is approved until this place.
    fn go_to(&mut self, place: &str) {
        for _ in 0..40 {
            let here = match self.run().phase() {
                Phase::Asking(open) => format!("asked:{}", open.ask.kind()),
                Phase::Doing(stage) => format!("doing:{}", words::stage(*stage)),
                other => panic!("never came to {place}: {other:?}"),
            };
            if here == place {
                return;
            }
            let tree = format!("T{}", self.run().iteration());
            let input = match world::well(&self.effect, &tree) {
                Some(input) => input,
                None => self.decide(Decision::Approve {
                    typed: self.typed(),
                }),
            };
            self.feed(input);
        }
        panic!("never came to {place}");
    }

    fn typed(&self) -> Option<String> {
        let Phase::Asking(open) = self.run().phase() else {
            return None;
        };
        Some(open.digest.short().to_owned())
    }

    fn decide(&self, decision: Decision) -> Input {
        let (checkpoint, digest) = self.witness.asked.last().unwrap().clone();
        Input::Decide {
            checkpoint,
            digest,
            decision,
            by: "cockpit".to_owned(),
        }
    }

    fn fact(&self, name: &str) -> String {
        let asked = &self.witness.asked;
        match name {
            "iteration" => self.run().iteration().to_string(),
            "waived" => self.run().waived().unwrap_or("nothing").to_owned(),
            "spent" => self.run().meter().used().tokens.to_string(),
            "worked ms" => self.run().meter().worked_ms().to_string(),
            "cap" => self.run().meter().cap().tokens.to_string(),
            "questions" => asked.len().to_string(),
            "same digest" => (asked[asked.len() - 1].1 == asked[asked.len() - 2].1).to_string(),
            "typed" => self.asks(|text| text.contains("\"typed\":true")),
            "overturned" => self.asks(|text| text.contains("\"overturned\":true")),
            "training" => (self.run().woke().mode == Mode::Training).to_string(),
            other => self.asks(|text| text.contains(other)),
        }
    }

    fn asks(&self, says: impl Fn(&str) -> bool) -> String {
        let Phase::Asking(open) = self.run().phase() else {
            return "nothing".to_owned();
        };
        says(&serde_json::to_string(&open.ask).unwrap()).to_string()
    }

    /// Another cockpit's answer to the nth question from the last, by its digest or a foreign one.
    fn elsewhere(&self, nth: usize, foreign: Option<Digest>, words: &[String]) -> Input {
        let asked = &self.witness.asked;
        let (checkpoint, digest) = asked[asked.len() - nth].clone();
        Input::Decide {
            checkpoint,
            digest: foreign.unwrap_or(digest),
            decision: self.decision(words),
            by: "another cockpit".to_owned(),
        }
    }

    fn input(&self, words: &[String]) -> Input {
        let word = |n: usize| words.get(n).map_or("", String::as_str);
        let number = |n: usize| {
            word(n)
                .parse::<u64>()
                .unwrap_or_else(|_| panic!("{words:?}"))
        };
        match word(0) {
            "a" | "e" | "r" | "x" => self.decide(self.decision(words)),
            "late" => self.elsewhere(2, None, &words[1..]),
            "foreign" => self.elsewhere(1, Some(Digest::of(b"other")), &words[1..]),
            "cannot" => Input::CannotVerify(word(1).to_owned()),
            "worked" => Input::Worked(Box::new(worked(words))),
            "checks" => Input::Checked(words[1..].iter().map(|w| checked(w)).collect()),
            "judge" => Input::Judged {
                judgement: judged(&words[1..]),
                usage: world::tokens(100),
                took_ms: 100,
            },
            "remembered" if words.len() > 1 => Input::Remembered {
                note: word(1).to_owned(),
            },
            "restored" => Input::Restored {
                tree: word(1).to_owned(),
            },
            "time" => Input::TimeUp,
            "used" | "reserve" | "money" | "took" | "no-room" | "limited" | "over" => limits(words),
            "undo" => Input::Undo,
            "stop" => Input::Stop,
            "hold" => Input::Hold(true),
            "go" => Input::Hold(false),
            "interrupted" => Input::Interrupted,
            "resume" => Input::Resume,
            "restore" => Input::Restore {
                iteration: u32::try_from(number(1)).unwrap(),
            },
            "permission" => Input::Permission {
                call: word(1).to_owned(),
                what: word(2).to_owned(),
            },
            "fail" => Input::Failed(Failure {
                stage: stage(word(1)),
                cause: "it broke".to_owned(),
                detail: String::new(),
                maybe_done: word(2) == "maybe",
            }),
            "unpublished" => Input::Unpublished,
            "moved" => Input::Moved(Box::new(world::moved("T1"))),
            "published" if word(1) == "already" => Input::Published(world::already("count-1")),
            "published" if !matches!(self.effect, Effect::Publish { .. }) => {
                Input::Published(world::receipt(&world::offer("T1")))
            }
            "prepared" | "composed" | "remembered" | "forgotten" | "drafted" | "published"
            | "halted" => world::well(&self.effect, "T1")
                .unwrap_or_else(|| panic!("{words:?} answers nothing: {:?}", self.effect)),
            other => panic!("no such input: {other}"),
        }
    }

    fn decision(&self, words: &[String]) -> Decision {
        let word = |n: usize| words.get(n).map(String::as_str);
        let text = || word(2).unwrap_or_default().to_owned();
        match (word(0), word(1)) {
            (Some("a"), Some("typed")) => Decision::Approve {
                typed: Some(word(2).map_or_else(|| self.typed().unwrap(), str::to_owned)),
            },
            (Some("a"), None) => Decision::APPROVE,
            (Some("r"), note) => Decision::Retry {
                note: note.map(str::to_owned),
            },
            (Some("x"), None) => Decision::Abort,
            (Some("e"), Some("prompt")) => Decision::Edit(Edit::Prompt { text: text() }),
            (Some("e"), Some("answer")) => Decision::Edit(Edit::Answer { text: text() }),
            (Some("e"), Some("allow")) => Decision::Edit(Edit::AllowOnce),
            (Some("e"), Some("allow-for-run")) => Decision::Edit(Edit::AllowForRun),
            (Some("e"), Some("files")) => Decision::Edit(Edit::Files),
            (Some("e"), Some("file")) => Decision::Edit(Edit::File {
                path: text(),
                text: "by hand".to_owned(),
            }),
            (Some("e"), Some("raise")) => {
                let to = |name: &str| {
                    let value = words[2..].iter().find_map(|w| w.strip_prefix(name));
                    value.map(|v| v.parse().unwrap())
                };
                Decision::Edit(Edit::Raise {
                    tokens: to("tokens:"),
                    minutes: to("minutes:"),
                    micro_usd: to("money:"),
                })
            }
            (Some("e"), Some("verdict")) => {
                let said = |name: &str| {
                    let value = words[2..].iter().find_map(|w| w.strip_prefix(name));
                    value.map(str::to_owned)
                };
                let lines = words[2..].iter().filter_map(|w| {
                    let (n, said) = w.split_once(':')?;
                    Some((n.parse::<usize>().ok()? - 1, said == "yes", String::new()))
                });
                Decision::Edit(Edit::Verdict {
                    lines: lines.collect(),
                    note: said("note:"),
                    feedback: said("feedback:"),
                })
            }
            (_, _) => panic!("no such decision: {words:?}"),
        }
    }
}

/// News of time, of a cap that a call would break, and of somebody else's limit.
fn limits(words: &[String]) -> Input {
    let word = |n: usize| words.get(n).map_or("", String::as_str);
    let number = |n: usize| word(n).parse::<u64>().unwrap();
    match word(0) {
        "used" => Input::Used(world::tokens(number(1))),
        "reserve" => Input::Reserve(world::tokens(number(1))),
        "money" => Input::Used(Usage {
            micro_usd: Some(number(1)),
            ..world::tokens(10)
        }),
        "took" => Input::Took(number(1)),
        "no-room" => Input::NoRoom(match word(1) {
            "tokens" => Purse::Tokens,
            "money" => Purse::Money,
            other => panic!("no such purse: {other}"),
        }),
        "limited" => Input::Paused(Pause {
            stage: stage(word(1)),
            until_ms: i64::try_from(number(2)).unwrap(),
            cause: "its limit is reached".to_owned(),
        }),
        "over" => Input::PauseOver,
        other => panic!("no such input: {other}"),
    }
}

fn worked(words: &[String]) -> checkride::run::Work {
    let mut work = world::work(&words[1]);
    for word in &words[2..] {
        let (name, value) = word.split_once(':').unwrap_or((word, ""));
        let value = value.to_owned();
        match name {
            "question" => work.question = Some(value),
            "claims" => work.claim = Some(value),
            "note" => work.note = Some(value),
            "tokens" => work.usage.tokens = value.parse().unwrap(),
            "minutes" => work.took_ms = value.parse::<u64>().unwrap() * 60_000,
            "flag" => work.flags = vec![world::flag(&value)],
            "diff" => work.diff = checkride::run::TextRef::to(&value),
            "breach" => {
                work.breaches = vec![world::breach()];
                work.tried = (!value.is_empty()).then_some(value);
            }
            other => panic!("no such work: {other}"),
        }
    }
    work
}

/// `links:pass`, or `links:fail` with a figure after a comma.
fn checked(word: &str) -> checkride::run::CheckResult {
    let (name, said) = word.split_once(':').unwrap();
    let (said, figure) = said.split_once(',').unwrap_or((said, ""));
    world::result(name, said == "pass", figure)
}

fn judged(words: &[String]) -> Judgement {
    if words.first().is_some_and(|w| w == "unreadable") {
        return Judgement::Unreadable {
            why: "no JSON".to_owned(),
            raw: "well done".to_owned(),
        };
    }
    let answers: Vec<bool> = words
        .iter()
        .filter(|w| *w == "yes" || *w == "no")
        .map(|w| w == "yes")
        .collect();
    let note = words.iter().find_map(|w| w.strip_prefix("note:"));
    world::judgement(&answers, note)
}

fn stage(name: &str) -> Stage {
    serde_json::from_value(serde_json::Value::from(name)).unwrap()
}

/// Words at blanks; what stands in quotes is part of one word, without its quotes.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
