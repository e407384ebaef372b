//! Connections to brokers, one per sink, made anew when one breaks off.

use std::{collections::HashMap, error::Error, sync::Arc, time::Duration};

use tokio::sync::Mutex;

use super::send::Outcome;
use crate::{
    clock,
    egress::EgressError,
    sinks::{Login, Secrets, Settings, Sink},
};

/// How often one is made while none lasts.
const RECONNECT: Duration = Duration::from_secs(1);

/// One connection per sink, or why there is none. No sink waits for another's.
#[derive(Debug)]
pub(super) struct Connections<C>(Arc<Mutex<HashMap<String, Slot<C>>>>);

type Slot<C> = Arc<Mutex<Option<Made<C>>>>;

#[derive(Debug)]
struct Made<C> {
    url: String,
    settings: Settings,
    login: Option<Login>,
    at: std::time::Instant,
    connection: Result<C, String>,
}

impl<C> Clone for Connections<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> Default for Connections<C> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<C: Clone> Connections<C> {
    /// A connection that stands now, as far as `stands` can tell, or why there is none.
    pub async fn get(
        &self,
        sink: &Sink,
        secrets: &Secrets,
        stands: impl FnOnce(&C) -> bool,
        make: impl Future<Output = Result<C, String>>,
    ) -> Result<C, String> {
        let slot = Arc::clone(self.0.lock().await.entry(sink.id.clone()).or_default());
        let mut made = slot.lock().await;
        if let Some(known) = made.as_ref()
            && known.url == sink.url
            && known.settings == sink.settings.0
            && known.login == secrets.login
        {
            match &known.connection {
                Ok(connection) if stands(connection) => return Ok(connection.clone()),
                result if clock::instant().saturating_duration_since(known.at) < RECONNECT => {
                    let broken = |_: &C| "the connection broke off".to_owned();
                    return Err(result.as_ref().map_or_else(Clone::clone, broken));
                }
                Ok(_) | Err(_) => {}
            }
        }
        let connection = make.await;
        *made = Some(Made {
            url: sink.url.clone(),
            settings: sink.settings.0.clone(),
            login: secrets.login.clone(),
            at: clock::instant(),
            connection: connection.clone(),
        });
        connection
    }
}

/// What became of telling an event, within the time there is.
pub(super) async fn within(
    timeout: Duration,
    told: impl Future<Output = Result<(), String>>,
) -> Outcome {
    let late = |_| Err("there was no acknowledgment in time".to_owned());
    match tokio::time::timeout(timeout, told).await.unwrap_or_else(late) {
        Ok(()) => Outcome::Accepted { status: None },
        Err(error) => Outcome::Failed { status: None, error, retry_after: None },
    }
}

/// The host and the port of a server, which is `port` unless it names another.
pub(super) fn host_and_port(server: &str, port: u16) -> Result<(&str, u16), String> {
    match server.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            Ok((host, port.parse().map_err(|_| "the address has no such port")?))
        }
        Some(_) | None => Ok((server, port)),
    }
}

/// Why there is no connection, with the cause: which certificate TLS refused, for instance.
pub(super) fn unreachable(error: &EgressError) -> String {
    let cause = error.source().map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}
