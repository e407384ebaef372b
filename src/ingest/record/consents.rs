//! What senders decided about our messages, as their providers report it.

use std::collections::BTreeMap;

use frontdesk_adapters::Kind;

use super::{Fresh, Known};
use crate::{
    db::{StoreError, Tx},
    profiles::{
        consents::{self, Consent, NewConsent},
        forgotten::Pair,
    },
};

/// What an event says about consent.
pub(super) fn consent(fresh: &Fresh<'_>) -> Option<Consent> {
    match fresh.kind()? {
        Kind::OptOut => Some(Consent::OptedOut),
        Kind::OptIn => Some(Consent::OptedIn),
        Kind::Message
        | Kind::MessageEdited
        | Kind::MessageDeleted
        | Kind::Reaction
        | Kind::Postback
        | Kind::Help
        | Kind::ConversationStarted
        | Kind::Typing
        | Kind::Other => None,
    }
}

/// Records the latest decision of each sender for each address of ours.
pub(super) async fn record(tx: &mut Tx, fresh: &[Fresh<'_>]) -> Result<(), StoreError> {
    let mut latest = BTreeMap::new();
    for fresh in fresh {
        let Some(state) = consent(fresh) else { continue };
        let sender = fresh.message().and_then(|message| message.sender.as_ref());
        let Some(sender) = sender else { continue };
        let consent = NewConsent {
            scheme: fresh.medium().as_str(),
            value: sender.address.value.clone(),
            our_address: fresh.arrived.our_address.clone(),
            state: state.as_str(),
            source: format!("provider {}", fresh.arrived.channel.adapter.provider),
            now: fresh.arrived.received_at,
        };
        let key = (consent.scheme, consent.value.clone(), consent.our_address.clone());
        latest.insert(key, consent);
    }
    consents::record(tx, latest.into_values().collect()).await
}

/// Senders who are new to us, each with the address they wrote to: they may have been erased.
pub(super) fn of_created(fresh: &[Fresh<'_>], known: &Known) -> Vec<Pair> {
    let created = fresh.iter().filter(|fresh| known.profile(fresh).is_some_and(|one| one.created));
    let pairs = created.filter_map(|fresh| {
        let sender = fresh.message()?.sender.as_ref()?;
        Some(Pair {
            scheme: fresh.medium().as_str().to_owned(),
            value: sender.address.value.clone(),
            our_address: fresh.arrived.our_address.clone(),
        })
    });
    pairs.collect()
}
