//! SQL of parts.

use frontdesk_adapters::Message;
use sha2::{Digest, Sha256};
use sqlx::types::Json;
use uuid::Uuid;

use crate::db::{StoreError, Tx, on_engine};

/// Parts that belong together.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Group {
    /// Opaque id.
    pub id: Uuid,
    /// The channel they came by.
    pub channel_id: String,
    /// Our address they were sent to.
    pub our_address: String,
    /// How many there should be.
    pub total: i32,
    /// The message they were delivered as, complete or not.
    pub message_id: Option<Uuid>,
    /// When the first of them arrived.
    pub first_at: i64,
}

/// A part that is there.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Piece {
    /// Its place, from 1.
    pub place: i32,
    /// The request that brought it.
    pub request_id: Uuid,
    /// What it says.
    pub message: Json<Message>,
}

/// A part that arrives, and what tells its group.
#[derive(Clone, Copy, Debug)]
pub struct NewPart<'a> {
    /// The channel it came by.
    pub channel_id: &'a str,
    /// Our address it was sent to.
    pub our_address: &'a str,
    /// Who sent it.
    pub sender: &'a str,
    /// What the parts of one message share.
    pub reference: &'a str,
    /// How many there are.
    pub total: i32,
}

impl NewPart<'_> {
    fn key(&self) -> Vec<u8> {
        let mut digest = Sha256::new();
        let total = self.total.to_string();
        for field in [self.channel_id, self.sender, self.our_address, self.reference, &total] {
            digest.update(field);
            digest.update([0]);
        }
        digest.finalize()[..16].to_vec()
    }
}

/// The open group of a part, made if there is none, and held until the transaction ends: whoever
/// else has a part of it waits.
pub async fn open(tx: &mut Tx, id: Uuid, part: NewPart<'_>, now: i64) -> Result<Group, StoreError> {
    const SQL: &str = "insert into part_groups (id, key, channel_id, our_address, total, is_open, first_at, sender) \
        values ($1, $2, $3, $4, $5, true, $6, $7) on conflict (key) where is_open \
        do update set key = excluded.key \
        returning id, channel_id, our_address, total, message_id, first_at";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(id)
        .bind(part.key())
        .bind(part.channel_id)
        .bind(part.our_address)
        .bind(part.total)
        .bind(now)
        .bind(part.sender)
        .fetch_one(conn)
        .await)?)
}

/// A group by its id, held until the transaction ends.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Group>, StoreError> {
    const SQL: &str = "update part_groups set key = key where id = $1 \
        returning id, channel_id, our_address, total, message_id, first_at";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?)
}

/// Leaves a group to itself: the next part of its reference makes a new one.
pub async fn close(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    const SQL: &str = "update part_groups set is_open = false where id = $1";
    on_engine!(tx, conn => sqlx::query(SQL).bind(id).execute(conn).await.map(drop))?;
    Ok(())
}

/// The parts of a group that are there, in their places.
pub async fn pieces(tx: &mut Tx, group: Uuid) -> Result<Vec<Piece>, StoreError> {
    const SQL: &str =
        "select place, request_id, message from parts where group_id = $1 order by place";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(group).fetch_all(conn).await)?)
}

/// Adds a part to its group.
pub async fn add(tx: &mut Tx, group: Uuid, piece: &Piece) -> Result<(), StoreError> {
    const SQL: &str =
        "insert into parts (group_id, place, request_id, message) values ($1, $2, $3, $4)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(group)
        .bind(piece.place)
        .bind(piece.request_id)
        .bind(&piece.message)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Notes the message that a group is delivered as.
pub async fn deliver(tx: &mut Tx, group: Uuid, message: Uuid) -> Result<(), StoreError> {
    const SQL: &str = "update part_groups set message_id = $2 where id = $1";
    on_engine!(tx, conn => sqlx::query(SQL).bind(group).bind(message).execute(conn).await
        .map(drop))?;
    Ok(())
}

/// Gives a message that was delivered with parts missing what has come since.
pub async fn complete(
    tx: &mut Tx,
    message: Uuid,
    whole: &Message,
    details: &serde_json::Value,
) -> Result<(), StoreError> {
    const SQL: &str = "update messages set text = $2, attachments = $3, details = $4 where id = $1";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(message)
        .bind(&whole.text)
        .bind(Json(&whole.attachments))
        .bind(Json(details))
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Groups whose first part arrived by `first_by` and that were not delivered yet, oldest first.
pub async fn due(tx: &mut Tx, first_by: i64, limit: i64) -> Result<Vec<Group>, StoreError> {
    const SQL: &str = "select id, channel_id, our_address, total, message_id, first_at \
        from part_groups where message_id is null and first_at <= $1 order by first_at limit $2";
    Ok(
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(first_by).bind(limit).fetch_all(conn).await)?,
    )
}

/// Forgets groups whose first part arrived by `first_by`, once they were delivered.
pub async fn forget(tx: &mut Tx, first_by: i64) -> Result<u64, StoreError> {
    const PARTS: &str = "delete from parts where group_id in \
        (select id from part_groups where first_at <= $1 and message_id is not null)";
    const GROUPS: &str = "delete from part_groups where first_at <= $1 and message_id is not null";
    on_engine!(tx, conn => sqlx::query(PARTS).bind(first_by).execute(conn).await.map(drop))?;
    Ok(on_engine!(tx, conn => sqlx::query(GROUPS).bind(first_by).execute(conn).await
        .map(|done| done.rows_affected()))?)
}
