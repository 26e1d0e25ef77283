//! The remote user: what `%u` prints.

use http::HeaderName;

use super::Fields;

/// The header field that names the user unless the settings name another: Repose's.
pub const DEFAULT_HEADER: HeaderName = HeaderName::from_static("x-pp-user");

/// The first user that the field names; it may be a list.
pub fn first<'a>(fields: Fields<'a>, header: &HeaderName) -> Option<&'a str> {
    let users = fields.lines(header).flat_map(|line| line.split(|&b| b == b','));
    users.filter_map(|user| std::str::from_utf8(user).ok()).map(str::trim).find(|user| !user.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_list() {
        let lines = [("X-PP-User".to_owned(), b",  ".to_vec()), ("x-pp-user".to_owned(), b" al,bo".to_vec())];
        assert_eq!(first(Fields::Lines(&lines), &DEFAULT_HEADER), Some("al"));
        assert_eq!(first(Fields::Lines(&[]), &DEFAULT_HEADER), None);
    }
}
