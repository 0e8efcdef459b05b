//! Where the operator reads: the place in a transcript, the choice in a timeline, what `u` takes back.

use crate::tui::text::flow::Anchor;

/// The runs of one loop.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// The loop.
    pub name: String,
    /// The chosen run, from the newest; 0 is the newest.
    pub chosen: usize,
    /// The chosen iteration, from 1; 0 for the newest.
    pub iteration: usize,
    /// What the list is filtered by; empty for nothing.
    pub filter: String,
}

/// Where the transcript is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Whether the end is followed.
    pub follow: bool,
    /// The top, where it is not.
    pub top: Anchor,
    /// Lines there were when following stopped; what came since is new.
    pub known: u64,
}

/// What was done last, and is taken back first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Newest {
    /// A decision.
    #[default]
    Decision,
    /// `X`.
    StopAll,
}
