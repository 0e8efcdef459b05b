//! One frame: panes, then the layer, then the foot. Changes nothing.

use ratatui::buffer::Buffer;

use super::app::App;
use super::layers;
use super::paint::Canvas;
use super::panes::{self, foot, header};
use super::styles::Styles;

/// Draws everything that the app shows.
pub fn draw(app: &App, styles: &Styles, buf: &mut Buffer) {
    let at = app.layout();
    let mut canvas = Canvas::new(buf, styles);
    header::draw(&mut canvas, app, at.header);
    if at.over.is_some() {
        layers::draw(&mut canvas, app, &at);
    }
    panes::draw(&mut canvas, app, &at);
    foot::draw(&mut canvas, app, &at);
}
