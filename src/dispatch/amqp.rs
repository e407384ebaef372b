//! Telling events to an exchange or a queue of RabbitMQ, or of what speaks AMQP 0-9-1.
//!
//! Protocol: <https://www.rabbitmq.com/docs/confirms>
//!
//! - `message-id` is the event's id. RabbitMQ drops no repeats: consumers do.
//! - Messages are persistent, and count once the server has confirmed them; one that no queue takes is
//!   returned, and counts as refused.
//! - The client gets a stream of ours: addresses are checked, and TLS is the one of every other call.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use async_rs::{
    Runtime, Tokio,
    traits::Reactor,
    util::{DummyIO, RuntimeParts},
};
use futures_util::Stream as Ticks;
use lapin::{
    AsyncTcpStream, BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    uri::{AMQPUri, AMQPUserInfo},
};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use super::{
    connections::{Connections, unreachable, within},
    send::{Outcome, Told},
};
use crate::{
    egress::{Egress, Stream},
    sinks::{Secrets, Sink},
};

/// The port of AMQP, in the clear and by TLS.
const PORTS: (u16, u16) = (5672, 5671);
/// How many seconds a silent connection is trusted, half of it at a time.
const HEARTBEAT: u16 = 10;
/// The delivery mode of what survives a restart of the server.
const PERSISTENT: u8 = 2;

/// Connections to RabbitMQ, one per sink.
#[derive(Clone, Debug)]
pub(super) struct Amqp {
    egress: Egress,
    timeout: Duration,
    connections: Connections<Open>,
}

/// A channel in confirm mode, and what must not be dropped before it.
#[derive(Clone, Debug)]
struct Open {
    channel: Channel,
    _connection: Arc<Connection>,
}

impl Amqp {
    pub fn new(egress: Egress, timeout: Duration) -> Self {
        Self { egress, timeout, connections: Connections::default() }
    }

    /// Tells one event.
    pub async fn tell(&self, sink: &Sink, secrets: &Secrets, event: Told<'_>) -> Outcome {
        let told = async {
            let stands = |open: &Open| open.channel.status().connected();
            let make = self.connect(sink, secrets);
            let Open { channel, .. } = self.connections.get(sink, secrets, stands, make).await?;
            let exchange = sink.settings.exchange.as_deref().unwrap_or_default();
            let key = sink.settings.routing_key.as_deref().unwrap_or(event.event_type);
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let properties = BasicProperties::default()
                .with_app_id("frontdesk".into())
                .with_content_type("application/json".into())
                .with_delivery_mode(PERSISTENT)
                .with_message_id(event.id.to_string().into())
                .with_type(event.event_type.into());
            let published = channel
                .basic_publish(exchange.into(), key.into(), options, event.body, properties)
                .await;
            let confirmed = match published {
                Ok(confirmation) => confirmation.await,
                Err(error) => Err(error),
            };
            match confirmed.map_err(|error| refusal(&error))? {
                Confirmation::Ack(None) => Ok(()),
                Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => Err(format!(
                    "no queue takes what has the routing key `{key}`; declare one, or bind it"
                )),
                Confirmation::Nack(None) | Confirmation::NotRequested => {
                    Err("the server did not confirm it".to_owned())
                }
            }
        };
        within(self.timeout, told).await
    }

    async fn connect(&self, sink: &Sink, secrets: &Secrets) -> Result<Open, String> {
        let mut uri: AMQPUri = sink.url.parse().map_err(|_| "the address is no AMQP URI")?;
        if let Some(login) = &secrets.login {
            uri.authority.userinfo = AMQPUserInfo {
                username: login.user.clone().unwrap_or_default(),
                password: login.password.clone().unwrap_or_default(),
            };
        }
        uri.query.heartbeat = Some(HEARTBEAT);
        let port = if sink.url.starts_with("amqps:") { PORTS.1 } else { PORTS.0 };
        let stream = self.egress.open(&sink.url, "amqp", port).await;
        let stream = stream.map_err(|error| unreachable(&error))?.compat();
        let stream = std::sync::Mutex::new(Some(stream));
        let given = async move |_, _| {
            let stream = stream.lock().ok().and_then(|mut stream| stream.take());
            let stream = stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
            Ok(AsyncTcpStream::Plain(stream))
        };
        let kit = RuntimeParts::new(Tokio::current(), Streams(Tokio::current()));
        let properties = ConnectionProperties::default().with_connection_name("frontdesk".into());
        let connecting = Connection::connector(uri, Runtime::new(kit), given, properties);
        let connection = connecting.await.map_err(|error| refusal(&error))?;
        let channel = connection.create_channel().await.map_err(|error| refusal(&error))?;
        let confirm = channel.confirm_select(ConfirmSelectOptions::default()).await;
        confirm.map_err(|error| refusal(&error))?;
        Ok(Open { channel, _connection: Arc::new(connection) })
    }
}

/// What the server said, or what became of the connection.
fn refusal(error: &lapin::Error) -> String {
    format!("the server did not take it: {error}")
}

/// Tokio, with streams of ours in place of its own.
#[derive(Clone, Debug)]
struct Streams(Tokio);

impl Reactor for Streams {
    type TcpStream = Compat<Box<dyn Stream>>;
    type Sleep = <Tokio as Reactor>::Sleep;

    #[expect(refining_impl_trait_internal, reason = "nobody registers anything here")]
    fn register<H: io::Read + io::Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<DummyIO> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Ticks<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        _address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
