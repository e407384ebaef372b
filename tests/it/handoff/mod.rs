//! Events on their way to sinks: once by id, in order per interaction, whatever happens.

#[cfg(any(feature = "amqp", feature = "kafka", feature = "redis"))]
mod brokers;
mod chaos;
mod feed;
mod guide;
mod horizon;
mod receiver;
mod refused;
mod repair;
mod sinks;
