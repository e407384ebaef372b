//! Telling events to a topic of Kafka, or of what speaks its protocol.
//!
//! Protocol: <https://kafka.apache.org/protocol>
//!
//! - The key is what an event keeps its order with, so that an interaction stays in one partition.
//! - The header `id` is the event's id. What the client repeats, Kafka drops; what we tell again
//!   after an error, readers drop, by `id`.
//! - An event counts once all replicas that are in sync have it.
//! - Brokers name each other, and the client connects to them by itself: they are checked before it
//!   may publish, and again when there are others.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use krafka::{
    auth::{AuthConfig, TlsConfig},
    client::KrafkaClient,
    error::KrafkaError,
    producer::{Acks, Producer, ProducerRecord},
};
use tokio::runtime::Handle;

use super::{
    connections::{Connections, host_and_port, unreachable, within},
    send::{Outcome, Told},
};
use crate::{
    egress::Egress,
    sinks::{Login, SaslMechanism, Secrets, Sink},
};

/// The port of Kafka.
const PORT: u16 = 9092;
/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The topic where a sink does not say.
const TOPIC: &str = "frontdesk";

/// Connections to Kafka, one per sink.
#[derive(Clone, Debug)]
pub(super) struct Kafka {
    egress: Egress,
    timeout: Duration,
    connections: Connections<Arc<Open>>,
}

struct Open {
    client: KrafkaClient,
    producer: Arc<Producer>,
    /// The brokers that may be called.
    checked: BTreeSet<(String, i32)>,
    broken: AtomicBool,
}

impl Kafka {
    pub fn new(egress: Egress, timeout: Duration) -> Self {
        Self { egress, timeout, connections: Connections::default() }
    }

    /// Tells one event.
    pub async fn tell(&self, sink: &Sink, secrets: &Secrets, event: Told<'_>) -> Outcome {
        let told = async {
            let stands = |open: &Arc<Open>| {
                !open.broken.load(Ordering::Relaxed) && brokers(&open.client) == open.checked
            };
            // Boxed, as all that waits for the client: its futures fill a stack.
            let make = Box::pin(self.connect(sink, secrets));
            let open = self.connections.get(sink, secrets, stands, make).await?;
            let topic = sink.settings.topic.as_deref().unwrap_or(TOPIC);
            let record = ProducerRecord::new(topic, event.body.to_vec())
                .with_key(event.lane.to_string())
                .with_header("id", event.id.to_string())
                .with_header("type", event.event_type.to_owned());
            Box::pin(open.producer.send_record(record)).await.map(drop).map_err(|error| {
                // A producer does not recover from everything; a new one may.
                open.broken.store(true, Ordering::Relaxed);
                refusal(&error)
            })
        };
        within(self.timeout, told).await
    }

    async fn connect(&self, sink: &Sink, secrets: &Secrets) -> Result<Arc<Open>, String> {
        let (scheme, servers) = sink.url.split_once("://").ok_or("the address has no scheme")?;
        let plain = scheme == "kafka";
        let mut seeds = Vec::new();
        for server in servers.trim_end_matches('/').split(',') {
            let (host, port) = host_and_port(server, PORT)?;
            let found = self.permitted(host, port, plain).await?;
            // TLS needs the name; it also proves that whoever answers has it.
            seeds.extend(if plain { found } else { vec![format!("{host}:{port}")] });
        }
        let mut auth = match &secrets.login {
            Some(login) => credentials(login, sink.settings.sasl_mechanism.unwrap_or_default())?,
            None => AuthConfig::plaintext(),
        };
        if !plain {
            auth = auth.with_tls(TlsConfig::new().with_native_roots());
        }
        let client = KrafkaClient::builder(seeds.join(","))
            .client_id("frontdesk")
            .auth(auth)
            .connect_timeout(CONNECT)
            .request_timeout(self.timeout / 3);
        let client = Box::pin(client.build()).await.map_err(|error| refusal(&error))?;
        let checked = brokers(&client);
        for (host, port) in &checked {
            let port = u16::try_from(*port).map_err(|_| format!("the port of {host} is none"))?;
            let permitted = self.permitted(host, port, plain).await;
            permitted.map_err(|error| format!("the broker {host} may not be called: {error}"))?;
        }
        let producer = Producer::builder()
            .with_client(&client)
            .client_id("frontdesk")
            .acks(Acks::All)
            .idempotent(true)
            .request_timeout(self.timeout / 3)
            .max_block(self.timeout / 2)
            .delivery_timeout(self.timeout / 2);
        let producer = Arc::new(Box::pin(producer.build()).await.map_err(|error| refusal(&error))?);
        Ok(Arc::new(Open { client, producer, checked, broken: AtomicBool::new(false) }))
    }

    /// The addresses of a server, if it may be called.
    async fn permitted(&self, host: &str, port: u16, plain: bool) -> Result<Vec<String>, String> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = self.egress.addresses(bare, port, plain).await;
        let found = found.map_err(|error| unreachable(&error))?;
        Ok(found.iter().map(ToString::to_string).collect())
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("checked", &self.checked).finish_non_exhaustive()
    }
}

impl Drop for Open {
    /// Nobody waits for anything that is still to be sent.
    fn drop(&mut self) {
        let (producer, client) = (Arc::clone(&self.producer), self.client.clone());
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = producer.close_with_timeout(CONNECT).await;
                client.pool().close_all().await;
            });
        }
    }
}

fn brokers(client: &KrafkaClient) -> BTreeSet<(String, i32)> {
    let brokers = client.metadata().brokers();
    brokers.iter().map(|broker| (broker.host().to_owned(), broker.port())).collect()
}

fn credentials(login: &Login, mechanism: SaslMechanism) -> Result<AuthConfig, String> {
    let (Some(user), Some(password)) = (&login.user, &login.password) else {
        return Err("Kafka wants a user and a password".to_owned());
    };
    Ok(match mechanism {
        SaslMechanism::Plain => {
            AuthConfig::sasl_plain(user, password).map_err(|error| refusal(&error))?
        }
        SaslMechanism::ScramSha256 => AuthConfig::sasl_scram_sha256(user, password),
        SaslMechanism::ScramSha512 => AuthConfig::sasl_scram_sha512(user, password),
    })
}

/// What a broker said, or what became of the connection.
fn refusal(error: &KrafkaError) -> String {
    format!("Kafka did not take it: {error}")
}
