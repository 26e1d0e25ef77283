//! Header fields as directives print them.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderName, header};

use super::{
    date::{self, Conversion, MAX_DATE},
    insert::Inserted,
};
use crate::exchange::{Clock, Exchange};

/// A field that a directive names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    message: Message,
    name: HeaderName,
    /// Whether empty members of the list are left out.
    is_list: bool,
}

/// The message that a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Response,
}

/// Request fields that Repose split at commas on entry, which lost their empty members.
const LISTS: [HeaderName; 16] = [
    header::ACCEPT,
    header::ACCEPT_CHARSET,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::ALLOW,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::EXPECT,
    header::PRAGMA,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Others of them that have no constant.
const MORE_LISTS: [&str; 2] = ["warning", "x-roles"];

/// Families of them.
const LIST_PREFIXES: [&str; 3] = ["x-pp-", "x-tenant-", "x-user-"];

/// Fields that hold a secret.
const CREDENTIALS: [HeaderName; 4] =
    [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE, header::SET_COOKIE];

impl Field {
    /// The field with this name.
    pub(super) fn new(message: Message, name: HeaderName) -> Self {
        let is_list = LISTS.contains(&name)
            || MORE_LISTS.contains(&name.as_str())
            || LIST_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
        Self { message, name, is_list: is_list && message == Message::Request }
    }

    /// Whether the field holds a secret.
    pub(super) fn is_credential(&self) -> bool {
        CREDENTIALS.contains(&self.name)
    }

    /// The message that it belongs to.
    pub(super) fn message(&self) -> Message {
        self.message
    }

    /// The name of the field.
    pub(super) fn name(&self) -> &HeaderName {
        &self.name
    }

    /// Whether it has no line but blank ones.
    pub(super) fn is_blank(&self, exchange: &Exchange<'_>) -> bool {
        self.lines(exchange).all(|line| line.trim_ascii().is_empty())
    }

    /// Writes the lines with commas between them.
    pub(super) fn write(
        &self,
        conversion: Option<Conversion>,
        exchange: &Exchange<'_>,
        out: &mut Inserted<'_>,
    ) -> fmt::Result {
        for (index, line) in self.lines(exchange).enumerate() {
            if index > 0 {
                out.str(",");
            }
            let date = conversion.and_then(|conversion| {
                Some((conversion.to, self.instant(line, conversion, &exchange.clock)?))
            });
            match date {
                Some((to, instant)) => to.write(instant, out)?,
                None => out.bytes(line),
            }
        }
        Ok(())
    }

    /// What it writes for this exchange has no more bytes before it is escaped.
    pub(super) fn bound(&self, conversion: Option<Conversion>, exchange: &Exchange<'_>) -> usize {
        let least = if conversion.is_some() { MAX_DATE } else { 0 };
        self.lines(exchange).map(|line| line.len().max(least) + 1).sum()
    }

    /// The instant that a line tells.
    fn instant(&self, line: &[u8], conversion: Conversion, clock: &Clock) -> Option<DateTime<Utc>> {
        let text = std::str::from_utf8(line).ok()?;
        let elapsed = TimeDelta::microseconds(clock.elapsed_us.unwrap_or(0));
        let now = clock.received.checked_add_signed(elapsed).unwrap_or(clock.received);
        if self.name == header::RETRY_AFTER
            && let Some(instant) = date::after(text, now)
        {
            return Some(instant);
        }
        conversion.from.read(text, now)
    }

    /// The lines: of a response all of them, of a request those that are not blank, and of a list
    /// in a request its members.
    fn lines<'a>(&self, exchange: &Exchange<'a>) -> impl Iterator<Item = &'a [u8]> {
        let (fields, keep_blank) = match self.message {
            Message::Request => (exchange.request.fields, false),
            Message::Response => (exchange.response.fields, true),
        };
        let most = if self.is_list { usize::MAX } else { 1 };
        let parts = fields.lines(&self.name).flat_map(move |line| line.splitn(most, |&byte| byte == b','));
        parts.filter(move |part| keep_blank || !part.trim_ascii().is_empty())
    }
}
