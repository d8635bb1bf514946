//! The machine around the server: where its log goes, what it is called, and what it asks of us.

pub mod inherited;
pub mod log;
pub mod machine;
pub mod manager;
pub mod signals;
pub mod timestamp;
