//! The settings that tell who asks: the id of a request, and its user.

use clap::Args;
use http::HeaderName;

use super::value;
use crate::exchange::{request_id, user};

/// Which header fields name the request and its user.
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
}
