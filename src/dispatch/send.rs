//! Calls to sinks, whatever their kind.

use std::time::Duration;

use uuid::Uuid;

#[cfg(feature = "amqp")]
use super::amqp::Amqp;
#[cfg(feature = "kafka")]
use super::kafka::Kafka;
#[cfg(feature = "redis")]
use super::redis::Redis;
use super::{bodies, nats::Nats, webhook};
use crate::{
    clock,
    egress::Egress,
    sinks::{Kind, Secrets, Sink},
};

/// What became of telling an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The sink has it.
    Accepted {
        /// The HTTP status, where there is one.
        status: Option<u16>,
    },
    /// The sink wants nothing ever again.
    Gone,
    /// The sink does not have it, as far as we know.
    Failed {
        /// The HTTP status, where there is one.
        status: Option<u16>,
        /// Why, without anything secret.
        error: String,
        /// For how long it wants to be left alone.
        retry_after: Option<Duration>,
    },
}

#[cfg(not(all(feature = "amqp", feature = "kafka", feature = "redis")))]
impl Outcome {
    fn lacking(kind: Kind) -> Self {
        let error = kind.check().err().map_or_else(String::new, |error| error.to_string());
        Self::Failed { status: None, error, retry_after: None }
    }
}

/// What calls sinks.
#[derive(Clone, Debug)]
pub struct Senders {
    egress: Egress,
    nats: Nats,
    #[cfg(feature = "amqp")]
    amqp: Amqp,
    #[cfg(feature = "kafka")]
    kafka: Kafka,
    #[cfg(feature = "redis")]
    redis: Redis,
    timeout: Duration,
}

impl Senders {
    pub(super) fn new(egress: Egress, timeout: Duration) -> Self {
        Self {
            nats: Nats::new(egress.clone(), timeout),
            #[cfg(feature = "amqp")]
            amqp: Amqp::new(egress.clone(), timeout),
            #[cfg(feature = "kafka")]
            kafka: Kafka::new(egress.clone(), timeout),
            #[cfg(feature = "redis")]
            redis: Redis::new(egress.clone(), timeout),
            egress,
            timeout,
        }
    }

    /// Says why a sink's address cannot be called, as far as can be seen without calling it.
    pub fn check(&self, sink: &Sink) -> Result<(), String> {
        check(&self.egress, sink)
    }

    /// Tells a sink an event that says nothing, under an id of its own.
    pub async fn test(&self, sink: &Sink, secrets: &Secrets, now: i64) -> Outcome {
        let id = clock::new_id();
        let body = bodies::of_test(id, now);
        self.tell(sink, secrets, Told { id, lane: id, event_type: "test", body: &body }, now).await
    }

    /// Tells one event: `id` and its JSON. `now` is in Unix milliseconds.
    pub async fn tell(&self, sink: &Sink, secrets: &Secrets, event: Told<'_>, now: i64) -> Outcome {
        match sink.kind {
            Kind::Webhook => {
                let sink = (sink, secrets);
                webhook::tell(&self.egress, self.timeout, sink, event.id, event.body, now).await
            }
            Kind::Nats => self.nats.tell(sink, secrets, event).await,
            #[cfg(feature = "redis")]
            Kind::Redis => self.redis.tell(sink, secrets, event).await,
            #[cfg(feature = "amqp")]
            Kind::Amqp => self.amqp.tell(sink, secrets, event).await,
            #[cfg(feature = "kafka")]
            Kind::Kafka => self.kafka.tell(sink, secrets, event).await,
            // Another build made it.
            #[cfg(not(feature = "amqp"))]
            Kind::Amqp => Outcome::lacking(sink.kind),
            #[cfg(not(feature = "kafka"))]
            Kind::Kafka => Outcome::lacking(sink.kind),
            #[cfg(not(feature = "redis"))]
            Kind::Redis => Outcome::lacking(sink.kind),
        }
    }
}

/// Says why a sink's address cannot be called, as far as can be seen without calling it.
pub fn check(egress: &Egress, sink: &Sink) -> Result<(), String> {
    let checked = match sink.kind {
        Kind::Webhook => egress.check(&sink.url),
        Kind::Nats | Kind::Redis | Kind::Amqp | Kind::Kafka => {
            sink.servers().try_for_each(|server| egress.check_server(server, sink.is_plain()))
        }
    };
    checked.map_err(|error| error.to_string())
}

/// An event as it is told.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Its id.
    pub id: Uuid,
    /// What it keeps its order with.
    pub lane: Uuid,
    /// Its type.
    pub event_type: &'a str,
    /// Its JSON.
    pub body: &'a [u8],
}
