//! How far the judge stands from the worker: same command, same model, same provider (§5.13).

use crate::run::spec::Independence;

/// Agents that reach the models of one provider only, by the name of their program.
const PROVIDERS: [(&str, &str); 3] = [
    ("claude", "anthropic"),
    ("codex", "openai"),
    ("gemini", "google"),
];

/// Who works or judges, as far as its command tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agent {
    argv: Vec<String>,
    model: Option<String>,
    provider: Option<&'static str>,
}

/// What is wrong with a pair of worker and judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closeness {
    /// The same command and model: an agent would grade itself.
    Same,
    /// Nearer than the loop file itself demands.
    NearerThanAsked,
    /// As far as demanded, but perhaps one model in two contexts.
    SameModel,
    /// Far enough.
    Apart,
}

impl Agent {
    /// The agent behind a command; `model` is what the file names beside it.
    pub(super) fn of(argv: &[String], model: Option<&str>) -> Self {
        let program = argv.first().map(|word| base(word)).unwrap_or_default();
        let provider = PROVIDERS
            .iter()
            .find(|(agent, _)| *agent == program)
            .map(|(_, who)| *who);
        let mut argv = argv.to_vec();
        if let Some(first) = argv.first_mut() {
            *first = program;
        }
        let model = model.map(str::to_owned).or_else(|| model_option(&argv));
        Self {
            argv,
            model,
            provider,
        }
    }

    /// An unknown model counts as the same, but for agents of two known providers.
    fn shares_model(&self, other: &Self) -> bool {
        if let (Some(mine), Some(theirs)) = (self.provider, other.provider)
            && mine != theirs
        {
            return false;
        }
        match (&self.model, &other.model) {
            (Some(mine), Some(theirs)) => mine.eq_ignore_ascii_case(theirs),
            (None, _) | (_, None) => true,
        }
    }

    fn shares_provider(&self, other: &Self) -> bool {
        match (self.provider, other.provider) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, _) | (_, None) => true,
        }
    }
}

/// How near the two stand to each other, measured by what the loop demands.
pub(super) fn closeness(worker: &Agent, judge: &Agent, asked: Independence) -> Closeness {
    let same_model = worker.shares_model(judge);
    if worker.argv == judge.argv && same_model {
        return Closeness::Same;
    }
    match asked {
        Independence::Provider if worker.shares_provider(judge) => Closeness::NearerThanAsked,
        Independence::Model if same_model => Closeness::NearerThanAsked,
        Independence::Context if same_model => Closeness::SameModel,
        Independence::Context | Independence::Model | Independence::Provider => Closeness::Apart,
    }
}

fn base(word: &str) -> String {
    word.rsplit('/').next().unwrap_or(word).to_owned()
}

/// The value of `--model X`, `--model=X` or `-m X`.
fn model_option(argv: &[String]) -> Option<String> {
    let mut words = argv.iter().skip(1);
    while let Some(word) = words.next() {
        if let Some(model) = word.strip_prefix("--model=") {
            return Some(model.to_owned());
        }
        if word == "--model" || word == "-m" {
            return words.next().cloned();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(worker: &str, judge: &str, asked: Independence) -> Closeness {
        let agent = |line: &str| {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            Agent::of(&argv, None)
        };
        closeness(&agent(worker), &agent(judge), asked)
    }

    /// R51, R53: the same command is refused, the same model warns, another provider is apart.
    #[test]
    fn distances() {
        use Closeness::{Apart, NearerThanAsked, Same, SameModel};
        use Independence::{Context, Model, Provider};
        let cases = [
            ("claude -p", "claude -p", Context, Same),
            ("claude -p", "/usr/bin/claude -p", Context, Same),
            ("claude -p", "claude -p --model b", Context, SameModel),
            ("claude -p --model a", "claude -p --model b", Context, Apart),
            (
                "claude -p --model a",
                "claude -p --model=A",
                Context,
                SameModel,
            ),
            ("claude -p", "claude -p --model b", Model, NearerThanAsked),
            ("claude -p -m a", "claude -p -m b", Model, Apart),
            (
                "claude -p -m a",
                "claude -p -m b",
                Provider,
                NearerThanAsked,
            ),
            ("claude -p", "codex exec -", Provider, Apart),
            ("claude -p", "codex exec -", Context, Apart),
            ("claude -p", "scripts/judge", Context, SameModel),
            ("claude -p", "scripts/judge", Provider, NearerThanAsked),
        ];
        for (worker, judge, asked, wanted) in cases {
            assert_eq!(
                between(worker, judge, asked),
                wanted,
                "{worker} / {judge} / {asked:?}"
            );
        }
    }
}
