//! Telling events to a stream of Redis, or of what speaks its protocol.
//!
//! Commands: <https://redis.io/docs/latest/commands/xadd/>
//!
//! - An entry has the fields `id`, `type` and `event`. Redis drops no repeats: readers do, by `id`.
//! - An event counts once XADD is answered. What that is worth after a crash is the server's
//!   `appendonly` and `appendfsync`.
//! - A connection that fell silent is given up: what was sent on it may still arrive, as a repeat.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, ErrorKind, RedisConnectionInfo, RedisError, aio::MultiplexedConnection,
};

use super::{
    connections::{Connections, unreachable, within},
    send::{Outcome, Told},
};
use crate::{
    egress::Egress,
    sinks::{Secrets, Sink},
};

/// The port of Redis.
const PORT: u16 = 6379;
/// The key of the stream where a sink does not say.
const STREAM: &str = "frontdesk";

/// Connections to Redis, one per sink.
#[derive(Clone, Debug)]
pub(super) struct Redis {
    egress: Egress,
    timeout: Duration,
    connections: Connections<Connection>,
}

#[derive(Clone, Debug)]
struct Connection {
    commands: MultiplexedConnection,
    broken: Arc<AtomicBool>,
}

impl Redis {
    pub fn new(egress: Egress, timeout: Duration) -> Self {
        Self { egress, timeout, connections: Connections::default() }
    }

    /// Tells one event.
    pub async fn tell(&self, sink: &Sink, secrets: &Secrets, event: Told<'_>) -> Outcome {
        let told = async {
            let stands = |known: &Connection| !known.broken.load(Ordering::Relaxed);
            let make = self.connect(sink, secrets);
            let mut connection = self.connections.get(sink, secrets, stands, make).await?;
            let mut command = redis::cmd("XADD");
            command.arg(sink.settings.stream.as_deref().unwrap_or(STREAM)).arg("*");
            command.arg("id").arg(event.id.to_string());
            command.arg("type").arg(event.event_type).arg("event").arg(event.body);
            let added: Result<String, _> = command.query_async(&mut connection.commands).await;
            added.map(drop).map_err(|error| {
                if error.kind() == ErrorKind::Io {
                    connection.broken.store(true, Ordering::Relaxed);
                }
                refusal(&error)
            })
        };
        within(self.timeout, told).await
    }

    async fn connect(&self, sink: &Sink, secrets: &Secrets) -> Result<Connection, String> {
        let stream = self.egress.open(&sink.url, "redis", PORT).await;
        let stream = stream.map_err(|error| unreachable(&error))?;
        let mut info = RedisConnectionInfo::default();
        if let Ok(database) = sink.path().parse() {
            info = info.set_db(database);
        }
        if let Some(login) = &secrets.login {
            if let Some(user) = &login.user {
                info = info.set_username(user);
            }
            if let Some(password) = login.password.as_ref().or(login.token.as_ref()) {
                info = info.set_password(password);
            }
        }
        // Half of the time there is, so that silence is seen before the caller gives up.
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(self.timeout / 2));
        let made = MultiplexedConnection::new_with_config(&info, stream, config).await;
        let (commands, driver) = made.map_err(|error| refusal(&error))?;
        let broken = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&broken);
        tokio::spawn(async move {
            driver.await;
            over.store(true, Ordering::Relaxed);
        });
        Ok(Connection { commands, broken })
    }
}

/// What the server said; the client's own words may repeat what was sent.
fn refusal(error: &RedisError) -> String {
    if error.kind() != ErrorKind::Io {
        format!("Redis did not take it: {error}")
    } else if error.is_timeout() {
        "there was no answer in time".to_owned()
    } else {
        "the connection broke off".to_owned()
    }
}
