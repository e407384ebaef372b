//! Who a sender is, as agents decide it: linked, confirmed, handed over, blocked, given up.
//!
//! What is decided about a profile holds for its open interactions, too; closed ones stay as they
//! were. A matching number is no proof, so only [`verify`] confirms anybody.

use uuid::Uuid;

use super::{DeskError, edit, tell};
use crate::{
    audit::{self, Author, Subject},
    clock,
    db::{StoreError, Tx},
    interactions::{Interaction, work},
    outbox::EventType,
    profiles::{CHOSEN, PersonRef, Profile, store},
};

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The profile was given up.
    #[error("this profile was given up; its address has another one, or gets it with a message")]
    GivenUp,
    /// The profile is another person's.
    #[error("this profile is another person's; reassociate it if the address changed hands")]
    OtherPerson,
    /// There is nobody to confirm.
    #[error("nobody is known here yet; say which person was confirmed")]
    Nobody,
    /// Closed interactions stay as they were.
    #[error("this interaction is closed and stays as it was")]
    Closed,
    /// The interactions that belong to it.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

impl From<StoreError> for IdentityError {
    fn from(error: StoreError) -> Self {
        Self::Desk(error.into())
    }
}

/// What an agent found out about a customer.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Who it is; by itself whoever is known already.
    pub person: Option<PersonRef>,
    /// The customer's account.
    pub account: Option<String>,
    /// How the agent made sure.
    pub method: String,
    /// Whether the profile is to remember it beyond the open interactions.
    pub confirmed: bool,
}

/// Links a profile to a person, or to nobody.
///
/// A profile that is another person's is not linked but reassociated: the address changed hands.
pub async fn link(
    tx: &mut Tx,
    before: &Profile,
    person: Option<PersonRef>,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    let other = |known: PersonRef| person.is_some_and(|person| person.id != known.id);
    if before.person().is_some_and(other) {
        return Err(IdentityError::OtherPerson);
    }
    correct(tx, before, person, author, now).await
}

/// As [`link`], where it turns out that the person was taken for somebody else.
pub async fn correct(
    tx: &mut Tx,
    before: &Profile,
    person: Option<PersonRef>,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    let after = store(tx, before, before.of_person(person), "link", author, now).await?;
    for interaction in work::open_of_profile(tx, before.id).await? {
        if interaction.opened_for != person.map(|person| person.id) {
            let linked = interaction.opened_for(person, CHOSEN);
            edit(tx, &interaction, linked, author, now).await?;
        }
    }
    Ok(after)
}

/// Confirms who is behind a profile: on its open interactions, and on the profile if it is to
/// remember.
pub async fn verify(
    tx: &mut Tx,
    before: &Profile,
    verification: &Verification,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    let person = verification.person.or(before.person()).ok_or(IdentityError::Nobody)?;
    let verification = Verification { person: Some(person), ..verification.clone() };
    for interaction in work::open_of_profile(tx, before.id).await? {
        confirm_on(tx, &interaction, &verification, author, now).await?;
    }
    if verification.confirmed {
        remember(tx, before, person, &verification, author, now).await
    } else {
        Ok(before.clone())
    }
}

/// Confirms whom one interaction is for, and its profile if that is to remember.
pub async fn verify_on(
    tx: &mut Tx,
    before: &Interaction,
    known: Option<PersonRef>,
    verification: &Verification,
    author: &Author,
    now: i64,
) -> Result<Interaction, IdentityError> {
    let person = verification.person.or(known).ok_or(IdentityError::Nobody)?;
    let verification = Verification { person: Some(person), ..verification.clone() };
    let after = confirm_on(tx, before, &verification, author, now).await?;
    if verification.confirmed
        && let Some(profile) = before.profile_id
        && let Some(profile) = store::lock(tx, profile).await?
    {
        remember(tx, &profile, person, &verification, author, now).await?;
    }
    Ok(after)
}

async fn confirm_on(
    tx: &mut Tx,
    before: &Interaction,
    verification: &Verification,
    author: &Author,
    now: i64,
) -> Result<Interaction, IdentityError> {
    if !before.active {
        return Err(IdentityError::Closed);
    }
    let mut after = before.opened_for(verification.person, CHOSEN);
    after.verified = true;
    after.account = verification.account.clone().or(after.account);
    Ok(edit(tx, before, after, author, now).await?)
}

