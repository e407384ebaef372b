//! SQL of timers and messaging actions.

use std::collections::{HashMap, HashSet};

use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Action, Event, Firing, MessagingAction,
    rules::{Conversation, Said},
};
use crate::{
    channels,
    conditions::Conditions,
    db::{Statement, StoreError, Tx, batch_row, fetch_filtered, on_engine},
    interactions::{Interaction, store::COLUMNS},
};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    event: Event,
    after_seconds: i64,
    conditions: Json<Conditions>,
    action: Json<Action>,
    active: bool,
    created_at: i64,
    changed_at: i64,
    version: i64,
}

/// All messaging actions, by id.
pub async fn list(tx: &mut Tx) -> Result<Vec<MessagingAction>, StoreError> {
    const SQL: &str = "select id, event, after_seconds, conditions, action, active, created_at, changed_at, \
        version from messaging_actions order by id";
    let rows: Vec<Row> = on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?;
    let action = |row: Row| MessagingAction {
        id: row.id,
        event: row.event,
        after_seconds: row.after_seconds,
        when: row.conditions.0,
        action: row.action.0,
        active: row.active,
        created_at: row.created_at,
        changed_at: row.changed_at,
        version: row.version,
    };
    Ok(rows.into_iter().map(action).collect())
}

/// One messaging action.
pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<MessagingAction>, StoreError> {
    Ok(list(tx).await?.into_iter().find(|action| action.id == id))
}

/// Stores a new messaging action; [`StoreError::Exists`] when its id is taken.
pub async fn insert(tx: &mut Tx, action: &MessagingAction) -> Result<(), StoreError> {
    const SQL: &str = "insert into messaging_actions (id, event, after_seconds, conditions, action, active, \
        created_at, changed_at, version) values ($1, $2, $3, $4, $5, $6, $7, $7, 1)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&action.id)
        .bind(action.event)
        .bind(action.after_seconds)
        .bind(Json(&action.when))
        .bind(Json(&action.action))
        .bind(action.active)
        .bind(action.created_at)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Stores a changed messaging action if its row still has the version before it; returns whether it
/// did.
pub async fn save(tx: &mut Tx, action: &MessagingAction) -> Result<bool, StoreError> {
    const SQL: &str = "update messaging_actions set event = $2, after_seconds = $3, conditions = $4, \
        action = $5, active = $6, changed_at = $7, version = $8 where id = $1 and version = $8 - 1";
    let changed = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&action.id)
        .bind(action.event)
        .bind(action.after_seconds)
        .bind(Json(&action.when))
        .bind(Json(&action.action))
        .bind(action.active)
        .bind(action.changed_at)
        .bind(action.version)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// Forgets a messaging action.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    const SQL: &str = "delete from messaging_actions where id = $1";
    let deleted = on_engine!(tx, conn => sqlx::query(SQL).bind(id).execute(conn).await
        .map(|done| done.rows_affected()))?;
    Ok(deleted == 1)
}

/// Channels that say for themselves how long a conversation may be silent, in minutes.
pub(super) async fn idle_minutes(tx: &mut Tx) -> Result<HashMap<String, u32>, StoreError> {
    const SQL: &str = "select id, settings from channels";
    let rows: Vec<(String, Json<channels::Settings>)> =
        on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?;
    Ok(rows.into_iter().filter_map(|(id, settings)| Some((id, settings.0.idle_minutes?))).collect())
}

/// What changes whenever a rule does.
pub(super) async fn stamp(tx: &mut Tx) -> Result<Vec<(i64, i64, i64)>, StoreError> {
    const SQL: &str = "select count(*), coalesce(max(changed_at), 0), cast(coalesce(sum(version), 0) as bigint) \
        from messaging_actions union all \
        select count(*), coalesce(max(changed_at), 0), cast(coalesce(sum(version), 0) as bigint) from channels";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?)
}

/// What was last remembered under a name.
pub(super) async fn remembered(tx: &mut Tx, name: &str) -> Result<Option<String>, StoreError> {
    const SQL: &str = "select value from settings where name = $1";
    let row: Option<(Json<String>,)> =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(name).fetch_optional(conn).await)?;
    Ok(row.map(|(Json(value),)| value))
}

