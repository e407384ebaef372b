//! What a sink may be, as far as can be seen without calling anybody.
//!
//! What is refused here could never work; whether it does is for a test to say.

use super::{Kind, Login, Settings, Signature, Sink, store};
use crate::{
    db::{StoreError, Tx},
    egress,
    outbox::TYPES,
};

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
    /// There is no such channel.
    #[error("there is no channel `{0}`; make it first, or leave it out")]
    Channel(String),
    /// There is no such queue.
    #[error("there is no queue `{0}`; make it first, or leave it out")]
    Queue(String),
    /// The subject has characters that NATS gives a meaning to.
    #[error("a subject is words of letters, digits, hyphens and underscores, joined by dots")]
    Subject,
    /// A secret is not one.
    #[error("a signing secret is `whsec_` and the base64 of 24 to 64 random bytes")]
    Secret,
    /// This login would let nobody in.
    #[error("{0}")]
    Login(&'static str),
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
            Self::Channel(_) => "/settings/channels",
            Self::Queue(_) => "/settings/queues",
            Self::Subject => "/settings/subject",
            Self::Secret => "/secret",
            Self::Login(_) => "/login",
        }
    }
}

impl Sink {
    /// Checks what can be seen without calling anybody.
    pub fn check(&self) -> Result<(), SinkError> {
        let well_formed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !(1..=64).contains(&self.id.len()) || !self.id.bytes().all(well_formed) {
            return Err(SinkError::Id);
        }
        self.kind.check()?;
        self.check_url()?;
        if let Some(unknown) =
            self.settings.types.iter().find(|wanted| !TYPES.contains(&wanted.as_str()))
        {
            return Err(SinkError::Type(unknown.clone()));
        }
        self.check_destination()
    }

    /// Checks that a login is one for this kind.
    pub fn check_login(&self, login: Option<&Login>) -> Result<(), SinkError> {
        let Some(Login { user, password, token }) = login else { return Ok(()) };
        let (is_one, expected) = match self.kind {
            Kind::Webhook => {
                (false, "a webhook has no login: its receiver checks signatures; leave it out")
            }
            Kind::Nats => (
                user.is_some() == password.is_some() && user.is_some() != token.is_some(),
                "give `user` and `password`, or a `token` alone",
            ),
            Kind::Redis => (
                password.is_some() != token.is_some(),
                "give a `password`, or a `token`, and a `user` where there is one",
            ),
            Kind::Amqp | Kind::Kafka => (
                user.is_some() && password.is_some() && token.is_none(),
                "give `user` and `password`",
            ),
        };
        if is_one { Ok(()) } else { Err(SinkError::Login(expected)) }
    }

    /// Checks that there are the channels and queues that it names.
    pub async fn check_names(&self, tx: &mut Tx) -> Result<Result<(), SinkError>, StoreError> {
        let Settings { channels, queues, .. } = &self.settings.0;
        if let Some(unknown) = store::unknown_channel(tx, channels).await? {
            return Ok(Err(SinkError::Channel(unknown)));
        }
        Ok(match store::unknown_queue(tx, queues).await? {
            Some(unknown) => Err(SinkError::Queue(unknown)),
            None => Ok(()),
        })
    }

    fn check_url(&self) -> Result<(), SinkError> {
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
        if !schemes.iter().any(|scheme| self.url.starts_with(scheme)) {
            return Err(SinkError::Url(expected));
        }
        let host = self.host();
        if host.is_empty() || host.contains('@') {
            return Err(SinkError::Url("give a host, without a login before it"));
        }
        if self.kind == Kind::Webhook {
            return Ok(());
        }
        if !self.servers().all(egress::is_server) {
            return Err(SinkError::Url(
                "after :// comes a host, and a port from 1 to 65535 if it is not the usual one",
            ));
        }
        let path = self.path();
        match self.kind {
            Kind::Nats | Kind::Kafka if !path.is_empty() => {
                Err(SinkError::Url("the url ends with the host or its port"))
            }
            Kind::Redis if !path.is_empty() && path.parse::<u32>().is_err() => Err(SinkError::Url(
                "a Redis url ends with its host, or with / and the database's number",
            )),
            Kind::Webhook | Kind::Nats | Kind::Redis | Kind::Amqp | Kind::Kafka => Ok(()),
        }
    }

    /// Checks what only some kinds have.
    fn check_destination(&self) -> Result<(), SinkError> {
        let Settings {
            signature,
            subject,
            stream,
            exchange,
            routing_key,
            topic,
            sasl_mechanism,
            types: _,
            channels: _,
            queues: _,
        } = &self.settings.0;
        if *signature == Signature::V1a && self.kind != Kind::Webhook {
            let refusal = "only webhooks are signed; leave `signature` out";
            return Err(SinkError::Setting("/settings/signature", refusal));
        }
        if subject.is_some() && self.kind != Kind::Nats {
            return Err(SinkError::Setting("/settings/subject", "only NATS has a `subject`"));
        }
        let word = |word: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            !word.is_empty() && word.bytes().all(plain)
        };
        if subject.as_ref().is_some_and(|subject| !subject.split('.').all(word)) {
            return Err(SinkError::Subject);
        }
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
        Ok(())
    }
}
