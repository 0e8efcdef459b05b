//! ```text
//! ─ weekly-article · review ── a allows this ─────────────────
//!  changed outside the cockpit: nothing of it runs …
//!  what changed
//!    scripts/check  +exit 0
//! ```

use crate::protocol::review::Tone;
use crate::tui::app::App;
use crate::tui::layout::{self, Region};
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::{Row, exact};

/// Draws what a loop would run, for its operator to allow.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, name: &str, region: Region) {
    let title = Row::of(Role::TitleFocus, format!("{name} · review"));
    let width = usize::from(region.title.width);
    let keys = match app.world.reviews.get(name) {
        Some(review) if !review.allowed => "a allows exactly this and starts it · Esc leaves it",
        Some(_) | None => "Esc closes",
    };
    canvas.rule(region.title, &paint::rule_with(title, keys, width));
    canvas.rows(layout::inner(region.body), &super::visible(app));
}

/// The text of the layer.
pub(crate) fn rows(app: &App, name: &str, width: usize) -> Vec<Row> {
    let Some(review) = app.world.reviews.get(name) else {
        return vec![Row::of(Role::Muted, "it is being read")];
    };
    let mut rows = Vec::new();
    for (tone, line) in review.lines() {
        let (role, indent) = match tone {
            Tone::Head => (Role::TitleFocus, ""),
            Tone::Plain => (Role::Fg, "  "),
            Tone::Added => (Role::Ok, "  "),
            Tone::Removed => (Role::Fail, "  "),
            Tone::Quiet => (Role::Muted, "  "),
        };
        if line.is_empty() {
            rows.push(Row::blank());
        } else {
            rows.extend(exact(role, indent, &line, width));
        }
    }
    let digest = format!("digest {}", review.digest.short());
    rows.extend([Row::blank(), Row::of(Role::Muted, digest)]);
    rows
}
