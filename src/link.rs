//! A link: the two ends of one connection to a supervisor, in this process or across the socket.
//! Who holds one cannot tell which.

use tokio::sync::mpsc;

use crate::protocol::{Command, Record};

/// Records that may wait for a slow reader. What comes later waits on disk, not in memory.
const RECORDS: usize = 256;

/// Commands that may wait for the supervisor; a full channel is shown as «busy».
const COMMANDS: usize = 64;

/// The operator's end.
#[derive(Debug)]
pub struct Link {
    /// Commands go in here.
    pub commands: mpsc::Sender<Command>,
    /// Records come out here; the end means that the supervisor is gone.
    pub records: mpsc::Receiver<Record>,
}

/// The supervisor's end.
#[derive(Debug)]
pub struct FarEnd {
    /// Commands come out here; the end means that the operator is gone.
    pub commands: mpsc::Receiver<Command>,
    /// Records go in here.
    pub records: mpsc::Sender<Record>,
}

impl Link {
    /// A connection: both ends.
    pub fn pair() -> (Self, FarEnd) {
        let (commands, far_commands) = mpsc::channel(COMMANDS);
        let (far_records, records) = mpsc::channel(RECORDS);
        let far = FarEnd {
            commands: far_commands,
            records: far_records,
        };
        (Self { commands, records }, far)
    }
}
