//! Two profiles of one sender: proposed by rules, decided by people, taken back without loss.
//!
//! Two profiles are never merged by themselves. A merge writes down everything it changed, so that
//! undoing it is putting that back.

mod store;
#[cfg(test)]
mod tests;

use frontdesk_adapters::phone;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
pub use store::{
    Filter, NewMerge, both_open, decide, find_pair, get, hand_over, list, lock, note, propose,
    take_back,
};
use uuid::Uuid;

use super::{Alias, Key, PersonKind, PersonRef, Profile};
use crate::{
    clock,
    db::{StoreError, Tx},
};

/// Why two profiles may be one sender.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = MergeReason)]
pub enum Reason {
    /// One number in two spellings, such as with and without Brazil's ninth digit.
    Twin,
    /// The provider says that the sender moved to another number or id. The old one may soon be
    /// somebody else's, so it does not lead to the profile that is kept.
    Moved,
    /// An agent knows it.
    Chosen,
}

/// What became of a merge.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = MergeState)]
pub enum State {
    /// Somebody should decide.
    Proposed,
    /// One profile stands for both.
    Confirmed,
    /// They are two senders.
    Dismissed,
    /// It was confirmed, and taken back.
    Undone,
}

/// A merge, for showing.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
#[schema(as = ProfileMerge)]
pub struct Merge {
    /// Opaque id.
    pub id: Uuid,
    /// The profile that stands for both.
    pub kept_id: Uuid,
    /// The profile that is given up.
    pub given_up_id: Uuid,
    /// Why they may be one sender.
    pub reason: Reason,
    /// What became of it.
    pub state: State,
    /// When it was proposed.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub proposed_at: i64,
    /// Who proposed it.
    pub proposed_by: String,
    /// When it was confirmed or dismissed.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<i64>,
    /// Who confirmed or dismissed it.
    pub decided_by: Option<String>,
    /// When it was taken back.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub undone_at: Option<i64>,
    /// Who took it back.
    pub undone_by: Option<String>,
    /// What it changed.
    #[serde(skip)]
    pub changes: Json<Changes>,
    /// Counts changes.
    pub version: i64,
}

/// What a merge changed, beside the interactions and tasks it handed over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// The profile that was kept, before and after.
    pub kept: Option<(Standing, Standing)>,
    /// Further addresses that were handed over.
    pub aliases: Vec<Alias>,
    /// The address of the profile that was given up, where it leads to the other one since.
    pub address: Option<Alias>,
    /// Interactions of a guest who got a person.
    pub linked: Vec<Linked>,
}

/// Whom an interaction was for, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linked {
    /// The interaction.
    pub interaction: Uuid,
    /// How its person was found before.
    pub match_outcome: String,
    /// Whom an agent could have chosen before.
    pub candidates: Vec<PersonRef>,
    /// The person it got.
    pub person: PersonRef,
}

/// What is decided about a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    person_kind: Option<PersonKind>,
    person_id: Option<Uuid>,
    match_outcome: String,
    candidates: Vec<PersonRef>,
    verified_at: Option<i64>,
    verified_by: Option<String>,
    verified_method: Option<String>,
    blocked_at: Option<i64>,
    blocked_by: Option<String>,
    blocked_reason: Option<String>,
}

impl From<&Profile> for Standing {
    fn from(profile: &Profile) -> Self {
        Self {
            person_kind: profile.person_kind,
            person_id: profile.person_id,
            match_outcome: profile.match_outcome.clone(),
            candidates: profile.candidates.0.clone(),
            verified_at: profile.verified_at,
            verified_by: profile.verified_by.clone(),
            verified_method: profile.verified_method.clone(),
            blocked_at: profile.blocked_at,
            blocked_by: profile.blocked_by.clone(),
            blocked_reason: profile.blocked_reason.clone(),
        }
    }
}

/// Why two profiles cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// One is the other.
    #[error("a profile cannot be merged with itself")]
    Same,
    /// One was given up before.
    #[error("one of the profiles was given up; merge the ones that are active")]
    GivenUp,
    /// What was proven on one medium must not count on another.
    #[error("the profiles are of different media; link both to one person instead")]
    OtherMedium,
    /// They are of two people.
    #[error("the profiles are of two people; link one of them to nobody first")]
    TwoPeople,
}