/// Remembers something under a name.
pub(super) async fn remember(
    tx: &mut Tx,
    name: &str,
    value: &str,
    now: i64,
) -> Result<(), StoreError> {
    const SQL: &str = "insert into settings (name, value, changed_at, version) values ($1, $2, $3, 1) \
        on conflict (name) do update set value = excluded.value, changed_at = excluded.changed_at, \
        version = settings.version + 1";
    on_engine!(tx, conn => sqlx::query(SQL).bind(name).bind(Json(value)).bind(now).execute(conn).await
        .map(drop))?;
    Ok(())
}

/// Has some of the interactions looked at that would not be by `now`; returns how many.
pub(super) async fn hasten(tx: &mut Tx, now: i64, most: i64) -> Result<u64, StoreError> {
    const FIND: &str = "select id from interactions where active and timers_due_at > $1 limit $2";
    let ids: Vec<(Uuid,)> = match tx {
        Tx::Sqlite(tx) => sqlx::query_as(FIND).bind(now).bind(most).fetch_all(&mut **tx).await?,
        Tx::Postgres(tx) => {
            // Rows that somebody works on are left for the next round: nobody waits for nobody.
            const SKIPPING: &str = "select id from interactions where active and timers_due_at > $1 \
                limit $2 for no key update skip locked";
            sqlx::query_as(SKIPPING).bind(now).bind(most).fetch_all(&mut **tx).await?
        }
    };
    let rows = ids.into_iter().map(|(id,)| Look { id, due_at: now });
    put_off(tx, rows.collect()).await
}

/// Open interactions whose moment has come, the longest overdue first.
pub(super) async fn due(tx: &mut Tx, now: i64, limit: i64) -> Result<Vec<Interaction>, StoreError> {
    Ok(fetch_filtered!(tx, COLUMNS, planned_once: true, query => {
        query.push(" where active and timers_due_at <= ").push_bind(now);
        query.push(" order by timers_due_at limit ").push_bind(limit);
    })?)
}

/// An open interaction, which nobody changes and no message joins until the transaction ends;
/// `None` where it is closed or somebody else has it.
pub(super) async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Interaction>, StoreError> {
    let on_postgres = matches!(tx, Tx::Postgres(_));
    let found: Vec<Interaction> = fetch_filtered!(tx, COLUMNS, planned_once: true, query => {
        query.push(" where active and id = ").push_bind(id);
        if on_postgres {
            query.push(" for update skip locked");
        }
    })?;
    Ok(found.into_iter().next())
}

batch_row! {
    struct ConversationRow {
        id: Uuid,
        last_reply: Uuid,
        nil: Uuid,
    }
}

#[derive(sqlx::FromRow)]
struct SaidRow {
    id: Uuid,
    last_in: Option<Uuid>,
    first_out: Option<Uuid>,
    unanswered: Option<Uuid>,
    unanswered_at: Option<i64>,
    unreplied: Option<Uuid>,
    unreplied_at: Option<i64>,
    last: Option<Uuid>,
    last_at: Option<i64>,
}

