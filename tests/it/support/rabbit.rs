//! A real RabbitMQ server, on free loopback ports, in a temporary folder.

use std::{
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command},
    time::Duration,
};

use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{BasicGetOptions, QueueDeclareOptions},
    types::FieldTable,
};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{
    broker::{Broker, Stored, free_address, program, quietly},
    http::{until, until_within},
};

/// How long Erlang may take to start on a busy machine.
const STARTING: Duration = Duration::from_secs(120);
/// How long it may take to let somebody in.
const ATTEMPT: Duration = Duration::from_secs(10);

/// A server with a durable queue `frontdesk`. It is killed when this is dropped.
pub struct Rabbit {
    address: SocketAddr,
    /// Where its node speaks to others: nobody does.
    node: SocketAddr,
    folder: TempDir,
    /// Erlang's directory of nodes, which would otherwise stay behind as a daemon.
    names: (SocketAddr, Child),
    child: Option<Child>,
}

impl Rabbit {
    /// # Panics
    ///
    /// When there is no `rabbitmq-server`; says what to install.
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let names = free_address();
        let mut directory = Command::new(program("epmd", "FRONTDESK_EPMD"));
        directory.args(["-address", "127.0.0.1", "-port", &names.port().to_string()]);
        let directory = quietly(directory, "rabbitmq-server");
        assert!(until(async || TcpStream::connect(names).is_ok()).await, "epmd does not answer");
        let (address, node) = (free_address(), free_address());
        let names = (names, directory);
        let mut rabbit = Self { address, node, folder, names, child: None };
        rabbit.go_on().await;
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let (_connection, channel) = rabbit.channel().await.expect("a channel");
        let declared = channel.queue_declare("frontdesk".into(), durable, FieldTable::default());
        declared.await.expect("a queue");
        rabbit
    }

    pub fn url(&self) -> String {
        format!("amqp://{}", self.address)
    }

    /// A channel, if the server answers. An attempt may hang when it is refused.
    async fn channel(&self) -> Option<(Connection, Channel)> {
        TcpStream::connect(self.address).ok()?;
        let open = async {
            let options = ConnectionProperties::default();
            let connection = Connection::connect(&self.url(), options).await.ok()?;
            let channel = connection.create_channel().await.ok()?;
            Some((connection, channel))
        };
        timeout(ATTEMPT, open).await.ok().flatten()
    }

    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            // The program is a script, which leaves Erlang behind when it is killed alone.
            let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let _ = kill_process_group(group.expect("a process"), Signal::KILL);
            let _ = child.wait();
        }
    }
}

impl Broker for Rabbit {
    fn sink(&self) -> Value {
        let login = json!({"user": "guest", "password": "guest"});
        let settings = json!({"routing_key": "frontdesk"});
        json!({"id": "broker", "kind": "amqp", "url": self.url(), "login": login, "settings": settings})
    }

    async fn go_on(&mut self) {
        // Debian's program on the PATH insists on a user of its own.
        let debian = "/usr/lib/rabbitmq/bin/rabbitmq-server";
        let named = program(debian, "FRONTDESK_RABBITMQ_SERVER");
        let mut server = Command::new(named);
        let folder = self.folder.path();
        for name in ["ADVANCED_CONFIG", "CONFIG", "CONF_ENV", "ENABLED_PLUGINS", "PID"] {
            server.env(format!("RABBITMQ_{name}_FILE"), folder.join(name));
        }
        std::fs::write(folder.join("CONF_ENV"), "").expect("a file");
        server
            .process_group(0)
            .current_dir(folder)
            .env("HOME", folder)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.names.0.port().to_string())
            .env("RABBITMQ_NODENAME", "frontdesk@localhost")
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.address.port().to_string())
            .env("RABBITMQ_DIST_PORT", self.node.port().to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
            );
        self.child = Some(quietly(server, "rabbitmq-server"));
        let answers = until_within(STARTING, async || self.channel().await.is_some()).await;
        assert!(answers, "rabbitmq-server does not answer");
    }

    async fn kill(&mut self) {
        self.end();
    }

    async fn stored(&self) -> Vec<Stored> {
        let Some((_connection, channel)) = self.channel().await else { return Vec::new() };
        let mut stored = Vec::new();
        // Nothing is acknowledged: it all goes back to its place when the channel closes.
        while let Ok(Some(message)) =
            channel.basic_get("frontdesk".into(), BasicGetOptions::default()).await
        {
            let properties = &message.delivery.properties;
            assert_eq!(properties.delivery_mode(), &Some(2));
            let text = |text: &Option<lapin::types::ShortString>| {
                text.as_ref().expect("a property").to_string()
            };
            stored.push(Stored {
                id: text(properties.message_id()),
                event_type: text(properties.kind()),
                body: serde_json::from_slice(&message.delivery.data).expect("JSON"),
            });
        }
        stored
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        self.end();
        let _ = self.names.1.kill();
        let _ = self.names.1.wait();
    }
}
