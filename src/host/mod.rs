//! The machine around the server: where its log goes, and what it is called.

pub mod log;
pub mod machine;
