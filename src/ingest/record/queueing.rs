//! Work items for the interactions a group opened.

use super::{Fresh, Known, conversations::phone};
use crate::{
    db::{StoreError, Tx},
    ingest::catalog::Catalog,
    interactions::{contact_type, country},
    profiles::consents,
    routing::{self, Decision, NewWork},
};
use uuid::Uuid;

/// A new work item.
pub(super) struct Queued {
    /// The place of the event that caused it.
    pub place: usize,
    /// Its id.
    pub id: Uuid,
}

/// Chooses a queue for each interaction that was opened and is still open, and puts it there.
pub(super) async fn enqueue(
    tx: &mut Tx,
    catalog: &Catalog,
    fresh: &[Fresh<'_>],
    known: &Known,
    now: i64,
) -> Result<Vec<Queued>, StoreError> {
    let opened = |fresh: &Fresh<'_>| {
        fresh.continued.as_ref().is_some_and(|continued| continued.opened && continued.active)
    };
    let places: Vec<usize> = (0..fresh.len()).filter(|place| opened(&fresh[*place])).collect();
    let opted_out = match catalog.routes.ask_for_consent() {
        true => {
            let pairs = places.iter().map(|place| pair(&fresh[*place]));
            consents::opted_out(tx, pairs.collect()).await?
        }
        false => vec![false; places.len()],
    };
    let mut items = Vec::with_capacity(places.len());
    for (place, opted_out) in places.iter().zip(opted_out) {
        let fresh = &fresh[*place];
        let Some(continued) = &fresh.continued else { continue };
        items.push(NewWork {
            interaction_id: continued.interaction_id,
            contact_type: contact_type(fresh.medium()),
            opened_at: fresh.arrived.received_at,
            decision: decide(catalog, fresh, known, opted_out),
        });
    }
    let ids = routing::enqueue(tx, items, now).await?;
    Ok(places.into_iter().zip(ids).map(|(place, id)| Queued { place, id }).collect())
}

fn pair(fresh: &Fresh<'_>) -> consents::Pair {
    let sender = fresh.message().and_then(|message| message.sender.as_ref());
    consents::Pair {
        scheme: fresh.medium().as_str().to_owned(),
        value: sender.map(|sender| sender.address.value.clone()).unwrap_or_default(),
        our_address: fresh.arrived.our_address.clone(),
    }
}

fn decide(catalog: &Catalog, fresh: &Fresh<'_>, known: &Known, opted_out: bool) -> Decision {
    let message = fresh.message();
    let person = known.profile(fresh).and_then(|profile| profile.decision.opened_for);
    catalog.routes.decide(&routing::Facts {
        channel: &fresh.arrived.channel.id,
        address: &fresh.arrived.our_address,
        medium: fresh.medium(),
        text: message.and_then(|message| message.text.as_deref()),
        country: phone(fresh).and_then(country).as_deref(),
        language: message.and_then(|message| message.language.as_deref()),
        person: person.map(|person| person.kind),
        opted_out,
        now: fresh.arrived.received_at,
    })
}
