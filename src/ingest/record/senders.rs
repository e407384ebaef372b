//! The senders of a group, each once.

use std::collections::{BTreeMap, HashMap};

use frontdesk_adapters::{AddressKind, Medium, Message};
use serde_json::Value;

use super::{Fresh, Role, threads};
use crate::profiles::{self, Key};

/// Collects the senders, sorted by key, and tells each event which one is its own.
pub(super) fn of(fresh: &mut [Fresh<'_>]) -> Vec<profiles::Sender> {
    let mut by_key: BTreeMap<Key, profiles::Sender> = BTreeMap::new();
    let mut keys: Vec<Option<Key>> = Vec::with_capacity(fresh.len());
    for fresh in fresh.iter() {
        let sender = sender(fresh);
        keys.push(sender.as_ref().map(|sender| sender.key.clone()));
        let Some(sender) = sender else { continue };
        if let Some(known) = by_key.get_mut(&sender.key) {
            merge(known, sender);
        } else {
            by_key.insert(sender.key.clone(), sender);
        }
    }
    let same = unite(&mut by_key);
    let places: HashMap<&Key, usize> =
        by_key.keys().enumerate().map(|(place, key)| (key, place)).collect();
    for (fresh, key) in fresh.iter_mut().zip(keys) {
        let place = |key: Key| places.get(&key).or_else(|| places.get(same.get(&key)?)).copied();
        fresh.sender = key.and_then(place);
    }
    by_key.into_values().collect()
}

fn sender(fresh: &Fresh<'_>) -> Option<profiles::Sender> {
    let beside = fresh.role == Role::Beside || threads::is_colleague(fresh);
    let message = fresh.message().filter(|_| !beside)?;
    let sender = message.sender.as_ref()?;
    let medium = fresh.medium();
    let key = |address| Key::new(medium, address, &fresh.arrived.channel.id);
    let own = key(&sender.address);
    // On a website, adapters give only proven addresses. They find a person in the directory, but
    // two accounts of one site that share a number stay two profiles.
    let aliases = sender.alternates.iter().filter(|_| medium != Medium::Chat).map(key);
    let aliases: Vec<Key> = aliases.filter(|alias| *alias != own).collect();
    let addresses = std::iter::once(&sender.address).chain(&sender.alternates);
    let of_kind = |kind: AddressKind| {
        let addresses = addresses.clone().filter(move |address| address.kind == kind);
        addresses.map(|address| address.value.clone()).collect()
    };
    let emails = if is_verified(message) { of_kind(AddressKind::Email) } else { Vec::new() };
    Some(profiles::Sender {
        key: own,
        address: sender.address.clone(),
        aliases,
        name: sender.name.clone(),
        language: message.language.clone(),
        phones: of_kind(AddressKind::Phone),
        emails,
        may_create: fresh.role == Role::Speaks,
    })
}

/// Whether the site says that it has proven who its visitor is. No network vouches for an e-mail
/// address: what was typed into a form, or stands in a provider's profile, proves nothing.
fn is_verified(message: &Message) -> bool {
    let sender = message.metadata.as_ref().and_then(|metadata| metadata.get("sender"));
    sender.and_then(|sender| sender.get("verified")) == Some(&Value::Bool(true))
}

/// Makes one sender of two where one is known in this very group by an address of the other.
///
/// Returns which keys went into which.
fn unite(by_key: &mut BTreeMap<Key, profiles::Sender>) -> HashMap<Key, Key> {
    let mut same: HashMap<Key, Key> = HashMap::new();
    for (key, sender) in by_key.iter() {
        for alias in &sender.aliases {
            if by_key.contains_key(alias) && alias != key && !same.contains_key(key) {
                same.insert(alias.clone(), key.clone());
            }
        }
    }
    for (alias, key) in &same {
        if let Some(sender) = by_key.remove(alias) {
            match by_key.get_mut(key) {
                Some(known) => merge(known, sender),
                None => drop(by_key.insert(alias.clone(), sender)),
            }
        }
    }
    same
}

fn merge(known: &mut profiles::Sender, other: profiles::Sender) {
    known.may_create |= other.may_create;
    known.name = known.name.take().or(other.name);
    known.language = known.language.take().or(other.language);
    for alias in other.aliases {
        if alias != known.key && !known.aliases.contains(&alias) {
            known.aliases.push(alias);
        }
    }
    for phone in other.phones {
        if !known.phones.contains(&phone) {
            known.phones.push(phone);
        }
    }
    for email in other.emails {
        if !known.emails.contains(&email) {
            known.emails.push(email);
        }
    }
}
