//! Where events are handed on to: one address of somebody else's, and which events it wants.
//!
//! What proves to a receiver that an event is ours is sealed and never shown again; see [`Secrets`].
//! What became of each event is a delivery, a noun of its own.

mod secrets;
mod store;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use sqlx::types::Json;

pub use secrets::{Login, Secrets, SigningKey};
pub use store::{
    OpenSink, delete, get, insert, list, mark_failing, mark_working, open, save, switch_off,
};

use crate::outbox::TYPES;

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

/// Why a sink was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The id would not fit into an address.
    #[error("an id is 1 to 64 lower-case letters, digits, hyphens or underscores")]
    Id,
    /// The address is none for this kind.
    #[error("{0}")]
    Url(&'static str),
    /// The build has no client for this kind.
    #[error("this build lacks the sink `{0}`; build it with `--features {0}`")]
    Lacking(&'static str),
    /// A setting is not for this kind, or has a value that is none.
    #[error("{1}")]
    Setting(&'static str, &'static str),
    /// There is no such event.
    #[error("there is no event type `{0}`; docs/hand-off.md lists them")]
    Type(String),
    /// The subject has characters that NATS gives a meaning to.
    #[error("a subject is words of letters, digits, hyphens and underscores, joined by dots")]
    Subject,
    /// A secret is not one.
    #[error("a signing secret is `whsec_` and the base64 of 24 to 64 random bytes")]
    Secret,
}

impl SinkError {
    /// Where in the body of a request the mistake is.
    #[must_use]
    pub fn pointer(&self) -> &'static str {
        match self {
            Self::Id => "/id",
            Self::Lacking(_) => "/kind",
            Self::Setting(pointer, _) => pointer,
            Self::Url(_) => "/url",
            Self::Type(_) => "/settings/types",
            Self::Subject => "/settings/subject",
            Self::Secret => "/secret",
        }
    }
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

    /// Checks what can be seen without calling anybody.
    pub fn check(&self) -> Result<(), SinkError> {
        let well_formed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !(1..=64).contains(&self.id.len()) || !self.id.bytes().all(well_formed) {
            return Err(SinkError::Id);
        }
        self.kind.check()?;
        let (schemes, expected): (&[&str], _) = match self.kind {
            Kind::Webhook => (&["https://", "http://"], "a webhook's url begins with https://"),
            Kind::Nats => (&["nats://", "tls://"], "a NATS url begins with nats:// or tls://"),
            Kind::Redis => {
                (&["redis://", "rediss://"], "a Redis url begins with redis:// or rediss://")
            }
            Kind::Amqp => (&["amqp://", "amqps://"], "an AMQP url begins with amqp:// or amqps://"),
            Kind::Kafka => {
                (&["kafka://", "kafka+ssl://"], "a Kafka url begins with kafka:// or kafka+ssl://")
            }
        };
        let rest = schemes.iter().find_map(|scheme| self.url.strip_prefix(scheme));
        match rest.map(|rest| rest.split('/').next().unwrap_or_default()) {
            Some(host) if !host.is_empty() && !host.contains('@') => {}
            Some(_) => return Err(SinkError::Url("give a host, without a login before it")),
            None => return Err(SinkError::Url(expected)),
        }
        if let Some(unknown) =
            self.settings.types.iter().find(|wanted| !TYPES.contains(&wanted.as_str()))
        {
            return Err(SinkError::Type(unknown.clone()));
        }
        let word = |word: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            !word.is_empty() && word.bytes().all(plain)
        };
        if self.settings.subject.as_ref().is_some_and(|subject| !subject.split('.').all(word)) {
            return Err(SinkError::Subject);
        }
        self.check_destination()
    }

    /// Checks what only some brokers have.
    fn check_destination(&self) -> Result<(), SinkError> {
        let Settings { stream, exchange, routing_key, topic, sasl_mechanism, .. } =
            &self.settings.0;
        for (setting, kind, pointer, refusal) in [
            (stream, Kind::Redis, "/settings/stream", "only Redis has a `stream`, 1 to 255 bytes"),
            (
                exchange,
                Kind::Amqp,
                "/settings/exchange",
                "only AMQP has an `exchange`, 1 to 255 bytes",
            ),
            (
                routing_key,
                Kind::Amqp,
                "/settings/routing_key",
                "only AMQP has a `routing_key`, 1 to 255 bytes",
            ),
            (topic, Kind::Kafka, "/settings/topic", "only Kafka has a `topic`, 1 to 255 bytes"),
        ] {
            let fits = |text: &String| self.kind == kind && (1..=255).contains(&text.len());
            if !setting.as_ref().is_none_or(fits) {
                return Err(SinkError::Setting(pointer, refusal));
            }
        }
        if sasl_mechanism.is_some() && self.kind != Kind::Kafka {
            return Err(SinkError::Setting(
                "/settings/sasl_mechanism",
                "only Kafka has a `sasl_mechanism`",
            ));
        }
        if self.kind == Kind::Amqp && exchange.is_none() && routing_key.is_none() {
            return Err(SinkError::Setting(
                "/settings/exchange",
                "give the `exchange` that routes events, or a queue's name as `routing_key`",
            ));
        }
        let path = self.path();
        if self.kind == Kind::Redis && !path.is_empty() && path.parse::<u32>().is_err() {
            return Err(SinkError::Url(
                "a Redis url ends with its host, or with / and the database's number",
            ));
        }
        Ok(())
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
