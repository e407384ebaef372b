//! The programs of docs/hand-off.md, taken from the page and run.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

#[cfg(any(feature = "amqp", feature = "kafka", feature = "redis"))]
use serde_json::Value;
use serde_json::json;

use super::sinks::{desk, hook};
#[cfg(any(feature = "amqp", feature = "kafka", feature = "redis"))]
use crate::support::Broker;
#[cfg(feature = "kafka")]
use crate::support::Kafka;
#[cfg(feature = "amqp")]
use crate::support::Rabbit;
#[cfg(feature = "redis")]
use crate::support::Redis;
use crate::support::{Database, Nats, requests::sms, until};

/// A program of the page, running. It is killed when this is dropped.
struct Script {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Script {
    /// The first Python program of the page that mentions `word`.
    fn start(word: &str, package: &str, variables: &[(&str, String)]) -> Self {
        let python = std::env::var("FRONTDESK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let check = Command::new(&python).args(["-c", &format!("import {package}")]).output();
        assert!(
            check.is_ok_and(|output| output.status.success()),
            "there is no {python} with the package `{package}` here; tests/run sets it up"
        );
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/hand-off.md");
        let page = fs::read_to_string(page).expect("a page");
        let mut programs =
            page.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next());
        let program = programs.find(|program| program.contains(word)).expect("a program");
        let lines = program.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= 25, "{lines} lines are more than a page promises");
        let mut child = Command::new(python)
            .args(["-c", program])
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        let said = Arc::new(Mutex::new(Vec::new()));
        let (hears, pipe) = (Arc::clone(&said), child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                hears.lock().expect("nobody panicked").push(line);
            }
        });
        Self { child, said }
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().expect("nobody panicked").clone()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_of_the_guide_takes_what_is_genuine_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let secret = "whsec_ZnJvbnRkZXNrLWZpY3Rpb25hbC1rZXktMDAwMQ==".to_owned();
    let variables = [("HELP_DESK_SECRET", secret.clone()), ("PORT", port.to_string())];
    let script = Script::start("http.server", "http.server", &variables);
    let database = Database::sqlite();
    let desk = desk(&database).await;
    // The gateway's clock stands still; the receiver's does not.
    let url = format!("http://127.0.0.1:{port}/frontdesk");
    let types = ["interaction.opened", "message.received", "interaction.closed"];
    let new = json!({
        "id": "help-desk", "kind": "webhook", "url": url, "secret": secret,
        "settings": {"types": types},
    });
    let (status, made) = desk.call(None, "POST", "sinks", None, Some(new)).await;
    assert_eq!((status, &made["secret"]), (201, &json!(secret)));
    desk.set_to_real_time();
    let up = until(async || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
    assert!(up, "the receiver does not listen");
    desk.accept(sms("+12125550101", "SM1", "Hello")).await;
    let expected = ["interaction.opened IMS0000001", "message.received IMS0000001"];
    assert!(until(async || script.said().len() >= 2).await, "{:?}", script.said());
    assert_eq!(script.said(), expected);
    // Somebody else signs: 401, and nothing is printed.
    hook(&desk, "stranger", &url, json!({"types": types})).await;
    let (_, tested) = desk.call(None, "POST", "sinks/stranger/test", None, None).await;
    assert_eq!((&tested["ok"], &tested["status"]), (&json!(false), &json!(401)));
    assert_eq!(script.said(), expected);
    desk.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_consumer_of_the_guide_reads_the_stream() {
    let nats = Nats::start().await;
    nats.make_stream("FRONTDESK").await;
    let script = Script::start("nats.connect", "nats", &[("NATS_URL", nats.url())]);
    let database = Database::sqlite();
    let desk = desk(&database).await;
    let new = json!({"id": "stream", "kind": "nats", "url": nats.url()});
    let (status, _) = desk.call(None, "POST", "sinks", None, Some(new)).await;
    assert_eq!(status, 201);
    desk.accept(sms("+12125550101", "SM1", "one")).await;
    desk.accept(sms("+12125550101", "SM2", "two")).await;
    assert!(until(async || script.said().len() >= 2).await, "{:?}", script.said());
    let texts: Vec<_> = script.said().iter().map(|line| line[37..].to_owned()).collect();
    assert_eq!(texts, ["one", "two"]);
    desk.gateway.stop().await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_consumer_of_the_guide_reads_redis() {
    let redis = Redis::start().await;
    let script = Script::start("xreadgroup", "redis", &[("REDIS_URL", redis.url())]);
    reads(&script, redis.sink()).await;
}

#[cfg(feature = "amqp")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_consumer_of_the_guide_reads_rabbitmq() {
    let rabbit = Rabbit::start().await;
    let script = Script::start("basic_consume", "pika", &[("AMQP_URL", rabbit.url())]);
    reads(&script, rabbit.sink()).await;
}

#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_consumer_of_the_guide_reads_kafka() {
    let kafka = Kafka::start();
    let servers = [("KAFKA_SERVERS", kafka.servers().to_owned())];
    let script = Script::start("confluent_kafka", "confluent_kafka", &servers);
    reads(&script, kafka.sink()).await;
}

/// Whether a consumer prints each event of a message, in order.
#[cfg(any(feature = "amqp", feature = "kafka", feature = "redis"))]
async fn reads(script: &Script, mut sink: Value) {
    let database = Database::sqlite();
    let desk = desk(&database).await;
    let types = json!(["interaction.opened", "message.received"]);
    sink["settings"].as_object_mut().expect("settings").insert("types".to_owned(), types);
    let (status, made) = desk.call(None, "POST", "sinks", None, Some(sink)).await;
    assert_eq!(status, 201, "{made}");
    desk.accept(sms("+12125550101", "SM1", "one")).await;
    desk.accept(sms("+12125550101", "SM2", "two")).await;
    assert!(until(async || script.said().len() >= 3).await, "{:?}", script.said());
    let said: Vec<_> = script.said().iter().map(|line| line[37..].to_owned()).collect();
    assert_eq!(said, ["interaction.opened", "message.received", "message.received"]);
    desk.gateway.stop().await;
}
