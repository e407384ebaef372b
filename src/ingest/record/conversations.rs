//! The conversations of a group, each once.

use std::collections::BTreeMap;

use frontdesk_adapters::AddressKind;
use uuid::Uuid;

use super::{Fresh, Known, Role};
use crate::{
    interactions::{Arrival, Conversation, contact_type},
    profiles::Resolved,
};

/// Collects the conversations, sorted by profile and our address, and for each the places of the
/// events behind its arrivals.
pub(super) fn of<'a>(
    fresh: &'a [Fresh<'a>],
    known: &'a Known,
) -> (Vec<Conversation<'a>>, Vec<Vec<usize>>) {
    let mut by_key: BTreeMap<(Uuid, &str), (Conversation<'a>, Vec<usize>)> = BTreeMap::new();
    for (place, fresh) in fresh.iter().enumerate() {
        let Some(profile) = known.profile(fresh) else { continue };
        // A blocked sender is acknowledged and kept, and nothing more.
        if fresh.role == Role::Beside || profile.blocked {
            continue;
        }
        let key = (profile.profile_id, fresh.arrived.our_address.as_str());
        let (conversation, places) =
            by_key.entry(key).or_insert_with(|| (conversation(fresh, profile), Vec::new()));
        let may_open = fresh.role == Role::Speaks;
        // Only the customer's own words say whose it is; ours may come first.
        if may_open && !conversation.arrivals.iter().any(|arrival| arrival.may_open) {
            let arrivals = std::mem::take(&mut conversation.arrivals);
            let language = conversation.language;
            *conversation =
                Conversation { arrivals, language, ..self::conversation(fresh, profile) };
        }
        conversation.arrivals.push(Arrival { at: fresh.arrived.received_at, may_open });
        if conversation.language.is_none() {
            conversation.language = fresh.message().and_then(|message| message.language.as_deref());
        }
        places.push(place);
    }
    by_key.into_values().unzip()
}

fn conversation<'a>(fresh: &'a Fresh<'a>, profile: &'a Resolved) -> Conversation<'a> {
    let message = fresh.message();
    let medium = fresh.medium();
    let channel = &fresh.arrived.channel;
    Conversation {
        profile_id: profile.profile_id,
        new_profile: profile.created,
        channel,
        our_address: &fresh.arrived.our_address,
        contact_type: contact_type(medium),
        subtype: medium.as_str(),
        decision: &profile.decision,
        language: None,
        phone: phone(fresh),
        sender: message.and_then(|message| message.sender.as_ref()).map(|sender| &sender.address),
        thread: message.and_then(|message| message.conversation.as_deref()),
        arrivals: Vec::new(),
    }
}

/// The sender's number.
pub(super) fn phone<'a>(fresh: &Fresh<'a>) -> Option<&'a str> {
    let sender = fresh.message()?.sender.as_ref()?;
    (sender.address.kind == AddressKind::Phone).then_some(&sender.address.value)
}
