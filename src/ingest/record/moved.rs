//! Senders who go on under another number or id, as their provider says.
//!
//! The new address gets its profile at once, and a merge with the old one is proposed: whether the
//! conversations follow is an agent's to decide.

use std::collections::BTreeMap;

use frontdesk_adapters::{Address, Kind};

use super::Fresh;
use crate::{
    db::{StoreError, Tx},
    outbox::{self, EventType, NewEvent},
    profiles::{self, Key, Resolved, Sender, merges},
};

/// Proposes merges for the senders of a group who moved.
pub(super) async fn propose(tx: &mut Tx, fresh: &[Fresh<'_>], now: i64) -> Result<(), StoreError> {
    let moved: Vec<(Sender, Sender)> = fresh.iter().filter_map(moved).collect();
    let from = resolve(tx, moved.iter().map(|(from, _)| from), now).await?;
    // Somebody we never heard of has nothing that could follow.
    let known = moved.iter().filter(|(sender, _)| from.contains_key(&sender.key));
    let to = resolve(tx, known.clone().map(|(_, to)| to), now).await?;
    let created = to.values().filter(|profile| profile.created);
    let told = created
        .map(|profile| NewEvent::new(EventType::ProfileCreated, None, profile.profile_id, now));
    outbox::enqueue(tx, told.collect()).await?;
    let pair = |(sender, moved_to): &(Sender, Sender)| {
        Some((from.get(&sender.key)?.profile_id, to.get(&moved_to.key)?.profile_id))
    };
    let pairs = known.filter_map(pair).filter(|(from, to)| from != to);
    merges::propose_moved(tx, pairs.collect(), now).await
}

/// The profiles of senders, by key.
async fn resolve<'a>(
    tx: &mut Tx,
    senders: impl Iterator<Item = &'a Sender>,
    now: i64,
) -> Result<BTreeMap<Key, Resolved>, StoreError> {
    // Each once and sorted, as profiles are always asked for.
    let senders: BTreeMap<Key, Sender> =
        senders.map(|sender| (sender.key.clone(), sender.clone())).collect();
    if senders.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (keys, senders): (Vec<Key>, Vec<Sender>) = senders.into_iter().unzip();
    let resolved = profiles::resolve(tx, &senders, now).await?;
    Ok(keys.into_iter().zip(resolved).filter_map(|(key, found)| Some((key, found?))).collect())
}

/// From where to where, where an event says so.
fn moved(fresh: &Fresh<'_>) -> Option<(Sender, Sender)> {
    let message = fresh.message().filter(|message| message.kind == Kind::Other)?;
    let to = message.metadata.as_ref()?.get("new_address")?;
    let to: Address = serde_json::from_value(to.clone()).ok()?;
    let from = &message.sender.as_ref()?.address;
    let sender = |address: &Address, may_create| Sender {
        key: Key::new(fresh.medium(), address, &fresh.arrived.channel.id),
        address: address.clone(),
        aliases: Vec::new(),
        name: None,
        language: None,
        // The directory is asked when somebody writes.
        phones: Vec::new(),
        emails: Vec::new(),
        may_create,
    };
    Some((sender(from, false), sender(&to, true)))
}
