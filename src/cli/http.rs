//! Posting requests to a running gateway.

use std::time::Duration;

use anyhow::Context;
use frontdesk_adapters::{Method, Request};
use serde_json::Value;

use super::{Exit, fault};
use crate::ingest;

/// How long a gateway may take to answer: providers give it about as much.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Headers the client writes itself.
const OWN_HEADERS: [&str; 3] = ["host", "content-length", "connection"];

/// What a gateway answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: String,
}

impl Heard {
    /// Why a gateway did not take a request, in its own words as far as it has any.
    pub fn reason(&self) -> String {
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let said = ["detail", "code"].iter().find_map(|member| problem[member].as_str());
        said.map_or_else(|| format!("the gateway answered {}", self.status), str::to_owned)
    }
}

/// A client for the operator's own gateway, which may well be on a private address.
pub(super) fn client() -> anyhow::Result<reqwest::Client> {
    #[expect(clippy::disallowed_methods, reason = "the operator names the address, nobody else")]
    let builder = reqwest::Client::builder();
    builder
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .context("the HTTP client could not be made")
}

/// Sends `request` to `gateway`, keeping its query and its path below the public address as they
/// were signed.
pub(super) async fn send(
    client: &reqwest::Client,
    gateway: &str,
    request: &Request,
) -> anyhow::Result<Heard> {
    let url = format!("{}{}", gateway.trim_end_matches('/'), ingest::own_target(&request.url));
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Options => reqwest::Method::OPTIONS,
    };
    let mut builder = client.request(method, url).body(request.body.clone());
    for (name, value) in &request.headers {
        if !OWN_HEADERS.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            builder = builder.header(name, value);
        }
    }
    let response = builder.send().await.map_err(|error| {
        let reason =
            if error.is_timeout() { "did not answer in time" } else { "cannot be reached" };
        fault(Exit::Unreachable, format!("{gateway} {reason}; is `frontdesk serve` running there?"))
    })?;
    let content_type = response.headers().get(reqwest::header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = response.status().as_u16();
    let body = response.text().await.context("the answer broke off")?;
    Ok(Heard { status, content_type, body })
}
