//! The examiner: checks first, then the judge, in a checkout that the worker never writes.
//! What their answers add up to is `run::ruling`.

pub mod answer;
pub mod checks;
pub mod judge;
mod printed;
pub mod remote;
pub mod wording;
