//! SQL of what our own side writes.

use super::NewReply;
use crate::db::{StoreError, Tx, on_engine};

/// Stores a message of ours. It goes into the conversation the customer last wrote in.
pub async fn insert(tx: &mut Tx, reply: &NewReply<'_>) -> Result<(), StoreError> {
    const SQL: &str = "insert into messages (id, channel_id, interaction_id, profile_id, direction, kind, text, \
        attachments, conversation, details, received_at, decision, reason, author_kind, author) \
        values ($1, $2, $3, $4, 'outbound', 'message', $5, '[]', (select m.conversation from messages m \
        where m.interaction_id = $3 and m.direction = 'inbound' order by m.id desc limit 1), \
        '{}', $6, $7, 'written_here', $8, $9)";
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
