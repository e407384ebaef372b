//! Queues, as the file has them.

use super::changes::{Changes, differs};
use super::file::Queue;
use crate::{
    audit::{self, Author, Subject},
    cli::{Exit, fault},
    db::Tx,
    routing::{
        self, DEFAULT_QUEUE, QueueSettings,
        names::{Coming, missing_from_queue},
    },
};

/// Stores queues. Settings that an entry leaves out stay as they are, and may name what is `coming`.
pub(super) async fn put(
    tx: &mut Tx,
    desired: Vec<Queue>,
    coming: &Coming,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    let stored = routing::store::queues(tx).await?;
    let ids = stored.iter().filter(|queue| !queue.is_default).map(|queue| queue.id.as_str());
    changes.leave_alone("queue", ids, |id| desired.iter().any(|queue| queue.id == id));
    for queue in &desired {
        let before = stored.iter().find(|before| before.id == queue.id);
        let Some(settings) = &queue.settings else { continue };
        if before.is_some_and(|before| before.settings == *settings) {
            continue;
        }
        if let Some((pointer, missing)) = missing_from_queue(tx, settings, coming).await? {
            let message = format!("queue {}: settings{pointer}: {missing}", queue.id);
            return Err(fault(Exit::Configuration, message));
        }
    }
    for Queue { id, name, settings } in desired {
        let what = format!("queue {id}");
        let before = stored.iter().find(|queue| queue.id == id);
        let queue = routing::Queue {
            name: name
                .or_else(|| before.map(|queue| queue.name.clone()))
                .unwrap_or_else(|| id.clone()),
            is_default: before.map_or(id == DEFAULT_QUEUE, |queue| queue.is_default),
            settings: settings
                .or_else(|| before.map(|queue| queue.settings.clone()))
                .unwrap_or_default(),
            created_at: now,
            changed_at: now,
            version: 1,
            id,
        };
        let details = before.map(|before| differences(before, &queue));
        if details.as_ref().is_some_and(Vec::is_empty) {
            changes.unchanged += 1;
            continue;
        }
        routing::store::put_queue(tx, &queue).await?;
        if before.is_some_and(|before| before.settings != queue.settings) {
            routing::store::reorder(tx, &queue.id, &queue.settings.terms()).await?;
        }
        let action = if before.is_some() { "change" } else { "create" };
        let told = audit::differences(&before, &queue);
        let subject = Subject::new("queue", &queue.id);
        audit::record(tx, &Author::command("apply"), subject, action, told, now).await?;
        match details {
            Some(details) => changes.changed(what, details),
            None => changes.created(what),
        }
    }
    Ok(())
}

fn differences(before: &routing::Queue, after: &routing::Queue) -> Vec<String> {
    let mut details = Vec::new();
    differs(&mut details, "name", &before.name, &after.name);
    let text = |settings: &QueueSettings| serde_json::to_string(settings).unwrap_or_default();
    differs(&mut details, "settings", text(&before.settings), text(&after.settings));
    details
}
