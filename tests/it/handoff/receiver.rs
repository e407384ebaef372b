//! A receiver of webhooks that does as it is told, and remembers what it heard.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use frontdesk_adapters::{Account, Method, Request, Timestamp, providers};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// One request.
#[derive(Clone, Debug)]
pub struct Heard {
    /// `webhook-id`.
    pub id: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub raw: Vec<u8>,
    /// The body.
    pub body: Value,
    /// What was answered.
    pub status: u16,
}

impl Heard {
    pub fn event_type(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The text of its message.
    pub fn text(&self) -> &str {
        self.body["data"]["message"]["text"].as_str().unwrap_or_default()
    }

    /// Whether a receiver that knows this secret, or this public key, takes it.
    pub fn is_signed_with(&self, account: &Value) -> bool {
        let adapter = providers::find("chat").expect("chat");
        let account = Account::read(adapter, account).expect("an account");
        let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers = headers.map(|name| (name.to_owned(), self.header(name).to_owned()));
        let url = "https://crm.example/in".to_owned();
        let request = Request::new(Method::Post, url, headers.to_vec(), self.raw.clone());
        let seconds: i64 = self.header("webhook-timestamp").parse().expect("seconds");
        let now = Timestamp::from_millis(seconds * 1000).expect("a time");
        request.verify(adapter.verifier, &account, now).is_ok()
    }
}

type Answers = Box<dyn Fn(&Heard) -> u16 + Send + Sync>;

struct Inner {
    heard: Mutex<Vec<Heard>>,
    accepted: Mutex<BTreeSet<String>>,
    takes: Mutex<Duration>,
    answers: Mutex<Answers>,
}

/// A receiver on a free loopback port.
pub struct Receiver {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// One that answers 204.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let answers: Answers = Box::new(|_| 204);
        let inner = Arc::new(Inner {
            heard: Mutex::default(),
            accepted: Mutex::default(),
            takes: Mutex::default(),
            answers: Mutex::new(answers),
        });
        let router = Router::new().route("/in", post(hear)).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self { address, inner, serving }
    }

    pub fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }

    /// What it answers from now on.
    pub fn answer(&self, answers: impl Fn(&Heard) -> u16 + Send + Sync + 'static) {
        *self.inner.answers.lock().expect("nobody panicked") = Box::new(answers);
    }

    /// How long it takes over each request from now on.
    pub fn take(&self, time: Duration) {
        *self.inner.takes.lock().expect("nobody panicked") = time;
    }

    /// How many events it accepted.
    pub fn accepted_count(&self) -> usize {
        self.inner.accepted.lock().expect("nobody panicked").len()
    }

    /// Everything it heard.
    pub fn heard(&self) -> Vec<Heard> {
        self.inner.heard.lock().expect("nobody panicked").clone()
    }

    /// What it accepted, as a receiver that drops what it knows sees it.
    pub fn accepted(&self) -> Vec<Heard> {
        let mut known = BTreeSet::new();
        let mut heard = self.heard();
        heard.retain(|heard| heard.status < 300 && known.insert(heard.id.clone()));
        heard
    }

    /// The types of what it accepted, in order.
    pub fn types(&self) -> Vec<String> {
        self.accepted().iter().map(|heard| heard.event_type().to_owned()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn hear(State(inner): State<Arc<Inner>>, headers: HeaderMap, raw: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&raw).expect("JSON");
    let id = headers["webhook-id"].to_str().expect("text").to_owned();
    let mut heard = Heard { id, headers, raw: raw.to_vec(), body, status: 0 };
    heard.status = inner.answers.lock().expect("nobody panicked")(&heard);
    let status = StatusCode::from_u16(heard.status).expect("a status");
    let takes = *inner.takes.lock().expect("nobody panicked");
    tokio::time::sleep(takes).await;
    if status.is_success() {
        inner.accepted.lock().expect("nobody panicked").insert(heard.id.clone());
    }
    inner.heard.lock().expect("nobody panicked").push(heard);
    status
}
