//! Erasing one person, everywhere and for good.
//!
//! What stays says nothing about anybody: that there was an interaction, when and how long it was
//! worked on, which moves it made. Digests of providers' ids stay too, so that a retry does not
//! bring back what was erased; and so does an opt-out, as a keyed digest.
//!
//! It goes in steps of their own, so that intake never waits for it, and in an order that lets an
//! erasure which was interrupted be repeated: profiles and people, by which all else is found, go
//! last. Profiles are given up first: whoever writes meanwhile is somebody new.

mod books;
mod clean;
mod needles;
mod receipts;
mod scan;
mod store;
#[cfg(test)]
mod tests;

pub use receipts::{Receipt, Removed, list, receipt};
use serde::Deserialize;
use uuid::Uuid;

use self::needles::Needles;
use crate::{
    audit::{self, Author, Change, Subject as AuditSubject},
    clock,
    db::{Store, StoreError},
    messages,
    profiles::forgotten,
    search,
    vault::Vault,
};

/// Whom to erase.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Whoever has this address, such as a number with `+`, and all that address said or was told.
    Address(String),
    /// A person of the directory, with every address and profile of theirs.
    Person(Uuid),
    /// A profile.
    Profile(Uuid),
}

/// Why nothing, or not everything, was erased. Repeating it goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// Nobody like that is here.
    #[error("there is nothing here of this person or address")]
    Unknown,
    /// An interaction kept being changed while it was to be closed.
    #[error("an interaction was changed again and again; repeat the erasure")]
    Busy,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Says what erasing `subject` would remove, and removes nothing.
pub async fn preview(store: &Store, subject: &Subject) -> Result<Removed, ErasureError> {
    let mut tx = store.begin_read().await?;
    let found = store::find(&mut tx, subject).await?;
    let mut removed = store::count(&mut tx, &found).await?;
    tx.rollback().await?;
    let needles = Needles::of(&found.addresses);
    let events = scan::events(store, &found, &needles).await?;
    let requests = scan::requests(store, &found, &events, &needles).await?;
    add(&mut removed, "requests", requests.whole.len() as u64);
    add(&mut removed, "requests_emptied", requests.shared.len() as u64);
    add(&mut removed, "events", events.len() as u64);
    if removed.is_empty() { Err(ErasureError::Unknown) } else { Ok(removed) }
}

/// Erases `subject`.
pub async fn erase(
    store: &Store,
    vault: &Vault,
    subject: &Subject,
    author: &Author,
    now: impl Fn() -> i64,
) -> Result<Receipt, ErasureError> {
    let started_at = now();
    let mut removed = Removed::new();
    let mut tx = store::begin(store).await?;
    messages::hold_claims(&mut tx).await?;
    // Agents may add something until the rows are ours.
    let found = loop {
        let found = store::find(&mut tx, subject).await?;
        if store::give_up(&mut tx, &found, started_at).await? == 0 {
            break found;
        }
    };
    // Else the last part of a text would bring the first ones back.
    add(&mut removed, "parts", store::forget_parts(&mut tx, &found).await?);
    tx.commit().await?;
    clean::close_open(store, &found, started_at).await?;

    // Requests are found by messages and events, so they go first.
    let needles = Needles::of(&found.addresses);
    let events = scan::events(store, &found, &needles).await?;
    let requests = scan::requests(store, &found, &events, &needles).await?;
    clean::requests(store, requests, &mut removed).await?;
    clean::events(store, events, &mut removed).await?;
    clean::messages(store, &found, &mut removed).await?;
    clean::audit(store, &found, &needles, &mut removed).await?;
    clean::outbox(store, &found, &mut removed).await?;
    let mut tx = store.begin_read().await?;
    let answers = books::answers(&mut tx, &found, &needles).await?;
    tx.rollback().await?;

    let mut tx = store::begin(store).await?;
    for (what, count) in store::empty(&mut tx, &found).await? {
        add(&mut removed, what, count);
    }
    let answers = books::forget_answers(&mut tx, &answers).await?;
    add(&mut removed, "idempotent_answers", answers);
    let addresses: Vec<String> = found.addresses.iter().cloned().collect();
    let consents = forgotten::forget(&mut tx, vault, &addresses, started_at).await?;
    add(&mut removed, "consents", consents);
    for (what, count) in store::forget_identity(&mut tx, &found).await? {
        add(&mut removed, what, count);
    }
    if removed.is_empty() {
        tx.rollback().await?;
        return Err(ErasureError::Unknown);
    }
    let receipt = Receipt {
        id: clock::new_id(),
        author_kind: author.kind,
        author: author.id.clone(),
        removed,
        started_at,
        finished_at: now(),
    };
    receipts::keep(&mut tx, &receipt).await?;
    let removed = serde_json::json!(receipt.removed);
    let changes = vec![Change::new("removed", serde_json::Value::Null, removed)];
    let subject = AuditSubject::new("erasure", receipt.id);
    audit::record(&mut tx, author, subject, "erase", changes, receipt.finished_at).await?;
    let seqs = found.interactions.values().copied().collect();
    search::erase(&mut tx, seqs, found.profiles.union(&found.people).copied().collect()).await?;
    tx.commit().await?;
    // SQLite's log still has the pages as they were.
    store.fold_log().await?;
    Ok(receipt)
}

fn add(removed: &mut Removed, what: &str, count: u64) {
    if count > 0 {
        *removed.entry(what.to_owned()).or_default() += count;
    }
}
