//! Digests: the short names of exact bytes, and canonical JSON to take them over.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::inert::count_hidden;

/// BLAKE3 of some bytes, as 64 lowercase hex digits.
///
/// Carried whole on the wire; screens show the first 8 (PRODUCT §5.16).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

/// Fewest hex digits by which a decision may name a digest on the command line (PRODUCT §5.16).
pub const SHORTEST_PREFIX: usize = 16;

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().to_string())
    }

    /// The digest of a value, over its canonical JSON: keys sorted, no blanks.
    ///
    /// A value that is no JSON (a map with keys that are not strings) digests as `null`; the
    /// types of this crate have none.
    pub fn of_value<T: Serialize>(value: &T) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default();
        Self::of(value.to_string().as_bytes())
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 8 digits that screens show and that a person types.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }

    /// Whether `prefix` names this digest and is long enough to mean it.
    pub fn is_named_by(&self, prefix: &str) -> bool {
        prefix.len() >= SHORTEST_PREFIX && self.0.starts_with(&prefix.to_ascii_lowercase())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text kept by its digest beside the events: what it is, without carrying it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRef {
    /// Names the exact bytes.
    pub digest: Digest,
    /// Size in bytes.
    pub bytes: u64,
    /// Size in lines.
    pub lines: u64,
    /// Characters in it that nobody sees unless they are spelled out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hidden: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl TextRef {
    /// The reference to this text.
    pub fn to(text: &str) -> Self {
        Self {
            digest: Digest::of(text.as_bytes()),
            bytes: text.len() as u64,
            lines: text.lines().count() as u64,
            hidden: count_hidden(text),
        }
    }
}
