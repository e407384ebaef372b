//! The one HTTP client: the only way out to addresses that somebody else named.
//!
//! Addresses are checked after the name is resolved, by the resolver the connection itself uses, so
//! that a name cannot answer twice. Plain `http` and networks that are not on the internet are
//! refused unless a setting names them. No redirect is followed, no proxy taken from the
//! environment, nothing tried again: the caller records each attempt.

mod addresses;
mod streams;

use std::{
    error::Error,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

pub use streams::{Stream, tls_of};

use frontdesk_adapters::Method;
use ipnet::IpNet;
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// How long a connection may take, within the time of the whole call.
const CONNECT: Duration = Duration::from_secs(5);
/// How we introduce ourselves.
const USER_AGENT: &str = concat!("frontdesk/", env!("CARGO_PKG_VERSION"));

/// Calls addresses on the internet, and those that are allowed by name.
#[derive(Clone, Debug)]
pub struct Egress {
    https: Client,
    /// Reaches allowed networks only.
    http: Client,
    allowed: Arc<[IpNet]>,
}

/// One request to somebody else.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// How.
    pub method: Method,
    /// Where: `https://…`, or `http://…` within what is allowed.
    pub url: &'a str,
    /// Headers by name.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is sent.
    pub body: &'a [u8],
    /// How long all of it may take.
    pub timeout: Duration,
    /// How much of an answer's body is read: a longer one does not come whole.
    pub max_answer_bytes: usize,
}

/// What was answered, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status; a redirect is not followed.
    pub status: u16,
    /// Headers by lowercase name, where they are text.
    pub headers: Vec<(String, String)>,
    /// The body, or why it did not come whole.
    pub body: Result<Vec<u8>, EgressError>,
}

/// Why there is no answer. None of it repeats the address, which may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// Not an address.
    #[error("the address is not a URL of http or https with a host")]
    Url,
    /// Not a server.
    #[error("the server is not a host, with a port if it is not the usual one")]
    Server,
    /// Plain `http` to a network that is not allowed by name.
    #[error("plain http is only spoken to networks that egress.allow names")]
    Plain,
    /// A broker without TLS in a network that is not allowed by name.
    #[error("without TLS, only networks that egress.allow names are spoken to")]
    Clear,
    /// Nothing on the internet, and not allowed by name.
    #[error("the address is not on the internet, and egress.allow does not name its network")]
    Forbidden,
    /// No connection: the name does not resolve, nobody listens, or TLS fails.
    #[error("no connection could be made")]
    Connect(#[source] reqwest::Error),
    /// No connection to a broker: nobody listens, or TLS fails.
    #[error("no connection could be made")]
    Unreachable(#[source] std::io::Error),
    /// The name does not resolve.
    #[error("the name does not resolve")]
    Resolve(#[source] std::io::Error),
    /// It took too long.
    #[error("there was no answer in time")]
    Timeout,
    /// The answer is longer than it may be.
    #[error("the answer is too long")]
    TooLong,
    /// The connection broke off, or a header cannot be sent.
    #[error("the call broke off")]
    Broken(#[source] reqwest::Error),
}

impl EgressError {
    /// A short name for records and measures.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url | Self::Server => "url",
            Self::Plain => "plain_http",
            Self::Clear => "plain",
            Self::Forbidden => "forbidden_address",
            Self::Connect(_) | Self::Unreachable(_) | Self::Resolve(_) => "connect",
            Self::Timeout => "timeout",
            Self::TooLong => "answer_too_long",
            Self::Broken(_) => "broken",
        }
    }
}

impl Answer {
    /// The first header of this lowercase name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }

    /// Whether the status is any 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Egress {
    /// A client that also reaches the networks `allowed`, and speaks plain `http` to them alone.
    ///
    /// # Panics
    ///
    /// When the system's certificates cannot be read at all.
    #[must_use]
    pub fn new(allowed: &[IpNet]) -> Self {
        let allowed: Arc<[IpNet]> = allowed.into();
        let client = |internet: bool| {
            #[expect(clippy::disallowed_methods, reason = "this is where the client is made")]
            let builder = Client::builder();
            builder
                .dns_resolver(Arc::new(Resolver { internet, allowed: Arc::clone(&allowed) }))
                .https_only(internet)
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .connect_timeout(CONNECT)
                .user_agent(USER_AGENT)
                .build()
                .expect("the system's certificates can be read")
        };
        Self { https: client(true), http: client(false), allowed }
    }

    /// Says whether `url` could be called, as far as can be seen without resolving its name.
    pub fn check(&self, url: &str) -> Result<(), EgressError> {
        self.prepare(url).map(drop)
    }

    /// Says whether a broker's server, a host with a port or without, could be called, as far as can
    /// be seen without resolving its name; `plain` ones are in allowed networks only.
    pub fn check_server(&self, server: &str, plain: bool) -> Result<(), EgressError> {
        let url = server_url(server).ok_or(EgressError::Server)?;
        let number = number(&url);
        let may_be = |number| {
            if plain {
                addresses::is_allowed(number, &self.allowed)
            } else {
                addresses::may_be_called(number, &self.allowed)
            }
        };
        match number.is_none_or(may_be) {
            true if plain && self.allowed.is_empty() => Err(EgressError::Clear),
            true => Ok(()),
            false if plain => Err(EgressError::Clear),
            false => Err(EgressError::Forbidden),
        }
    }

    /// Calls and reads the answer: its status counts, even where its body breaks off.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, EgressError> {
        let (client, url) = self.prepare(call.url)?;
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Options => reqwest::Method::OPTIONS,
        };
        let mut request = client.request(method, url).timeout(call.timeout);
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        if !call.body.is_empty() {
            request = request.body(call.body.to_vec());
        }
        let response = request.send().await.map_err(failed)?;
        let text =
            |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            };
        let headers = response.headers().iter().filter_map(text).collect();
        let status = response.status().as_u16();
        Ok(Answer { status, headers, body: read(response, call.max_answer_bytes).await })
    }

    /// The addresses of a host that may be called, for protocols that are not HTTP; `plain` ones
    /// are spoken to allowed networks only.
    pub async fn addresses(
        &self,
        host: &str,
        port: u16,
        plain: bool,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let resolver = Resolver { internet: !plain, allowed: Arc::clone(&self.allowed) };
        let refused = if plain { EgressError::Clear } else { EgressError::Forbidden };
        let found = tokio::net::lookup_host((host, port)).await.map_err(EgressError::Resolve)?;
        let found: Vec<_> = found.filter(|address| resolver.permits(address)).collect();
        if found.is_empty() { Err(refused) } else { Ok(found) }
    }

    /// The client for an address, which is refused here if it names a number: no resolver sees those.
    fn prepare(&self, url: &str) -> Result<(&Client, Url), EgressError> {
        let url = Url::parse(url).map_err(|_| EgressError::Url)?;
        if url.host_str().is_none() {
            return Err(EgressError::Url);
        }
        let number = number(&url);
        let client = match url.scheme() {
            "https" => {
                let refused =
                    number.is_some_and(|number| !addresses::may_be_called(number, &self.allowed));
                if refused {
                    return Err(EgressError::Forbidden);
                }
                &self.https
            }
            "http" => {
                let refused =
                    number.is_some_and(|number| !addresses::is_allowed(number, &self.allowed));
                if refused || self.allowed.is_empty() {
                    return Err(EgressError::Plain);
                }
                &self.http
            }
            _ => return Err(EgressError::Url),
        };
        Ok((client, url))
    }
}

