//! SQL of our own books.

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    db::{Statement, StoreError, Tx, batch_row, on_engine},
    erasure::{
        needles::Needles,
        store::{Found, IdRow, ids},
    },
    interactions,
};

/// Changes of the audit by what they were made to.
pub(in crate::erasure) async fn audit_of(
    tx: &mut Tx,
    found: &Found,
) -> Result<Vec<Uuid>, StoreError> {
    batch_row! {
        struct SubjectRow {
            kind: &'static str,
            subject: String,
        }
    }
    static FIND: Statement<SubjectRow> = Statement::new(
        "select a.id from {rows} join audit a on a.subject_kind = r.kind and a.subject = r.subject",
    );
    let row = |kind: &'static str, subject: String| SubjectRow { kind, subject };
    let mut rows: Vec<SubjectRow> = Vec::new();
    rows.extend(
        found.interactions.values().map(|seq| row("interaction", interactions::number(*seq))),
    );
    rows.extend(found.tasks.values().map(|number| row("task", number.clone())));
    rows.extend(found.profiles.iter().map(|id| row("profile", id.to_string())));
    rows.extend(found.people.iter().map(|id| row("person", id.to_string())));
    static OF_MERGES: Statement<IdRow> = Statement::new(
        "select m.id from {rows} join profile_merges m on m.kept_id = r.id union \
         select m.id from {rows} join profile_merges m on m.given_up_id = r.id",
    );
    let merges: Vec<(Uuid,)> = OF_MERGES.fetch(tx, ids(found.profiles.iter().copied())).await?;
    rows.extend(merges.into_iter().map(|(id,)| row("merge", id.to_string())));
    let rows: Vec<(Uuid,)> = FIND.fetch(tx, rows).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Empties a change of the audit: that there was one stays, and which fields.
pub(in crate::erasure) async fn empty_audit(
    tx: &mut Tx,
    id: Uuid,
    needles: &Needles,
) -> Result<(), StoreError> {
    const FIND: &str = "select subject, changes from audit where id = $1";
    const EMPTY: &str = "update audit set subject = $2, changes = $3 where id = $1";
    type Row = (String, Json<Vec<crate::audit::Change>>);
    let row: Option<Row> =
        on_engine!(tx, conn => sqlx::query_as(FIND).bind(id).fetch_optional(conn).await)?;
    let Some((subject, Json(mut changes))) = row else { return Ok(()) };
    for change in &mut changes {
        change.from = Value::Null;
        change.to = Value::Null;
    }
    let subject = if needles.stand_in(subject.as_bytes()) { "erased" } else { &subject };
    on_engine!(tx, conn => sqlx::query(EMPTY).bind(id).bind(subject).bind(Json(&changes))
        .execute(conn).await.map(drop))?;
    Ok(())
}

/// What must be told of records that are going: messages, statuses, profiles. That an interaction
/// moved may still be told, since it says nothing any more.
pub(in crate::erasure) async fn told(tx: &mut Tx, found: &Found) -> Result<Vec<i64>, StoreError> {
    static BY_INTERACTION: Statement<IdRow> = Statement::new(
        "select o.seq from outbox o where o.type in ('message.received', 'message.status', 'consent.changed') \
         and o.interaction_id in (select r.id from {rows})",
    );
    static BY_PROFILE: Statement<IdRow> = Statement::new(
        "select o.seq from outbox o where o.type = 'profile.created' \
         and o.record_id in (select r.id from {rows})",
    );
    let rows: Vec<(i64,)> =
        BY_INTERACTION.fetch(tx, ids(found.interactions.keys().copied())).await?;
    let of_profiles: Vec<(i64,)> =
        BY_PROFILE.fetch(tx, ids(found.profiles.iter().copied())).await?;
    Ok(rows.into_iter().chain(of_profiles).map(|(seq,)| seq).collect())
}

/// Takes rows out of the outbox.
pub(in crate::erasure) async fn untell(tx: &mut Tx, rows: &[i64]) -> Result<u64, StoreError> {
    batch_row! {
        struct SeqRow {
            seq: i64,
        }
    }
    static DELETE: Statement<SeqRow> =
        Statement::new("delete from outbox where seq in (select r.seq from {rows})");
    DELETE.execute(tx, rows.iter().map(|seq| SeqRow { seq: *seq }).collect()).await
}

/// Kept answers that show anything of the person. They are kept for a day, and there are few.
pub(in crate::erasure) async fn answers(
    tx: &mut Tx,
    found: &Found,
    needles: &Needles,
) -> Result<Vec<(Uuid, String)>, StoreError> {
    const SQL: &str = "select api_key_id, key, headers, body from idempotent_answers";
    let rows: Vec<(Uuid, String, Json<Value>, Vec<u8>)> =
        on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?;
    let mut names: Vec<String> = Vec::new();
    names.extend(found.interactions.values().map(|seq| interactions::number(*seq)));
    names.extend(found.tasks.values().cloned());
    let opaque = found.interactions.keys().chain(&found.profiles).chain(&found.people);
    names.extend(opaque.map(Uuid::to_string));
    let shows = |headers: &Value, body: &[u8]| {
        let text = format!("{headers}{}", String::from_utf8_lossy(body));
        needles.stand_in(body) || names.iter().any(|name| text.contains(name))
    };
    let showing = rows.into_iter().filter(|(_, _, headers, body)| shows(&headers.0, body));
    Ok(showing.map(|(api_key, key, ..)| (api_key, key)).collect())
}

/// Forgets kept answers.
pub(in crate::erasure) async fn forget_answers(
    tx: &mut Tx,
    answers: &[(Uuid, String)],
) -> Result<u64, StoreError> {
    const SQL: &str = "delete from idempotent_answers where api_key_id = $1 and key = $2";
    for (api_key, key) in answers {
        on_engine!(tx, conn => sqlx::query(SQL).bind(api_key).bind(key).execute(conn).await
            .map(drop))?;
    }
    Ok(answers.len() as u64)
}
