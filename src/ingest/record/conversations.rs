//! The conversations of a group, each once.

use std::collections::BTreeMap;

use frontdesk_adapters::AddressKind;
use serde_json::json;
use uuid::Uuid;

use super::{Fresh, Known, Role};
use crate::{
    interactions::{Arrival, Conversation, contact_type},
    profiles::Resolved,
};

/// Collects the conversations, sorted by profile and our address, and for each the places of the
/// events behind its arrivals.
pub(super) fn of(fresh: &[Fresh<'_>], known: &Known) -> (Vec<Conversation>, Vec<Vec<usize>>) {
    let mut by_key: BTreeMap<(Uuid, &str), (Conversation, Vec<usize>)> = BTreeMap::new();
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
        conversation.arrivals.push(Arrival { at: fresh.arrived.received_at, may_open });
        if conversation.language.is_none() {
            conversation.language = fresh.message().and_then(|message| message.language.clone());
        }
        places.push(place);
    }
    by_key.into_values().unzip()
}

fn conversation(fresh: &Fresh<'_>, profile: &Resolved) -> Conversation {
    let message = fresh.message();
    let medium = fresh.medium();
    let channel = &fresh.arrived.channel;
    Conversation {
        profile_id: profile.profile_id,
        new_profile: profile.created,
        channel_id: channel.id.clone(),
        our_address: fresh.arrived.our_address.clone(),
        policy: channel.settings.continuation,
        contact_type: contact_type(medium),
        subtype: medium.as_str(),
        decision: profile.decision.clone(),
        language: None,
        phone: phone(fresh).map(str::to_owned),
        channel_metadata: json!({
            "provider": channel.adapter.provider,
            "channel": channel.id,
            "sender": message.and_then(|message| message.sender.as_ref()).map(|sender| &sender.address),
            "conversation": message.and_then(|message| message.conversation.as_ref()),
        }),
        arrivals: Vec::new(),
    }
}

/// The sender's number.
pub(super) fn phone<'a>(fresh: &Fresh<'a>) -> Option<&'a str> {
    let sender = fresh.message()?.sender.as_ref()?;
    (sender.address.kind == AddressKind::Phone).then_some(&sender.address.value)
}
