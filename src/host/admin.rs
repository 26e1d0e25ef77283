//! What is told and asked on the admin listener.

pub mod view;
