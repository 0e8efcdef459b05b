//! The newest restore of a run's files, as its events tell it: which iterations it set aside.

use super::{Iteration, Phase, Run};
use crate::run::{Event, Outcome, Stage};

/// Where the newest restore stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Restoring {
    /// There is none that could be taken back.
    #[default]
    None,
    /// The files are on their way back.
    Asked(Point),
    /// The files stand as they were before this point's iteration, and nothing has followed.
    Done(Point),
    /// It is being taken back.
    Undoing(Point),
    /// It was taken back from before this iteration.
    Undone(u32),
}

/// A restore point that was gone back to.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    iteration: u32,
    /// The iterations as they were before.
    was: Vec<Iteration>,
    /// How the run had ended, if it had.
    ended: Option<Outcome>,
}

impl Point {
    /// Whether its files alone go back, because nothing can pick the run up.
    fn is_of_files_alone(&self) -> bool {
        self.ended.as_ref().is_some_and(|end| !end.can_be_resumed())
    }
}

impl Run {
    /// The iteration that the files are back before, as long as `u` takes that back.
    pub fn put_back_before(&self) -> Option<u32> {
        match &self.restoring {
            Restoring::Done(point) => Some(point.iteration),
            Restoring::None
            | Restoring::Asked(_)
            | Restoring::Undoing(_)
            | Restoring::Undone(_) => None,
        }
    }

    /// Files are asked for, asked back or there.
    pub(super) fn puts_back(&mut self, event: &Event, at: i64) {
        if let Event::Restored { .. } = event {
            return self.restored();
        }
        if let Event::RestoreAsked { iteration } = event {
            self.restore_asked(*iteration);
        } else {
            self.restore_undone();
        }
        self.phase = Phase::Busy(Stage::Restore, at);
    }

    fn restore_asked(&mut self, iteration: u32) {
        let was = match std::mem::take(&mut self.restoring) {
            Restoring::Asked(point) | Restoring::Done(point) | Restoring::Undoing(point) => {
                point.was
            }
            Restoring::None | Restoring::Undone(_) => self.iterations.clone(),
        };
        self.restoring = Restoring::Asked(Point {
            iteration,
            was,
            ended: self.outcome().cloned(),
        });
    }

    fn restore_undone(&mut self) {
        self.restoring = match std::mem::take(&mut self.restoring) {
            Restoring::Asked(point) | Restoring::Done(point) => Restoring::Undoing(point),
            other @ (Restoring::None | Restoring::Undoing(_) | Restoring::Undone(_)) => other,
        };
    }

    /// The files are back.
    fn restored(&mut self) {
        match std::mem::take(&mut self.restoring) {
            Restoring::Asked(point) => {
                let length = usize::try_from(point.iteration).unwrap_or(usize::MAX);
                if !point.is_of_files_alone() && length <= self.iterations.len() {
                    self.iterations.truncate(length);
                    if let Some(newest) = self.iterations.last_mut() {
                        newest.starts_over();
                    }
                }
                self.restoring = Restoring::Done(point);
            }
            Restoring::Undoing(point) => {
                self.restoring = Restoring::Undone(point.iteration);
                self.iterations = point.was;
            }
            other @ (Restoring::None | Restoring::Done(_) | Restoring::Undone(_)) => {
                self.restoring = other;
            }
        }
    }

    pub(super) fn restore_stays(&mut self) {
        if let Restoring::Done(_) | Restoring::Undone(_) = self.restoring {
            self.restoring = Restoring::None;
        }
    }

    /// What is said once files were put back.
    pub(crate) fn restore_line(&self) -> Option<String> {
        match &self.restoring {
            Restoring::Done(point) => {
                let n = point.iteration;
                let next = match &point.ended {
                    None => "the run begins it anew; ",
                    Some(end) if end.can_be_resumed() => "r begins it anew; ",
                    Some(_) => "",
                };
                Some(format!(
                    "files are as before iteration {n}; {next}u takes this back"
                ))
            }
            Restoring::Undone(n) => Some(format!(
                "the restore is taken back; t and u put the files before iteration {n} again"
            )),
            Restoring::None | Restoring::Asked(_) | Restoring::Undoing(_) => None,
        }
    }
}
