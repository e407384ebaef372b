//! Parts of longer texts that waited long enough for the rest: delivered as they are, and marked.
//!
//! A reminder goes the way of every event, so that one place decides under one lock. Its key is the
//! group's: of two instances that remind, one is heard.

use std::{sync::Arc, time::Duration};

use frontdesk_adapters::{Event, Kind, Message};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Inner, Lane,
    commit::{Arrived, Submission},
};
use crate::{
    clock,
    db::{self, StoreError},
    messages::parts::{self, Group, REFERENCE_MILLIS},
};

/// How often overdue parts are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// In which rounds those that are of no use any more are forgotten.
const FORGET_EVERY: u32 = 60;
/// How many groups are delivered at a time.
const AT_ONCE: i64 = 500;

/// Looks for overdue parts until told to stop.
pub(super) fn watch(inner: Arc<Inner>, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut failing = false;
        for round in 0_u32.. {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            match db::in_time(remind(&inner, round % FORGET_EVERY == 0)).await {
                Ok(()) => failing = false,
                // Said once; they are still there when the database is.
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot look for overdue parts"
                    );
                }
                Err(_) => {}
            }
        }
    })
}

async fn remind(inner: &Inner, forgets: bool) -> Result<(), StoreError> {
    let now = inner.clock.now().as_millis();
    let waited = i64::from(inner.parts_seconds) * 1000;
    let mut tx = inner.store.begin_read().await?;
    let due = parts::due(&mut tx, now.saturating_sub(waited), AT_ONCE).await?;
    tx.rollback().await?;
    let mut replies = Vec::new();
    for group in &due {
        let Some(reminder) = reminder(inner, group, now) else { continue };
        let (submission, reply) = Submission::new(None, vec![reminder]);
        if inner.committers[0].submit(submission, Lane::Slow).await.is_ok() {
            replies.push(reply);
        }
    }
    for reply in replies {
        // What failed is overdue still.
        let _ = reply.await;
    }
    // A reference may mean them until then; delivered ones are of no use afterwards.
    let old = now.saturating_sub(REFERENCE_MILLIS.max(waited));
    if forgets {
        let mut tx = inner.store.begin().await?;
        parts::forget(&mut tx, old).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn reminder(inner: &Inner, group: &Group, now: i64) -> Option<Arrived> {
    let channel = Arc::clone(inner.catalog.get().channel(&group.channel_id)?);
    let message = Message { kind: Kind::Message, ..Message::default() };
    Some(Arrived {
        id: clock::new_id(),
        request_id: Uuid::nil(),
        place: 0,
        channel,
        our_address: group.our_address.clone(),
        key: format!("overdue:{}", group.id),
        parsed: Arc::new(vec![Event::Message(message)].into()),
        received_at: now,
        overdue: Some(group.id),
    })
}
