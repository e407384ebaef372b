//! SQL of what our own side writes.

use super::NewReply;
use crate::db::{StoreError, Tx, on_engine};

/// Stores a message of ours.
pub async fn insert(tx: &mut Tx, reply: &NewReply<'_>) -> Result<(), StoreError> {
    const SQL: &str = "insert into messages (id, channel_id, interaction_id, profile_id, direction, kind, text, \
        attachments, details, received_at, decision, reason, author_kind, author) \
        values ($1, $2, $3, $4, 'outbound', 'message', $5, '[]', '{}', $6, $7, 'written_here', $8, $9)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(reply.id)
        .bind(reply.channel_id)
        .bind(reply.interaction_id)
        .bind(reply.profile_id)
        .bind(reply.text)
        .bind(reply.now)
        .bind(reply.decision)
        .bind(reply.author.kind)
        .bind(&reply.author.id)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}
