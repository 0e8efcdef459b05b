//! The run machine from outside: scenarios told in words, and properties of any input sequence.

mod going_nowhere;
mod invariants;
mod properties;
mod scenarios;
mod words;
mod world;
