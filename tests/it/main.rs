//! The proof, through the product's edges: HTTP requests in, answers and rows out.
//!
//! Every test that touches a database runs on SQLite and on PostgreSQL ([`support::on_both`]);
//! nothing is skipped. Only the network beyond us is made up, never our own modules.

mod api;
mod archive;
mod canary;
mod cli;
mod conversations;
mod crash;
mod edge;
mod erasure;
mod explain;
mod fixtures;
mod handoff;
mod identity;
mod intake;
mod keys;
mod matching;
mod outages;
mod parts;
mod properties;
mod races;
mod records;
mod replay;
mod retention;
mod routing;
mod schema;
mod search;
mod support;
mod tasks;
mod threads;
mod tidy;
mod timers;
