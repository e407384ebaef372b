//! What an adapter adds to the work nobody can avoid.
//!
//! Unavoidable are the provider's MAC over the bytes and reading them as JSON or as a form. The rest
//! is ours: finding headers, translating, answering. The reading is done by the libraries everybody
//! uses, whatever an adapter itself reads with.

use std::{fs, hint::black_box, path::Path, time::Duration};

use anyhow::{Context, bail};
use frontdesk_adapters::{
    Accepted, Account, Adapter, Method, Outcome, Recorded, Request, Secret, Timestamp, Verdict,
    fixture, providers,
};
use serde::Serialize;
use serde_json::Value;

use crate::clock;

/// Requests per timing: so few that most timings run undisturbed.
const REQUESTS: usize = 100;

/// Timings per round.
const TIMINGS: usize = 50;

/// What one request of a provider takes.
#[derive(Debug, Serialize)]
pub(super) struct Decoding {
    pub provider: &'static str,
    pub rounds: Vec<Times>,
}

/// Microseconds of one request.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Times {
    pub ours: f64,
    pub bare: f64,
}

/// Times the first fixture of each provider; those without one are passed over.
pub(super) fn measure(fixtures: &Path, rounds: usize) -> anyhow::Result<Vec<Decoding>> {
    let mut measured = Vec::new();
    for adapter in providers::ALL {
        let folder = fixtures.join(adapter.provider);
        if !folder.is_dir() {
            continue;
        }
        let case = Case::first(adapter, &folder)?;
        // The first round warms up.
        let rounds = (0..=rounds).map(|_| case.round()).skip(1).collect::<anyhow::Result<_>>();
        let rounds = rounds.with_context(|| folder.display().to_string())?;
        measured.push(Decoding { provider: adapter.provider, rounds });
    }
    Ok(measured)
}

struct Case {
    adapter: &'static Adapter,
    account: Account,
    now: Timestamp,
    request: Request,
}

impl Case {
    fn first(adapter: &'static Adapter, folder: &Path) -> anyhow::Result<Self> {
        let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
        let requests = files.filter(|path| path.extension().is_some_and(|kind| kind == "http"));
        let first = requests.min().context("there is no .http file")?;
        let file: Value = serde_json::from_slice(&fs::read(folder.join("account.json"))?)?;
        let account = Account::read(adapter, file.get("account").unwrap_or(&file))?;
        let text = |name: &str| file.get(name).and_then(Value::as_str);
        let now = text("now").and_then(Timestamp::parse_rfc3339).context("`now` is missing")?;
        let url = text("public_url").context("`public_url` is missing")?;
        let request = fixture::read(&fs::read(first)?, url)?;
        let request = fixture::signed(request, adapter, &account, now)?;
        Ok(Self { adapter, account, now, request })
    }

    /// The least of many timings, taken in turns: what shares the machine only ever adds to one.
    fn round(&self) -> anyhow::Result<Times> {
        let mut least = Times { ours: f64::INFINITY, bare: f64::INFINITY };
        for _ in 0..TIMINGS {
            least.ours = least.ours.min(self.ours()?);
            least.bare = least.bare.min(self.bare()?);
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
            black_box((self.adapter.acknowledge)(Recorded::Understood(&parsed, &outcomes)));
            black_box((request, parsed));
        }
        Ok(each(clock::instant().duration_since(began)))
    }

    fn bare(&self) -> anyhow::Result<f64> {
        let secrets = self.account.secrets(self.adapter.verifier.secret_field());
        let key = secrets.first().map_or("", Secret::expose).as_bytes();
        let form = match self.request.method {
            Method::Get | Method::Options => Some(self.request.raw_query().as_bytes()),
            Method::Post | Method::Put => {
                self.request.is_form().then_some(self.request.body.as_slice())
            }
        };
        let began = clock::instant();
        for _ in 0..REQUESTS {
            let request = black_box(&self.request);
            black_box(self.adapter.verifier.bare_digest(key, request));
            match black_box(form) {
                Some(form) => drop(black_box(form_urlencoded::parse(form).collect::<Vec<_>>())),
                None => drop(black_box(serde_json::from_slice::<Value>(&request.body)?)),
            }
        }
        Ok(each(clock::instant().duration_since(began)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a small constant")]
fn each(all: Duration) -> f64 {
    all.as_secs_f64() * 1e6 / REQUESTS as f64
}
