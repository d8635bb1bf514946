//! Whatever clients do to their connections, others notice nothing of it, and afterwards the server has no more memory and no more descriptors
//! than before (docs/reliability.md).

#![allow(clippy::disallowed_methods, reason = "how long something takes is what is shown here")]

mod breaks;
mod churn;
mod comeback;
#[path = "../common/mod.rs"]
mod common;
mod crowds;
mod slow;
mod watched;
