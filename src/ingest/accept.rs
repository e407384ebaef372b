//! Verify, parse, hand over, wait for the commit, answer.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    sync::Arc,
};

use frontdesk_adapters::{
    Accepted, Adapter, Event, Kind, Malformed, Method, Outcome, Parsed, Recorded, Refusal, Request,
    Timestamp, Verdict, providers,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    IngestError, Inner, Lane, Receipt,
    catalog::{Catalog, Entry},
    commit::{Arrived, Submission},
    target,
};
use crate::{
    channels::Channel,
    clock,
    db::{Bytes, JsonText},
    messages::{NewRequest, RequestOutcome},
};

/// What is kept of a refused request's body.
const REFUSED_BODY_BYTES: usize = 16 * 1024;

/// What is kept of a refused request's headers.
const REFUSED_HEADER_BYTES: usize = 16 * 1024;

/// The longest key that is kept as it is.
const KEY_BYTES: usize = 512;

/// Headers that carry credentials of whatever stands before us.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// A request as it came.
pub(super) struct Incoming {
    pub request: Request,
    pub now: Timestamp,
    pub lane: Lane,
    /// Who sent it; `None` for what comes from the archive.
    pub peer: Option<IpAddr>,
}

impl Incoming {
    /// A request from the archive: nobody waits for it, and where it came from was looked at then.
    pub fn again(request: Request, now: Timestamp) -> Self {
        Self { request, now, lane: Lane::Slow, peer: None }
    }
}

pub(super) async fn accept(
    inner: &Inner,
    channel_id: &str,
    incoming: Incoming,
) -> Result<Receipt, IngestError> {
    let Incoming { request, now, lane, peer } = incoming;
    let (catalog, channel) = match find(inner, channel_id) {
        Ok(found) => found,
        Err(error) => {
            if matches!(error, IngestError::UnknownChannel) {
                count("unknown", RequestOutcome::UnknownChannel);
                let outcome = RequestOutcome::UnknownChannel;
                inner.archive.keep(refused(channel_id, None, &request, outcome, None, now));
            }
            return Err(error);
        }
    };
    let adapter = channel.adapter;
    let (accepted, watched) = match peer.filter(|peer| !channel.allows(*peer)) {
        Some(_) if channel.settings.verification.is_enforced() => {
            (Accepted::Refused(request, Refusal::Origin), None)
        }
        Some(_) => (inner.keys.accept(&channel, request, now).await.0, Some(Refusal::Origin)),
        None => inner.keys.accept(&channel, request, now).await,
    };
    let watched = watched.map(|refusal| watched_as(adapter, &refusal));
    match accepted {
        Accepted::Handshake(answer) => Ok(Receipt::of_handshake(answer)),
        Accepted::Refused(request, refusal) => {
            count(adapter.provider, RequestOutcome::Refused);
            let labels = [("provider", adapter.provider), ("reason", refusal.code())];
            metrics::counter!("frontdesk_signature_failures_total", &labels).increment(1);
            tracing::debug!(channel.id = %channel.id, refusal = refusal.code(), "refused a request");
            let outcome = RequestOutcome::Refused;
            let reason = Some(reason(&refusal));
            let row = refused(channel_id, Some(&channel), &request, outcome, reason, now);
            inner.archive.keep(row);
            let keyless = matches!(refusal, Refusal::NoDocument(_));
            Err(if keyless { IngestError::NoKeys } else { IngestError::Refused(refusal) })
        }
        Accepted::Understood(request, mut parsed) => {
            if asks_nothing(&request) {
                parsed.events.clear();
            }
            let digest = digest_if_needed(&request, &parsed);
            let row = archived(&channel, request, now, RequestOutcome::Accepted, watched);
            understood(inner, &catalog, &channel, row, &digest, Arc::new(parsed), lane).await
        }
        Accepted::NotUnderstood(request, malformed) => {
            let reason = watched.into_iter().chain([malformed.0.clone()]);
            let reason = Some(reason.collect::<Vec<_>>().join("; "));
            let row = archived(&channel, request, now, RequestOutcome::Malformed, reason);
            not_understood(inner, &channel, row, &malformed, lane).await
        }
    }
}

/// The channel, and the catalog it stands in.
pub(super) fn find(inner: &Inner, id: &str) -> Result<(Arc<Catalog>, Arc<Channel>), IngestError> {
    let catalog = inner.catalog.get();
    match catalog.entry(id) {
        Some(Entry::Usable(channel)) => {
            let channel = Arc::clone(channel);
            Ok((catalog, channel))
        }
        Some(Entry::Sealed) => Err(IngestError::ChannelUnusable),
        None => Err(IngestError::UnknownChannel),
    }
}

