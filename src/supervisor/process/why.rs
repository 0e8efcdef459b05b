//! Why a program could not be started, in one line for the operator.

use std::io;

use rustix::io::Errno;

use super::wire::Orders;

/// One line: what could not be started, and what to do about it.
pub(in crate::supervisor) fn explain(error: &io::Error, orders: &Orders) -> String {
    let program = orders.argv.first().map_or("", String::as_str);
    let folder = std::path::Path::new(&orders.cwd);
    if !folder.is_dir() {
        let folder = folder.display();
        return format!("the folder {folder} is not there: {program} cannot start in it");
    }
    let Some(errno) = Errno::from_io_error(error) else {
        return format!("{program} cannot be started: {error}");
    };
    match errno {
        Errno::NOENT if program.contains('/') && folder.join(program).exists() => {
            format!("the interpreter that {program} names in its first line is not installed")
        }
        Errno::NOENT if program.contains('/') => {
            format!("{program} is not there: correct the path in the loop file")
        }
        Errno::NOENT => format!("{program} is not found: install it, or give its full path"),
        Errno::ACCESS => format!("{program} is not executable: chmod +x it"),
        Errno::NOEXEC => {
            format!("{program} is no program for this system: does it lack a #! line?")
        }
        Errno::TXTBSY => {
            format!("{program} is still open for writing: try again when that is done")
        }
        Errno::TOOBIG => {
            format!("the arguments of {program} are too long: give the prompt by stdin")
        }
        Errno::AGAIN | Errno::NOMEM => {
            format!("the system has no room for another process: {program} cannot be started")
        }
        Errno::MFILE | Errno::NFILE => {
            format!("too many files are open: {program} cannot be started; raise ulimit -n")
        }
        _ => format!("{program} cannot be started: {error}"),
    }
}
