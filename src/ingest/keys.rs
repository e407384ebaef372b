//! Keys and certificates that providers publish: fetched when a request needs them, and kept.
//!
//! A scheme names the addresses, and only ones on its provider's hosts; a forged request can make us
//! ask for nothing else, and for a few new ones a minute at most. One call at a time asks for an
//! address, what it brought is used for as long as its answer says, and for a week beyond if it
//! cannot be had again. What could not be fetched is not asked for again at once.
//!
//! Confirming a subscription is a call to the same hosts, made once the request is durable.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use frontdesk_adapters::{Accepted, Account, Adapter, Method, Refusal, Request, Timestamp};

use crate::{
    channels::{Channel, Verification},
    clock::Clock,
    egress::{Answer, Call, Egress, EgressError},
};

/// How long a provider may take; requests wait for it.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Several times what the largest key set has.
const MAX_BYTES: usize = 256 * 1024;
/// One document names the next: a configuration, then its keys.
const ROUNDS: usize = 3;
/// Addresses that are kept in mind at once.
const MAX_ADDRESSES: usize = 256;
/// New addresses a channel's requests may have us ask for within [`WINDOW_MILLIS`].
const NEW_ADDRESSES: u32 = 10;
const WINDOW_MILLIS: i64 = MINUTE;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// How long an answer may be used, whatever it says itself.
const FRESH_MILLIS: std::ops::RangeInclusive<i64> = 5 * MINUTE..=DAY;
/// How long it is used beyond that while it cannot be had again.
const STALE_MILLIS: i64 = 7 * DAY;
/// A pause after a failure.
const PAUSE_MILLIS: i64 = MINUTE / 2;
/// How old keys must be before one that is missing is looked for again.
const MISSING_AFTER_MILLIS: i64 = HOUR;
/// Pauses before a subscription is confirmed, and before it is tried again.
const CONFIRM_AFTER: [Duration; 3] =
    [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(20)];

#[derive(Debug)]
pub(super) struct Keys {
    egress: Egress,
    mirror: Option<String>,
    clock: Clock,
    documents: Mutex<HashMap<String, Arc<Document>>>,
    asked: Mutex<HashMap<String, Asked>>,
}

/// An address, and what came from it.
#[derive(Debug, Default)]
struct Document {
    /// Held by the one that asks.
    asking: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    text: Option<Arc<str>>,
    fetched_at: i64,
    fresh_until: i64,
    not_before: i64,
}

/// New addresses a channel's requests asked for since a moment.
#[derive(Debug)]
struct Asked {
    since: i64,
    times: u32,
}

impl Keys {
    pub fn new(egress: Egress, mirror: Option<String>, clock: Clock) -> Self {
        Self { egress, mirror, clock, documents: Mutex::default(), asked: Mutex::default() }
    }

    /// Verifies and parses with whatever had to be fetched for it. The refusal beside the outcome is
    /// what a channel that only watches would have refused it for.
    pub async fn accept(
        &self,
        channel: &Channel,
        request: Request,
        now: Timestamp,
    ) -> (Accepted, Option<Refusal>) {
        let needed = channel.adapter.verifier.documents(&request, &channel.account);
        if needed.is_empty() {
            return judge(channel, &channel.account, request, now);
        }
        let account = self.with_documents(channel, &request, 0).await;
        let copy = request.copied();
        match judge(channel, &account, request, now) {
            (Accepted::Refused(_, Refusal::UnknownKey), _) | (_, Some(Refusal::UnknownKey)) => {
                let account = self.with_documents(channel, &copy, MISSING_AFTER_MILLIS).await;
                judge(channel, &account, copy, now)
            }
            judged => judged,
        }
    }

    /// The channel's account with every document it needs that can be had. Those older than
    /// `max_age` are asked for again, unless that is 0.
    async fn with_documents(&self, channel: &Channel, request: &Request, max_age: i64) -> Account {
        let mut account = channel.account.clone();
        for _ in 0..ROUNDS {
            let needed = channel.adapter.verifier.documents(request, &account);
            let missing = needed.into_iter().find(|address| account.document(address).is_none());
            let Some(address) = missing else { break };
            match self.document(channel, &address, max_age).await {
                Some(text) => account = account.with_document(address, text),
                None => break,
            }
        }
        account
    }

    async fn document(&self, channel: &Channel, address: &str, max_age: i64) -> Option<Arc<str>> {
        let document = self.find(&channel.id, address)?;
        let known = document.known().clone();
        let now = self.clock.now().as_millis();
        let is_old = max_age > 0 && now.saturating_sub(known.fetched_at) > max_age;
        if known.text.is_some() && now < known.fresh_until && !is_old {
            return known.text;
        }
        let usable = known.text.filter(|_| now < known.fresh_until.saturating_add(STALE_MILLIS));
        let asking = match (document.asking.try_lock(), &usable) {
            (Ok(asking), _) => asking,
            // Somebody asks already: what there is will do.
            (Err(_), Some(_)) => return usable,
            (Err(_), None) => document.asking.lock().await,
        };
        let latest = document.known().clone();
        if latest.fetched_at > known.fetched_at || now < latest.not_before {
            return latest.text.or(usable);
        }
        let fetched = self.fetch(channel.adapter, address).await;
        let mut known = document.known();
        match fetched {
            Some((text, fresh)) => {
                *known = Known {
                    text: Some(Arc::clone(&text)),
                    fetched_at: now,
                    fresh_until: now.saturating_add(fresh),
                    not_before: 0,
                };
                drop(asking);
                Some(text)
            }
            None => {
                known.not_before = now.saturating_add(PAUSE_MILLIS);
                drop(asking);
                usable
            }
        }
    }

