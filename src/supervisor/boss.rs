//! boss
use super::journal::Journal;
use super::{Activity, Settings};
use crate::link::FarEnd;
use tokio::sync::{mpsc, watch};

pub(super) async fn work(
    _settings: Settings,
    _journal: Journal,
    mut _doors: mpsc::UnboundedReceiver<FarEnd>,
    _said: watch::Sender<Activity>,
) {
}
