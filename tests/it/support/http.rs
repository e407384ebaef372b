//! Requests over the wire, and waiting for what they bring about.

use std::{net::SocketAddr, time::Duration};

use frontdesk_adapters::{Method, Request};
use serde_json::Value;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a provider hears.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// All headers, in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
}

impl Reply {
    /// Whether the provider will not send it again.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a request to a gateway at `address`.
pub async fn send(client: &reqwest::Client, address: SocketAddr, request: Request) -> Reply {
    try_send(client, address, request).await.expect("an answer")
}

/// As [`send`], where there may be no answer.
pub async fn try_send(
    client: &reqwest::Client,
    address: SocketAddr,
    request: Request,
) -> reqwest::Result<Reply> {
    let target = request.url.splitn(4, '/').nth(3).unwrap_or_default();
    let url = format!("http://{address}/{target}");
    let mut builder = match request.method {
        Method::Get => client.get(url),
        Method::Post => client.post(url),
        Method::Put => client.put(url),
        Method::Options => client.request(reqwest::Method::OPTIONS, url),
    };
    for (name, value) in &request.headers {
        if !name.eq_ignore_ascii_case("host") {
            builder = builder.header(name, value);
        }
    }
    let response = builder.body(request.body).send().await?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.map(|value| String::from_utf8_lossy(value.as_bytes()).into());
    let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = response.headers().iter().map(text).collect();
    Ok(Reply { status, retry_after, headers, body: response.text().await? })
}

/// A client for loopback.
#[expect(clippy::disallowed_methods, reason = "the gateway under test is on loopback")]
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

/// Looks again and again for something that announces itself to nobody; says whether it came.
pub async fn until(condition: impl AsyncFn() -> bool) -> bool {
    until_within(PATIENCE, condition).await
}

/// As [`until`], with as much patience as is given.
pub async fn until_within(patience: Duration, condition: impl AsyncFn() -> bool) -> bool {
    let came = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(patience, came).await.is_ok()
}
