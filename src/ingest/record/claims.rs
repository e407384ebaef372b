//! What is new, and what new events are about.

use frontdesk_adapters::{Event, Kind, Outcome, Verdict};

use super::Fresh;
use crate::{
    db::{StoreError, Tx},
    ingest::commit::Arrived,
    messages::{self, Claim, Claimed},
};

/// Claims every event; the answer is in their order.
pub(super) async fn claim(tx: &mut Tx, arrived: &[&Arrived]) -> Result<Vec<Outcome>, StoreError> {
    let claim = |arrived: &&Arrived| Claim {
        channel_id: arrived.channel.id.clone(),
        key: arrived.key.clone(),
        record_id: arrived.id,
        content: match arrived.event() {
            Event::Message(message) => message.content,
            Event::Status(_) => None,
        },
        now: arrived.received_at,
    };
    let claims: Vec<Claim> = arrived.iter().map(claim).collect();
    let claimed = messages::claim(tx, &claims).await?;
    let outcome = |(claim, claimed): (&Claim, &Claimed)| match claimed {
        Claimed::First => {
            Outcome { id: Some(claim.record_id.to_string()), verdict: Verdict::Accepted }
        }
        Claimed::Before { record_id, content } => {
            let same = claim.content.is_none() || content.is_none() || claim.content == *content;
            let verdict = if same { Verdict::Duplicate } else { Verdict::Conflict };
            Outcome { id: Some(record_id.to_string()), verdict }
        }
    };
    Ok(claims.iter().zip(&claimed).map(outcome).collect())
}

/// Finds the messages that edits, deletions, reactions and statuses are about.
pub(super) async fn find_targets(tx: &mut Tx, fresh: &mut [Fresh<'_>]) -> Result<(), StoreError> {
    let (about, keys): (Vec<_>, Vec<_>) = fresh
        .iter_mut()
        .filter_map(|fresh| {
            let key = (fresh.arrived.channel.id.clone(), message_key(fresh.target_id()?));
            Some((fresh, key))
        })
        .unzip();
    for (fresh, id) in about.into_iter().zip(messages::record_ids(tx, keys).await?) {
        fresh.target = id;
    }
    Ok(())
}

/// Lets customers' edits of messages we have not seen stand for those messages; the original, if it
/// still comes, is then known already.
///
/// An edit without a sender has no conversation yet, and one without a text is no message: those
/// wait beside the messages, and the original is stored as they say.
pub(super) async fn adopt_early_edits(
    tx: &mut Tx,
    fresh: &mut [Fresh<'_>],
) -> Result<(), StoreError> {
    let (early, claims): (Vec<_>, Vec<_>) = fresh
        .iter_mut()
        .filter_map(|fresh| {
            let message = fresh.message()?;
            let customers = message.sender.is_some() && !message.from_business;
            let stands = message.kind == Kind::MessageEdited && customers && message.text.is_some();
            if !stands || fresh.target.is_some() {
                return None;
            }
            let claim = Claim {
                channel_id: fresh.arrived.channel.id.clone(),
                key: message_key(message.target.as_deref()?),
                record_id: fresh.arrived.id,
                content: None,
                now: fresh.arrived.received_at,
            };
            Some((fresh, claim))
        })
        .unzip();
    for (fresh, claimed) in early.into_iter().zip(messages::claim(tx, &claims).await?) {
        match claimed {
            Claimed::First => fresh.adopted = true,
            Claimed::Before { record_id, .. } => fresh.target = Some(record_id),
        }
    }
    Ok(())
}

/// The key under which a message is claimed: that of [`Event::dedupe_key`].
fn message_key(id: &str) -> String {
    format!("message:{id}")
}
