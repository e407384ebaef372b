//! The edge providers speak to: `/webhooks/{channel}`.
//!
//! A request larger than the cap is answered before it is buffered. The address that signatures are
//! checked against is the configured public one; forwarded headers count only from listed proxies.
//! What each failure costs is decided in [`error`].

mod body;
mod error;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{self, HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};
use frontdesk_adapters::{Answer, Method};
use ipnet::IpNet;

use crate::{clock::Clock, config::Http, ingest::Ingest};

/// What webhooks use; OPTIONS is a set-up check of some. HEAD comes with GET.
const METHODS: MethodFilter =
    MethodFilter::GET.or(MethodFilter::POST).or(MethodFilter::PUT).or(MethodFilter::OPTIONS);

#[derive(Clone, Debug)]
struct Edge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ingest: Ingest,
    clock: Clock,
    public_url: String,
    /// Where the path of `public_url` begins.
    public_path: usize,
    trusted_proxies: Vec<IpNet>,
    max_body_bytes: usize,
}

/// The routes of the edge.
pub fn router(ingest: Ingest, clock: Clock, http: &Http, public_url: String) -> Router {
    let edge = Edge(Arc::new(Inner {
        ingest,
        clock,
        public_path: path_at(&public_url),
        public_url,
        trusted_proxies: http.trusted_proxies.clone(),
        max_body_bytes: http.max_body_bytes,
    }));
    Router::new()
        .route("/webhooks/{channel}", on(METHODS, receive))
        // Some providers want an address per kind of event: what follows the channel is ignored.
        .route("/webhooks/{channel}/", on(METHODS, receive))
        .route("/webhooks/{channel}/{*rest}", on(METHODS, receive))
        .with_state(edge)
}

async fn receive(
    State(edge): State<Edge>,
    peer: ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let channel = channel_in(request.uri().path());
    edge.receive(&channel, peer.0.ip(), request).await
}

impl Edge {
    async fn receive(&self, channel: &str, peer: IpAddr, request: Request<Body>) -> Response {
        let began = self.0.clock.now().as_millis();
        let sender = self.sender(peer, request.headers());
        let response = match self.read(peer, request).await {
            Ok(request) => {
                let method = request.method;
                match self.0.ingest.accept_from(channel, request, Some(sender)).await {
                    Ok(answer) => respond(answer),
                    Err(error) => error::respond(&error, method),
                }
            }
            Err(response) => response,
        };
        let elapsed = self.0.clock.now().as_millis().saturating_sub(began);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one request")]
        metrics::histogram!("frontdesk_inbound_seconds").record(elapsed as f64 / 1000.0);
        response
    }

    async fn read(
        &self,
        peer: IpAddr,
        request: Request<Body>,
    ) -> Result<frontdesk_adapters::Request, Response> {
        let Some(method) = method(request.method()) else {
            return Err(StatusCode::METHOD_NOT_ALLOWED.into_response());
        };
        let (parts, body) = request.into_parts();
        let body = body::read(&parts.headers, body, self.0.max_body_bytes).await?;
        let url = self.url(peer, &parts);
        Ok(frontdesk_adapters::Request::new(method, url, headers(&parts.headers), body))
    }

    /// The address as the provider has it: the public one, and the request's target as sent.
    fn url(&self, peer: IpAddr, parts: &Parts) -> String {
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let public_url = &self.0.public_url;
        match self.trusts(peer).then(|| forwarded(&parts.headers)).flatten() {
            Some((scheme, host)) => {
                format!("{scheme}://{host}{}{target}", &public_url[self.0.public_path..])
            }
            None => format!("{public_url}{target}"),
        }
    }

    fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.trusted_proxies.iter().any(|network| network.contains(&peer))
    }

    /// Who sent it: going back through `X-Forwarded-For`, the first that is no proxy of ours. What
    /// stands before it, anybody may have written.
    fn sender(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut sender = peer;
        let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
        let hops = lines
            .iter()
            .rev()
            .flat_map(|line| line.to_str().unwrap_or_default().rsplit(',').map(str::trim));
        for hop in hops {
            if !self.trusts(sender) {
                break;
            }
            // Some proxies add a port.
            let address = hop
                .parse::<IpAddr>()
                .or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()));
            match address {
                Ok(address) => sender = address,
                Err(_) => break,
            }
        }
        sender
    }
}

/// The channel's name, decoded. What follows it may be anything, and no text.
fn channel_in(path: &str) -> String {
    let name = path.split('/').nth(2).unwrap_or_default();
    // A name has none of what a form's decoder takes for something else.
    if !name.contains('%') || name.contains(['+', '&', '=']) {
        return name.to_owned();
    }
    let mut decoded = form_urlencoded::parse(name.as_bytes());
    decoded.next().map_or_else(String::new, |(name, _)| name.into_owned())
}

/// HEAD asks what GET would be answered; the server leaves the body out.
fn method(method: &http::Method) -> Option<Method> {
    let name = if method == http::Method::HEAD { "GET" } else { method.as_str() };
    Method::parse(name)
}

/// Where the path of an address begins: at its end, if it has none.
fn path_at(url: &str) -> usize {
    let host = url.find("://").map_or(0, |scheme| scheme + "://".len());
    url[host..].find('/').map_or(url.len(), |path| host + path)
}

/// The scheme and host a proxy says it was reached at: the last entry is the one our own proxy
/// wrote.
fn forwarded(headers: &HeaderMap) -> Option<(&'static str, &str)> {
    let last = |name: &str| {
        let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        value.rsplit(',').next().map(str::trim).filter(|value| !value.is_empty())
    };
    let host = last("x-forwarded-host")?;
    let well_formed =
        host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    let is_plain = last("x-forwarded-proto").is_some_and(|it| it.eq_ignore_ascii_case("http"));
    well_formed.then_some((if is_plain { "http" } else { "https" }, host))
}

/// Headers as pairs. Values are bytes; those that are not UTF-8 cannot be any provider's.
fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

fn respond(answer: Answer) -> Response {
    const NOSNIFF: (HeaderName, &str) = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match (answer.content_type, answer.body) {
        (Some(content_type), Some(body)) => {
            let content_type = (header::CONTENT_TYPE, content_type.into_owned());
            (status, [NOSNIFF], [content_type], body.into_owned()).into_response()
        }
        (_, _) => status.into_response(),
    };
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
