//! Which mode a run gets of the one that its file asks for, and whether it is drawn for an audit.

use std::collections::BTreeMap;

use crate::run::{Digest, LoopSpec, Mode};

/// The granted mode, and why it is not the asked one; empty where it is.
pub(super) fn granted(spec: &LoopSpec, grants: &BTreeMap<String, Mode>) -> (Mode, String) {
    let earned = grants.get(&spec.name).copied().unwrap_or(Mode::Training);
    let asked = spec.guardrails.mode;
    if asked <= earned {
        return (asked, String::new());
    }
    (
        earned,
        format!("asks for {}, has earned {}", asked.word(), earned.word()),
    )
}

/// Whether this run stops at work and verdict anyway: 1 of 5 supervised, 1 of 20 autonomous
/// (PRODUCT §3.7).
pub(super) fn drawn_for_audit(mode: Mode, pinned: &Digest, now_ms: i64) -> bool {
    let one_in = match mode {
        Mode::Training => return false,
        Mode::Supervised => 5,
        Mode::Autonomous => 20,
    };
    let lot = Digest::of_value(&(pinned, now_ms));
    let lot = u32::from_str_radix(lot.short(), 16).unwrap_or(0);
    lot.is_multiple_of(one_in)
}
