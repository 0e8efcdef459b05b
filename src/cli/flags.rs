//! What may stand on the command line. Words only; what they lead to is decided elsewhere.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// What scripts may rely on, printed under the help.
const CODES: &str = "Exit codes: 0 done or goal met, 1 trouble, 2 invalid file or usage, \
10 waiting at a checkpoint, 11 not approved, 12 stuck, 13 budget, 14 stopped, 15 cannot verify, \
20 refused or stale, 21 no such loop or run, 22 no host, \
23 not trusted.";

/// A loop cockpit: supervise the loops that prompt your AI agents, one checkpoint at a time.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "checkride", version, after_help = CODES)]
pub struct Flags {
    /// The project's folder; opens its cockpit
    #[arg(conflicts_with = "project")]
    pub dir: Option<PathBuf>,
    /// The project's folder, for every command [default: here]
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// How the cockpit looks
    #[command(flatten)]
    pub view: View,
    /// What to do instead of opening the cockpit
    #[command(subcommand)]
    pub command: Option<Cmd>,
}

/// How the cockpit looks and what it may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub struct View {
    /// Linear text instead of the cockpit, for screen readers, dumb terminals and pipes; with `run`,
    /// its checkpoints are asked in place
    #[arg(long, global = true)]
    pub plain: bool,
    /// Look, never decide
    #[arg(long)]
    pub read_only: bool,
    /// No colours
    #[arg(long)]
    pub no_color: bool,
    /// Only ASCII characters
    #[arg(long)]
    pub ascii: bool,
    /// A theme by its name
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
}

/// The commands.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Cmd {
    /// Watch a scripted loop in a temporary folder: no network, no key
    Demo,
    /// Copy a shipped loop with its skill and scripts into the project
    Init {
        /// Its name; without one the starters are listed
        starter: Option<String>,
    },
    /// Check loop files and skills, and say what is wrong with the line
    Check {
        /// Loop files; all of the project where none is named
        files: Vec<PathBuf>,
        /// Print every key of a loop file, its values and its default
        #[arg(long, conflicts_with = "files")]
        keys: bool,
    },
    /// Say which agents, keys and local models are found, and what each loop would lack
    Doctor {
        /// One object
        #[arg(long)]
        json: bool,
    },
    /// Start a loop and follow it until a checkpoint or its end
    Run {
        /// The loop
        #[arg(value_name = "LOOP")]
        name: String,
        /// One run, which is what `run` always does
        #[arg(long)]
        once: bool,
        /// One record per line
        #[arg(long)]
        json: bool,
    },
    /// Run a prompt once, without a loop: you see it, its work, and accept it or not
    Prompt(Prompt),
    /// Lay open what loops would run, and allow exactly that
    Trust(Trust),
    /// List what left a workspace and stands in no snapshot, give it back, or delete it for good
    Attic(Attic),
    /// Print what a checkpoint asks about, exactly, and mark it seen
    ///
    /// At a terminal each line of its text begins with «|», so that none can pass for a line of this program. In
    /// a pipe or a file the question comes first, then an empty line, then the text byte for byte to the end.
    Show {
        /// The checkpoint, or a run or loop for the one it waits at
        id: String,
    },
    /// Answer a checkpoint that was shown
    Decide(Box<Decide>),
    /// Fire a loop's trigger once, from cron, a timer, n8n or a script
    Fire {
        /// The loop
        #[arg(value_name = "LOOP")]
        name: String,
        /// What comes with it, `-` for standard input: data, at most 64 KiB
        #[arg(long, value_name = "FILE")]
        payload: Option<PathBuf>,
    },
    /// Fire whatever is due, wait until every run is parked or over, and exit
    Tick,
    /// Say how every loop stands
    Status {
        /// One object
        #[arg(long)]
        json: bool,
        /// First what happened since then: a length such as 8h; without one, since a cockpit was left
        #[arg(long, value_name = "LENGTH", num_args = 0..=1, default_missing_value = "", conflicts_with = "json")]
        since: Option<String>,
    },
    /// Print what happened to a loop, the oldest run first: decisions with digests, times and durations
    Log {
        /// The loop
        #[arg(value_name = "LOOP")]
        name: String,
        /// One object per line
        #[arg(long)]
        json: bool,
        /// Most runs: the newest N
        #[arg(long, default_value_t = 20, value_name = "N")]
        runs: u32,
    },
    /// Arm a loop's trigger that is off or has run out, or all that are off
    Arm {
        /// The loop
        #[arg(value_name = "LOOP")]
        name: Option<String>,
    },
    /// Switch a loop's trigger off, or all; runs under way go on
    Disarm {
        /// The loop
        #[arg(value_name = "LOOP")]
        name: Option<String>,
    },
    /// Stop a loop's run, everything, or the host
    Stop(Stop),
    /// Be the project's host until told to end
    Host {
        /// Write a systemd user unit or launchd agent that starts this host, and say what to run
        #[arg(long, conflicts_with_all = ["uninstall", "background"])]
        install: bool,
        /// Take that file away again
        #[arg(long, conflicts_with = "background")]
        uninstall: bool,
        /// Leave when nobody needs it; started so by the cockpit
        #[arg(long, hide = true)]
        background: bool,
    },
}

