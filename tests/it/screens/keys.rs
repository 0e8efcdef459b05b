//! What keys do: arming, Enter and Esc, text fields, stale digests.
