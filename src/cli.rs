//! The same engine in words: each command is a text made from records and a thin driver over a
//! link. Nothing here draws, and nothing here knows whose process the supervisor is in.

pub mod arm;
pub mod attic;
pub mod check;
pub mod decide;
pub mod doctor;
pub mod exit;
pub mod fire;
pub mod flags;
pub mod init;
pub mod log;
pub mod out;
pub mod plain;
pub mod prompt;
pub mod run;
pub mod session;
pub mod show;
pub mod since;
mod starters;
pub mod status;
pub mod stop;
pub mod trust;
mod words;

pub use exit::{Exit, Fail};
pub use flags::Flags;
pub use out::Out;
pub use session::Session;
