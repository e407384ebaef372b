//! Making one sender of two profiles, and taking that back.
//!
//! The profile that is given up stays, inactive, and names the one that took its place; its address
//! leads there, so that the next message from it continues the conversation. Interactions, tasks
//! and further addresses are handed over; messages keep the profile they were sent from, and what
//! belongs to an interaction stays with it. Everything changed is written down with the merge.
//!
//! Callers hold intake's claims ([`crate::messages::hold_claims`]): a message comes before or after.

use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;

use super::{DeskError, edit};
use crate::{
    audit::{self, Author, Change, Subject},
    db::{StoreError, Tx},
    interactions::{self, Interaction, list, work},
    profiles::{
        Alias, Profile,
        merges::{self, Changes, Linked, Merge, Reason, State, Unfit},
        store,
    },
};

/// No more interactions are looked through when a merge is taken back.
const MOST_SINCE: usize = 1_000;

/// Why a merge was not made or taken back.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The profiles cannot be one.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Both have an open interaction on one address of ours.
    #[error("{0} and {1} are both open on one address of ours; close one of them first")]
    BothOpen(String, String),
    /// It stands otherwise.
    #[error(
        "this merge is {0}; only proposed or dismissed ones are confirmed, only proposed ones \
        dismissed, and only confirmed ones undone"
    )]
    State(&'static str),
    /// A later merge stands on it.
    #[error("the profile that was kept was given up since; undo the later merge first")]
    BuiltUpon,
    /// The address has another profile by now.
    #[error("the address that was given up has a profile again; this merge cannot be undone")]
    AddressTaken,
    /// The profiles and interactions that belong to it.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

impl From<StoreError> for MergeError {
    fn from(error: StoreError) -> Self {
        Self::Desk(error.into())
    }
}

/// Merges `given_up` into `kept` as an agent wants it.
pub async fn merge(
    tx: &mut Tx,
    kept: Uuid,
    given_up: Uuid,
    author: &Author,
    now: i64,
) -> Result<Merge, MergeError> {
    if kept == given_up {
        return Err(Unfit::Same.into());
    }
    merges::propose(tx, vec![merges::chosen(kept, given_up, author.to_string(), now)]).await?;
    let proposed = merges::find_pair(tx, kept, given_up).await?.ok_or(DeskError::Changed)?;
    let proposed = merges::lock(tx, proposed.id).await?.ok_or(DeskError::Changed)?;
    // Whatever was proposed, the agent says which one is kept.
    confirm(tx, Merge { kept_id: kept, given_up_id: given_up, ..proposed }, author, now).await
}

/// Confirms a merge that is locked.
pub async fn confirm(
    tx: &mut Tx,
    before: Merge,
    author: &Author,
    now: i64,
) -> Result<Merge, MergeError> {
    if !matches!(before.state, State::Proposed | State::Dismissed) {
        return Err(MergeError::State(word(before.state)));
    }
    let (kept, given_up) = lock_both(tx, &before).await?;
    let after = merges::united(&kept, &given_up)?;
    if let Some((one, other)) = merges::both_open(tx, kept.id, given_up.id).await? {
        let (one, other) = (interactions::number(one), interactions::number(other));
        return Err(MergeError::BothOpen(one, other));
    }
    let mut changes =
        Changes { kept: Some(((&kept).into(), (&after).into())), ..Changes::default() };
    let kept = save(tx, &kept, after, "merge", author, now).await?;
    let gone = Profile {
        active: false,
        expired_at: Some(now),
        merged_into: Some(kept.id),
        ..given_up.clone()
    };
    save(tx, &given_up, gone, "merge", author, now).await?;
    changes.aliases = store::aliases(tx, given_up.id).await?;
    for alias in &changes.aliases {
        store::move_alias(tx, alias, given_up.id, Some(kept.id)).await?;
    }
    let own = address(&given_up);
    // An address somebody moved away from may soon be somebody else's.
    if before.reason != Reason::Moved && store::add_alias(tx, &own, kept.id, now).await? {
        changes.address = Some(own);
    }
    merges::note(tx, before.id, given_up.id).await?;
    merges::hand_over(tx, given_up.id, kept.id).await?;
    changes.linked = introduce(tx, &kept, author, now).await?;
    let merge = Merge {
        state: State::Confirmed,
        decided_at: Some(now),
        decided_by: Some(author.to_string()),
        changes: Json(changes),
        ..before.clone()
    };
    decided(tx, &before, merge, "confirm", author, now).await
}

/// Says that two profiles are two senders, once and for all.
pub async fn dismiss(
    tx: &mut Tx,
    before: Merge,
    author: &Author,
    now: i64,
) -> Result<Merge, MergeError> {
    if before.state != State::Proposed {
        return Err(MergeError::State(word(before.state)));
    }
    let merge = Merge {
        state: State::Dismissed,
        decided_at: Some(now),
        decided_by: Some(author.to_string()),
        ..before.clone()
    };
    decided(tx, &before, merge, "dismiss", author, now).await
}

/// Takes a merge back: what it changed is as before, and what came since by the address that was
/// given up is that profile's.
pub async fn undo(
    tx: &mut Tx,
    before: Merge,
    author: &Author,
    now: i64,
) -> Result<Merge, MergeError> {
    if before.state != State::Confirmed {
        return Err(MergeError::State(word(before.state)));
    }
    let merged_at = before.decided_at.unwrap_or_default();
    let (kept, gone) = lock_both(tx, &before).await?;
    if !kept.active || gone.merged_into != Some(kept.id) {
        return Err(MergeError::BuiltUpon);
    }
    let changes = &before.changes.0;
    let since = since(tx, &kept, &gone, merged_at).await?;
    merges::take_back(tx, &before, merged_at, &since).await?;
    for alias in &changes.aliases {
        store::move_alias(tx, alias, kept.id, Some(gone.id)).await?;
    }
    if let Some(own) = &changes.address {
        store::move_alias(tx, own, kept.id, None).await?;
    }
    let parted = merges::parted(&kept, changes);
    save(tx, &kept, parted, "undo_merge", author, now).await?;
    let back = Profile { active: true, expired_at: None, merged_into: None, ..gone.clone() };
    let back = save(tx, &gone, back, "undo_merge", author, now).await;
    if matches!(back, Err(DeskError::Store(StoreError::Exists))) {
        return Err(MergeError::AddressTaken);
    }
    back?;
    for linked in &changes.linked {
        estrange(tx, linked, author, now).await?;
    }
    let merge = Merge {
        state: State::Undone,
        undone_at: Some(now),
        undone_by: Some(author.to_string()),
        ..before.clone()
    };
    decided(tx, &before, merge, "undo", author, now).await
}

/// Both profiles, in the order in which everybody locks them.
async fn lock_both(tx: &mut Tx, merge: &Merge) -> Result<(Profile, Profile), MergeError> {
    let (first, second) = merges::pair(merge.kept_id, merge.given_up_id);
    let first = store::lock(tx, first).await?.ok_or(DeskError::Changed)?;
    let second = store::lock(tx, second).await?.ok_or(DeskError::Changed)?;
    Ok(if first.id == merge.kept_id { (first, second) } else { (second, first) })
}

/// Tells the open interactions of guests who they turned out to be.
async fn introduce(
    tx: &mut Tx,
    kept: &Profile,
    author: &Author,
    now: i64,
) -> Result<Vec<Linked>, DeskError> {
    let Some(person) = kept.person() else { return Ok(Vec::new()) };
    let mut linked = Vec::new();
    for interaction in work::open_of_profile(tx, kept.id).await? {
        if interaction.opened_for.is_some() {
            continue;
        }
        linked.push(Linked {
            interaction: interaction.id,
            match_outcome: interaction.match_outcome.clone(),
            candidates: interaction.candidates.0.clone(),
            person,
        });
        let known = interaction.opened_for(Some(person), &kept.match_outcome);
        edit(tx, &interaction, known, author, now).await?;
    }
    Ok(linked)
}

/// Takes back that an interaction got a person, unless somebody confirmed or changed that since.
async fn estrange(
    tx: &mut Tx,
    linked: &Linked,
    author: &Author,
    now: i64,
) -> Result<(), DeskError> {
    let Some(interaction) = work::by_id(tx, linked.interaction).await? else { return Ok(()) };
    if interaction.opened_for != Some(linked.person.id) || interaction.verified {
        return Ok(());
    }
    let mut guest = interaction.opened_for(None, &linked.match_outcome);
    guest.candidates = Json(linked.candidates.clone());
    edit(tx, &interaction, guest, author, now).await?;
    Ok(())
}

/// The interactions that messages from the given-up address opened since.
async fn since(
    tx: &mut Tx,
    kept: &Profile,
    gone: &Profile,
    merged_at: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let filter = list::Filter { profile: Some(kept.id), ..list::Filter::default() };
    let newest = list::list(tx, &filter, MOST_SINCE).await?.rows;
    let since = newest.into_iter().take_while(|interaction| interaction.opened_at >= merged_at);
    let theirs = since.filter(|interaction| sender(interaction) == Some(&gone.value));
    Ok(theirs.map(|interaction| interaction.id).collect())
}

/// The address an interaction was opened from.
fn sender(interaction: &Interaction) -> Option<&str> {
    interaction.channel_metadata.0["sender"]["value"].as_str()
}

fn address(profile: &Profile) -> Alias {
    Alias {
        scheme: profile.scheme.clone(),
        scope: profile.scope.clone(),
        value: profile.value.clone(),
    }
}

async fn save(
    tx: &mut Tx,
    before: &Profile,
    mut after: Profile,
    action: &str,
    author: &Author,
    now: i64,
) -> Result<Profile, DeskError> {
    after.version = before.version + 1;
    after.changed_at = now;
    if !store::save(tx, &after).await? {
        return Err(DeskError::Changed);
    }
    super::identity::audited(tx, before, &after, action, author, now).await?;
    Ok(after)
}

async fn decided(
    tx: &mut Tx,
    before: &Merge,
    mut after: Merge,
    action: &str,
    author: &Author,
    now: i64,
) -> Result<Merge, MergeError> {
    after.version = before.version + 1;
    if !merges::decide(tx, &after).await? {
        return Err(DeskError::Changed.into());
    }
    let change = Change::new("state", json!(before.state), json!(after.state));
    let subject = Subject::new("merge", after.id);
    audit::record(tx, author, subject, action, vec![change], now).await?;
    Ok(after)
}

fn word(state: State) -> &'static str {
    match state {
        State::Proposed => "proposed",
        State::Confirmed => "confirmed",
        State::Dismissed => "dismissed",
        State::Undone => "undone",
    }
}
