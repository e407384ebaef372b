//! A change of the directory, with what it means for the senders who wait.
//!
//! Whoever is entered, gets another number or leaves may decide who a guest is: rows 8, 9 and 11 of
//! the matching table, in the transaction of the change. Closed interactions stay as they were.

use std::collections::BTreeMap;

use sqlx::types::Json;
use uuid::Uuid;

use super::{DeskError, edit, identity::audited};
use crate::{
    audit::{self, Author, Subject},
    db::{StoreError, Tx},
    interactions::work,
    profiles::{
        Decision, Profile, directory,
        people::{self, NewPerson, Person},
        store,
    },
};

/// What a change meant for senders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Guests who are known now.
    pub linked: u64,
    /// Senders an agent should look at.
    pub undecided: u64,
}

/// Enters a person.
pub async fn enter(
    tx: &mut Tx,
    new: &NewPerson,
    author: &Author,
    now: i64,
) -> Result<Person, DeskError> {
    let person = people::insert(tx, new, now).await?;
    remember(tx, &None::<Person>, &person, "create", author, now).await?;
    settle(tx, person.phones.clone(), Vec::new(), author, now).await?;
    Ok(person)
}

/// Changes a person as it was read.
pub async fn change(
    tx: &mut Tx,
    before: &Person,
    new: &NewPerson,
    author: &Author,
    now: i64,
) -> Result<Person, DeskError> {
    if !people::update(tx, before.id, before.version, new, now).await? {
        return Err(DeskError::Changed);
    }
    let after = people::get(tx, before.id).await?.ok_or(DeskError::Changed)?;
    remember(tx, before, &after, "change", author, now).await?;
    let (numbers, people) = concerned(before, &after);
    settle(tx, numbers, people, author, now).await?;
    Ok(after)
}

/// The numbers and the person whose senders a change concerns.
pub(super) fn concerned(before: &Person, after: &Person) -> (Vec<String>, Vec<Uuid>) {
    let came_or_left = before.active != after.active;
    let all = before.phones.iter().chain(&after.phones);
    let only_one =
        |phone: &&String| before.phones.contains(*phone) != after.phones.contains(*phone);
    let numbers = all.filter(|phone| came_or_left || only_one(phone)).cloned().collect();
    (numbers, if came_or_left { vec![after.id] } else { Vec::new() })
}

/// Decides anew about the senders with these numbers and of these people.
pub async fn settle(
    tx: &mut Tx,
    numbers: Vec<String>,
    people: Vec<Uuid>,
    author: &Author,
    now: i64,
) -> Result<Settled, DeskError> {
    let spellings = directory::spellings(numbers.iter());
    // Sorted, as everybody locks profiles.
    let mut concerned: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for (place, profile) in directory::by_numbers(tx, spellings.clone()).await? {
        concerned.entry(profile.id).or_default().push(spellings[place].clone());
    }
    for profile in directory::of_people(tx, people).await? {
        concerned.entry(profile.id).or_default();
    }
    let mut profiles = Vec::with_capacity(concerned.len());
    for (id, mut numbers) in concerned {
        let Some(profile) = store::lock(tx, id).await?.filter(|profile| profile.active) else {
            continue;
        };
        numbers.extend(directory::numbers(tx, &profile).await?);
        profiles.push((profile, numbers));
    }
    let decisions = directory::judge(tx, &profiles).await?;
    let mut settled = Settled::default();
    for ((profile, _), decision) in profiles.iter().zip(decisions) {
        apply(tx, profile, &decision, author, now, &mut settled).await?;
    }
    Ok(settled)
}

/// Carries out what the table says of one sender, if that is news.
async fn apply(
    tx: &mut Tx,
    before: &Profile,
    decision: &Decision,
    author: &Author,
    now: i64,
    settled: &mut Settled,
) -> Result<(), DeskError> {
    let undecided = directory::is_undecided(decision.outcome);
    let same = before.candidates.0 == decision.candidates;
    if decision.link.is_none() && same && undecided == before.is_undecided() {
        return Ok(());
    }
    let mut after = before.clone();
    if let Some(person) = decision.link {
        after.person_kind = Some(person.kind);
        after.person_id = Some(person.id);
        settled.linked += 1;
    }
    settled.undecided += u64::from(undecided);
    decision.outcome.as_str().clone_into(&mut after.match_outcome);
    after.candidates = Json(decision.candidates.clone());
    after.version += 1;
    after.changed_at = now;
    if !store::save(tx, &after).await? {
        return Err(DeskError::Changed);
    }
    audited(tx, before, &after, "match", author, now).await?;
    for interaction in work::open_of_profile(tx, before.id).await? {
        let outcome = decision.outcome.as_str();
        let mut known = match decision.link {
            Some(person) if interaction.opened_for.is_none() => {
                interaction.opened_for(Some(person), outcome)
            }
            Some(_) => continue,
            None => interaction.clone(),
        };
        outcome.clone_into(&mut known.match_outcome);
        known.candidates = Json(decision.candidates.clone());
        edit(tx, &interaction, known, author, now).await?;
    }
    Ok(())
}

async fn remember(
    tx: &mut Tx,
    before: &impl serde::Serialize,
    after: &Person,
    action: &str,
    author: &Author,
    now: i64,
) -> Result<(), StoreError> {
    let changes = audit::differences(before, after);
    audit::record(tx, author, Subject::new("person", after.id), action, changes, now).await
}
