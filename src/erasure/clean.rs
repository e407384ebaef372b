//! Removing what was found, in steps that intake does not wait for.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{
    ErasureError, Removed, add, books,
    needles::Needles,
    scan::{self, Requests},
    store::{self, Found, STEP},
};
use crate::{
    audit::Author,
    db::{Store, StoreError},
    desk::{self, DeskError},
    interactions::{Action, work},
};

/// How often an interaction is read again after somebody else was quicker.
const ATTEMPTS: usize = 8;

/// Closes what is open: nobody is there any more.
pub(super) async fn close_open(store: &Store, found: &Found, now: i64) -> Result<(), ErasureError> {
    for id in found.interactions.keys() {
        let mut attempts = 0;
        loop {
            let mut tx = store::begin(store).await?;
            let interaction = work::by_id(&mut tx, *id).await?;
            let Some(open) = interaction.filter(|interaction| interaction.active) else {
                tx.rollback().await?;
                break;
            };
            let author = Author::system("erasure");
            match desk::act(&mut tx, &open, &Action::Close(None), &author, now).await {
                Ok(_) => {
                    tx.commit().await?;
                    break;
                }
                Err(DeskError::Store(error)) => return Err(error.into()),
                Err(_) if attempts < ATTEMPTS => tx.rollback().await?,
                Err(_) => return Err(ErasureError::Busy),
            }
            attempts += 1;
        }
    }
    Ok(())
}

pub(super) async fn requests(
    store: &Store,
    requests: Requests,
    removed: &mut Removed,
) -> Result<(), StoreError> {
    for some in requests.whole.chunks(STEP) {
        let mut tx = store::begin(store).await?;
        add(removed, "requests", store::delete_requests(&mut tx, some).await?);
        tx.commit().await?;
    }
    for some in requests.shared.chunks(STEP) {
        let mut tx = store::begin(store).await?;
        add(removed, "requests_emptied", store::empty_requests(&mut tx, some).await?);
        tx.commit().await?;
    }
    Ok(())
}

pub(super) async fn events(
    store: &Store,
    events: BTreeSet<Uuid>,
    removed: &mut Removed,
) -> Result<(), StoreError> {
    let events: Vec<Uuid> = events.into_iter().collect();
    for some in events.chunks(STEP) {
        let mut tx = store::begin(store).await?;
        add(removed, "events", store::delete_events(&mut tx, some).await?);
        tx.commit().await?;
    }
    Ok(())
}

pub(super) async fn messages(
    store: &Store,
    found: &Found,
    removed: &mut Removed,
) -> Result<(), StoreError> {
    let strays: Vec<Uuid> = found.strays.iter().copied().collect();
    for some in strays.chunks(STEP) {
        let mut tx = store::begin(store).await?;
        add(removed, "messages", store::delete_strays(&mut tx, some).await?);
        tx.commit().await?;
    }
    for interaction in found.interactions.keys() {
        loop {
            let mut tx = store::begin(store).await?;
            let count = store::delete_messages(&mut tx, *interaction).await?;
            tx.commit().await?;
            add(removed, "messages", count);
            if count == 0 {
                break;
            }
        }
    }
    Ok(())
}

pub(super) async fn audit(
    store: &Store,
    found: &Found,
    needles: &Needles,
    removed: &mut Removed,
) -> Result<(), StoreError> {
    let mut tx = store.begin_read().await?;
    let mut changes: BTreeSet<Uuid> = books::audit_of(&mut tx, found).await?.into_iter().collect();
    tx.rollback().await?;
    changes.extend(scan::audit(store, needles).await?);
    let changes: Vec<Uuid> = changes.into_iter().collect();
    for some in changes.chunks(STEP) {
        let mut tx = store::begin(store).await?;
        for id in some {
            books::empty_audit(&mut tx, *id, needles).await?;
        }
        tx.commit().await?;
        add(removed, "audit_emptied", some.len() as u64);
    }
    Ok(())
}

pub(super) async fn outbox(
    store: &Store,
    found: &Found,
    removed: &mut Removed,
) -> Result<(), StoreError> {
    let mut tx = store.begin_read().await?;
    let told = books::told(&mut tx, found).await?;
    tx.rollback().await?;
    for some in told.chunks(STEP) {
        let mut tx = store::begin(store).await?;
        add(removed, "outbox", books::untell(&mut tx, some).await?);
        tx.commit().await?;
    }
    Ok(())
}
