//! A mistake in a file: where, what, and how to mend it.

/// One mistake or warning.
#[derive(Clone, Debug)]
pub struct Diagnostic {}

/// Mistakes and warnings, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {}
