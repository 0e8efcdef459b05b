//! The program: a hidden keeper, or what the command line says.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|a| a == "__keeper") {
        return checkride::supervisor::process::keeper::main();
    }
    // Only a second call could fail, and there is none.
    drop(color_eyre::install());
    checkride::host::program::run(std::env::args_os())
}
