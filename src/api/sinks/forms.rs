//! Sinks as they are asked for and shown.

use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        Api,
        idempotency::HoldsSecret,
        input::present,
        output::{Created, Versioned},
        problem::{Code, Problem},
    },
    sinks::{Kind, Login, Secrets, Settings, Signature, SigningKey, Sink, SinkError},
};

/// A sink to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSink {
    /// Its name in configuration: lower-case letters, digits, hyphens and underscores.
    pub id: String,
    /// How events travel to it.
    pub kind: Kind,
    /// `https://…` for webhooks; for brokers `nats://…`, `redis://…`, `amqp://…` or `kafka://…`, and
    /// with TLS `tls://…`, `rediss://…`, `amqps://…` or `kafka+ssl://…`.
    pub url: String,
    /// Which events it gets, and how.
    #[serde(default)]
    pub settings: Settings,
    /// The shared secret that signs webhooks, `whsec_…`; by itself a new one.
    pub secret: Option<String>,
    /// What lets us in at a broker.
    pub login: Option<Login>,
}

/// What is to be changed about a sink. Absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkChange {
    /// Its address.
    pub url: Option<String>,
    /// Which events it gets, all of it.
    pub settings: Option<Settings>,
    /// What lets us in at a broker; `null` takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Login>)]
    pub login: Option<Option<Login>>,
}

/// A new secret for a sink.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SinkRotation)]
pub(super) struct Rotation {
    /// The shared secret, `whsec_…`; by itself a new one, or a new key pair.
    pub secret: Option<String>,
}

/// A sink, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownSink)]
pub(super) struct Shown {
    #[serde(flatten)]
    sink: Sink,
    /// The public key that `v1a` signatures are checked with, `whpk_…`.
    public_key: Option<String>,
    /// What is wrong with its secrets.
    problem: Option<String>,
}

/// A sink with what its receiver needs to check signatures. It is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WithSecret {
    #[serde(flatten)]
    shown: Shown,
    /// The shared secret, `whsec_…`; `null` where there is none, and in a repeated answer.
    secret: Option<String>,
}

/// What became of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SinkTest {
    /// Whether the sink accepted the event.
    pub ok: bool,
    /// What happened, and what to do about it.
    pub detail: String,
    /// The HTTP status, where there is one.
    pub status: Option<u16>,
}

/// How many events were taken up again: dead letters, and what waited for another attempt.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TakenUp {
    /// So many.
    pub retried: u64,
}

impl Shown {
    pub fn of(sink: Sink, secrets: Result<&Secrets, String>) -> Self {
        let (public_key, problem) = match secrets {
            Ok(secrets) => (secrets.signing.as_ref().and_then(public), None),
            Err(problem) => (None, Some(problem)),
        };
        Self { sink, public_key, problem }
    }
}

impl WithSecret {
    pub fn of(sink: Sink, secrets: &Secrets) -> Self {
        let shared = |key: &&SigningKey| key.signature() == Signature::V1;
        let secret = secrets.signing.as_ref().filter(shared).map(SigningKey::for_receiver);
        Self { shown: Shown::of(sink, Ok(secrets)), secret }
    }
}

fn public(key: &SigningKey) -> Option<String> {
    (key.signature() == Signature::V1a).then(|| key.for_receiver())
}

/// Answers with a secret that is not kept for repeated requests.
pub(super) struct Once<T>(pub T);

impl IntoResponse for Once<Versioned<WithSecret>> {
    fn into_response(self) -> Response {
        marked(self.0.into_response())
    }
}

impl IntoResponse for Once<Created<WithSecret>> {
    fn into_response(self) -> Response {
        marked(self.0.into_response())
    }
}

fn marked(mut response: Response) -> Response {
    response.extensions_mut().insert(HoldsSecret);
    response
}

impl From<SinkError> for Problem {
    fn from(error: SinkError) -> Self {
        Self::body(error.pointer(), error)
    }
}

/// The key that signs from now on: the one that was given, or a new one.
pub(super) fn signing_key(
    kind: Kind,
    signature: Signature,
    given: Option<&str>,
) -> Result<Option<SigningKey>, Problem> {
    match (signature, given) {
        (_, None) if kind != Kind::Webhook => Ok(None),
        (_, Some(_)) if kind != Kind::Webhook => {
            Err(Problem::body("/secret", "only webhooks are signed; leave it out"))
        }
        (Signature::V1, Some(secret)) => Ok(Some(SigningKey::parse(secret)?)),
        (Signature::V1a, Some(_)) => {
            Err(Problem::body("/secret", "a key pair is always made here; leave it out"))
        }
        (signature, None) => Ok(Some(SigningKey::generate(signature))),
    }
}

/// Refuses a sink that could never be called.
pub(super) fn check(api: &Api, sink: &Sink, login: Option<&Login>) -> Result<(), Problem> {
    sink.check()?;
    sink.check_login(login)?;
    api.dispatch.senders().check(sink).map_err(|error| Problem::body("/url", error))
}

/// The secrets of a sink that is to be changed or tried.
pub(super) fn opened(
    secrets: Result<Secrets, crate::vault::VaultError>,
) -> Result<Secrets, Problem> {
    secrets.map_err(|_| {
        Problem::new(
            Code::SinkUnusable,
            "the sink's secrets were sealed with another key; start with that key, or enter them \
             again: a webhook's with rotate-secret, a broker's with its whole `login`",
        )
    })
}
