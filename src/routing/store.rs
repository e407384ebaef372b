//! SQL of queues, routes and work items.

use std::collections::HashMap;

use sqlx::types::Json;
use uuid::Uuid;

use super::{Queue, Route, Terms, When, WorkItem};
use crate::db::{Statement, StoreError, Tx, batch_row, fetch_by_ids, on_engine};

#[derive(sqlx::FromRow)]
struct RouteRow {
    id: String,
    position: i64,
    queue_id: String,
    priority: i64,
    skills: Json<Vec<String>>,
    conditions: Json<When>,
    active: bool,
    created_at: i64,
    changed_at: i64,
    version: i64,
}

/// All routes, in the order they are tried.
pub async fn routes(tx: &mut Tx) -> Result<Vec<Route>, StoreError> {
    const SQL: &str = "select id, position, queue_id, priority, skills, conditions, active, created_at, changed_at, \
        version from routes order by position, id";
    let rows: Vec<RouteRow> = on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?;
    let route = |row: RouteRow| Route {
        id: row.id,
        position: row.position,
        queue: row.queue_id,
        priority: row.priority,
        skills: row.skills.0,
        when: row.conditions.0,
        active: row.active,
        created_at: row.created_at,
        changed_at: row.changed_at,
        version: row.version,
    };
    Ok(rows.into_iter().map(route).collect())
}

/// Stores a new route; [`StoreError::Exists`] when its id is taken.
pub async fn insert_route(tx: &mut Tx, route: &Route) -> Result<(), StoreError> {
    const SQL: &str = "insert into routes (id, position, queue_id, priority, conditions, active, created_at, \
        changed_at, version, skills) values ($1, $2, $3, $4, $5, $6, $7, $7, 1, $8)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&route.id)
        .bind(route.position)
        .bind(&route.queue)
        .bind(route.priority)
        .bind(Json(&route.when))
        .bind(route.active)
        .bind(route.created_at)
        .bind(Json(&route.skills))
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Stores a changed route if its row still has the version before it; returns whether it did.
pub async fn save_route(tx: &mut Tx, route: &Route) -> Result<bool, StoreError> {
    const SQL: &str = "update routes set position = $2, queue_id = $3, priority = $4, conditions = $5, \
        active = $6, changed_at = $7, version = $8, skills = $9 where id = $1 and version = $8 - 1";
    let changed = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&route.id)
        .bind(route.position)
        .bind(&route.queue)
        .bind(route.priority)
        .bind(Json(&route.when))
        .bind(route.active)
        .bind(route.changed_at)
        .bind(route.version)
        .bind(Json(&route.skills))
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// Forgets a route. Items it put into queues stay there.
pub async fn delete_route(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    const SQL: &str = "delete from routes where id = $1";
    let deleted = on_engine!(tx, conn => sqlx::query(SQL).bind(id).execute(conn).await
        .map(|done| done.rows_affected()))?;
    Ok(deleted == 1)
}

/// All queues, by id.
pub async fn queues(tx: &mut Tx) -> Result<Vec<Queue>, StoreError> {
    const SQL: &str = "select id, name, is_default, settings, created_at, changed_at, version from queues \
        order by id";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?)
}

/// One queue.
pub async fn queue(tx: &mut Tx, id: &str) -> Result<Option<Queue>, StoreError> {
    const SQL: &str = "select id, name, is_default, settings, created_at, changed_at, version from queues \
        where id = $1";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?)
}

