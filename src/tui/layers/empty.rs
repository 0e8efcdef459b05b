//! Why a page has nothing to show, in one line. What it shows otherwise is `checkpoint.rs`.

use crate::tui::app::pages::{Pages, Tab};
use crate::tui::app::runs::Run;
use crate::tui::styles::Role;
use crate::tui::text::Row;

/// The one line of a page without content.
pub(crate) fn page(tab: Tab, pages: &Pages, run: &Run) -> Vec<Row> {
    vec![Row::of(Role::Muted, why(tab, pages, run))]
}

fn why(tab: Tab, pages: &Pages, run: &Run) -> &'static str {
    let coming = run.active() && pages.iteration >= run.now();
    match (tab, coming) {
        (Tab::Prompt, true) => "no prompt yet: it is put together when the iteration begins",
        (Tab::Prompt, false) => "this iteration ended before a prompt was put together",
        (Tab::Diff, true) => "no diff yet: the worker has not handed its work in",
        (Tab::Diff, false) => "this iteration ended before the worker handed anything in",
        (Tab::Verdict, true) => "no verdict yet: the checks of this iteration have not run",
        (Tab::Verdict, false) => "this iteration ended before its checks had run",
        (Tab::Memory, _) => "the memory file has not been read yet",
        (Tab::Output, true) => "no draft yet: the worker has not handed its work in",
        (Tab::Output, false) => "no draft: this run kept none",
    }
}
