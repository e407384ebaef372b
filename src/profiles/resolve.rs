//! From senders to profiles, a whole group at a time.

use frontdesk_adapters::{Address, phone};
use uuid::Uuid;

use super::{Decision, Key, Known, PersonRef, decide, merges, store};
use crate::{
    clock,
    db::{StoreError, Tx},
};

/// A sender of the group. Each key appears once.
#[derive(Clone, Debug)]
pub struct Sender {
    /// What identifies the sender.
    pub key: Key,
    /// The address behind the key.
    pub address: Address,
    /// Other addresses of the same sender.
    pub aliases: Vec<Key>,
    /// The name the provider gives.
    pub name: Option<String>,
    /// The language the provider gives.
    pub language: Option<String>,
    /// Numbers that network or provider vouches for, by which the directory may be asked.
    pub phones: Vec<String>,
    /// E-mail addresses that were proven to be the sender's, by which it may be asked as well.
    pub emails: Vec<String>,
    /// Whether an unknown sender gets a profile.
    pub may_create: bool,
}

/// The profile of a sender.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The profile.
    pub profile_id: Uuid,
    /// Whether it was made now.
    pub created: bool,
    /// Whether its sender is blocked.
    pub blocked: bool,
    /// Whether it is the profile of another address, too, which may part from this one again.
    pub by_alias: bool,
    /// What the decision table says.
    pub decision: Decision,
}

impl Resolved {
    /// A profile that was found otherwise than by a sender, who is the one to decide about.
    #[must_use]
    pub fn known(profile_id: Uuid, blocked: bool) -> Self {
        let decision = decide(Known::Guest, &[]);
        Self { profile_id, created: false, blocked, by_alias: false, decision }
    }
}

/// Finds the profile of each sender, or makes one; the answer is in the senders' order.
///
/// `None` stands for an unknown sender that may not create one. Senders must be sorted by key, so
/// that two committers wait for each other's rows in the same order.
pub async fn resolve(
    tx: &mut Tx,
    senders: &[Sender],
    now: i64,
) -> Result<Vec<Option<Resolved>>, StoreError> {
    let directory = search_directory(tx, senders).await?;
    let mut found = find(tx, senders).await?;

    let mut created = vec![false; senders.len()];
    let mut missing = Vec::new();
    for (index, sender) in senders.iter().enumerate() {
        if found[index].is_none() && sender.may_create {
            let decision = decide(Known::No, &directory[index]);
            missing.push((index, store::NewProfile::of(clock::new_id(), sender, &decision, now)));
        }
    }
    if !missing.is_empty() {
        let rows = missing.iter().map(|(_, row)| row.clone()).collect();
        let inserted = store::insert(tx, rows).await?;
        for (index, row) in missing {
            if inserted.contains(&row.id) {
                created[index] = true;
                found[index] = Some(store::Found::created(row.id));
            }
        }
        let new = found.iter().zip(&created).zip(senders);
        let new = new.filter_map(|((found, created), sender)| {
            created.then_some((found.as_ref()?.profile_id, &sender.key))
        });
        merges::propose_twins(tx, new, now).await?;
        // Somebody else made the rest between our look and our insert: theirs it is.
        if found.iter().zip(senders).any(|(found, sender)| found.is_none() && sender.may_create) {
            let again = find(tx, senders).await?;
            for (slot, again) in found.iter_mut().zip(again) {
                *slot = slot.take().or(again);
            }
        }
    }

    let mut links = Vec::new();
    let mut aliases = Vec::new();
    let mut resolved = Vec::with_capacity(senders.len());
    for (index, sender) in senders.iter().enumerate() {
        let Some(found) = &found[index] else {
            resolved.push(None);
            continue;
        };
        let known = if created[index] { Known::No } else { found.known() };
        let decision = decide(known, &directory[index]);
        if let (false, Some(person)) = (created[index], decision.link) {
            links.push(store::Link::new(found.profile_id, person, &decision, now));
        }
        for key in &sender.aliases {
            if !found.aliases.contains(key) {
                aliases.push(store::NewAlias::of(key, found.profile_id, now));
            }
        }
        resolved.push(Some(Resolved {
            profile_id: found.profile_id,
            created: created[index],
            blocked: found.blocked,
            by_alias: found.aliases.contains(&sender.key),
            decision,
        }));
    }
    store::link(tx, links).await?;
    store::insert_aliases(tx, aliases).await?;
    Ok(resolved)
}

/// The people who have one of each sender's numbers, in any spelling, and then those who have one of
/// its e-mail addresses.
async fn search_directory(
    tx: &mut Tx,
    senders: &[Sender],
) -> Result<Vec<Vec<PersonRef>>, StoreError> {
    let (mut numbers, mut emails) = (Vec::new(), Vec::new());
    for (index, sender) in senders.iter().enumerate() {
        for number in &sender.phones {
            numbers.push((index, number.clone()));
            numbers.extend(phone::twins(number).into_iter().map(|twin| (index, twin)));
        }
        emails.extend(sender.emails.iter().map(|email| (index, email.clone())));
    }
    let by_phone = store::people_by_phone(tx, numbers).await?;
    let by_email = store::people_by_email(tx, emails).await?;
    let mut people = vec![Vec::new(); senders.len()];
    for (index, person) in by_phone.into_iter().chain(by_email) {
        if !people[index].contains(&person) {
            people[index].push(person);
        }
    }
    Ok(people)
}

/// The active profile of each sender: by its key, else by one of its aliases.
async fn find(tx: &mut Tx, senders: &[Sender]) -> Result<Vec<Option<store::Found>>, StoreError> {
    let mut found: Vec<Option<store::Found>> = vec![None; senders.len()];
    let keys = senders.iter().map(|sender| sender.key.clone()).collect();
    for (place, own) in store::find(tx, keys).await? {
        found[place] = Some(own);
    }
    // Most senders have one address, and their profile is found by it: they end here.
    let mut aliases = Vec::new();
    for (index, sender) in senders.iter().enumerate() {
        aliases.extend(sender.aliases.iter().map(|key| (index, key.clone())));
    }
    let own = store::find(tx, aliases.iter().map(|(_, key)| key.clone()).collect()).await?;
    let unknown = (0..senders.len()).filter(|index| found[*index].is_none());
    aliases.extend(unknown.map(|index| (index, senders[index].key.clone())));
    let keys = aliases.iter().map(|(_, key)| key.clone()).collect();
    for (place, hit) in own.into_iter().chain(store::find_by_alias(tx, keys).await?) {
        let (index, key) = &aliases[place];
        // The first hit is the strongest; another profile under an alias is left alone, and the
        // address stays its own.
        found[*index].get_or_insert(hit).aliases.push(key.clone());
    }
    Ok(found)
}