async fn understood(
    inner: &Inner,
    catalog: &Catalog,
    channel: &Arc<Channel>,
    row: NewRequest,
    digest: &[u8],
    parsed: Arc<Parsed>,
    lane: Lane,
) -> Result<Receipt, IngestError> {
    let adapter = channel.adapter;
    let shards = inner.committers.len();
    let mut parts: Vec<Vec<Arrived>> = (0..shards).map(|_| Vec::new()).collect();
    for arrived in arrivals(catalog, channel, row.id, row.received_at, digest, &parsed) {
        parts[shard(arrived.event(), &arrived.channel.id, shards)].push(arrived);
    }
    let events = parts.iter().map(Vec::len).sum::<usize>();
    // The archive row goes with the first part; a request that says nothing is archived, too.
    let first = parts.iter().position(|part| !part.is_empty()).unwrap_or(0);
    let mut row = Some(NewRequest { events: i32::try_from(events).unwrap_or(i32::MAX), ..row });
    let mut waiting = Vec::new();
    for (shard, part) in parts.into_iter().enumerate() {
        if part.is_empty() && shard != first {
            continue;
        }
        let (submission, reply) =
            Submission::new(if shard == first { row.take() } else { None }, part);
        inner.committers[shard].submit(submission, lane).await?;
        waiting.push(reply);
    }
    let mut outcomes = vec![Outcome { id: None, verdict: Verdict::Accepted }; parsed.events.len()];
    for reply in waiting {
        for (place, outcome) in reply.await.map_err(|_| IngestError::Stopping)?? {
            outcomes[place] = outcome;
        }
    }
    let known = outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Accepted);
    let duplicates = known.count();
    if duplicates > 0 {
        metrics::counter!("frontdesk_duplicates_total", "provider" => adapter.provider)
            .increment(duplicates as u64);
    }
    let all_known = events > 0 && duplicates == events;
    let outcome = if all_known { RequestOutcome::Duplicate } else { RequestOutcome::Accepted };
    count(adapter.provider, outcome);
    if let Some(address) = parsed.confirm.as_deref().filter(|_| !all_known) {
        inner.keys.confirm(channel, address);
    }
    let answer = (adapter.acknowledge)(Recorded::Understood(&parsed, &outcomes, &channel.account));
    Ok(Receipt { answer, outcome: Some(outcome), events, duplicates })
}

/// What a request brings that is recorded, each for the channel it is addressed to.
pub(super) fn arrivals(
    catalog: &Catalog,
    channel: &Arc<Channel>,
    request_id: Uuid,
    received_at: i64,
    digest: &[u8],
    parsed: &Arc<Parsed>,
) -> Vec<Arrived> {
    let recorded = parsed.events.iter().enumerate().filter(|(_, event)| is_recorded(event));
    let arrived = recorded.map(|(place, event)| {
        let our_address = event.our_address();
        let addressed = our_address.map_or(channel, |ours| catalog.addressed(channel, ours));
        let our_address = match our_address {
            Some(ours) if !addressed.answers_at(ours) && ours.len() <= KEY_BYTES => ours.to_owned(),
            Some(_) | None => addressed.address.clone(),
        };
        let mut key = event.dedupe_key().map_or_else(|| fallback_key(digest, place), bounded_key);
        if let Some(window) = event.repeats_within() {
            key = format!("{key}:{}", received_at.div_euclid(window.into()));
        }
        Arrived {
            id: clock::new_id(),
            request_id,
            place,
            channel: Arc::clone(addressed),
            our_address,
            key,
            parsed: Arc::clone(parsed),
            received_at,
            overdue: None,
        }
    });
    arrived.collect()
}

async fn not_understood(
    inner: &Inner,
    channel: &Channel,
    row: NewRequest,
    malformed: &Malformed,
    lane: Lane,
) -> Result<Receipt, IngestError> {
    let adapter = channel.adapter;
    let (submission, reply) = Submission::new(Some(row), Vec::new());
    inner.committers[0].submit(submission, lane).await?;
    reply.await.map_err(|_| IngestError::Stopping)??;
    count(adapter.provider, RequestOutcome::Malformed);
    let answer = (adapter.acknowledge)(Recorded::NotUnderstood(malformed, &channel.account));
    Ok(Receipt { answer, outcome: Some(RequestOutcome::Malformed), events: 0, duplicates: 0 })
}

/// Whether somebody only looked whether the address answers: nobody's event carries nothing.
pub(super) fn asks_nothing<T>(request: &Request<T>) -> bool {
    request.method == Method::Get && request.body.is_empty() && request.raw_query().is_empty()
}

/// Typing passes; an item with problems is answered and may come again, mended, under its id.
fn is_recorded(event: &Event) -> bool {
    match event {
        Event::Message(message) => message.kind != Kind::Typing && message.problems.is_empty(),
        Event::Status(_) => true,
    }
}

/// One sender's messages go one way, so that they stay in order.
fn shard(event: &Event, channel: &str, shards: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    match event {
        Event::Message(message) if message.sender.is_some() => {
            let sender = message.sender.as_ref().map(|sender| &sender.address);
            // Groups stay together with whom they are read by: the conversation's members differ.
            sender.hash(&mut hasher);
        }
        Event::Message(_) | Event::Status(_) => channel.hash(&mut hasher),
    }
    usize::try_from(hasher.finish() % shards as u64).expect("a remainder of a usize")
}

