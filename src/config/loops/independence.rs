//! How far the judge stands from the worker: same command, same model, same provider (§5.13).

use crate::run::spec::{Independence, JudgeKind, Provider, WorkerKind};

/// Agents that reach the models of one provider only, by the name of their program.
const PROVIDERS: [(&str, &str); 3] = [
    ("claude", "anthropic"),
    ("codex", "openai"),
    ("gemini", "google"),
];

/// Servers of one provider only, by the end of their host's name.
const HOSTS: [(&str, &str); 3] = [
    ("anthropic.com", "anthropic"),
    ("openai.com", "openai"),
    ("googleapis.com", "google"),
];

/// Who works or judges, as far as the loop file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agent {
    /// Program and arguments, or the server that is asked.
    reached: Vec<String>,
    model: Option<String>,
    provider: Option<String>,
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
    /// The worker; `model` is what the file names beside its command. Scripts are nobody.
    pub(super) fn working(kind: &WorkerKind, model: Option<&str>) -> Option<Self> {
        match kind {
            WorkerKind::Command { command, .. } | WorkerKind::Acp { command } => {
                Some(Self::behind(command, model))
            }
            WorkerKind::Http(provider) => Some(Self::at(provider)),
            WorkerKind::Script { .. } => None,
        }
    }

    /// The judge, as [`Agent::working`]. The operator is nobody's model.
    pub(super) fn judging(kind: &JudgeKind, model: Option<&str>) -> Option<Self> {
        match kind {
            JudgeKind::Command { command, .. } => Some(Self::behind(command, model)),
            JudgeKind::Http(provider) => Some(Self::at(provider)),
            JudgeKind::Human | JudgeKind::Script { .. } => None,
        }
    }

    fn behind(argv: &[String], model: Option<&str>) -> Self {
        let program = argv.first().map(|word| base(word)).unwrap_or_default();
        let provider = PROVIDERS
            .iter()
            .find(|(agent, _)| *agent == program)
            .map(|(_, who)| (*who).to_owned());
        let mut argv = argv.to_vec();
        if let Some(first) = argv.first_mut() {
            *first = program;
        }
        let model = model.map(str::to_owned).or_else(|| model_option(&argv));
        Self {
            reached: argv,
            model,
            provider,
        }
    }

    /// What a loopback server serves comes from no provider that a remote one could be; of an
    /// unknown host nothing is known, it may pass on to anyone.
    fn at(provider: &Provider) -> Self {
        let authority = provider.authority();
        let host = authority.split(':').next().unwrap_or_default();
        let known = HOSTS
            .iter()
            .find(|(end, _)| host == *end || host.ends_with(&format!(".{end}")))
            .map(|(_, who)| (*who).to_owned());
        let local = provider.is_local().then(|| "this machine".to_owned());
        Self {
            reached: vec![provider.base_url.clone()],
            model: Some(provider.model.clone()),
            provider: known.or(local),
        }
    }

    /// An unknown model counts as the same, but for agents of two known providers.
    fn shares_model(&self, other: &Self) -> bool {
        if let (Some(mine), Some(theirs)) = (&self.provider, &other.provider)
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
        match (&self.provider, &other.provider) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, _) | (_, None) => true,
        }
    }
}

/// How near the two stand to each other, measured by what the loop demands.
pub(super) fn closeness(worker: &Agent, judge: &Agent, asked: Independence) -> Closeness {
    let same_model = worker.shares_model(judge);
    if worker.reached == judge.reached && same_model {
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
    use crate::run::spec::Api;

    fn between(worker: &str, judge: &str, asked: Independence) -> Closeness {
        let agent = |line: &str| {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            match argv.first().map(String::as_str) {
                Some("at") => Agent::at(&Provider {
                    api: Api::Openai,
                    base_url: argv[1].clone(),
                    model: argv[2].clone(),
                    key_env: None,
                    max_tokens: 1,
                }),
                _ => Agent::behind(&argv, None),
            }
        };
        closeness(&agent(worker), &agent(judge), asked)
    }

    /// R51, R53: the same command is refused, the same model warns, another provider is apart.
    #[test]
    fn distances_of_commands() {
        use Closeness::{Apart, NearerThanAsked, Same, SameModel};
        use Independence::{Context, Model, Provider};
        holds(&[
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
        ]);
    }

    /// R53: a server's provider is told by its host, and an unknown host by nothing.
    #[test]
    fn distances_of_servers() {
        use Closeness::{Apart, NearerThanAsked, Same};
        use Independence::{Context, Model, Provider};
        holds(&[
            (
                "claude -p",
                "at https://api.openai.com/v1 m",
                Provider,
                Apart,
            ),
            (
                "claude -p",
                "at https://api.anthropic.com/v1 m",
                Provider,
                NearerThanAsked,
            ),
            (
                "claude -p",
                "at http://localhost:11434/v1 m",
                Provider,
                Apart,
            ),
            (
                "claude -p",
                "at https://router.example/v1 m",
                Provider,
                NearerThanAsked,
            ),
            (
                "at http://[::1]:1/v1 m",
                "at http://[::1]:1/v1 m",
                Context,
                Same,
            ),
            (
                "at http://[::1]:1/v1 m",
                "at http://[::1]:1/v1 n",
                Model,
                Apart,
            ),
        ]);
    }

    fn holds(cases: &[(&str, &str, Independence, Closeness)]) {
        for &(worker, judge, asked, wanted) in cases {
            assert_eq!(
                between(worker, judge, asked),
                wanted,
                "{worker} / {judge} / {asked:?}"
            );
        }
    }
}