/// Stores a queue, new or changed. What waits in it is put in its order by [`reorder`].
pub async fn put_queue(tx: &mut Tx, queue: &Queue) -> Result<(), StoreError> {
    const SQL: &str = "insert into queues (id, name, is_default, created_at, changed_at, version, settings) \
        values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do update set name = excluded.name, \
        settings = excluded.settings, changed_at = excluded.changed_at, version = queues.version + 1";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&queue.id)
        .bind(&queue.name)
        .bind(queue.is_default)
        .bind(queue.created_at)
        .bind(queue.changed_at)
        .bind(queue.version)
        .bind(Json(&queue.settings))
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Stores a new queue; [`StoreError::Exists`] when its id is taken.
pub async fn insert_queue(tx: &mut Tx, queue: &Queue) -> Result<(), StoreError> {
    const SQL: &str = "insert into queues (id, name, is_default, created_at, changed_at, version, settings) \
        values ($1, $2, $3, $4, $4, 1, $5)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&queue.id)
        .bind(&queue.name)
        .bind(queue.is_default)
        .bind(queue.created_at)
        .bind(Json(&queue.settings))
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Stores a changed queue if its row still has the version before it; returns whether it did.
pub async fn save_queue(tx: &mut Tx, queue: &Queue) -> Result<bool, StoreError> {
    const SQL: &str = "update queues set name = $2, settings = $3, changed_at = $4, version = $5 \
        where id = $1 and version = $5 - 1";
    let changed = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&queue.id)
        .bind(&queue.name)
        .bind(Json(&queue.settings))
        .bind(queue.changed_at)
        .bind(queue.version)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// Puts what waits in a queue, or is offered from it, into the order of its terms, and counts anew
/// how long it may wait: from when it came into this queue. Who was notified is not again.
pub async fn reorder(tx: &mut Tx, queue: &str, terms: &Terms) -> Result<(), StoreError> {
    const SQL: &str = "update work_items set \
        sort_1 = $2 * priority + $3 * queued_at + $4 * coalesce((select i.opened_at from interactions i \
        where i.id = work_items.interaction_id), 0), \
        sort_2 = $5 * priority + $6 * queued_at + $7 * coalesce((select i.opened_at from interactions i \
        where i.id = work_items.interaction_id), 0), \
        due_at = case when ($9 or overflowed_from is not null) and exists (select 1 from work_item_events e \
        where e.work_item_id = work_items.id and e.kind = 'notified' and not exists (select 1 \
        from work_item_events o where o.work_item_id = e.work_item_id and o.kind = 'overflowed' and o.at > e.at)) \
        then null else coalesce((select max(o.at) from work_item_events o where o.work_item_id = work_items.id \
        and o.kind = 'overflowed'), queued_at) + $8 end where queue_id = $1 and state in ('queued', 'pending_accept')";
    let [[a, b, c], [d, e, f]] = terms.factors();
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(queue)
        .bind(a)
        .bind(b)
        .bind(c)
        .bind(d)
        .bind(e)
        .bind(f)
        .bind(terms.max_wait())
        .bind(terms.notifies())
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

batch_row! {
    pub(super) struct NewItem {
        id: Uuid,
        interaction_id: Uuid,
        queue_id: String,
        lane: String,
        priority: i64,
        sort_1: i64,
        sort_2: i64,
        due_at: Option<i64>,
        unrouted: bool,
        route_id: Option<String>,
        reason: String,
        now: i64,
    }
}

pub(super) async fn insert_items(tx: &mut Tx, rows: Vec<NewItem>) -> Result<(), StoreError> {
    static INSERT: Statement<NewItem> = Statement::new(
        "insert into work_items (id, interaction_id, queue_id, lane, state, priority, sort_1, sort_2, due_at, \
         route_id, unrouted, reason, queued_at, changed_at, version) select r.id, r.interaction_id, r.queue_id, \
         r.lane, 'queued', r.priority, r.sort_1, r.sort_2, r.due_at, r.route_id, r.unrouted, r.reason, r.now, \
         r.now, 1 from {rows} order by r.ord",
    );
    INSERT.execute(tx, rows).await?;
    Ok(())
}

batch_row! {
    struct Ended {
        interaction_id: Uuid,
        now: i64,
    }
}

/// Ends the open items of closed interactions: what was accepted is completed, the rest canceled.
pub async fn end(tx: &mut Tx, interactions: &[Uuid], now: i64) -> Result<(), StoreError> {
    static END: Statement<Ended> = Statement::new(
        "update work_items set state = case state when 'accepted' then 'completed' else 'canceled' end, \
         changed_at = r.now, version = version + 1 from {rows} \
         where work_items.interaction_id = r.interaction_id \
         and work_items.state in ('queued', 'pending_accept', 'accepted')",
    );
    let rows = interactions.iter().map(|id| Ended { interaction_id: *id, now });
    END.execute(tx, rows.collect()).await?;
    Ok(())
}

/// Every column that is shown.
macro_rules! select_item {
    ($rest:literal) => {
        concat!(
            "select w.id, w.interaction_id, i.seq, w.queue_id, w.state, w.lane, w.priority, w.route_id, \
             w.unrouted, w.reason, w.queued_at, w.assigned_to, w.pushed, w.offered_at, w.lease_until, \
             w.overflowed_from, w.previous_id, w.sort_1, w.sort_2 from work_items w \
             join interactions i on i.id = w.interaction_id ",
            $rest
        )
    };
}

/// Where to go on reading a queue: the places and the id of the last item read.
pub type Cursor = (i64, i64, Uuid);

/// What waits in a queue, in the order it will be served.
pub async fn items(
    tx: &mut Tx,
    queue: &str,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<WorkItem>, StoreError> {
    const SQL: &str = select_item!(
        "where w.queue_id = $1 and w.state = 'queued' and (w.sort_1, w.sort_2, w.id) > ($2, $3, $4) \
         order by w.sort_1, w.sort_2, w.id limit $5"
    );
    let (sort_1, sort_2, id) = after.unwrap_or((i64::MIN, i64::MIN, Uuid::nil()));
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(queue)
        .bind(sort_1)
        .bind(sort_2)
        .bind(id)
        .bind(limit)
        .fetch_all(conn)
        .await)?)
}

/// The place in its queue of a waiting item: 1 is served next.
pub async fn position(tx: &mut Tx, item: &WorkItem) -> Result<i64, StoreError> {
    const SQL: &str = "select count(*) from work_items where queue_id = $1 and state = 'queued' \
        and (sort_1, sort_2, id) <= ($2, $3, $4)";
    let (position,): (i64,) = on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(&item.queue)
        .bind(item.sort_1)
        .bind(item.sort_2)
        .bind(item.id)
        .fetch_one(conn)
        .await)?;
    Ok(position)
}

