//! A gateway without a socket, whose every answer is held against the document.

use std::{collections::BTreeSet, sync::Mutex};

use axum::{
    body::Body,
    http::{HeaderMap, Request, header},
};
use frontdesk::{
    app::App, clock::Clock, config::Config, ingest::IngestError, keys::Scope, profiles::merges,
};
use frontdesk_adapters::{Account, Method, Secret, Timestamp, providers};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::document::Document;
use crate::support::{Database, PUBLIC_URL, SECRETS_KEY};

/// What the telegram channel of these tests is signed with.
pub const SECRET: &str = "canary_Secret-1";
pub const OUR_BOT: &str = "7000000001";

pub struct Gateway {
    pub app: App,
    pub document: Document,
    pub seen: Mutex<BTreeSet<String>>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("JSON")
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A request being put together.
pub struct Call<'a> {
    gateway: &'a Gateway,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Gateway {
    pub async fn start(database: &Database) -> Self {
        Self::with_secrets_key(database, SECRETS_KEY).await
    }

    /// A gateway that seals secrets with another key.
    pub async fn with_secrets_key(database: &Database, key: &str) -> Self {
        let mut config = Config::default();
        config.database.url.clone_from(&database.url);
        config.http.public_url = Some(PUBLIC_URL.to_owned());
        config.secrets.key = Some(Secret::new(key));
        let app = App::build(&config, Clock::system()).await.expect("a gateway");
        Self { app, document: Document::new(), seen: Mutex::default() }
    }

    /// A key made as the command line makes one.
    pub async fn key(&self, scope: Scope) -> String {
        self.key_until(scope, None).await
    }

    pub async fn key_until(&self, scope: Scope, expires_at: Option<i64>) -> String {
        self.make_key(scope, expires_at, None).await
    }

    /// An agent's own key.
    pub async fn key_of_agent(&self, agent: &str) -> String {
        self.make_key(Scope::Write, None, Some(agent.to_owned())).await
    }

    async fn make_key(
        &self,
        scope: Scope,
        expires_at: Option<i64>,
        agent_id: Option<String>,
    ) -> String {
        let now = Clock::system().now().as_millis();
        let (mut key, secret, hash) = frontdesk::keys::Key::new("tests", scope, expires_at, now);
        key.agent_id = agent_id;
        let mut tx = self.app.store.begin().await.expect("a transaction");
        frontdesk::keys::insert(&mut tx, &key, &hash).await.expect("a key");
        tx.commit().await.expect("a commit");
        secret.expose().to_owned()
    }

    pub fn call(&self, method: &'static str, path: &str) -> Call<'_> {
        let path = path.to_owned();
        Call { gateway: self, method, path, headers: Vec::new(), body: Vec::new() }
    }

    /// Makes the telegram channel `bot`.
    pub async fn make_channel(&self, key: &str) -> Answer {
        let channel = json!({
            "id": "bot", "provider": "telegram", "address": OUR_BOT,
            "account": {
                "bot_id": OUR_BOT,
                "secret_token": SECRET,
                "bot_token": format!("{OUR_BOT}:{SECRET}"),
            },
        });
        self.call("POST", "/v1/channels").key(key).json(&channel).await
    }

    /// A merge as rules propose it.
    pub async fn propose_merge(&self, kept: &str, given_up: &str) -> String {
        let id = |text: &str| text.parse::<uuid::Uuid>().expect("an id");
        let (kept, given_up) = (id(kept), id(given_up));
        let proposal = merges::chosen(kept, given_up, "system".to_owned(), 0);
        let mut tx = self.app.store.begin().await.expect("a transaction");
        merges::propose(&mut tx, vec![proposal]).await.expect("a proposal");
        let merge = merges::find_pair(&mut tx, kept, given_up).await.expect("a look");
        tx.commit().await.expect("a commit");
        merge.expect("a merge").id.to_string()
    }

    /// Somebody writes to the channel `bot`.
    pub async fn receive(&self, update: i64, sender: i64, text: &str) {
        self.receive_with(SECRET, update, sender, text).await.expect("recorded");
    }

    /// As [`Self::receive`], proven with a secret that may be another one.
    pub async fn receive_with(
        &self,
        secret: &str,
        update: i64,
        sender: i64,
        text: &str,
    ) -> Result<(), IngestError> {
        let adapter = providers::find("telegram").expect("telegram");
        let account = Account::read(adapter, &json!({"secret_token": secret})).expect("an account");
        let body = json!({"update_id": update, "message": {
            "message_id": update, "date": 1_767_225_600, "text": text,
            "from": {"id": sender, "is_bot": false, "first_name": "Ana"},
            "chat": {"id": sender, "type": "private", "first_name": "Ana"},
        }});
        let url = format!("{PUBLIC_URL}/webhooks/bot");
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let mut request =
            frontdesk_adapters::Request::new(Method::Post, url, headers, body.to_string().into());
        let now = Timestamp::from_millis(0).expect("a time");
        adapter.verifier.sign(&mut request, &account, now).expect("a signature");
        self.app.ingest.accept("bot", request).await.map(drop)
    }

    pub async fn stop(self) {
        self.app.stop().await;
    }
}

impl Call<'_> {
    pub fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub async fn json(self, body: &Value) -> Answer {
        self.header("content-type", "application/json").raw(body.to_string().into_bytes()).await
    }

    pub async fn raw(mut self, body: Vec<u8>) -> Answer {
        self.body = body;
        self.send().await
    }

    /// Sends it, and holds the answer against the document.
    pub async fn send(self) -> Answer {
        let Self { gateway, method, path, headers, body } = self;
        let mut request = Request::builder().method(method).uri(&path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response = gateway.app.router().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        // A feed goes on and on.
        let endless = content_type.is_some_and(|value| value == "text/event-stream");
        #[expect(clippy::disallowed_methods, reason = "our own answers are small")]
        let bytes = match endless {
            true => Vec::new(),
            false => axum::body::to_bytes(body, usize::MAX).await.expect("a body").to_vec(),
        };
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, bytes };
        assert!(answer.header("x-request-id").is_some(), "{method} {path}");
        let target = path.split('?').next().expect("a path");
        if let Some(operation) = gateway.document.operation(method, target) {
            let content_type = answer.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
            let complaint =
                gateway.document.complaint(&operation, answer.status, content_type, &answer.bytes);
            let body = String::from_utf8_lossy(&answer.bytes);
            assert_eq!(complaint, None, "{operation} answered {}: {body}", answer.status);
            if answer.status < 300 {
                gateway.seen.lock().expect("nobody panicked").insert(operation);
            }
        }
        answer
    }
}
