//! Requests from the archive, taken in once more.
//!
//! Each is rebuilt and proven anew with its channel's secret; what was refused when it came has to
//! prove itself. One that says nothing new is not recorded again, so that twice is the same as
//! never. Nobody waits for the others: they take the slow lane, which a committer only looks into
//! when nothing that providers wait for is there.

use frontdesk_adapters::{AccountError, Event, Method, Request, Timestamp, fixture};
use serde::Serialize;
use uuid::Uuid;

use super::{IngestError, Inner, Receipt, accept, accept::Incoming, preview, target};
use crate::{
    channels::Channel,
    db::{StoreError, Tx},
    messages::{self, EventFilter, MessageFilter, RequestOutcome, StoredRequest},
};

/// How a replayed request proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// With the signature it carries.
    Own,
    /// With a new one, unless it carries one.
    NewIfMissing,
    /// With a new one: it was verified when it came.
    New,
}

impl Proof {
    /// Makes `request` prove itself to `channel` at the time `at`.
    pub fn give(
        self,
        channel: &Channel,
        mut request: Request,
        at: Timestamp,
    ) -> Result<Request, AccountError> {
        let (adapter, account) = (channel.adapter, &channel.account);
        match self {
            Self::Own => Ok(request),
            Self::NewIfMissing => fixture::signed(request, adapter, account, at),
            Self::New => match adapter.verifier.sign(&mut request, account, at) {
                // A public key signs nothing, but what it verified once is kept with its signature.
                Err(_) if adapter.verifier.is_signed(&request) => Ok(request),
                Err(error) => Err(error),
                Ok(()) => Ok(request),
            },
        }
    }
}

/// A request from the archive, ready to be proven and taken in.
#[derive(Debug)]
pub struct Again {
    /// The channel it came for, where one answers at its address.
    pub channel: Option<String>,
    /// The request, its address under the public one.
    pub request: Request,
    /// How it proves itself.
    pub proof: Proof,
    /// When it came.
    pub at: Timestamp,
}

impl Again {
    /// Rebuilds an archived request; `None` when the archive's row is not one of ours.
    #[must_use]
    pub fn of(stored: StoredRequest, public_url: &str) -> Option<Self> {
        let record = stored.record;
        let unproven = [RequestOutcome::Refused, RequestOutcome::UnknownChannel];
        let unproven = unproven.iter().any(|outcome| outcome.as_str() == record.outcome);
        let channel =
            record.channel_id.or_else(|| target::channel_at(&record.target).map(str::to_owned));
        let target = match &channel {
            Some(channel) => target::of(&record.target, channel),
            None => &record.target,
        };
        let url = format!("{public_url}{target}");
        Some(Self {
            channel,
            request: Request::new(
                Method::parse(&record.method)?,
                url,
                stored.headers.0,
                stored.body,
            ),
            proof: if unproven { Proof::Own } else { Proof::New },
            at: Timestamp::from_millis(record.received_at)?,
        })
    }
}

/// How one event of a request relates to what is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Difference {
    /// The event's place in the request, from 0.
    pub place: usize,
    /// What kind of event it is, such as `message`.
    pub kind: &'static str,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// Whether nothing is recorded under it yet: replaying records it.
    pub new: bool,
    /// The fields that would be read otherwise than they were recorded. They stay as recorded.
    pub fields: Vec<&'static str>,
}

pub(super) async fn replay(
    inner: &Inner,
    channel: &str,
    request: Request,
    now: Timestamp,
) -> Result<Receipt, IngestError> {
    let preview = preview::preview(inner, channel, request.copied(), now).await?;
    if preview.receipt.events == preview.receipt.duplicates {
        return Ok(preview.receipt);
    }
    accept::accept(inner, channel, Incoming::again(request, now)).await
}

/// What a request would change, event by event; those that are recorded just so are left out.
pub(super) async fn differences(
    inner: &Inner,
    channel: &str,
    request: Request,
    now: Timestamp,
) -> Result<(Receipt, Vec<Difference>), IngestError> {
    let preview = preview::preview(inner, channel, request, now).await?;
    let compared = compare(inner, &preview).await.map_err(|_| IngestError::Unavailable)?;
    Ok((preview.receipt, compared))
}

async fn compare(inner: &Inner, preview: &preview::Preview) -> Result<Vec<Difference>, StoreError> {
    let mut differences = Vec::new();
    let mut tx = inner.store.begin_read().await?;
    for (arrived, recorded) in preview.arrived.iter().zip(&preview.recorded) {
        let event = arrived.event();
        let fields = match recorded {
            Some(id) => changed_fields(&mut tx, *id, event).await?,
            None => Vec::new(),
        };
        if recorded.is_none() || !fields.is_empty() {
            let provider_id = match event {
                Event::Message(message) => message.id.clone(),
                Event::Status(status) => status.id.clone(),
            };
            let (place, kind) = (arrived.place, event.kind());
            let new = recorded.is_none();
            differences.push(Difference { place, kind, provider_id, new, fields });
        }
    }
    tx.rollback().await?;
    Ok(differences)
}

/// The fields of an event that are recorded otherwise.
async fn changed_fields(
    tx: &mut Tx,
    id: Uuid,
    event: &Event,
) -> Result<Vec<&'static str>, StoreError> {
    let one = MessageFilter { id: Some(id), limit: 1, ..MessageFilter::default() };
    if let Some(recorded) = messages::list(tx, &one).await?.pop() {
        // An edit that came before its message is recorded in the message's place.
        let Event::Message(message) = event else { return Ok(Vec::new()) };
        // The last part of a longer message stands for all of it.
        if message.part.is_some() {
            return Ok(Vec::new());
        }
        let sent_at = message.sent_at.map(Timestamp::as_millis);
        let attachments = serde_json::to_value(&message.attachments).unwrap_or_default();
        let by_us = recorded.direction == "outbound";
        let differs = [
            ("kind", recorded.edited_at.is_none() && recorded.kind != event.kind()),
            ("text", recorded.edited_at.is_none() && recorded.text != message.text),
            ("attachments", recorded.edited_at.is_none() && recorded.attachments.0 != attachments),
            ("reply_to", recorded.reply_to != message.reply_to),
            ("conversation", recorded.conversation != message.conversation),
            ("sent_at", recorded.sent_at != sent_at),
            ("from_business", by_us != message.from_business),
        ];
        return Ok(named(differs));
    }
    let one = EventFilter { id: Some(id), limit: 1, ..EventFilter::default() };
    let Some(recorded) = messages::events(tx, &one).await?.pop() else { return Ok(Vec::new()) };
    let data = serde_json::to_value(event).unwrap_or_default();
    Ok(named([("kind", recorded.kind != event.kind()), ("data", recorded.data.0 != data)]))
}

fn named<const N: usize>(differs: [(&'static str, bool); N]) -> Vec<&'static str> {
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