/// Whether this is a host with a port or without, and nothing else.
#[must_use]
pub fn is_server(server: &str) -> bool {
    server_url(server).is_some()
}

fn server_url(server: &str) -> Option<Url> {
    let url = Url::parse(&format!("broker://{server}")).ok()?;
    let bare = url.path().is_empty() && url.query().is_none() && url.fragment().is_none();
    let host = url.host_str().is_some_and(|host| !host.is_empty());
    let login = !url.username().is_empty() || url.password().is_some();
    (bare && host && !login && url.port() != Some(0)).then_some(url)
}

/// The number that a host is, if it is no name.
fn number(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

async fn read(mut response: reqwest::Response, most: usize) -> Result<Vec<u8>, EgressError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > most {
            return Err(EgressError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The system's resolver, without the addresses that may not be called.
#[derive(Clone)]
struct Resolver {
    /// Whether the internet is within reach, or allowed networks only.
    internet: bool,
    allowed: Arc<[IpNet]>,
}

impl Resolver {
    fn permits(&self, address: &SocketAddr) -> bool {
        let address = address.ip();
        addresses::is_allowed(address, &self.allowed)
            || self.internet && addresses::may_be_called(address, &[])
    }
}

/// A name that leads nowhere it may.
#[derive(Debug)]
struct Refused {
    plain: bool,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every address of the name is refused")
    }
}

impl Error for Refused {}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<_> = found.filter(|address| resolver.permits(address)).collect();
            if found.is_empty() {
                return Err(Refused { plain: !resolver.internet }.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn failed(error: reqwest::Error) -> EgressError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return if refused.plain { EgressError::Plain } else { EgressError::Forbidden };
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        EgressError::Timeout
    } else if error.is_connect() {
        EgressError::Connect(error.without_url())
    } else {
        EgressError::Broken(error.without_url())
    }
}

#[cfg(test)]
mod tests;
