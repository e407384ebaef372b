//! Parts of longer texts: held until they make a whole, which is then recorded as one message.
//!
//! A held part is stored beside the messages, so that nothing a request brought is invisible. The
//! group of parts is locked while one is added: of two that arrive at once, the second sees the
//! first and finds the message complete.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use frontdesk_adapters::{Event, Kind, Message, Part};
use sqlx::types::Json;

use super::{Fresh, rows};
use crate::{
    clock,
    db::{StoreError, Tx},
    ingest::commit::Arrived,
    messages::parts::{self, Fit, Group, NewPart, Piece},
};

/// More parts than any network sends.
const MAX_PARTS: u32 = 255;

/// What became of the group's parts, by their place among the new events.
#[derive(Default)]
pub(super) struct Joined {
    /// The messages that are recorded instead of the part that completed them.
    whole: HashMap<usize, Arrived>,
    /// Parts that wait for others, or came after their message.
    held: HashSet<usize>,
    /// Reminders that had nothing to deliver any more.
    idle: HashSet<usize>,
}

impl Joined {
    /// The new events, with what their parts make.
    pub fn fresh<'a>(&'a self, new: &[&'a Arrived]) -> Vec<Fresh<'a>> {
        let new = new.iter().enumerate().filter(|(place, _)| !self.idle.contains(place));
        let fresh = new.map(|(place, arrived)| Fresh {
            is_held: self.held.contains(&place),
            ..Fresh::new(self.whole.get(&place).unwrap_or(arrived))
        });
        fresh.collect()
    }
}

/// Joins what can be joined; without parts, nothing is asked of the database.
pub(super) async fn join(tx: &mut Tx, new: &[&Arrived]) -> Result<Joined, StoreError> {
    let mut joined = Joined::default();
    // In the order of what tells the groups, so that two committers cannot deadlock.
    let mut ordered = BTreeMap::new();
    for (place, arrived) in new.iter().enumerate() {
        if let Some(group) = arrived.overdue {
            let whole = remind(tx, group, arrived).await?;
            match whole {
                Some(whole) => drop(joined.whole.insert(place, whole)),
                None => drop(joined.idle.insert(place)),
            }
        } else if let Some((message, part)) = part(arrived) {
            let sender = message.sender.as_ref().map_or("", |sender| &sender.address.value);
            let key = (&arrived.channel.id, sender, &part.reference, part.total, place);
            ordered.insert(key, (message, part));
        }
    }
    for ((_, _, _, _, place), (message, part)) in ordered {
        match add(tx, new[place], message, part).await? {
            Some(whole) => drop(joined.whole.insert(place, whole)),
            None => drop(joined.held.insert(place)),
        }
    }
    Ok(joined)
}

/// The part an event is, if it can be joined at all.
fn part(arrived: &Arrived) -> Option<(&Message, &Part)> {
    let Event::Message(message) = arrived.event() else { return None };
    let part = message.part.as_ref().filter(|_| message.kind == Kind::Message)?;
    let makes_sense =
        (2..=MAX_PARTS).contains(&part.total) && (1..=part.total).contains(&part.index);
    makes_sense.then_some((message, part))
}

/// Adds a part; the whole message if it was the last one missing and none was delivered yet.
async fn add(
    tx: &mut Tx,
    arrived: &Arrived,
    message: &Message,
    part: &Part,
) -> Result<Option<Arrived>, StoreError> {
    let number = |number: u32| i32::try_from(number).expect("at most MAX_PARTS");
    let (place, now) = (number(part.index), arrived.received_at);
    let new = NewPart {
        channel_id: &arrived.channel.id,
        our_address: &arrived.our_address,
        sender: message.sender.as_ref().map_or("", |sender| &sender.address.value),
        reference: &part.reference,
        total: number(part.total),
    };
    let mut group = parts::open(tx, clock::new_id(), new, now).await?;
    let mut pieces = parts::pieces(tx, group.id).await?;
    match parts::fit(group.first_at, &pieces, place, message.text.as_deref(), now) {
        Fit::Missing => {}
        Fit::Known => return Ok(None),
        Fit::Another => {
            parts::close(tx, group.id).await?;
            group = parts::open(tx, clock::new_id(), new, now).await?;
            pieces = Vec::new();
        }
    }
    let piece = Piece { place, request_id: arrived.request_id, message: Json(message.clone()) };
    parts::add(tx, group.id, &piece).await?;
    pieces.push(piece);
    pieces.sort_by_key(|piece| piece.place);
    match group.message_id {
        Some(delivered) => {
            if let Some(whole) = parts::join(&pieces, group.total) {
                parts::complete(tx, delivered, &whole, &rows::details(&whole)).await?;
            }
            Ok(None)
        }
        None if pieces.len() == usize::try_from(group.total).unwrap_or(usize::MAX) => {
            deliver(tx, &group, &pieces, arrived).await
        }
        None => Ok(None),
    }
}

/// Delivers what there is of a group that has waited long enough, unless that was done meanwhile.
async fn remind(
    tx: &mut Tx,
    group: uuid::Uuid,
    reminder: &Arrived,
) -> Result<Option<Arrived>, StoreError> {
    let Some(group) = parts::lock(tx, group).await?.filter(|group| group.message_id.is_none())
    else {
        return Ok(None);
    };
    let pieces = parts::pieces(tx, group.id).await?;
    deliver(tx, &group, &pieces, reminder).await
}

async fn deliver(
    tx: &mut Tx,
    group: &Group,
    pieces: &[Piece],
    arrived: &Arrived,
) -> Result<Option<Arrived>, StoreError> {
    let (Some(whole), Some(last)) = (parts::join(pieces, group.total), pieces.last()) else {
        return Ok(None);
    };
    parts::deliver(tx, group.id, arrived.id).await?;
    let request_id = if arrived.overdue.is_some() { last.request_id } else { arrived.request_id };
    let parsed = Arc::new(vec![Event::Message(whole)].into());
    Ok(Some(Arrived { request_id, place: 0, parsed, ..arrived.clone() }))
}
