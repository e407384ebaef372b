//! A cluster that speaks Kafka's protocol, on free loopback ports: librdkafka's, in memory.

use std::{
    env,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
};

use serde_json::{Value, json};

use super::broker::{Broker, Stored};

pub const PASSWORD: &str = "fictional-password-0001";

/// Brokers with a topic `frontdesk` of several partitions. They are gone when this is dropped.
pub struct Kafka {
    child: Child,
    pipes: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    servers: String,
}

impl Kafka {
    /// # Panics
    ///
    /// When there is no Python with confluent-kafka; says what to install.
    pub fn start() -> Self {
        let python = env::var("FRONTDESK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut child = Command::new(python)
            .args(["-c", include_str!("kafka.py")])
            .env("KAFKA_PASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Python");
        let said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let pipes = Mutex::new((child.stdin.take().expect("a pipe"), said));
        let mut kafka = Self { child, pipes, servers: String::new() };
        let servers = kafka.answer("where").pop();
        kafka.servers = servers.expect("Python with confluent-kafka; tests/run sets it up");
        kafka
    }

    /// Where its brokers are, with commas between them.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    fn answer(&self, command: &str) -> Vec<String> {
        let (asks, says) = &mut *self.pipes.lock().expect("nobody panicked");
        let _ = writeln!(asks, "{command}");
        says.map_while(Result::ok).take_while(|line| !line.is_empty()).collect()
    }
}

impl Broker for Kafka {
    fn sink(&self) -> Value {
        let url = format!("kafka://{}", self.servers);
        json!({"id": "broker", "kind": "kafka", "url": url, "settings": {}})
    }

    async fn go_on(&mut self) {
        self.answer("up");
    }

    async fn kill(&mut self) {
        self.answer("down");
    }

    async fn stored(&self) -> Vec<Stored> {
        let records = self.answer("read").into_iter().map(|line| {
            let record: Value = serde_json::from_str(&line).expect("JSON");
            let interaction = &record["body"]["data"]["interaction"]["id"];
            assert!(interaction.is_null() || record["key"] == *interaction, "{record}");
            let header = |name: &str| record["headers"][name].as_str().expect("text").to_owned();
            Stored { id: header("id"), event_type: header("type"), body: record["body"].clone() }
        });
        records.collect()
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
