//! Letters to a driver: what an operator wants, and what the step in flight tells.

use tokio::sync::oneshot;

use crate::run::Input;
use crate::supervisor::hub::Reply;

/// One input on its way to a run, and who wants to hear if it is refused.
pub(in crate::supervisor) struct Mail {
    pub(super) input: Input,
    /// Texts that the input names by digest.
    pub(super) texts: Vec<String>,
    /// What the answer is about, and the way back; `None` for news of the step in flight.
    pub(super) from: Option<(String, Reply)>,
    /// Whether the step in flight is over with it.
    pub(super) lands: bool,
    /// Told once what it leads to is durable, and only where it leads to anything.
    pub(super) kept: Option<oneshot::Sender<()>>,
}

impl Mail {
    /// An operator's input.
    pub(in crate::supervisor) fn from_operator(input: Input, about: String, reply: Reply) -> Self {
        Self {
            input,
            texts: Vec::new(),
            from: Some((about, reply)),
            lands: false,
            kept: None,
        }
    }

    /// Tells whoever wrote it why nothing comes of it.
    pub(super) fn refuse(self, why: &str) {
        if let Some((about, reply)) = self.from {
            reply.refuse(about, why);
        }
    }

    /// News of the step in flight, which goes on.
    pub(in crate::supervisor) fn underway(input: Input) -> Self {
        Self {
            input,
            texts: Vec::new(),
            from: None,
            lands: false,
            kept: None,
        }
    }

    /// News of the step in flight that waits until they are kept.
    pub(super) fn to_be_kept(input: Input) -> (Self, oneshot::Receiver<()>) {
        let (kept, durable) = oneshot::channel();
        let mail = Self {
            kept: Some(kept),
            ..Self::underway(input)
        };
        (mail, durable)
    }

    /// The last word of the step in flight.
    pub(super) fn landing(input: Input, texts: Vec<String>) -> Self {
        Self {
            input,
            texts,
            from: None,
            lands: true,
            kept: None,
        }
    }
}
