//! The sandbox as programs of a run meet it: through a real keeper, on this machine's kernel.

use std::path::PathBuf;
use std::sync::OnceLock;

use checkride::supervisor::sandbox::probe::{Powers, probe};

/// What this machine can confine, found out once.
pub(crate) fn powers() -> Powers {
    static POWERS: OnceLock<Powers> = OnceLock::new();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_checkride"));
    POWERS.get_or_init(|| probe(&program)).clone()
}
