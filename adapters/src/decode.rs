//! The pure answer to "what would this request become?".

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Accepted, Account, Adapter, Answer, Event, Method, Outcome, Parsed, Recorded, Refusal, Request,
    Timestamp, Verdict, providers,
};

/// A request, decoded: the product's JSON for events and answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Decoded {
    /// The sender is proven.
    Verified {
        /// Always true.
        verified: bool,
        /// What the request says, in order.
        events: Vec<Event>,
        /// What the provider would hear, were everything in it new.
        answer: Answer,
        /// Why a verified request could not be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        malformed: Option<String>,
    },
    /// The sender is not proven, or the request cannot be checked.
    Refused {
        /// Always false.
        verified: bool,
        /// The stable word for why.
        refused: &'static str,
        /// A sentence for people.
        detail: String,
    },
}

/// Decodes one request as if nothing had been recorded before.
pub fn decode(adapter: &Adapter, account: &Account, request: Request, now: Timestamp) -> Decoded {
    decoded(adapter, account, adapter.accept(request, account, now))
}

/// Decodes a request of which nobody knows when it arrived: as if at the time it was signed.
pub fn decode_undated(
    adapter: &Adapter,
    account: &Account,
    request: Request,
    now: Timestamp,
) -> Decoded {
    let mut accepted = adapter.accept(request, account, now);
    if let Accepted::Refused(request, Refusal::Stale { signed_at, .. }) = accepted {
        let signed_at = Timestamp::from_seconds(signed_at).unwrap_or(now);
        accepted = adapter.accept(request, account, signed_at);
    }
    decoded(adapter, account, accepted)
}

fn decoded(adapter: &Adapter, account: &Account, accepted: Accepted) -> Decoded {
    match accepted {
        Accepted::Handshake(answer) => {
            Decoded::Verified { verified: true, events: Vec::new(), answer, malformed: None }
        }
        Accepted::Understood(_, parsed) => {
            let outcomes =
                vec![Outcome { id: None, verdict: Verdict::Accepted }; parsed.events.len()];
            let answer = (adapter.acknowledge)(Recorded::Understood(&parsed, &outcomes, account));
            let Parsed { events, .. } = parsed;
            Decoded::Verified { verified: true, events, answer, malformed: None }
        }
        Accepted::NotUnderstood(_, malformed) => Decoded::Verified {
            verified: true,
            events: Vec::new(),
            answer: (adapter.acknowledge)(Recorded::NotUnderstood(&malformed, account)),
            malformed: Some(malformed.0),
        },
        Accepted::Refused(_, refusal) => refused(refusal.code(), refusal.to_string()),
    }
}

/// When a request arrived, where it does not say so itself.
#[derive(Clone, Copy, Debug)]
pub enum Arrival {
    /// At this time.
    At(Timestamp),
    /// Nobody knows: a signature may be as old as it is. The receiver's clock counts for the rest,
    /// such as how long a certificate holds.
    Unknown(Timestamp),
}

/// Decodes one line of `decode --jsonl`; what cannot be read comes back as a refusal, too.
pub fn decode_line(line: &str, arrival: Arrival) -> Decoded {
    match read_line(line, arrival) {
        Ok((adapter, account, request, Arrival::At(now))) => {
            decode(adapter, &account, request, now)
        }
        Ok((adapter, account, request, Arrival::Unknown(now))) => {
            decode_undated(adapter, &account, request, now)
        }
        Err(detail) => refused("malformed", detail),
    }
}

fn refused(refused: &'static str, detail: String) -> Decoded {
    Decoded::Refused { verified: false, refused, detail }
}

#[derive(Deserialize)]
struct Line {
    provider: String,
    #[serde(default)]
    account: Value,
    request: LineRequest,
    now: Option<Now>,
}

#[derive(Deserialize)]
struct LineRequest {
    #[serde(default = "post")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Headers,
    body: Option<String>,
    body_base64: Option<String>,
}

/// Headers as an object (a list of values repeats one) or as pairs.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Headers {
    #[default]
    None,
    Pairs(Vec<(String, String)>),
    Object(serde_json::Map<String, Value>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Now {
    Seconds(f64),
    Text(String),
}

fn post() -> String {
    "POST".to_owned()
}

type Readable = (&'static Adapter, Account, Request, Arrival);

fn read_line(line: &str, arrival: Arrival) -> Result<Readable, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| {
        format!("the line is not {{\"provider\", \"account\", \"request\", \"now\"}}: {error}")
    })?;
    let adapter = providers::find(&line.provider).ok_or_else(|| {
        format!("there is no provider `{}`; `frontdesk providers` lists them", line.provider)
    })?;
    let account = Account::read(adapter, &line.account).map_err(|error| error.to_string())?;
    let method = Method::parse(&line.request.method)
        .ok_or("the method must be GET, POST, PUT or OPTIONS")?;
    let headers = match line.request.headers {
        Headers::None => Vec::new(),
        Headers::Pairs(pairs) => pairs,
        Headers::Object(object) => object.into_iter().flat_map(header_values).collect(),
    };
    let body = match (line.request.body, line.request.body_base64) {
        (Some(body), None) => body.into_bytes(),
        (None, Some(body)) => BASE64.decode(body).map_err(|_| "body_base64 is not base64")?,
        (None, None) => Vec::new(),
        (Some(_), Some(_)) => return Err("give either body or body_base64".to_owned()),
    };
    let arrival = match line.now {
        None => arrival,
        Some(now) => Arrival::At(now.read().ok_or("now must be Unix seconds or an RFC 3339 time")?),
    };
    Ok((adapter, account, Request::new(method, line.request.url, headers, body), arrival))
}

fn header_values((name, value): (String, Value)) -> Vec<(String, String)> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => other.to_string(),
    };
    match value {
        Value::Array(values) => {
            values.into_iter().map(|value| (name.clone(), text(value))).collect()
        }
        Value::Null => Vec::new(),
        one @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            vec![(name, text(one))]
        }
    }
}

impl Now {
    fn read(&self) -> Option<Timestamp> {
        match self {
            // Seconds with a fraction keep their milliseconds.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "out of range saturates and is refused"
            )]
            Self::Seconds(seconds) => Timestamp::from_millis((seconds * 1000.0).round() as i64),
            Self::Text(text) => Timestamp::parse_rfc3339(text)
                .or_else(|| Timestamp::from_seconds(text.parse().ok()?)),
        }
    }
}
