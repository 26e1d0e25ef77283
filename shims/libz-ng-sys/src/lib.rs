//! The name of `libz-ng-sys`, the code of `libz-sys`.
//!
//! The two crates declare the same functions and types. Pingora reaches zlib through flate2's
//! `zlib-ng` feature, whose build needs cmake; the stock zlib needs a C compiler only.

pub use libz_sys::*;
