//! A real NATS server with JetStream, on a free loopback port, in a temporary folder.

use std::{
    env,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use async_nats::jetstream::{self, stream};
use serde_json::Value;
use tempfile::TempDir;

use super::http::until;

/// A server that may be killed and started again where it was. It is killed when this is dropped.
pub struct Nats {
    pub address: SocketAddr,
    folder: TempDir,
    child: Option<Child>,
}

/// A message in a stream.
#[derive(Clone, Debug)]
pub struct Stored {
    pub subject: String,
    pub id: String,
    pub body: Value,
}

impl Nats {
    /// # Panics
    ///
    /// When there is no `nats-server`; says what to install.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let folder = TempDir::new().expect("a temporary folder");
        let mut nats = Self { address, folder, child: None };
        nats.go_on().await;
        nats
    }

    /// Starts it again.
    pub async fn go_on(&mut self) {
        let child = Command::new(program())
            .args(["-js", "-a", "127.0.0.1", "-p", &self.address.port().to_string(), "-sd"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{error}: install nats-server 2.9 or newer (on Debian: apt-get install \
                     nats-server), or name it in FRONTDESK_NATS_SERVER"
                )
            });
        self.child = Some(child);
        let answers = until(async || TcpStream::connect(self.address).is_ok()).await;
        assert!(answers, "nats-server does not answer");
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    async fn context(&self) -> jetstream::Context {
        let client = async_nats::connect(self.url()).await.expect("a connection");
        jetstream::new(client)
    }

    /// Makes a stream of `frontdesk.>` that remembers ids for an hour.
    pub async fn make_stream(&self, name: &str) {
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec!["frontdesk.>".to_owned()],
            duplicate_window: std::time::Duration::from_secs(3600),
            ..stream::Config::default()
        };
        self.context().await.create_stream(config).await.expect("a stream");
    }

    /// How many messages a stream has; none while the server is away.
    pub async fn count(&self, name: &str) -> u64 {
        let Ok(client) = async_nats::connect(self.url()).await else { return 0 };
        let stream = jetstream::new(client).get_stream(name).await;
        stream.map_or(0, |stream| stream.cached_info().state.messages)
    }

    /// Everything in a stream, in its order.
    pub async fn messages(&self, name: &str) -> Vec<Stored> {
        let stream = self.context().await.get_stream(name).await.expect("a stream");
        let mut messages = Vec::new();
        for sequence in 1..=stream.cached_info().state.last_sequence {
            let message = stream.get_raw_message(sequence).await.expect("a message");
            let id = message.headers.get("Nats-Msg-Id").expect("an id").to_string();
            let body = serde_json::from_slice(&message.payload).expect("JSON");
            messages.push(Stored { subject: message.subject.to_string(), id, body });
        }
        messages
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The one that is named, else Debian's, else what the PATH has.
fn program() -> PathBuf {
    let named = env::var_os("FRONTDESK_NATS_SERVER").filter(|named| !named.is_empty());
    let debian = || Some(PathBuf::from("/usr/sbin/nats-server")).filter(|path| path.is_file());
    named.map(PathBuf::from).or_else(debian).unwrap_or_else(|| PathBuf::from("nats-server"))
}
