//! Telling events to a JetStream stream of NATS.
//!
//! Protocol: <https://docs.nats.io/reference/reference-protocols/nats_api_reference>
//!
//! - The header `Nats-Msg-Id` is the event's id: within its duplicate window the stream keeps one.
//! - A publish counts once the stream has acknowledged it; a subject without a stream is refused.
//! - The client is given addresses that were looked up and checked, also by TLS: it looks up no name.
//! - What the client would send "once connected again" could come late: nothing is published while
//!   it is not connected, and a connection that broke off is made anew.

use std::{net::SocketAddr, time::Duration};

use super::{
    connections::{Connections, host_and_port, unreachable, within},
    send::{Outcome, Told},
};
use crate::{
    egress::{self, Egress},
    sinks::{Login, Secrets, Sink},
};
use async_nats::{
    ConnectOptions, HeaderMap,
    connection::State,
    jetstream::{self, Context, context::PublishErrorKind},
};

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The port of NATS.
const PORT: u16 = 4222;
/// What subjects begin with where a sink does not say.
const SUBJECT: &str = "frontdesk";

/// Connections to NATS, one per sink.
#[derive(Clone, Debug)]
pub(super) struct Nats {
    egress: Egress,
    timeout: Duration,
    connections: Connections<Context>,
}

impl Nats {
    pub fn new(egress: Egress, timeout: Duration) -> Self {
        Self { egress, timeout, connections: Connections::default() }
    }

    /// Tells one event.
    pub async fn tell(&self, sink: &Sink, secrets: &Secrets, event: Told<'_>) -> Outcome {
        let told = async {
            let stands =
                |context: &Context| context.client().connection_state() == State::Connected;
            let make = self.connect(&sink.url, secrets.login.as_ref());
            let context = self.connections.get(sink, secrets, stands, make).await?;
            let prefix = sink.settings.subject.as_deref().unwrap_or(SUBJECT);
            let subject = format!("{prefix}.{}", event.event_type);
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", event.id.to_string());
            headers.insert("Content-Type", "application/json");
            let body = event.body.to_vec().into();
            let sent = context.publish_with_headers(subject, headers, body).await;
            let acknowledged = match sent {
                Ok(acknowledgment) => acknowledgment.await,
                Err(error) => Err(error),
            };
            acknowledged.map(drop).map_err(|error| refusal(error.kind()))
        };
        within(self.timeout, told).await
    }

    async fn connect(&self, url: &str, login: Option<&Login>) -> Result<Context, String> {
        let (scheme, rest) = url.split_once("://").ok_or("the address has no scheme")?;
        let (host, port) = host_and_port(rest.trim_end_matches('/'), PORT)?;
        let plain = scheme == "nats";
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = self.egress.addresses(bare, port, plain).await;
        let found = found.map_err(|error| unreachable(&error))?;
        let options = options(bare, plain, login)?;
        let client = options
            .connect(servers(&found, plain))
            .await
            .map_err(|error| format!("no connection could be made: {}", error.kind()))?;
        let mut context = jetstream::new(client);
        context.set_timeout(self.timeout);
        Ok(context)
    }
}

/// Addresses as the client takes them.
pub(super) fn servers(found: &[SocketAddr], plain: bool) -> Vec<String> {
    let scheme = if plain { "nats" } else { "tls" };
    found.iter().map(|address| format!("{scheme}://{address}")).collect()
}

pub(super) fn options(
    host: &str,
    plain: bool,
    login: Option<&Login>,
) -> Result<ConnectOptions, String> {
    let mut options = ConnectOptions::new()
        .name("frontdesk")
        .connection_timeout(CONNECT)
        .require_tls(!plain)
        .ignore_discovered_servers()
        .max_reconnects(1);
    if !plain {
        // Whoever answers at an address must have the name's certificate.
        options =
            options.tls_client_config(egress::tls_of(host).map_err(|error| unreachable(&error))?);
    }
    if let Some(Login { user, password, token }) = login {
        if let Some(token) = token {
            options = options.token(token.clone());
        }
        if let (Some(user), Some(password)) = (user, password) {
            options = options.user_and_password(user.clone(), password.clone());
        }
    }
    Ok(options)
}

fn refusal(kind: PublishErrorKind) -> String {
    match kind {
        PublishErrorKind::StreamNotFound => {
            "no stream takes this subject; make one that does".to_owned()
        }
        PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending
        | PublishErrorKind::MaxPayloadExceeded
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::Other => format!("the stream did not take it: {kind}"),
    }
}
