//! The reverse proxy: Pingora phases become exchanges, decisions become calls.
