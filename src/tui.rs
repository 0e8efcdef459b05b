//! The cockpit: one loop, wait → update → draw. It asks through commands and shows records; it
//! never waits for the supervisor and never decides anything by itself.

pub mod action;
pub mod app;
pub mod draw;
pub mod keymap;
pub mod layers;
pub mod layout;
pub mod marks;
pub mod paint;
pub mod panes;
pub mod styles;
pub mod text;
