//! What is told and asked on the admin listener.

pub mod page;
pub mod view;
