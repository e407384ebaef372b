//! SQL of tasks.

use uuid::Uuid;

use super::{Kind, State, Task};
use crate::db::{StoreError, Tx, fetch_filtered, on_engine};

/// Takes the next number of a kind.
pub async fn next_number(tx: &mut Tx, kind: Kind) -> Result<String, StoreError> {
    const SQL: &str = "insert into task_numbers (kind, last) values ($1, 1) \
        on conflict (kind) do update set last = task_numbers.last + 1 returning last";
    let (seq,): (i64,) =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(kind).fetch_one(conn).await)?;
    Ok(kind.number(seq))
}

/// Stores a new task; returns whether it did. It does not where its interaction may have one of
/// the kind only, and has it.
pub async fn insert(tx: &mut Tx, task: &Task) -> Result<bool, StoreError> {
    const SQL: &str = "insert into tasks (id, number, kind, short_description, description, state, priority, \
        opened_for_kind, opened_for, profile_id, account, contact, consumer, assigned_to, interaction_id, \
        sole, opened_at, opened_by, changed_at, version) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
        $11, $12, $13, $14, $15, $16, $17, $18, $17, 1) \
        on conflict (interaction_id, kind) where sole and state <> 'canceled' do nothing";
    let stored = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(task.id)
        .bind(&task.number)
        .bind(task.kind)
        .bind(&task.short_description)
        .bind(&task.description)
        .bind(task.state)
        .bind(task.priority)
        .bind(&task.opened_for_kind)
        .bind(task.opened_for)
        .bind(task.profile_id)
        .bind(&task.account)
        .bind(task.contact)
        .bind(task.consumer)
        .bind(&task.assigned_to)
        .bind(task.interaction_id)
        .bind(task.sole)
        .bind(task.opened_at)
        .bind(&task.opened_by)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(stored == 1)
}

/// Stores a changed task if its row still has the version before it; returns whether it did.
pub async fn update(tx: &mut Tx, task: &Task) -> Result<bool, StoreError> {
    const SQL: &str = "update tasks set short_description = $3, description = $4, state = $5, priority = $6, \
        opened_for_kind = $7, opened_for = $8, contact = $9, consumer = $10, assigned_to = $11, \
        resolved_at = $12, closed_at = $13, closed_by = $14, changed_at = $15, version = $2 \
        where id = $1 and version = $2 - 1";
    let changed = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(task.id)
        .bind(task.version)
        .bind(&task.short_description)
        .bind(&task.description)
        .bind(task.state)
        .bind(task.priority)
        .bind(&task.opened_for_kind)
        .bind(task.opened_for)
        .bind(task.contact)
        .bind(task.consumer)
        .bind(&task.assigned_to)
        .bind(task.resolved_at)
        .bind(task.closed_at)
        .bind(&task.closed_by)
        .bind(task.changed_at)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// Which tasks to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those of this kind.
    pub kind: Option<Kind>,
    /// Those in this state.
    pub state: Option<State>,
    /// Those opened for this person.
    pub person: Option<Uuid>,
    /// Those opened for the customer with this profile.
    pub profile: Option<Uuid>,
    /// The one with this number.
    pub number: Option<String>,
    /// Those created on this interaction.
    pub interaction: Option<Uuid>,
    /// Those before this one: newest first.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Tasks, newest first.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<Task>, StoreError> {
    const SELECT: &str = "select t.number, t.id, t.kind, t.short_description, t.description, t.state, t.priority, \
        t.opened_for_kind, t.opened_for, t.profile_id, t.account, t.contact, t.consumer, t.assigned_to, \
        (select i.seq from interactions i where i.id = t.interaction_id) as interaction, t.interaction_id, \
        t.sole, t.opened_at, t.opened_by, t.resolved_at, t.closed_at, t.closed_by, t.changed_at, t.version \
        from tasks t where t.id < ";
    Ok(fetch_filtered!(tx, SELECT, query => {
        query.push_bind(filter.before.unwrap_or(Uuid::max()));
        if let Some(kind) = filter.kind {
            query.push(" and t.kind = ").push_bind(kind.as_str());
        }
        if let Some(state) = filter.state {
            query.push(" and t.state = ").push_bind(state.as_str());
        }
        if let Some(person) = filter.person {
            query.push(" and t.opened_for = ").push_bind(person);
        }
        if let Some(profile) = filter.profile {
            query.push(" and t.profile_id = ").push_bind(profile);
        }
        if let Some(number) = &filter.number {
            query.push(" and t.number = ").push_bind(number);
        }
        if let Some(interaction) = filter.interaction {
            query.push(" and t.interaction_id = ").push_bind(interaction);
        }
        query.push(" order by t.id desc limit ").push_bind(filter.limit);
    })?)
}

/// One task by its number.
pub async fn get(tx: &mut Tx, number: &str) -> Result<Option<Task>, StoreError> {
    let number = Some(number.to_owned());
    Ok(list(tx, &Filter { number, limit: 1, ..Filter::default() }).await?.pop())
}

/// The number of the latest task of a kind that was created on an interaction and is not canceled.
pub async fn sole(
    tx: &mut Tx,
    interaction: Uuid,
    kind: Kind,
) -> Result<Option<String>, StoreError> {
    const SQL: &str = "select number from tasks where interaction_id = $1 and kind = $2 \
        and state <> 'canceled' order by id desc limit 1";
    let row: Option<(String,)> = on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(interaction)
        .bind(kind)
        .fetch_optional(conn)
        .await)?;
    Ok(row.map(|(number,)| number))
}
