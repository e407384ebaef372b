//! What an adapter adds to the work nobody can avoid.
//!
//! Unavoidable are the provider's MAC over the bytes and reading them as JSON or as a form. The rest
//! is ours: finding headers, translating, answering. The reading is done by the libraries everybody
//! uses, whatever an adapter itself reads with. Beside it stands what a line of `decode --jsonl`
//! takes, which also brings the account and is answered in JSON.

use std::{fs, hint::black_box, path::Path, time::Duration};

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use frontdesk_adapters::{
    Accepted, Account, Adapter, Arrival, Decoded, Method, Outcome, Recorded, Request, Secret,
    Timestamp, Verdict, decode_line, fixture, providers,
};
use serde::{Serialize, de::IgnoredAny};
use serde_json::{Value, json};

use crate::clock;

/// Requests per timing: so few that most timings run undisturbed.
const REQUESTS: usize = 100;

/// Timings per round.
const TIMINGS: usize = 50;

/// What one request of a provider takes.
#[derive(Debug, Serialize)]
pub(super) struct Decoding {
    pub provider: &'static str,
    pub content: Content,
    /// Of the body, or of the query where that is all there is.
    pub bytes: usize,
    pub rounds: Vec<Times>,
}

/// What a request is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Content {
    Form,
    Json,
    /// Read with no library of ours, so that there is nothing to hold it against.
    Other,
}

/// Microseconds of one request.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Times {
    pub ours: f64,
    pub bare: f64,
    /// As a line of `decode --jsonl`.
    pub line: f64,
}

/// Times the first fixture of each provider; those without one are passed over. Beside the times
/// stands what could not be timed, and why.
pub(super) fn measure(fixtures: &Path, rounds: usize) -> (Vec<Decoding>, Vec<String>) {
    let (mut measured, mut left_out) = (Vec::new(), Vec::new());
    for adapter in providers::ALL {
        let folder = fixtures.join(adapter.provider);
        if !folder.is_dir() {
            continue;
        }
        match Decoding::of(adapter, &folder, rounds) {
            Ok(decoding) => measured.push(decoding),
            Err(error) => left_out.push(format!("decoding of {} ({error:#})", adapter.provider)),
        }
    }
    (measured, left_out)
}

impl Decoding {
    fn of(adapter: &'static Adapter, folder: &Path, rounds: usize) -> anyhow::Result<Self> {
        let case = Case::first(adapter, folder)?;
        // The first round warms up.
        let rounds = (0..=rounds).map(|_| case.round()).skip(1).collect::<anyhow::Result<_>>()?;
        let (content, bytes) = (case.content(), case.form().unwrap_or(&case.request.body).len());
        Ok(Self { provider: adapter.provider, content, bytes, rounds })
    }
}

struct Case {
    adapter: &'static Adapter,
    account: Account,
    now: Timestamp,
    request: Request,
    line: String,
}

impl Case {
    fn first(adapter: &'static Adapter, folder: &Path) -> anyhow::Result<Self> {
        let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
        let requests = files.filter(|path| path.extension().is_some_and(|kind| kind == "http"));
        let first = requests.min().context("there is no .http file")?;
        let bytes = fs::read(first)?;
        let file: Value = serde_json::from_slice(&fs::read(folder.join("account.json"))?)?;
        let file = fixture::channel(&file, &fixture::read(&bytes, "")?.url);
        let values = file.get("account").unwrap_or(file);
        let account = Account::read(adapter, values)?;
        let text = |name: &str| file.get(name).and_then(Value::as_str);
        let now = text("now").and_then(Timestamp::parse_rfc3339).context("`now` is missing")?;
        let url = text("public_url").context("`public_url` is missing")?;
        let request = fixture::read(&bytes, url)?;
        let request = fixture::signed(request, adapter, &account, now)?;
        let (body, encoded) = match std::str::from_utf8(&request.body) {
            Ok(text) => (Some(text), None),
            Err(_) => (None, Some(BASE64.encode(&request.body))),
        };
        let line = json!({
            "provider": adapter.provider,
            "account": values,
            "request": {
                "method": request.method.as_str(),
                "url": request.url,
                "headers": request.headers,
                "body": body,
                "body_base64": encoded,
            },
            "now": text("now"),
        });
        Ok(Self { adapter, account, now, line: line.to_string(), request })
    }

