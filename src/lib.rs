//! Frontdesk, a messaging channel gateway.
pub mod channels;
pub mod clock;
pub mod db;
pub mod profiles;
pub mod vault;
