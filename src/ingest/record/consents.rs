//! What senders decide about our messages: as their providers report it, or in one word.

use std::collections::HashMap;

use frontdesk_adapters::Kind;

use super::{Fresh, Known, Role};
use crate::{
    channels::Keywords,
    clock,
    db::{StoreError, Tx},
    profiles::{
        consents::{self, Consent, NewConsent, Pair},
        keywords::{self, Keyword, Meaning},
    },
};

/// What an event says about consent.
pub(super) fn consent(fresh: &Fresh<'_>) -> Option<Consent> {
    match fresh.kind()? {
        Kind::OptOut => Some(Consent::OptedOut),
        Kind::OptIn => Some(Consent::OptedIn),
        Kind::Message => match fresh.keyword.filter(|_| fresh.role == Role::Noted)?.meaning {
            Meaning::OptOut => Some(Consent::OptedOut),
            Meaning::OptIn | Meaning::OptInAgain => Some(Consent::OptedIn),
            Meaning::Help => None,
        },
        Kind::MessageEdited
        | Kind::MessageDeleted
        | Kind::Reaction
        | Kind::Postback
        | Kind::Help
        | Kind::ConversationStarted
        | Kind::Typing
        | Kind::Other => None,
    }
}

/// Finds the messages that are one of the words that count on their channel.
pub(super) async fn find_keywords(tx: &mut Tx, fresh: &mut [Fresh<'_>]) -> Result<(), StoreError> {
    let mut uncertain = false;
    for fresh in fresh.iter_mut() {
        fresh.keyword = keyword(fresh);
        uncertain |= fresh.keyword.is_some_and(|word| word.meaning == Meaning::OptInAgain);
    }
    if uncertain {
        keep_from_opted_out(tx, fresh).await?;
    }
    Ok(())
}

fn keyword(fresh: &Fresh<'_>) -> Option<&'static Keyword> {
    let message = fresh.message().filter(|message| message.kind == Kind::Message)?;
    if message.from_business || message.sender.is_none() || !message.attachments.is_empty() {
        return None;
    }
    let word = keywords::find(message.text.as_deref()?)?;
    match (fresh.arrived.channel.settings.keywords(fresh.medium()), word.meaning) {
        (Keywords::None, _) | (Keywords::Consent, Meaning::Help) => None,
        (Keywords::All | Keywords::Consent, _) => Some(word),
    }
}

/// Lets words that only somebody who opted out can mean stand for those alone.
async fn keep_from_opted_out(tx: &mut Tx, fresh: &mut [Fresh<'_>]) -> Result<(), StoreError> {
    let uncertain =
        |fresh: &Fresh<'_>| fresh.keyword.is_some_and(|word| word.meaning == Meaning::OptInAgain);
    let asked: Vec<(String, String, String)> =
        fresh.iter().filter(|fresh| uncertain(fresh)).filter_map(key).collect();
    let pair = |(scheme, value, our_address): &(String, String, String)| Pair {
        scheme: scheme.clone(),
        value: value.clone(),
        our_address: our_address.clone(),
    };
    let out = consents::opted_out(tx, asked.iter().map(pair).collect()).await?;
    let mut out: HashMap<_, _> = asked.into_iter().zip(out).collect();
    // What was decided before it in this very group counts as well.
    for fresh in fresh {
        let Some(key) = key(fresh) else { continue };
        if fresh.kind() == Some(Kind::OptOut) {
            out.insert(key, true);
            continue;
        }
        match fresh.keyword.map(|word| word.meaning) {
            Some(Meaning::OptInAgain) if !out.get(&key).copied().unwrap_or_default() => {
                fresh.keyword = None;
            }
            Some(Meaning::OptIn | Meaning::OptInAgain) => drop(out.insert(key, false)),
            Some(Meaning::OptOut) => drop(out.insert(key, true)),
            Some(Meaning::Help) | None => {}
        }
    }
    Ok(())
}

fn key(fresh: &Fresh<'_>) -> Option<(String, String, String)> {
    let sender = fresh.message()?.sender.as_ref()?;
    let scheme = fresh.medium().as_str().to_owned();
    Some((scheme, sender.address.value.clone(), fresh.arrived.our_address.clone()))
}

/// Records what senders decided, in order.
pub(super) async fn record(tx: &mut Tx, fresh: &[Fresh<'_>]) -> Result<(), StoreError> {
    let decision = |fresh: &Fresh<'_>| {
        let state = consent(fresh)?;
        let (scheme, value, our_address) = key(fresh)?;
        Some(NewConsent {
            id: clock::new_id(),
            scheme,
            value,
            our_address,
            state: state.as_str(),
            source: match fresh.keyword {
                Some(keyword) => format!("keyword {}", keyword.word),
                None => format!("provider {}", fresh.arrived.channel.adapter.provider),
            },
            reason: None,
            author_kind: "requester",
            author: "requester".to_owned(),
            record_id: Some(fresh.arrived.id),
            now: fresh.arrived.received_at,
        })
    };
    consents::record(tx, fresh.iter().filter_map(decision).collect()).await
}

/// Senders who are new to us, each with the address they wrote to: they may have been erased.
pub(super) fn of_created(fresh: &[Fresh<'_>], known: &Known) -> Vec<Pair> {
    let created = fresh.iter().filter(|fresh| known.profile(fresh).is_some_and(|one| one.created));
    let keys = created.filter_map(key);
    keys.map(|(scheme, value, our_address)| Pair { scheme, value, our_address }).collect()
}
