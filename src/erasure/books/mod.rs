//! What our own books say of a person: the audit, what is to be told, and answers kept for those who
//! ask again.

mod store;

pub(super) use store::{answers, audit_of, empty_audit, forget_answers, told, untell};
