//! Looking words up in the index.

mod store;

pub use store::{Found, messages, named, newest_of, said_again};
