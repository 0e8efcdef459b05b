//! What this machine can do, found out by trying: the sandbox is rehearsed once, with no program in
//! it. What a build could do is no answer.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use super::{Cage, Net, Word, enter};
use crate::supervisor::process::wire::{self, Orders};

/// How long a rehearsal may take: some milliseconds, but on a machine that has no time for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What this machine can confine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Powers {
    /// The interface of Landlock that is in force; why there is none.
    pub walls: Result<i32, String>,
    /// Whether there are namespaces; why there are none.
    pub apart: Result<(), String>,
}

impl Powers {
    /// A machine that confines nothing, for this reason.
    pub fn none(why: &str) -> Self {
        Self {
            walls: Err(why.to_owned()),
            apart: Err(why.to_owned()),
        }
    }
}

/// What this machine can confine, tried out once and beside everything else. Clones share the result.
#[derive(Debug, Clone)]
pub struct Trial {
    program: PathBuf,
    found: Arc<OnceLock<Powers>>,
}

impl Trial {
    /// Begins to try it out; `program` is this very program.
    pub fn begin(program: &Path) -> Self {
        let trial = Self {
            program: program.to_owned(),
            found: Arc::default(),
        };
        let beside = trial.clone();
        // Where the system has no room for a thread, whoever asks first tries it out.
        drop(thread::Builder::new().spawn(move || {
            beside.known();
        }));
        trial
    }

    /// What was found; waits for it where it is still tried out.
    pub fn known(&self) -> &Powers {
        self.found.get_or_init(|| probe(&self.program))
    }
}

impl From<Powers> for Trial {
    fn from(powers: Powers) -> Self {
        Self {
            program: PathBuf::new(),
            found: Arc::new(OnceLock::from(powers)),
        }
    }
}

/// Tries it out; `program` is this very program.
pub fn probe(program: &Path) -> Powers {
    if !cfg!(target_os = "linux") {
        return Powers::none("this build has a sandbox for Linux alone");
    }
    let whole = Cage {
        apart: true,
        walls: true,
        read: vec!["/usr".into()],
        write: Vec::new(),
        mask: Vec::new(),
        stores: Vec::new(),
        net: Net::None,
    };
    // What stands with both needs no second trial; what does not is told apart.
    if let Ok(abi) = rehearse(program, &whole) {
        return Powers {
            walls: Ok(abi),
            apart: Ok(()),
        };
    }
    let bare = Cage {
        apart: false,
        ..whole
    };
    let walls = rehearse(program, &bare);
    let apart = Cage {
        apart: true,
        walls: walls.is_ok(),
        ..bare
    };
    Powers {
        apart: rehearse(program, &apart).map(drop),
        walls,
    }
}

/// Puts up a sandbox with nothing in it; the interface of Landlock that it has.
fn rehearse(program: &Path, cage: &Cage) -> Result<i32, String> {
    let failed = |e: io::Error| format!("it cannot be tried out: {e}");
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let mut child = Command::new(program)
        .args([enter::WORD, cage.word()])
        .env_clear()
        .current_dir("/")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let said = converse(&ours, cage).map_err(failed);
    // It ends when its socket does, whatever it was doing.
    drop(ours);
    if said.is_err() {
        drop(child.kill());
    }
    drop(child.wait());
    match said? {
        Some(Word::Started(abi)) => Ok(abi),
        Some(Word::Failed(why)) => Err(why.trim_start_matches("the sandbox: ").to_owned()),
        Some(Word::Heard | Word::Ended(_)) | None => Err("it ended before it stood".to_owned()),
    }
}

fn converse(mut socket: &UnixStream, cage: &Cage) -> io::Result<Option<Word>> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let null = || std::fs::File::open("/dev/null").map(OwnedFd::from);
    wire::send_streams(socket, &[null()?, null()?, null()?])?;
    let orders = Orders {
        argv: Vec::new(),
        cwd: "/".into(),
        env: Vec::new(),
        cage: Some(cage.clone()),
    };
    socket.write_all(&wire::framed(&orders)?)?;
    for line in BufReader::new(socket).lines() {
        match serde_json::from_str(&line?).ok() {
            Some(Word::Heard) => {}
            said => return Ok(said),
        }
    }
    Ok(None)
}