/// Index entries have a size: an id longer than any provider's is kept as its digest.
fn bounded_key(key: String) -> String {
    if key.len() <= KEY_BYTES && !key.contains('\0') {
        key
    } else {
        fallback_key(&Sha256::digest(&key), key.len())
    }
}

/// The request's digest, where an event gives nothing else to go by.
pub(super) fn digest_if_needed<T>(request: &Request<T>, parsed: &Parsed) -> Vec<u8> {
    let needed = parsed.events.iter().any(|event| event.dedupe_key().is_none());
    if needed { digest(request).to_vec() } else { Vec::new() }
}

/// What the same request has in common with itself: parameters travel in address or body.
fn digest<T>(request: &Request<T>) -> [u8; 32] {
    let digest = Sha256::new().chain_update(request.raw_query());
    digest.chain_update([0]).chain_update(&request.body).finalize().into()
}

/// Where a provider gives nothing to go by, the same bytes are the same event.
fn fallback_key(digest: &[u8], place: usize) -> String {
    let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("digest:{digest}:{place}")
}

fn archived(
    channel: &Channel,
    request: Request<frontdesk_adapters::Verified>,
    now: Timestamp,
    outcome: RequestOutcome,
    reason: Option<String>,
) -> NewRequest {
    let mut body = request.body;
    channel.adapter.verifier.redact(&mut body);
    NewRequest {
        id: clock::new_id(),
        channel_id: Some(channel.id.clone()),
        method: request.method.as_str(),
        target: target::kept(&request.url, channel),
        headers: headers(&request.headers, Some(channel), usize::MAX),
        received_at: now.as_millis(),
        outcome: outcome.as_str(),
        reason,
        events: 0,
        duplicates: 0,
        body: Bytes(body),
    }
}

/// What is kept of a request that was refused at the address of the channel `name`.
fn refused(
    name: &str,
    channel: Option<&Channel>,
    request: &Request,
    outcome: RequestOutcome,
    reason: Option<String>,
    now: Timestamp,
) -> NewRequest {
    // A secret must not escape because only its beginning is looked at.
    let looked_at = request.body.len().min(2 * REFUSED_BODY_BYTES);
    let mut body = request.body[..looked_at].to_vec();
    match channel {
        Some(channel) => channel.adapter.verifier.redact(&mut body),
        // It may be any provider's, at an address with a typing error.
        None => providers::ALL.iter().for_each(|adapter| adapter.verifier.redact(&mut body)),
    }
    body.truncate(REFUSED_BODY_BYTES);
    NewRequest {
        id: clock::new_id(),
        channel_id: channel.map(|channel| channel.id.clone()),
        method: request.method.as_str(),
        target: target::refused(&request.url, name, channel),
        headers: headers(&request.headers, channel, REFUSED_HEADER_BYTES),
        received_at: now.as_millis(),
        outcome: outcome.as_str(),
        reason,
        events: 0,
        duplicates: 0,
        body: Bytes(body),
    }
}

/// Counts what a channel would have refused, did it not only watch, and says why in the archive.
fn watched_as(adapter: &Adapter, refusal: &Refusal) -> String {
    let labels = [("provider", adapter.provider), ("reason", refusal.code())];
    metrics::counter!("frontdesk_watched_requests_total", &labels).increment(1);
    format!("only watched: {}", reason(refusal))
}

fn reason(refusal: &Refusal) -> String {
    format!("{}: {refusal}", refusal.code())
}

/// Headers as pairs, without those that carry a credential and those that are too much.
fn headers(headers: &[(String, String)], channel: Option<&Channel>, most: usize) -> JsonText {
    let mut left = most;
    let mut fits = |(name, value): &&(String, String)| {
        let rest = left.checked_sub(name.len() + value.len());
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    let is_secret = |name: &str| {
        SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
            || match channel {
                Some(channel) => channel.adapter.verifier.is_secret_header(name, &channel.account),
                None => is_any_secret_header(name),
            }
    };
    let kept: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !is_secret(name))
        .filter(|header| fits(header))
        .map(|(name, value)| (name, without_nul(value)))
        .collect();
    JsonText::of(&kept)
}

/// Whether a header carries some provider's secret, or is called so that it may.
fn is_any_secret_header(name: &str) -> bool {
    let called = name.to_ascii_lowercase();
    let mut secret = providers::ALL.iter().filter_map(|it| it.verifier.secret_header());
    ["secret", "token", "key", "password"].iter().any(|word| called.contains(word))
        || secret.any(|secret| secret.eq_ignore_ascii_case(name))
}

fn without_nul(value: &str) -> Cow<'_, str> {
    if value.contains('\0') { value.replace('\0', "").into() } else { value.into() }
}

fn count(provider: &'static str, outcome: RequestOutcome) {
    let labels = [("provider", provider), ("outcome", outcome.as_str())];
    metrics::counter!("frontdesk_inbound_requests_total", &labels).increment(1);
}
