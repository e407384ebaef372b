//! Opt-outs of senders who were erased.
//!
//! Whoever was erased is unknown, and still wants no messages. What is kept is a digest of sender
//! and our address, keyed by the vault's key, so that the database alone tells nothing. When the
//! sender turns up again, the opt-out is in force again before anything is written back.

mod store;

pub use store::{any, forget, revive};
