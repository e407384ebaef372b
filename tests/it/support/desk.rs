//! A gateway with two agents at it, and what they do there.

use std::ops::Deref;

use frontdesk::{
    agents::{self, Agent},
    keys::{self, Key, Scope},
};
use serde_json::Value;

use super::{
    database::Database,
    gateway::TestGateway,
    http::{client, until},
};

/// A gateway where `ana` and `ben` work.
pub struct Desk {
    /// The gateway.
    pub gateway: TestGateway,
    key: String,
    client: reqwest::Client,
}

impl Deref for Desk {
    type Target = TestGateway;

    fn deref(&self) -> &TestGateway {
        &self.gateway
    }
}

impl Desk {
    /// A gateway as it comes, with its agents.
    pub async fn open(database: &Database) -> Self {
        Self::at(TestGateway::start(database).await).await
    }

    /// Agents at a gateway that is there.
    pub async fn at(gateway: TestGateway) -> Self {
        let (key, secret, hash) = Key::new("desk", Scope::Admin, None, 0);
        let mut tx = gateway.store.begin().await.expect("a transaction");
        keys::insert(&mut tx, &key, &hash).await.expect("a key");
        for id in ["ana", "ben"] {
            if agents::get(&mut tx, id).await.expect("a look").is_none() {
                let agent = Agent {
                    id: id.to_owned(),
                    name: id.to_owned(),
                    active: true,
                    created_at: 0,
                    changed_at: 0,
                    version: 1,
                };
                agents::insert(&mut tx, &agent).await.expect("an agent");
            }
        }
        tx.commit().await.expect("a commit");
        Self { gateway, key: secret.expose().to_owned(), client: client() }
    }

    /// What an agent (or, without one, a program) gets for a request: status and JSON.
    pub async fn call(
        &self,
        agent: Option<&str>,
        method: &str,
        path: &str,
        if_match: Option<i64>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let url = format!("http://{}/v1/{path}", self.gateway.address);
        let mut request = self.client.request(method, url).bearer_auth(&self.key);
        if let Some(agent) = agent {
            request = request.header("frontdesk-agent", agent);
        }
        if let Some(version) = if_match {
            request = request.header("if-match", format!("\"{version}\""));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The key of a program.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What `agent` gets for a text that is no JSON.
    pub async fn post_text(
        &self,
        agent: &str,
        path: &str,
        content_type: &str,
        text: impl Into<String>,
    ) -> (u16, Value) {
        let url = format!("http://{}/v1/{path}", self.gateway.address);
        let request = self.client.post(url).bearer_auth(&self.key).body(text.into());
        let request = request.header("frontdesk-agent", agent).header("content-type", content_type);
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.json().await.expect("JSON"))
    }

    /// What `agent` gets for a post.
    pub async fn post(&self, agent: &str, path: &str, body: Value) -> (u16, Value) {
        self.call(Some(agent), "POST", path, None, Some(body)).await
    }

    /// A post whose answer is kept for a day.
    pub async fn remembered(&self, agent: &str, path: &str, key: &str, body: Value) {
        let url = format!("http://{}/v1/{path}", self.gateway.address);
        let request = self.client.post(url).bearer_auth(&self.key).header("frontdesk-agent", agent);
        let response = request.header("idempotency-key", key).json(&body).send().await;
        assert!(response.expect("an answer").status().is_success());
    }

    /// As [`Self::post`], where it must succeed.
    pub async fn does(&self, agent: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(agent, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// The code of the problem that `agent` gets for a post.
    pub async fn refused(&self, agent: &str, path: &str, body: Value) -> String {
        let (status, answer) = self.post(agent, path, body).await;
        assert!(status >= 400, "{path}: {status} {answer}");
        answer["code"].as_str().unwrap_or_default().to_owned()
    }

    /// What is shown.
    pub async fn see(&self, path: &str) -> Value {
        let (status, answer) = self.call(None, "GET", path, None, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// What is shown once it is as it should be.
    pub async fn until(&self, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        let came = until(async || is(&self.see(path).await)).await;
        let shown = self.see(path).await;
        assert!(came, "{path} stays {shown}");
        shown
    }

    /// Waits until `rest`, as in `messages where …`, has so many rows.
    pub async fn until_count(&self, rest: &str, count: i64) {
        let came = until(async || self.count(rest).await == count).await;
        assert!(came, "{rest} has {} rows", self.count(rest).await);
    }

    /// Changes a thing whose version it reads first; status and answer.
    pub async fn change(&self, agent: &str, path: &str, body: Value) -> (u16, Value) {
        let version = self.see(path).await["version"].as_i64().expect("a version");
        self.call(Some(agent), "PATCH", path, Some(version), Some(body)).await
    }

    /// The path of the one open interaction.
    pub async fn open_interaction(&self) -> String {
        let list = self.see("interactions?active=true").await;
        let list = list["data"].as_array().expect("a list");
        assert_eq!(list.len(), 1, "{list:?}");
        format!("interactions/{}", list[0]["number"].as_str().expect("a number"))
    }
}
