//! The directory against the profiles there are: what a change of one means for the other.
//!
//! Intake asks for each message; here it is asked the other way round, when somebody is entered,
//! changed or leaves, and many at a time.

mod store;

use std::collections::{HashMap, HashSet};

use frontdesk_adapters::phone;
pub use store::{by_external_ids, by_numbers, change_many, enter_many, of_people};
use uuid::Uuid;

use super::{Decision, Known, MatchOutcome, PersonRef, Profile, decide};
use crate::db::{StoreError, Tx};

/// What the directory says of profiles now, given the numbers of each; in their order.
pub async fn judge(
    tx: &mut Tx,
    profiles: &[(Profile, Vec<String>)],
) -> Result<Vec<Decision>, StoreError> {
    let mut numbers = Vec::new();
    for (index, (_, of_profile)) in profiles.iter().enumerate() {
        numbers.extend(spellings(of_profile.iter()).into_iter().map(|number| (index, number)));
    }
    let mut people: Vec<Vec<PersonRef>> = vec![Vec::new(); profiles.len()];
    for (index, person) in super::store::people_by_phone(tx, numbers).await? {
        if !people[index].contains(&person) {
            people[index].push(person);
        }
    }
    let linked = profiles.iter().filter_map(|(profile, _)| profile.person_id);
    let working: HashSet<Uuid> = store::active_among(tx, linked.collect()).await?;
    let judged = profiles.iter().zip(people).map(|((profile, _), people)| {
        let known = match profile.person() {
            None => Known::Guest,
            Some(person) if working.contains(&person.id) => Known::Person(person),
            Some(_) => Known::InactivePerson,
        };
        decide(known, &people)
    });
    Ok(judged.collect())
}

/// The numbers a profile is reached by: its own and its further ones.
pub async fn numbers(tx: &mut Tx, profile: &Profile) -> Result<Vec<String>, StoreError> {
    let aliases = super::store::aliases(tx, profile.id).await?;
    let all = std::iter::once(profile.value.clone()).chain(aliases.into_iter().map(|a| a.value));
    Ok(all.filter(|value| phone::Region::of(value).is_some()).collect())
}

/// Numbers in all their spellings, each once.
pub fn spellings<'a>(numbers: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut all: Vec<String> = numbers
        .flat_map(|number| std::iter::once(number.clone()).chain(phone::twins(number)))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether an agent should look at what was found.
#[must_use]
pub fn is_undecided(outcome: MatchOutcome) -> bool {
    match outcome {
        MatchOutcome::NewAmbiguous
        | MatchOutcome::GuestAmbiguous
        | MatchOutcome::Conflict
        | MatchOutcome::PersonInactive => true,
        MatchOutcome::NewLinked
        | MatchOutcome::NewGuest
        | MatchOutcome::KnownUnlisted
        | MatchOutcome::KnownConfirmed
        | MatchOutcome::KnownGuest
        | MatchOutcome::GuestLinked => false,
    }
}

/// The names of people, by id.
pub async fn names(
    tx: &mut Tx,
    people: impl Iterator<Item = PersonRef>,
) -> Result<Vec<Named>, StoreError> {
    let mut wanted: Vec<PersonRef> = Vec::new();
    for person in people {
        if !wanted.iter().any(|known| known.id == person.id) {
            wanted.push(person);
        }
    }
    let found = store::names(tx, wanted.iter().map(|person| person.id).collect()).await?;
    let names: HashMap<Uuid, String> = found.into_iter().collect();
    let named = |person: PersonRef| Named {
        kind: person.kind,
        id: person.id,
        name: names.get(&person.id).cloned(),
    };
    Ok(wanted.into_iter().map(named).collect())
}

/// A person with a name to show.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = NamedPerson)]
pub struct Named {
    /// What the person is to us.
    pub kind: super::PersonKind,
    /// Opaque id.
    pub id: Uuid,
    /// Full name; `null` where the directory does not have the person any more.
    pub name: Option<String>,
}
