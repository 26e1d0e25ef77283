//! The names of header fields that mean something to the proxy itself.

use clap::Args;
use http::HeaderName;

use super::value;
use crate::{
    exchange::{OPT_OUT, request_id, user},
    explain,
};

/// Which header fields name the request and its user, and which tells to leave a response alone.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Identity")]
pub(super) struct Identity {
    /// Header with the request's id (`%g`); repeatable, the first that holds a valid one counts
    #[arg(long, value_name = "NAME", env = "RETORT_REQUEST_ID_HEADER", value_delimiter = ',')]
    #[arg(value_parser = value::header_name, default_values_t = request_id::DEFAULT_HEADERS)]
    pub(super) request_id_header: Vec<HeaderName>,
    /// Request header with the remote user (`%u`)
    #[arg(long, value_name = "NAME", env = "RETORT_USER_HEADER")]
    #[arg(value_parser = value::header_name, default_value_t = user::DEFAULT_HEADER)]
    pub(super) user_header: HeaderName,
    /// Response header with which an upstream asks, by the value `leave`, to leave its response alone
    #[arg(long, value_name = "NAME", env = "RETORT_OPT_OUT_HEADER")]
    #[arg(value_parser = value::header_name, default_value_t = OPT_OUT)]
    pub(super) opt_out_header: HeaderName,
}

impl From<Identity> for explain::Identity {
    fn from(identity: Identity) -> Self {
        let Identity { request_id_header, user_header, opt_out_header } = identity;
        Self { request_id_headers: request_id_header, user_header, opt_out_header }
    }
}
