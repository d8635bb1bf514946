//! The machine around the server: where its logs go, what it is called, and what it asks of us.

pub mod inherited;
pub mod json_line;
pub mod line_file;
pub mod log;
pub mod machine;
pub mod manager;
pub mod signals;
