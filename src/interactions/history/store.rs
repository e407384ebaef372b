//! SQL of moves and notes.

use uuid::Uuid;

use super::{Note, Transition};
use crate::{
    audit::{Author, AuthorKind},
    clock,
    db::{StoreError, Tx, on_engine},
    interactions::{Interaction, State},
};

/// Writes down the move from `before` to `after`; returns its id.
pub async fn insert_transition(
    tx: &mut Tx,
    before: &Interaction,
    after: &Interaction,
    cause: &str,
    author: &Author,
) -> Result<Uuid, StoreError> {
    const SQL: &str = "insert into interaction_transitions (id, interaction_id, from_state, from_reason, \
        to_state, to_reason, cause, author_kind, author, assigned_to, at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let id = clock::new_id();
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(id)
        .bind(before.id)
        .bind(before.state)
        .bind(before.state_reason)
        .bind(after.state)
        .bind(after.state_reason)
        .bind(cause)
        .bind(author.kind)
        .bind(&author.id)
        .bind(&after.assigned_to)
        .bind(after.state_changed_at)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(id)
}

/// The moves of an interaction after `after`, in order.
pub async fn transitions(
    tx: &mut Tx,
    interaction: Uuid,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Transition>, StoreError> {
    const SQL: &str = "select id, from_state, from_reason, to_state, to_reason, cause, author_kind, author, \
        assigned_to, at from interaction_transitions where interaction_id = $1 and id > $2 \
        order by id limit $3";
    let after = after.unwrap_or_default();
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(interaction)
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await)?)
}

/// What last moved an interaction into `state`.
pub async fn moved_into(
    tx: &mut Tx,
    interaction: Uuid,
    state: State,
) -> Result<Option<AuthorKind>, StoreError> {
    const SQL: &str = "select author_kind from interaction_transitions where interaction_id = $1 \
        and to_state = $2 order by id desc limit 1";
    let row: Option<(AuthorKind,)> = on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(interaction)
        .bind(state)
        .fetch_optional(conn)
        .await)?;
    Ok(row.map(|(author_kind,)| author_kind))
}

/// Adds a note.
pub async fn insert_note(
    tx: &mut Tx,
    interaction: Uuid,
    author: &Author,
    text: &str,
    now: i64,
) -> Result<Note, StoreError> {
    const SQL: &str = "insert into interaction_notes (id, interaction_id, author_kind, author, text, at) \
        values ($1, $2, $3, $4, $5, $6)";
    let note = Note {
        id: clock::new_id(),
        author_kind: author.kind,
        author: author.id.clone(),
        text: text.to_owned(),
        at: now,
    };
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(note.id)
        .bind(interaction)
        .bind(note.author_kind)
        .bind(&note.author)
        .bind(&note.text)
        .bind(note.at)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(note)
}

/// The notes of an interaction after `after`, in order.
pub async fn notes(
    tx: &mut Tx,
    interaction: Uuid,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Note>, StoreError> {
    const SQL: &str = "select id, author_kind, author, text, at from interaction_notes \
        where interaction_id = $1 and id > $2 order by id limit $3";
    let after = after.unwrap_or_default();
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(interaction)
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await)?)
}

/// When the customer first wrote after our last answer; `None` when everything is answered.
pub async fn first_unanswered(
    tx: &mut Tx,
    interaction: &Interaction,
) -> Result<Option<i64>, StoreError> {
    const SQL: &str = "select received_at from messages where interaction_id = $1 and id > $2 \
        and direction = 'inbound' order by id limit 1";
    let answered = interaction.last_reply_id.unwrap_or_default();
    let row: Option<(i64,)> = on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(interaction.id)
        .bind(answered)
        .fetch_optional(conn)
        .await)?;
    Ok(row.map(|(at,)| at))
}
