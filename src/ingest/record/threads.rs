//! What our own side says in a conversation of the provider's, where the event names who of us spoke
//! instead of the customer.
//!
//! Such a message belongs to the open interaction of that conversation; where none is known, it is
//! stored beside the messages.

use frontdesk_adapters::{Kind, Medium};

use super::{Fresh, Role};
use crate::{
    db::{StoreError, Tx},
    interactions::store::{self, Answer, Thread},
    profiles::Resolved,
};

/// Finds the customers of the conversations that our own side spoke in; without such events,
/// nothing is asked of the database.
pub(super) async fn find(tx: &mut Tx, fresh: &mut [Fresh<'_>]) -> Result<(), StoreError> {
    let (mut ours, threads): (Vec<_>, Vec<_>) = fresh
        .iter_mut()
        .filter_map(|fresh| {
            let thread = Thread {
                channel_id: fresh.arrived.channel.id.clone(),
                our_address: fresh.arrived.our_address.clone(),
                conversation: spoken_in(fresh)?.to_owned(),
            };
            Some((fresh, thread))
        })
        .unzip();
    for (place, profile_id, blocked) in store::customers_of(tx, threads).await? {
        ours[place].customer = Some(Resolved::known(profile_id, blocked));
    }
    Ok(())
}

/// Finds those who began their conversation in this very group.
pub(super) fn join(fresh: &mut [Fresh<'_>]) {
    for place in 1..fresh.len() {
        let (before, rest) = fresh.split_at_mut(place);
        let ours = &mut rest[0];
        let Some(thread) = spoken_in(ours).filter(|_| ours.customer.is_none()) else { continue };
        let same = |theirs: &&Fresh<'_>| {
            theirs.role == Role::Speaks
                && theirs.arrived.channel.id == ours.arrived.channel.id
                && theirs.message().and_then(|said| said.conversation.as_deref()) == Some(thread)
        };
        if let Some(customer) = before.iter().rev().find(same) {
            ours.sender = customer.sender;
        }
    }
}

/// Whether the sender of an event is one of us, who has no profile. Elsewhere the customer is named
/// as the sender of our own words.
pub(super) fn is_colleague(fresh: &Fresh<'_>) -> bool {
    fresh.customer.is_some() || fresh.medium() == Medium::Chat && spoken_in(fresh).is_some()
}

/// The conversation our own side spoke in.
fn spoken_in<'a>(fresh: &Fresh<'a>) -> Option<&'a str> {
    let message = fresh.message().filter(|message| message.from_business)?;
    let ours = fresh.role == Role::Noted && message.kind == Kind::Message;
    message.conversation.as_deref().filter(|_| ours)
}

/// The answers among the messages: those a person of ours gave. Bots answer nothing.
pub(super) fn answers(fresh: &[Fresh<'_>]) -> impl Iterator<Item = Answer> {
    fresh.iter().filter(|fresh| spoken_in(fresh).is_some()).filter_map(|fresh| {
        let sender = fresh.message()?.metadata.as_ref()?.get("sender")?;
        let by_agent = sender.get("kind").is_some_and(|kind| kind == "agent");
        let continued = fresh.continued.as_ref().filter(|_| by_agent)?;
        Some(Answer {
            interaction_id: continued.interaction_id,
            message_id: fresh.arrived.id,
            at: fresh.arrived.received_at,
            before_all: uuid::Uuid::nil(),
        })
    })
}