/// The profile that stands for both: what is known of either is kept, and so is a block.
pub fn united(kept: &Profile, given_up: &Profile) -> Result<Profile, Unfit> {
    if kept.id == given_up.id {
        return Err(Unfit::Same);
    }
    if !(kept.active && given_up.active) {
        return Err(Unfit::GivenUp);
    }
    if (&kept.scheme, &kept.scope) != (&given_up.scheme, &given_up.scope) {
        return Err(Unfit::OtherMedium);
    }
    let mut after = kept.clone();
    match (kept.person(), given_up.person()) {
        (Some(one), Some(other)) if one.id != other.id => return Err(Unfit::TwoPeople),
        (None, Some(_)) => {
            after.person_kind = given_up.person_kind;
            after.person_id = given_up.person_id;
            after.match_outcome.clone_from(&given_up.match_outcome);
            after.candidates.clone_from(&given_up.candidates);
        }
        (Some(_) | None, _) => {}
    }
    if after.verified_at.is_none() && given_up.person().is_some() {
        after.verified_at = given_up.verified_at;
        after.verified_by.clone_from(&given_up.verified_by);
        after.verified_method.clone_from(&given_up.verified_method);
    }
    if after.blocked_at.is_none() {
        after.blocked_at = given_up.blocked_at;
        after.blocked_by.clone_from(&given_up.blocked_by);
        after.blocked_reason.clone_from(&given_up.blocked_reason);
    }
    Ok(after)
}

/// The kept profile without what the merge brought: what was changed since stays changed.
#[must_use]
pub fn parted(kept: &Profile, changes: &Changes) -> Profile {
    let mut after = kept.clone();
    let Some((was, became)) = &changes.kept else { return after };
    if (after.person_id, &after.match_outcome) == (became.person_id, &became.match_outcome) {
        after.person_kind = was.person_kind;
        after.person_id = was.person_id;
        after.match_outcome.clone_from(&was.match_outcome);
        after.candidates = Json(was.candidates.clone());
    }
    if (after.verified_at, &after.verified_by) == (became.verified_at, &became.verified_by) {
        after.verified_at = was.verified_at;
        after.verified_by.clone_from(&was.verified_by);
        after.verified_method.clone_from(&was.verified_method);
    }
    if (after.blocked_at, &after.blocked_by) == (became.blocked_at, &became.blocked_by) {
        after.blocked_at = was.blocked_at;
        after.blocked_by.clone_from(&was.blocked_by);
        after.blocked_reason.clone_from(&was.blocked_reason);
    }
    after
}

/// Proposes to merge new profiles with those of their numbers' other spellings.
///
/// The older one is to be kept, since others may know it.
pub async fn propose_twins(
    tx: &mut Tx,
    new: impl Iterator<Item = (Uuid, &Key)>,
    now: i64,
) -> Result<(), StoreError> {
    let mut twins = Vec::new();
    for (profile, key) in new {
        for value in phone::twins(&key.value) {
            twins.push((profile, Key { value, ..key.clone() }));
        }
    }
    if twins.is_empty() {
        return Ok(());
    }
    let keys = twins.iter().map(|(_, key)| key.clone()).collect();
    let mut proposals = Vec::new();
    for (place, found) in super::store::find(tx, keys).await? {
        let (profile, other) = (twins[place].0, found.profile_id);
        let (kept, given_up) = (profile.min(other), profile.max(other));
        proposals.push(store::NewMerge::of(kept, given_up, Reason::Twin, "system", now));
    }
    proposals.sort_by_key(|proposal| proposal.pair());
    propose(tx, proposals).await
}

/// Proposes that a sender goes on under another address.
pub async fn propose_moved(
    tx: &mut Tx,
    mut moves: Vec<(Uuid, Uuid)>,
    now: i64,
) -> Result<(), StoreError> {
    moves.sort_unstable();
    moves.dedup();
    let proposal = |(from, to)| store::NewMerge::of(to, from, Reason::Moved, "provider", now);
    propose(tx, moves.into_iter().map(proposal).collect()).await
}

/// A merge that an agent wants.
#[must_use]
pub fn chosen(kept: Uuid, given_up: Uuid, by: String, now: i64) -> store::NewMerge {
    store::NewMerge {
        proposed_by: by,
        ..store::NewMerge::of(kept, given_up, Reason::Chosen, "", now)
    }
}

/// The pair of two profiles, whichever is kept.
#[must_use]
pub fn pair(one: Uuid, other: Uuid) -> (Uuid, Uuid) {
    (one.min(other), one.max(other))
}

/// A new id of a merge.
fn new_id() -> Uuid {
    clock::new_id()
}