    /// The place of an address, made if there is room and the channel has not asked for too many.
    fn find(&self, channel: &str, address: &str) -> Option<Arc<Document>> {
        let mut documents = lock(&self.documents);
        if let Some(document) = documents.get(address) {
            return Some(Arc::clone(document));
        }
        let now = self.clock.now().as_millis();
        let mut asked = lock(&self.asked);
        let asked = asked.entry(channel.to_owned()).or_insert(Asked { since: now, times: 0 });
        if now.saturating_sub(asked.since) >= WINDOW_MILLIS {
            *asked = Asked { since: now, times: 0 };
        }
        asked.times += 1;
        if asked.times > NEW_ADDRESSES {
            return None;
        }
        if documents.len() >= MAX_ADDRESSES {
            documents.retain(|_, document| document.known().text.is_some());
        }
        if documents.len() >= MAX_ADDRESSES {
            return None;
        }
        let document = Arc::new(Document::default());
        documents.insert(address.to_owned(), Arc::clone(&document));
        Some(document)
    }

    /// A document and for how many milliseconds it may be used.
    async fn fetch(&self, adapter: &Adapter, address: &str) -> Option<(Arc<str>, i64)> {
        let outcome = match self.call(address).await {
            Ok(answer) if answer.status != 200 => {
                tracing::warn!(
                    provider = adapter.provider,
                    status = answer.status,
                    "keys cannot be fetched"
                );
                "status"
            }
            Ok(answer) => {
                let fresh = freshness(&answer);
                let text = |body| String::from_utf8(body).ok().filter(|text| is_plausible(text));
                match answer.body.map(text) {
                    Ok(Some(text)) => {
                        count(adapter, "fetched");
                        return Some((text.into(), fresh));
                    }
                    Ok(None) => {
                        tracing::warn!(provider = adapter.provider, "what was fetched is no keys");
                        "implausible"
                    }
                    Err(error) => failed(adapter, &error),
                }
            }
            Err(error) => failed(adapter, &error),
        };
        count(adapter, outcome);
        None
    }

    async fn call(&self, address: &str) -> Result<Answer, EgressError> {
        let mirrored = self.mirror.as_ref().map(|mirror| {
            let address = address.strip_prefix("https://").unwrap_or(address);
            format!("{}/{address}", mirror.trim_end_matches('/'))
        });
        self.egress
            .call(Call {
                method: Method::Get,
                url: mirrored.as_deref().unwrap_or(address),
                headers: &[],
                body: &[],
                timeout: TIMEOUT,
                max_answer_bytes: MAX_BYTES,
            })
            .await
    }

    /// Calls an address that confirms a subscription, now and, should that fail, twice more.
    pub fn confirm(self: &Arc<Self>, channel: &Channel, address: &str) {
        let (keys, address) = (Arc::clone(self), address.to_owned());
        let (id, adapter) = (channel.id.clone(), channel.adapter);
        tokio::spawn(async move {
            for pause in CONFIRM_AFTER {
                tokio::time::sleep(pause).await;
                match keys.call(&address).await {
                    Ok(answer) if answer.is_success() => {
                        count(adapter, "confirmed");
                        tracing::info!(channel.id = %id, "confirmed a subscription");
                        return;
                    }
                    Ok(answer) => tracing::warn!(channel.id = %id, status = answer.status,
                        "a subscription could not be confirmed"),
                    Err(error) => tracing::warn!(channel.id = %id,
                        error = &error as &dyn std::error::Error,
                        "a subscription could not be confirmed"),
                }
            }
            count(adapter, "not_confirmed");
        });
    }
}

/// As the channel wants it: a channel that only watches takes what it would have refused.
fn judge(
    channel: &Channel,
    account: &Account,
    request: Request,
    now: Timestamp,
) -> (Accepted, Option<Refusal>) {
    match channel.settings.verification {
        Verification::Enforce => (channel.adapter.accept(request, account, now), None),
        Verification::Watch => channel.adapter.watch(request, account, now),
    }
}

impl Document {
    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says why nothing was fetched, and what that is counted as.
fn failed(adapter: &Adapter, error: &EgressError) -> &'static str {
    tracing::warn!(
        provider = adapter.provider,
        error = error as &dyn std::error::Error,
        "keys cannot be fetched"
    );
    error.code()
}

/// What the answer says, within bounds; as long as may be if it says nothing.
fn freshness(answer: &Answer) -> i64 {
    let control = answer.header("cache-control").unwrap_or_default().to_ascii_lowercase();
    let said = control.split(',').find_map(|part| part.trim().strip_prefix("max-age="));
    let said = said.and_then(|seconds| seconds.parse::<i64>().ok());
    said.map_or(*FRESH_MILLIS.end(), |seconds| {
        seconds.saturating_mul(1000).clamp(*FRESH_MILLIS.start(), *FRESH_MILLIS.end())
    })
}

/// An error page must not take the keys' place for a day.
fn is_plausible(text: &str) -> bool {
    text.contains("-----BEGIN CERTIFICATE-----")
        || serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

fn count(adapter: &Adapter, outcome: &'static str) {
    let labels = [("provider", adapter.provider), ("outcome", outcome)];
    metrics::counter!("frontdesk_key_fetches_total", &labels).increment(1);
}