/// What to ask once.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Prompt {
    /// The skill that it is done by: a folder, or its name in `skills`
    pub skill: Option<String>,
    /// What is asked
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    pub text: Option<String>,
    /// What is asked, from this file; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Who does it: a loop whose worker is taken, or an agent such as claude
    #[arg(long, value_name = "WHO")]
    pub worker: Option<String>,
    /// One record per line
    #[arg(long)]
    pub json: bool,
}

/// What to allow.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Trust {
    /// The loops; where none is named, those that may not run
    #[arg(value_name = "LOOP")]
    pub names: Vec<String>,
    /// Allow, without asking, what has this digest: 16 digits or more
    #[arg(long, value_name = "HEX")]
    pub yes: Option<String>,
    /// One object per loop
    #[arg(long)]
    pub json: bool,
}

/// What is kept aside.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub struct Attic {
    /// The loop [default: all]
    #[arg(value_name = "LOOP")]
    pub name: Option<String>,
    /// Move this one out, into a new folder
    #[arg(long, value_name = "N", requires = "name", conflicts_with_all = ["empty", "json"])]
    pub restore: Option<String>,
    /// With --restore: the folder, which must not be there yet [default: LOOP-N]
    #[arg(long, value_name = "FOLDER", requires = "restore")]
    pub into: Option<PathBuf>,
    /// Say what would be deleted; with --yes delete it for good
    #[arg(long)]
    pub empty: bool,
    /// With --empty: do it
    #[arg(long, requires = "empty")]
    pub yes: bool,
    /// One object per line
    #[arg(long, conflicts_with = "empty")]
    pub json: bool,
}

/// What to stop.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(override_usage = "checkride stop LOOP | --all | --host [--force]")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub struct Stop {
    /// The loop
    #[arg(value_name = "LOOP", required_unless_present_any = ["all", "host"], conflicts_with_all = ["all", "host"])]
    pub name: Option<String>,
    /// Every run, and switch all triggers off
    #[arg(long, conflicts_with = "host")]
    pub all: bool,
    /// The host; it refuses while something is at work
    #[arg(long)]
    pub host: bool,
    /// With --host: stop what is at work first
    #[arg(long, requires = "host")]
    pub force: bool,
}

/// An answer to a checkpoint.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Decide {
    /// The checkpoint, or a run or loop for the one it waits at
    pub id: String,
    /// The answer
    pub answer: Word,
    /// The digest that was shown: 16 digits or more
    #[arg(long, value_name = "HEX")]
    pub digest: String,
    /// retry: what the worker should know; verdict: the note to save; question: the answer
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    pub note: Option<String>,
    /// The new text from this file, `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// edit on work or publish: the changed file that gets the text
    #[arg(long, value_name = "PATH", requires = "file")]
    pub path: Option<String>,
    /// The rest of what an edit may change
    #[command(flatten)]
    pub edit: Edit,
}

/// What only `edit` takes.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Edit {
    /// edit on a verdict: what the next prompt is told
    #[arg(long, value_name = "TEXT")]
    pub feedback: Option<String>,
    /// edit on a verdict: rubric line N is met
    #[arg(long, value_name = "N")]
    pub yes: Vec<usize>,
    /// edit on a verdict: rubric line N is not met
    #[arg(long, value_name = "N[=WHY]")]
    pub no: Vec<String>,
    /// edit on a guardrail: allow once what was tried; on a permission: for the whole run
    #[arg(long)]
    pub allow: bool,
    /// edit on a budget: tokens in all
    #[arg(long, value_name = "N")]
    pub tokens: Option<u64>,
    /// edit on a budget: minutes in all
    #[arg(long, value_name = "N")]
    pub minutes: Option<u64>,
    /// edit on a budget: dollars in all, such as 2.50
    #[arg(long, value_name = "USD")]
    pub usd: Option<String>,
}

/// The four answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Word {
    /// Take the step that was shown
    Approve,
    /// Change what was shown; it is then shown again
    Edit,
    /// Do the step over
    Retry,
    /// Stop the run and keep everything
    Abort,
}

impl Flags {
    /// The project's folder.
    pub fn folder(&self) -> &Path {
        self.dir
            .as_deref()
            .or(self.project.as_deref())
            .unwrap_or(Path::new("."))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(words: &str) -> Result<Flags, clap::Error> {
        Flags::try_parse_from(words.split(' '))
    }

    /// The table of flags is consistent in itself.
    #[test]
    fn is_consistent() {
        Flags::command().debug_assert();
    }

    /// A folder opens its cockpit; a command's name is a command.
    #[test]
    fn tells_folders_from_commands() {
        assert_eq!(parse("checkride ../x").unwrap().folder(), Path::new("../x"));
        assert_eq!(parse("checkride demo").unwrap().command, Some(Cmd::Demo));
        let status = parse("checkride status --json -C y").unwrap();
        assert_eq!(status.folder(), Path::new("y"));
        assert_eq!(
            status.command,
            Some(Cmd::Status {
                json: true,
                since: None
            })
        );
    }

    /// A decision without a digest is no decision.
    #[test]
    fn decide_wants_a_digest() {
        assert!(parse("checkride decide a-1.1 approve").is_err());
        assert!(parse("checkride decide a-1.1 approve --digest 0123456789abcdef").is_ok());
    }

    /// `stop` stops exactly one kind of thing.
    #[test]
    fn stop_wants_one_thing() {
        assert!(parse("checkride stop").is_err());
        assert!(parse("checkride stop x --all").is_err());
        assert!(parse("checkride stop --all --host").is_err());
        assert!(parse("checkride stop --host --force").is_ok());
    }
}
