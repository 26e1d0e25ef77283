//! The rules in force: an immutable snapshot, swapped whole.
