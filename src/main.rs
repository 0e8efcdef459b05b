//! The program: a hidden keeper or process of the sandbox, or what the command line says.

use std::process::ExitCode;

use checkride::supervisor::sandbox::enter;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|a| a == "__keeper") {
        return checkride::supervisor::process::keeper::main();
    }
    if std::env::args_os().nth(1).is_some_and(|a| a == enter::WORD) {
        return enter::main();
    }
    // Only a second call could fail, and there is none.
    drop(color_eyre::install());
    checkride::host::program::run(std::env::args_os())
}
