//! From Pingora's errors to what the client is told.

use http::StatusCode;
use pingora::{Error, ErrorSource, ErrorType};

use super::guard::Bound;
use crate::exchange::Cause;

/// What an error means for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is told.
    Answer(StatusCode, Cause),
    /// It is gone.
    Gone,
}

impl Fate {
    /// Reads Pingora's error.
    pub(super) fn of(error: &Error) -> Self {
        match error.esource() {
            ErrorSource::Upstream => Self::of_upstream(error.etype()),
            ErrorSource::Downstream => Self::of_client(error.etype()),
            ErrorSource::Internal | ErrorSource::Unset => Self::of_proxy(error.etype()),
        }
    }

    /// What it means that a client was too late.
    pub(super) fn of_late(bound: Bound) -> Option<Self> {
        let answer = Fate::Answer(StatusCode::REQUEST_TIMEOUT, Cause::BadRequest);
        matches!(bound, Bound::Head | Bound::Body).then_some(answer)
    }

    fn of_upstream(kind: &ErrorType) -> Self {
        let (status, cause) = match kind {
            ErrorType::ConnectTimedout => (StatusCode::GATEWAY_TIMEOUT, Cause::ConnectTimeout),
            ErrorType::ReadTimedout => (StatusCode::GATEWAY_TIMEOUT, Cause::ReadTimeout),
            ErrorType::WriteTimedout => (StatusCode::GATEWAY_TIMEOUT, Cause::WriteTimeout),
            ErrorType::TLSHandshakeTimedout => (StatusCode::GATEWAY_TIMEOUT, Cause::Tls),
            ErrorType::ConnectRefused
            | ErrorType::ConnectNoRoute
            | ErrorType::ConnectError
            | ErrorType::ConnectProxyFailure => (StatusCode::BAD_GATEWAY, Cause::ConnectRefused),
            ErrorType::TLSHandshakeFailure
            | ErrorType::TLSWantX509Lookup
            | ErrorType::InvalidCert
            | ErrorType::HandshakeError => (StatusCode::BAD_GATEWAY, Cause::Tls),
            // Pingora says so where it could not make or bind a socket of its own.
            ErrorType::InternalError | ErrorType::SocketError | ErrorType::BindError => {
                (StatusCode::BAD_GATEWAY, Cause::Internal)
            }
            _ => (StatusCode::BAD_GATEWAY, Cause::Reset),
        };
        Fate::Answer(status, cause)
    }

    fn of_client(kind: &ErrorType) -> Self {
        match kind {
            ErrorType::ReadError
            | ErrorType::WriteError
            | ErrorType::WriteTimedout
            | ErrorType::ConnectionClosed
            | ErrorType::H2Error => Fate::Gone,
            ErrorType::ReadTimedout => Fate::Answer(StatusCode::REQUEST_TIMEOUT, Cause::BadRequest),
            _ => Fate::Answer(StatusCode::BAD_REQUEST, Cause::BadRequest),
        }
    }

    fn of_proxy(kind: &ErrorType) -> Self {
        match kind {
            ErrorType::HTTPStatus(code) if (400..500).contains(code) => {
                let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::BAD_REQUEST);
                Fate::Answer(status, Cause::BadRequest)
            }
            _ => Fate::Answer(StatusCode::INTERNAL_SERVER_ERROR, Cause::Internal),
        }
    }
}
