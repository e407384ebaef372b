//! Frontdesk, a messaging channel gateway: from signed webhook bytes to a queued interaction.
//!
//! Imports point down; within a floor a module may use those to its left.
//!
//! | Floor | Modules | |
//! |---|---|---|
//! | 6 | [`app`] [`cli`] `main` | the only places that know everything |
//! | 5 | [`webhooks`] [`api`] | edges never use each other |
//! | 4 | [`ingest`] [`assign`] [`timers`] [`retention`] [`erasure`] [`dispatch`] | meet the edges in values, each other in the database |
//! | 3 | [`desk`] | one change to an interaction, with all that belongs to it |
//! | 2 | [`audit`] [`keys`] [`agents`] [`channels`] [`profiles`] [`interactions`] [`tasks`] [`messages`] [`routing`] [`conditions`] [`wrap_up`] [`outbox`] [`sinks`] [`deliveries`] [`search`] | a noun's `store` holds its SQL |
//! | 1 | [`config`] [`clock`] [`vault`] [`db`] [`egress`] | know no noun |
//! | 0 | crate `frontdesk_adapters` | knows nothing of ours, performs no I/O |
//!
//! The way of one message: [`webhooks`] reads a size-capped body, [`ingest`] verifies, parses and
//! hands it to a committer, which records a whole group in one transaction; only then is each
//! waiting request answered, in the words its provider expects.

pub mod agents;
pub mod api;
pub mod app;
pub mod assign;
pub mod audit;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod conditions;
pub mod config;
pub mod db;
pub mod deliveries;
pub mod desk;
pub mod dispatch;
pub mod egress;
pub mod erasure;
pub mod ingest;
pub mod interactions;
pub mod keys;
pub mod messages;
pub mod outbox;
pub mod profiles;
pub mod retention;
pub mod routing;
pub mod search;
pub mod sinks;
pub mod tasks;
pub mod timers;
pub mod vault;
pub mod webhooks;
pub mod wrap_up;
