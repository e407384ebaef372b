//! SQL of edits and deletions.

use uuid::Uuid;

use crate::db::{JsonText, Statement, StoreError, Tx, batch_row};

batch_row! {
    /// What a message is changed to.
    pub struct Edit {
        /// Our id of the message.
        id: Uuid,
        /// The new text; `None` keeps the text, an empty one clears it.
        text: Option<String>,
        /// The new media and other parts; `None` keeps them.
        attachments: Option<JsonText>,
        /// When the provider says it was changed, else when that arrived.
        at: i64,
        /// Whether the provider says when.
        timed: bool,
    }
}

/// Gives messages what their senders changed them to. What they said before stays in the archive of
/// requests.
///
/// The latest edit wins, in whatever order they arrive; one without a time is taken for the latest.
pub async fn edit(tx: &mut Tx, edits: impl Iterator<Item = Edit>) -> Result<(), StoreError> {
    static EDIT: Statement<Edit> = Statement::new(
        "update messages set text = nullif(coalesce(r.text, messages.text), ''), \
         attachments = coalesce(r.attachments, messages.attachments), \
         edited_at = case when messages.edited_at > r.at then messages.edited_at else r.at end \
         from {rows} where messages.id = r.id \
         and (messages.edited_at is null or messages.edited_at <= r.at or not r.timed)",
    );
    let mut rows: Vec<Edit> = edits.collect();
    // Stable: of edits of one moment the one that arrived last wins.
    rows.sort_by_key(|edit| (edit.id, edit.at));
    // One statement touches a row once: each further edit of a message takes another.
    while !rows.is_empty() {
        let mut again = Vec::new();
        let mut once: Vec<Edit> = Vec::with_capacity(rows.len());
        for edit in rows {
            let edited = once.last().is_some_and(|last| last.id == edit.id);
            if edited { again.push(edit) } else { once.push(edit) }
        }
        EDIT.execute(tx, once).await?;
        rows = again;
    }
    Ok(())
}

batch_row! {
    struct Deletion {
        id: Uuid,
        at: i64,
    }
}

/// Marks messages their senders took back.
pub async fn mark_deleted(
    tx: &mut Tx,
    deleted: impl Iterator<Item = (Uuid, i64)>,
) -> Result<(), StoreError> {
    static DELETE: Statement<Deletion> = Statement::new(
        "update messages set deleted_at = r.at from {rows} where messages.id = r.id \
         and messages.deleted_at is null",
    );
    let mut rows: Vec<Deletion> = deleted.map(|(id, at)| Deletion { id, at }).collect();
    rows.sort_by_key(|deletion| deletion.id);
    rows.dedup_by_key(|deletion| deletion.id);
    DELETE.execute(tx, rows).await?;
    Ok(())
}
