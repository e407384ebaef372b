//! A real Redis server, on a free loopback port, in a temporary folder.

use std::{
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command},
};

use redis::{Client, Commands, streams::StreamRangeReply};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    broker::{Broker, Stored, free_address, program, quietly},
    http::until,
};

const PASSWORD: &str = "fictional-password-0001";

/// A server that writes each command to disk before it answers. It is killed when this is dropped.
pub struct Redis {
    address: SocketAddr,
    folder: TempDir,
    child: Option<Child>,
}

impl Redis {
    /// # Panics
    ///
    /// When there is no `redis-server`; says what to install.
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut redis = Self { address: free_address(), folder, child: None };
        redis.go_on().await;
        redis
    }

    fn client(&self) -> Client {
        Client::open(self.url()).expect("an address")
    }

    /// Its address as clients take it, with the password.
    pub fn url(&self) -> String {
        format!("redis://:{PASSWORD}@{}/", self.address)
    }
}

impl Broker for Redis {
    fn sink(&self) -> Value {
        let url = format!("redis://{}/0", self.address);
        json!({"id": "broker", "kind": "redis", "url": url, "settings": {}, "login": {"password": PASSWORD}})
    }

    async fn go_on(&mut self) {
        let mut server = Command::new(program("redis-server", "FRONTDESK_REDIS_SERVER"));
        server.args(["--bind", "127.0.0.1", "--port", &self.address.port().to_string()]);
        server.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        server.args(["--requirepass", PASSWORD, "--dir"]).arg::<&Path>(self.folder.path());
        self.child = Some(quietly(server, "redis-server"));
        let answers = until(async || TcpStream::connect(self.address).is_ok()).await;
        assert!(answers, "redis-server does not answer");
    }

    async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    async fn stored(&self) -> Vec<Stored> {
        let entries = || -> redis::RedisResult<StreamRangeReply> {
            self.client().get_connection()?.xrange_all("frontdesk")
        };
        let Ok(entries) = entries() else { return Vec::new() };
        let read = |entry: &redis::streams::StreamId| {
            let field = |name: &str| entry.get::<String>(name).expect("a field");
            let body = serde_json::from_str(&field("event")).expect("JSON");
            Stored { id: field("id"), event_type: field("type"), body }
        };
        entries.ids.iter().map(read).collect()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
