//! Sets of status codes.

use std::fmt;

/// A set of status codes from 100 to 999: what a `code-regex` matches, evaluated once at load.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusSet([u64; 15]);

impl StatusSet {
    /// The set of no status.
    pub const EMPTY: Self = Self([0; 15]);
}

impl fmt::Debug for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StatusSet")
    }
}
