//! Where events are handed on to: one address of somebody else's, and which events it wants.
//!
//! What proves to a receiver that an event is ours is sealed and never shown again; see [`Secrets`].
//! What became of each event is a delivery, a noun of its own.

mod checks;
mod secrets;
mod store;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use sqlx::types::Json;

pub use checks::SinkError;
pub use secrets::{Login, Secrets, SigningKey};
pub use store::{
    OpenSink, delete, get, insert, list, mark_failing, mark_working, open, save, switch_off,
};

/// One target of events.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Sink {
    /// Its name in configuration.
    pub id: String,
    /// How events travel to it.
    pub kind: Kind,
    /// `https://…` for webhooks; for brokers `nats://…`, `redis://…`, `amqp://…` or `kafka://…`, and
    /// with TLS `tls://…`, `rediss://…`, `amqps://…` or `kafka+ssl://…`.
    pub url: String,
    /// Which events it gets, and how.
    #[schema(value_type = Settings)]
    pub settings: Json<Settings>,
    /// Whether it gets any.
    pub state: State,
    /// Why it is paused or off, where there is something to say.
    pub state_reason: Option<String>,
    /// Since when nothing has been accepted; `null` while it works.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<i64>,
    /// When it was made.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: i64,
    /// When somebody last changed it.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: i64,
    /// Counts changes.
    pub version: i64,
}

/// How events travel.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = SinkKind)]
pub enum Kind {
    /// HTTP requests with the headers of Standard Webhooks.
    Webhook,
    /// Messages into a JetStream stream of NATS.
    Nats,
    /// Entries of a stream of Redis.
    Redis,
    /// Messages to an exchange or a queue of AMQP 0-9-1, such as RabbitMQ's.
    Amqp,
    /// Records of a topic of Kafka.
    Kafka,
}

/// Whether a sink gets events.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = SinkState)]
pub enum State {
    /// Events are handed on as they happen.
    Active,
    /// Events are kept for it, and handed on once it is resumed.
    Paused,
    /// It answered 410: nothing is kept for it until it is resumed.
    Off,
}

/// Which events a sink gets, and how. An empty list means any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SinkSettings)]
pub struct Settings {
    /// Types of events, such as `message.received`.
    #[serde(default)]
    pub types: Vec<String>,
    /// Channels; what belongs to no channel is left out where some are named.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Queues that the interaction waits in or came through last; likewise.
    #[serde(default)]
    pub queues: Vec<String>,
    /// How webhooks are signed.
    #[serde(default)]
    pub signature: Signature,
    /// NATS: what subjects begin with; the event's type follows. By itself `frontdesk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Redis: the key of the stream. By itself `frontdesk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// AMQP: the exchange; by itself the default one, which knows queues by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    /// AMQP: the routing key, which without an exchange is a queue's name. By itself the event's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_key: Option<String>,
    /// Kafka: the topic. By itself `frontdesk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Kafka: how the login is proven. By itself `SCRAM-SHA-512`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl_mechanism: Option<SaslMechanism>,
}

/// How a login is proven to Kafka, by Kafka's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum SaslMechanism {
    /// The password is sent.
    #[serde(rename = "PLAIN")]
    Plain,
    /// It is not: RFC 5802 with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// Nor here, with SHA-512.
    #[default]
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

/// How webhooks are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SinkSignature)]
pub enum Signature {
    /// HMAC-SHA256 with a secret that both sides know: `v1`.
    #[default]
    V1,
    /// Ed25519 with a public key that anybody may know: `v1a`.
    V1a,
}

impl State {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Off => "off",
        }
    }
}

impl Kind {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Nats => "nats",
            Self::Redis => "redis",
            Self::Amqp => "amqp",
            Self::Kafka => "kafka",
        }
    }

    /// Says so where this build cannot call such sinks.
    pub fn check(self) -> Result<(), SinkError> {
        let built = match self {
            Self::Webhook | Self::Nats => true,
            Self::Redis => cfg!(feature = "redis"),
            Self::Amqp => cfg!(feature = "amqp"),
            Self::Kafka => cfg!(feature = "kafka"),
        };
        if built { Ok(()) } else { Err(SinkError::Lacking(self.as_str())) }
    }
}

impl Sink {
    /// A new sink, checked.
    pub fn new(
        id: &str,
        kind: Kind,
        url: &str,
        settings: Settings,
        now: i64,
    ) -> Result<Self, SinkError> {
        let sink = Self {
            id: id.to_owned(),
            kind,
            url: url.trim().to_owned(),
            settings: Json(settings),
            state: State::Active,
            state_reason: None,
            failing_since: None,
            created_at: now,
            changed_at: now,
            version: 1,
        };
        sink.check()?;
        Ok(sink)
    }

    /// The servers of its address, each a host with a port or without.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        let separator = if self.kind == Kind::Kafka { ',' } else { '/' };
        self.host().split(separator)
    }

    /// Whether its address says that it is spoken to in the clear.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        ["http://", "nats://", "redis://", "amqp://", "kafka://"]
            .iter()
            .any(|scheme| self.url.starts_with(scheme))
    }

    /// What stands between the scheme and the path of its address.
    fn host(&self) -> &str {
        self.url.split('/').nth(2).unwrap_or_default()
    }

    /// What follows the host of its address, without the slash.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.splitn(4, '/').nth(3).unwrap_or_default()
    }

    /// Whether events are kept for it.
    #[must_use]
    pub fn gathers(&self) -> bool {
        self.state != State::Off
    }
}

impl Settings {
    /// Whether an event of this type, channel and queue is wanted.
    #[must_use]
    pub fn want(&self, event: &str, channel: Option<&str>, queue: Option<&str>) -> bool {
        let fits = |wanted: &[String], is: Option<&str>| {
            wanted.is_empty() || is.is_some_and(|is| wanted.iter().any(|wanted| wanted == is))
        };
        fits(&self.types, Some(event)) && fits(&self.channels, channel) && fits(&self.queues, queue)
    }

    /// Whether channel or queue must be known to decide.
    #[must_use]
    pub fn look_closer(&self) -> bool {
        !self.channels.is_empty() || !self.queues.is_empty()
    }
}
