//! The open transcripts: those being written, and a few that are being read.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::rc::Rc;

use super::site::places::TRANSCRIPT;
use super::worker::transcript::{KEPT_BYTES, Transcript};
use crate::durable;
use crate::protocol::RunId;

/// A transcript in use.
pub(super) type Open = Rc<RefCell<Transcript>>;

/// Transcripts of earlier runs that stay open for reading; their indexes are the cost.
const KEPT: usize = 4;

/// Transcripts by run. A clone shares them.
#[derive(Clone, Default)]
pub(super) struct Transcripts(Rc<RefCell<VecDeque<(RunId, Open)>>>);

impl Transcripts {
    /// The transcript of a run, opened or begun in its folder below the project.
    pub(super) fn open(&self, run: &RunId, project: &Path, below: &Path) -> io::Result<Open> {
        if let Some(open) = self.find(run) {
            return Ok(open);
        }
        let folder = durable::make_real_folder(project, below)?;
        let transcript = Transcript::open(&folder.join(TRANSCRIPT), KEPT_BYTES)?;
        let open = Rc::new(RefCell::new(transcript));
        let mut all = self.0.borrow_mut();
        all.push_front((run.clone(), open.clone()));
        // One that is written has a second owner and stays, however many there are.
        let mut idle = 0;
        all.retain(|(_, open)| {
            idle += usize::from(Rc::strong_count(open) == 1);
            Rc::strong_count(open) > 1 || idle <= KEPT
        });
        Ok(open)
    }

    fn find(&self, run: &RunId) -> Option<Open> {
        self.0
            .borrow()
            .iter()
            .find(|(id, _)| id == run)
            .map(|(_, open)| open.clone())
    }
}
