//! The machine around the server: for now, where its log goes.

pub mod log;