async fn remember(
    tx: &mut Tx,
    before: &Profile,
    person: PersonRef,
    verification: &Verification,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    if before.person().is_some_and(|known| known.id != person.id) {
        return Err(IdentityError::OtherPerson);
    }
    let mut after = before.of_person(Some(person));
    after.verified_at = Some(now);
    after.verified_by = Some(author.to_string());
    after.verified_method = Some(verification.method.clone());
    store(tx, before, after, "verify", author, now).await
}

/// Hands an address over to the person who has it now: its profile is given up, and another one
/// takes its place and its open interactions.
pub async fn reassociate(
    tx: &mut Tx,
    before: &Profile,
    person: PersonRef,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    if before.person().is_none_or(|known| known.id == person.id) {
        return correct(tx, before, Some(person), author, now).await;
    }
    let successor = Profile {
        id: clock::new_id(),
        display_name: None,
        created_at: now,
        changed_at: now,
        version: 1,
        blocked_at: None,
        blocked_by: None,
        blocked_reason: None,
        ..before.of_person(Some(person))
    };
    give_up(tx, before, "reassociate", author, now).await?;
    store::succeed(tx, &successor).await?;
    for alias in store::aliases(tx, before.id).await? {
        store::move_alias(tx, &alias, before.id, Some(successor.id)).await?;
    }
    audited(tx, &None::<Profile>, &successor, "create", author, now).await?;
    tell(tx, EventType::ProfileCreated, None, successor.id, now).await?;
    work::give_open(tx, before.id, successor.id).await?;
    for interaction in work::open_of_profile(tx, successor.id).await? {
        let linked = interaction.opened_for(Some(person), CHOSEN);
        edit(tx, &interaction, linked, author, now).await?;
    }
    Ok(successor)
}

/// Blocks a sender: what it sends is acknowledged and kept, and nothing comes of it.
pub async fn block(
    tx: &mut Tx,
    before: &Profile,
    reason: &str,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    let mut after = before.clone();
    after.blocked_at = Some(before.blocked_at.unwrap_or(now));
    after.blocked_by = Some(author.to_string());
    after.blocked_reason = Some(reason.to_owned());
    store(tx, before, after, "block", author, now).await
}

/// Lets a blocked sender through again.
pub async fn unblock(
    tx: &mut Tx,
    before: &Profile,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    let mut after = before.clone();
    after.blocked_at = None;
    after.blocked_by = None;
    after.blocked_reason = None;
    store(tx, before, after, "unblock", author, now).await
}

/// Gives a profile up for good: the next message from its address gets another one. What is open
/// stays open.
pub async fn deactivate(
    tx: &mut Tx,
    before: &Profile,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    let after = give_up(tx, before, "deactivate", author, now).await?;
    // Its further addresses are free for whoever writes from them next.
    for alias in store::aliases(tx, before.id).await? {
        store::move_alias(tx, &alias, before.id, None).await?;
    }
    Ok(after)
}

async fn give_up(
    tx: &mut Tx,
    before: &Profile,
    action: &str,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    let after = Profile { active: false, expired_at: Some(now), ..before.clone() };
    store(tx, before, after, action, author, now).await
}

/// Stores what was decided, if anything was.
async fn store(
    tx: &mut Tx,
    before: &Profile,
    mut after: Profile,
    action: &str,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    if !before.active {
        return Err(IdentityError::GivenUp);
    }
    after.version = before.version + 1;
    after.changed_at = now;
    if audit::differences(before, &after).is_empty() {
        return Ok(before.clone());
    }
    if !store::save(tx, &after).await? {
        return Err(DeskError::Changed.into());
    }
    audited(tx, before, &after, action, author, now).await?;
    Ok(after)
}

/// The audit of a profile.
pub(super) async fn audited(
    tx: &mut Tx,
    before: &impl serde::Serialize,
    after: &Profile,
    action: &str,
    author: &Author,
    now: i64,
) -> Result<(), StoreError> {
    let changes = audit::differences(before, after);
    audit::record(tx, author, Subject::new("profile", after.id), action, changes, now).await
}

/// The profile an interaction belongs to, for changing it.
pub async fn profile_of(
    tx: &mut Tx,
    interaction: &Interaction,
) -> Result<Option<Profile>, StoreError> {
    let id: Option<Uuid> = interaction.profile_id;
    match id {
        Some(id) => store::lock(tx, id).await,
        None => Ok(None),
    }
}
