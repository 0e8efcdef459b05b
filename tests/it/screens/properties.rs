//! Random keys, sizes and records.
