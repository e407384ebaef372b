//! SQL of opening and changing one interaction by hand.

use sqlx::types::Json;
use uuid::Uuid;

use super::Opening;
use crate::{
    db::{StoreError, Tx, on_engine},
    interactions::{Interaction, store::COLUMNS},
    profiles::PersonKind,
};

/// Stores an interaction that `agent` works on from the start; `None` when another one is open for
/// the same conversation.
pub async fn open(
    tx: &mut Tx,
    id: Uuid,
    opening: &Opening,
    agent: &str,
    opened_by: &str,
    now: i64,
) -> Result<Option<Interaction>, StoreError> {
    const SQL: &str = "insert into interactions (id, type, subtype, direction, initiated_by, state, \
        state_changed_at, active, profile_id, channel_id, our_address, opened_for_kind, opened_for, contact, \
        consumer, verified, match_outcome, candidates, assigned_to, assigned_at, opened_at, opened_by, \
        short_description, country, channel_metadata, parent_id, version) values ($1, $2, $3, $4, 'agent', \
        'work_in_progress', $5, true, $6, $7, $8, $9, $10, $11, $12, false, $13, $14, $15, $5, $5, $16, $17, \
        $18, '{}', $19, 1) on conflict (profile_id, our_address) where active do nothing";
    let person = opening.person;
    let of_kind = |kind| person.filter(|person| person.kind == kind).map(|person| person.id);
    let done = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(id)
        .bind(opening.contact_type)
        .bind(opening.subtype)
        .bind(opening.direction)
        .bind(now)
        .bind(opening.profile_id)
        .bind(&opening.channel_id)
        .bind(&opening.our_address)
        .bind(person.map_or("guest", |person| person.kind.as_str()))
        .bind(person.map(|person| person.id))
        .bind(of_kind(PersonKind::Contact))
        .bind(of_kind(PersonKind::Consumer))
        .bind(opening.match_outcome)
        .bind(Json(&opening.candidates))
        .bind(agent)
        .bind(opened_by)
        .bind(&opening.description)
        .bind(&opening.country)
        .bind(opening.parent_id)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if done == 0 { Ok(None) } else { by_id(tx, id).await }
}

/// One interaction by its id.
pub async fn by_id(tx: &mut Tx, id: Uuid) -> Result<Option<Interaction>, StoreError> {
    let sql = format!("{COLUMNS} where id = $1");
    let sql = sqlx::AssertSqlSafe(sql);
    Ok(on_engine!(tx, conn => sqlx::query_as(sql).bind(id).fetch_optional(conn).await)?)
}

/// Stores a changed interaction if its row still has the version before it; returns whether it did.
pub async fn save(tx: &mut Tx, changed: &Interaction) -> Result<bool, StoreError> {
    const SQL: &str = "update interactions set state = $3, state_reason = $4, state_changed_at = $5, \
        active = $6, opened_for_kind = $7, opened_for = $8, account = $9, contact = $10, consumer = $11, \
        verified = $12, match_outcome = $13, candidates = $14, assigned_to = $15, assigned_at = $16, \
        assignment_group = $17, closed_at = $18, closed_by = $19, short_description = $20, \
        description_generated = $21, context = $22, language = $23, location = $24, sentiment = $25, \
        help_requested = $26, client_session_id = $27, virtual_agent = $28, agent_chat = $29, \
        system_wrap_up = $30, worked_ms = $31, wrap_up_ms = $32, live_requested_at = $33, \
        first_reply_at = $34, last_reply_id = $35, replies = $36, response_ms = $37, wrap_up_id = $38, \
        wrap_up_ends_at = $39, wrap_up_codes = $40, version = $2 \
        where id = $1 and version = $2 - 1";
    let done = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(changed.id)
        .bind(changed.version)
        .bind(changed.state)
        .bind(changed.state_reason)
        .bind(changed.state_changed_at)
        .bind(changed.active)
        .bind(&changed.opened_for_kind)
        .bind(changed.opened_for)
        .bind(&changed.account)
        .bind(changed.contact)
        .bind(changed.consumer)
        .bind(changed.verified)
        .bind(&changed.match_outcome)
        .bind(&changed.candidates)
        .bind(&changed.assigned_to)
        .bind(changed.assigned_at)
        .bind(&changed.assignment_group)
        .bind(changed.closed_at)
        .bind(&changed.closed_by)
        .bind(&changed.short_description)
        .bind(changed.description_generated)
        .bind(&changed.context)
        .bind(&changed.language)
        .bind(&changed.location)
        .bind(&changed.sentiment)
        .bind(changed.help_requested)
        .bind(&changed.client_session_id)
        .bind(changed.virtual_agent)
        .bind(changed.agent_chat)
        .bind(changed.system_wrap_up)
        .bind(changed.worked_ms)
        .bind(changed.wrap_up_ms)
        .bind(changed.live_requested_at)
        .bind(changed.first_reply_at)
        .bind(changed.last_reply_id)
        .bind(changed.replies)
        .bind(changed.response_ms)
        .bind(&changed.wrap_up_configuration)
        .bind(changed.wrap_up_ends_at)
        .bind(&changed.wrap_up_codes)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// The open interaction of a conversation.
pub async fn open_of(
    tx: &mut Tx,
    profile: Uuid,
    our_address: &str,
) -> Result<Option<Interaction>, StoreError> {
    let sql = format!("{COLUMNS} where profile_id = $1 and our_address = $2 and active");
    let sql = sqlx::AssertSqlSafe(sql);
    Ok(on_engine!(tx, conn => sqlx::query_as(sql)
        .bind(profile)
        .bind(our_address)
        .fetch_optional(conn)
        .await)?)
}

/// The open interactions of a profile, on all our addresses.
pub async fn open_of_profile(tx: &mut Tx, profile: Uuid) -> Result<Vec<Interaction>, StoreError> {
    let sql = format!("{COLUMNS} where profile_id = $1 and active order by seq");
    let sql = sqlx::AssertSqlSafe(sql);
    Ok(on_engine!(tx, conn => sqlx::query_as(sql).bind(profile).fetch_all(conn).await)?)
}

/// Gives the open interactions of a profile to the one that takes its place.
pub async fn give_open(tx: &mut Tx, from: Uuid, to: Uuid) -> Result<(), StoreError> {
    const SQL: &str = "update interactions set profile_id = $2, version = version + 1 \
        where profile_id = $1 and active";
    on_engine!(tx, conn => sqlx::query(SQL).bind(from).bind(to).execute(conn).await.map(drop))?;
    Ok(())
}
