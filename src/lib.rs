//! Frontdesk, a messaging channel gateway.
pub mod channels;
pub mod clock;
pub mod db;
pub mod ingest;
pub mod interactions;
pub mod messages;
pub mod outbox;
pub mod profiles;
pub mod routing;
pub mod vault;