    fn content(&self) -> Content {
        let is_json = || serde_json::from_slice::<IgnoredAny>(&self.request.body).is_ok();
        match self.form() {
            Some(_) => Content::Form,
            None if is_json() => Content::Json,
            None => Content::Other,
        }
    }

    /// The parameters, if the request has nothing else.
    fn form(&self) -> Option<&[u8]> {
        match self.request.method {
            Method::Get | Method::Options => Some(self.request.raw_query().as_bytes()),
            Method::Post | Method::Put => {
                self.request.is_form().then_some(self.request.body.as_slice())
            }
        }
    }

    /// The least of many timings, taken in turns: what shares the machine only ever adds to one.
    fn round(&self) -> anyhow::Result<Times> {
        let never = f64::INFINITY;
        let mut least = Times { ours: never, bare: never, line: never };
        for _ in 0..TIMINGS {
            least.ours = least.ours.min(self.ours()?);
            least.bare = least.bare.min(self.bare()?);
            least.line = least.line.min(self.line()?);
        }
        Ok(least)
    }

    /// Verification, parsing and answering.
    fn ours(&self) -> anyhow::Result<f64> {
        let copy = |request: &Request| {
            let Request { method, url, headers, body, .. } = request;
            Request::new(*method, url.clone(), headers.clone(), body.clone())
        };
        let requests: Vec<Request> = (0..REQUESTS).map(|_| copy(&self.request)).collect();
        let began = clock::instant();
        for request in requests {
            let accepted = self.adapter.accept(request, &self.account, self.now);
            let Accepted::Understood(request, parsed) = accepted else {
                bail!("the first fixture is not understood");
            };
            let outcome = Outcome { id: None, verdict: Verdict::Accepted };
            let outcomes = vec![outcome; parsed.events.len()];
            black_box((self.adapter.acknowledge)(Recorded::Understood(
                &parsed,
                &outcomes,
                &self.account,
            )));
            black_box((request, parsed));
        }
        Ok(each(clock::instant().duration_since(began)))
    }

    fn bare(&self) -> anyhow::Result<f64> {
        let secrets = self.account.secrets(self.adapter.verifier.secret_field());
        let key = secrets.first().map_or("", Secret::expose).as_bytes();
        let (content, form) = (self.content(), self.form().unwrap_or_default());
        let began = clock::instant();
        for _ in 0..REQUESTS {
            let request = black_box(&self.request);
            black_box(self.adapter.verifier.bare_digest(key, request));
            match black_box(content) {
                Content::Form => {
                    drop(black_box(form_urlencoded::parse(black_box(form)).collect::<Vec<_>>()));
                }
                Content::Json => drop(black_box(serde_json::from_slice::<Value>(&request.body)?)),
                Content::Other => {}
            }
        }
        Ok(each(clock::instant().duration_since(began)))
    }

    /// Reading a line, all that is ours, and writing the answer.
    fn line(&self) -> anyhow::Result<f64> {
        let mut out = Vec::new();
        let began = clock::instant();
        for _ in 0..REQUESTS {
            let decoded = decode_line(black_box(&self.line), Arrival::At(self.now));
            if !matches!(decoded, Decoded::Verified { malformed: None, .. }) {
                bail!("the first fixture is not understood as a line");
            }
            out.clear();
            serde_json::to_writer(&mut out, &decoded)?;
            black_box(&out);
        }
        Ok(each(clock::instant().duration_since(began)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a small constant")]
fn each(all: Duration) -> f64 {
    all.as_secs_f64() * 1e6 / REQUESTS as f64
}
