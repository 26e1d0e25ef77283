//! The Accept field (RFC 9110 §12.5.1): field lines become ranges, ranges choose among offers.

/// What a message offers.
#[derive(Clone, Debug)]
pub enum Offer {
    /// `*/*`: answers every request.
    Any,
}
