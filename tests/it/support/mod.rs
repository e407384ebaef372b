//! What the tests stand on: databases, a gateway on a free port, signed requests.

#[cfg(any(feature = "amqp", feature = "kafka", feature = "redis"))]
mod broker;
pub mod cluster;
mod database;
mod desk;
mod gateway;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod nats;
mod process;
#[cfg(feature = "amqp")]
mod rabbit;
#[cfg(feature = "redis")]
mod redis;
pub mod requests;

#[cfg(any(feature = "amqp", feature = "kafka", feature = "redis"))]
pub use broker::{Broker, Stored};
pub use database::{Database, execute, fixtures, on_server, poison, rows, try_execute};
pub use desk::Desk;
pub use gateway::{PUBLIC_URL, SECRETS_KEY, TestGateway, fixture_channels, twilio_account};
pub use http::{Reply, client, send, try_send, until, until_within};
#[cfg(feature = "kafka")]
pub use kafka::{Kafka, PASSWORD as KAFKA_PASSWORD};
pub use nats::Nats;
pub use process::Program;
#[cfg(feature = "amqp")]
pub use rabbit::Rabbit;
#[cfg(feature = "redis")]
pub use redis::Redis;

/// Makes a `sqlite` and a `postgres` test from one body, which is given a fresh [`Database`].
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident: Database) $body:block)*) => {$(
        mod $name {
            use super::*;

            $(#[$meta])*
            async fn body($database: Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body(Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                body(Database::postgres().await).await;
            }
        }
    )*};
}
pub(crate) use on_both;