/// One work item.
pub async fn item(tx: &mut Tx, id: Uuid) -> Result<Option<WorkItem>, StoreError> {
    const SQL: &str = select_item!("where w.id = $1");
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?)
}

/// Work items by their ids, in no order.
pub async fn items_by_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<WorkItem>, StoreError> {
    Ok(fetch_by_ids!(tx, select_item!(""), "w.id", ids)?)
}

/// The queues that interactions wait in or came through last, by interaction.
pub async fn queues_of(
    tx: &mut Tx,
    interactions: &[Uuid],
) -> Result<HashMap<Uuid, String>, StoreError> {
    const ITEMS: &str = "select w.interaction_id, w.queue_id, w.id from work_items w";
    let mut rows: Vec<(Uuid, String, Uuid)> =
        fetch_by_ids!(tx, ITEMS, "w.interaction_id", interactions)?;
    rows.sort_by_key(|(_, _, id)| *id);
    Ok(rows.into_iter().map(|(interaction, queue, _)| (interaction, queue)).collect())
}

/// The work items of an interaction, oldest first.
pub async fn items_of(tx: &mut Tx, interaction: Uuid) -> Result<Vec<WorkItem>, StoreError> {
    const SQL: &str = select_item!("where w.interaction_id = $1 order by w.id");
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(interaction).fetch_all(conn).await)?)
}

/// How many items wait in each queue, and since when the oldest does.
pub async fn depths(tx: &mut Tx) -> Result<Vec<(String, i64, Option<i64>)>, StoreError> {
    const SQL: &str = "select q.id, count(w.id), min(w.queued_at) from queues q left join work_items w \
        on w.queue_id = q.id and w.state = 'queued' group by q.id order by q.id";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?)
}

/// What an interaction's open item is, if it has one.
pub async fn open_item(tx: &mut Tx, interaction: Uuid) -> Result<Option<WorkItem>, StoreError> {
    const SQL: &str = select_item!(
        "where w.interaction_id = $1 and w.state in ('queued', 'pending_accept', 'accepted')"
    );
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(interaction).fetch_optional(conn).await)?)
}

/// Gives the open item of an interaction to `agent`, unless it is offered to somebody else; returns
/// its id, or `None` if there is none for this agent.
pub async fn accept(
    tx: &mut Tx,
    interaction: Uuid,
    agent: &str,
    now: i64,
) -> Result<Option<Uuid>, StoreError> {
    const SQL: &str = "update work_items set state = 'accepted', assigned_to = $2, changed_at = $3, \
        lease_until = null, version = version + 1 where interaction_id = $1 \
        and (state in ('queued', 'accepted') or state = 'pending_accept' \
        and (assigned_to = $2 or lease_until <= $3)) returning id";
    let row: Option<(Uuid,)> = on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(interaction)
        .bind(agent)
        .bind(now)
        .fetch_optional(conn)
        .await)?;
    Ok(row.map(|(id,)| id))
}

/// Gives the open item of an interaction to `agent`, to whomever it is offered; returns its id.
pub async fn assign(
    tx: &mut Tx,
    interaction: Uuid,
    agent: &str,
    now: i64,
) -> Result<Option<Uuid>, StoreError> {
    const SQL: &str = "update work_items set state = 'accepted', assigned_to = $2, changed_at = $3, \
        lease_until = null, version = version + 1 where interaction_id = $1 \
        and state in ('queued', 'pending_accept', 'accepted') returning id";
    let row: Option<(Uuid,)> = on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(interaction)
        .bind(agent)
        .bind(now)
        .fetch_optional(conn)
        .await)?;
    Ok(row.map(|(id,)| id))
}

/// Tells a waiting item which one it follows.
pub async fn follow(tx: &mut Tx, id: Uuid, previous: Uuid) -> Result<(), StoreError> {
    const SQL: &str = "update work_items set previous_id = $2 where id = $1";
    on_engine!(tx, conn => sqlx::query(SQL).bind(id).bind(previous).execute(conn).await.map(drop))?;
    Ok(())
}