/// What was said on these interactions, as far as timers are concerned.
///
/// People on our side are agents, whoever wrote past us in the provider's own program, and the
/// program whose message was an answer; bots and prompts are not.
pub(super) async fn conversations(
    tx: &mut Tx,
    interactions: &[Interaction],
) -> Result<HashMap<Uuid, Conversation>, StoreError> {
    static FIND: Statement<ConversationRow> = Statement::new(
        "select s.id, s.last_in, s.first_out, \
         ui.id as unanswered, ui.received_at as unanswered_at, \
         uo.id as unreplied, uo.received_at as unreplied_at, l.id as last, l.received_at as last_at \
         from (select e.id, e.last_in, e.first_out, e.last, \
           (select m.id from messages m where m.interaction_id = e.id and m.id > coalesce(e.last_out, e.nil) \
           and m.direction = 'inbound' and m.kind in ('message', 'postback', 'message_edited') \
           order by m.id limit 1) as unanswered, \
           (select m.id from messages m where m.interaction_id = e.id and m.id > coalesce(e.last_in, e.nil) \
           and m.direction = 'outbound' and (m.author_kind is null or m.author_kind = 'agent' \
           or m.id = e.last_reply) order by m.id limit 1) as unreplied \
           from (select r.id, r.last_reply, r.nil, \
             (select m.id from messages m where m.interaction_id = r.id and m.direction = 'inbound' \
             and m.kind in ('message', 'postback', 'message_edited') order by m.id desc limit 1) as last_in, \
             (select m.id from messages m where m.interaction_id = r.id and m.direction = 'outbound' \
             and (m.author_kind is null or m.author_kind = 'agent' or m.id = r.last_reply) \
             order by m.id desc limit 1) as last_out, \
             (select m.id from messages m where m.interaction_id = r.id and m.direction = 'outbound' \
             and coalesce(m.author_kind, '') <> 'system' order by m.id limit 1) as first_out, \
             (select m.id from messages m where m.interaction_id = r.id \
             and coalesce(m.author_kind, '') <> 'system' order by m.id desc limit 1) as last \
             from {rows}) as e) as s \
         left join messages ui on ui.id = s.unanswered left join messages uo on uo.id = s.unreplied \
         left join messages l on l.id = s.last",
    );
    let row = |interaction: &Interaction| ConversationRow {
        id: interaction.id,
        last_reply: interaction.last_reply_id.unwrap_or_default(),
        nil: Uuid::nil(),
    };
    let rows: Vec<SaidRow> = FIND.fetch(tx, interactions.iter().map(row).collect()).await?;
    let said = |id: Option<Uuid>, at: Option<i64>| Some(Said { id: id?, at: at? });
    let conversation = |row: SaidRow| {
        let conversation = Conversation {
            unanswered: said(row.unanswered, row.unanswered_at),
            unreplied: said(row.unreplied, row.unreplied_at),
            last: said(row.last, row.last_at),
            engaged: row.first_out.zip(row.last_in).is_some_and(|(ours, theirs)| theirs > ours),
        };
        (row.id, conversation)
    };
    Ok(rows.into_iter().map(conversation).collect())
}

batch_row! {
    struct IdRow {
        id: Uuid,
    }
}

/// What fired on these interactions already: rule and what armed it.
pub(super) async fn fired(
    tx: &mut Tx,
    interactions: impl Iterator<Item = Uuid>,
) -> Result<HashSet<(String, Uuid)>, StoreError> {
    static FIND: Statement<IdRow> = Statement::new(
        "select f.rule, f.armed_by from {rows} join timer_firings f on f.interaction_id = r.id",
    );
    let rows = interactions.map(|id| IdRow { id }).collect();
    let rows: Vec<(String, Uuid)> = FIND.fetch(tx, rows).await?;
    Ok(rows.into_iter().collect())
}

batch_row! {
    /// When to look at an interaction again.
    pub(super) struct Look {
        id: Uuid,
        due_at: i64,
    }
}

/// Has interactions looked at later. Those that somebody works on are left for the next round.
pub(super) async fn put_off(tx: &mut Tx, rows: Vec<Look>) -> Result<u64, StoreError> {
    static FREE: Statement<Look> = Statement::locking(
        "select i.id, r.due_at from {rows} join interactions i on i.id = r.id where i.active",
        " for no key update of i skip locked",
    );
    static PUT_OFF: Statement<Look> = Statement::new(
        "update interactions set timers_due_at = r.due_at from {rows} where interactions.id = r.id",
    );
    let free: Vec<(Uuid, i64)> = FREE.fetch(tx, rows).await?;
    PUT_OFF.execute(tx, free.into_iter().map(|(id, due_at)| Look { id, due_at }).collect()).await
}

/// Writes down what fired; [`StoreError::Exists`] where it had.
pub(super) async fn record(
    tx: &mut Tx,
    interaction: Uuid,
    firing: &Firing,
) -> Result<(), StoreError> {
    const SQL: &str = "insert into timer_firings (id, interaction_id, rule, armed_by, armed_at, due_at, outcome, \
        what, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(firing.id)
        .bind(interaction)
        .bind(&firing.rule)
        .bind(firing.armed_by)
        .bind(firing.armed_at)
        .bind(firing.due_at)
        .bind(firing.outcome)
        .bind(&firing.what)
        .bind(firing.at)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// What fired on an interaction, after `after`, in order.
pub async fn firings(
    tx: &mut Tx,
    interaction: Uuid,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Firing>, StoreError> {
    const SQL: &str = "select id, rule, armed_by, armed_at, due_at, outcome, what, at from timer_firings \
        where interaction_id = $1 and id > $2 order by id limit $3";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(interaction)
        .bind(after.unwrap_or_default())
        .bind(limit)
        .fetch_all(conn)
        .await)?)
}
