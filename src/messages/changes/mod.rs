//! What senders do to their messages afterwards: they change them, or take them back.

mod store;

pub use store::{Edit, edit, mark_deleted};
