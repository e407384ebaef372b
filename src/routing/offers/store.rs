//! SQL of offering: which item comes next, to whom it is given, and how it comes back.

use std::collections::HashMap;

use uuid::Uuid;

use super::TimedOut;
use crate::{
    db::{Statement, StoreError, Tx, batch_row, on_engine},
    routing::{
        Lane,
        assignment::{Offer, Waiting},
        items::REJECTED,
    },
};

/// Runs a query that finds ids and holds their rows: on PostgreSQL rows that others hold are passed
/// over, SQLite has one writer.
macro_rules! hold {
    ($tx:expr, $sql:literal, $query:ident => $bound:expr) => {{
        let rows: Vec<(Uuid,)> = match $tx {
            Tx::Sqlite(tx) => {
                let $query = sqlx::query_as($sql);
                $bound.fetch_all(&mut **tx).await?
            }
            Tx::Postgres(tx) => {
                let $query = sqlx::query_as(concat!($sql, " for update skip locked"));
                $bound.fetch_all(&mut **tx).await?
            }
        };
        rows.into_iter().map(|(id,)| id).collect::<Vec<Uuid>>()
    }};
}

/// The lanes of what waits in a queue. Each is found by one look into the index, however much waits.
pub async fn lanes(tx: &mut Tx, queue: &str) -> Result<Vec<Lane>, StoreError> {
    const SQL: &str = "with recursive lanes (lane) as ( \
        select (select min(w.lane) from work_items w where w.queue_id = $1 and w.state = 'queued') \
        union all select (select min(w.lane) from work_items w where w.queue_id = $1 and w.state = 'queued' \
        and w.lane > lanes.lane) from lanes where lanes.lane is not null) \
        select lane from lanes where lane is not null";
    let rows: Vec<(String,)> =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(queue).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(|(lane,)| Lane::from(lane)).collect())
}

#[derive(sqlx::FromRow)]
struct WaitingRow {
    id: Uuid,
    queue_id: String,
    lane: String,
    priority: i64,
    queued_at: i64,
    sort_1: i64,
    sort_2: i64,
    previous_agent: Option<String>,
    given_away_by: Option<String>,
}

impl From<WaitingRow> for Waiting {
    fn from(row: WaitingRow) -> Self {
        Self {
            id: row.id,
            queue: row.queue_id,
            lane: row.lane.into(),
            priority: row.priority,
            queued_at: row.queued_at,
            place: [row.sort_1, row.sort_2],
            previous_agent: row.previous_agent,
            rejected_by: row.given_away_by.map(|agent| (agent, false)).into_iter().collect(),
        }
    }
}

macro_rules! select_waiting {
    ($rest:literal) => {
        concat!(
            "select w.id, w.queue_id, w.lane, w.priority, w.queued_at, w.sort_1, w.sort_2, \
             p.assigned_to as previous_agent, (select case when b.state = 'completed' then b.assigned_to end \
             from work_items b where b.id = w.previous_id) as given_away_by from work_items w \
             left join interactions i on i.id = w.interaction_id \
             left join interactions p on p.id = i.parent_id \
             where w.queue_id = $1 and w.lane = $2 and w.state = 'queued' ",
            $rest
        )
    };
}

/// The first `limit` items of a lane among those queued until then, in order.
pub async fn first(
    tx: &mut Tx,
    queue: &str,
    lane: &Lane,
    queued_until: i64,
    limit: i64,
) -> Result<Vec<Waiting>, StoreError> {
    const SQL: &str =
        select_waiting!("and w.queued_at <= $3 order by w.sort_1, w.sort_2, w.id limit $4");
    let rows: Vec<WaitingRow> = on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(queue)
        .bind(lane.as_str())
        .bind(queued_until)
        .bind(limit)
        .fetch_all(conn)
        .await)?;
    with_rejections(tx, rows.into_iter().map(Waiting::from).collect()).await
}

/// The first item of a lane that `agent` may take, among those queued until then.
pub async fn head(
    tx: &mut Tx,
    queue: &str,
    lane: &Lane,
    agent: &str,
    queued_until: i64,
) -> Result<Option<Waiting>, StoreError> {
    const SQL: &str = select_waiting!(
        "and w.queued_at <= $3 and not exists (select 1 from work_item_events e \
         where e.work_item_id = w.id and e.agent_id = $4 and e.excludes) \
         order by w.sort_1, w.sort_2, w.id limit 1"
    );
    let row: Option<WaitingRow> = on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(queue)
        .bind(lane.as_str())
        .bind(queued_until)
        .bind(agent)
        .fetch_optional(conn)
        .await)?;
    Ok(with_rejections(tx, row.into_iter().map(Waiting::from).collect()).await?.pop())
}

batch_row! {
    struct IdRow {
        id: Uuid,
    }
}

async fn with_rejections(tx: &mut Tx, items: Vec<Waiting>) -> Result<Vec<Waiting>, StoreError> {
    static FIND: Statement<IdRow> = Statement::new(
        "select e.work_item_id, e.agent_id, e.excludes from {rows} cross join work_item_events e \
         where e.work_item_id = r.id and e.agent_id is not null and e.kind in ('rejected', 'timed_out')",
    );
    let ids = items.iter().map(|item| IdRow { id: item.id }).collect();
    let mut rejections: HashMap<Uuid, Vec<(String, bool)>> = HashMap::new();
    let rows: Vec<(Uuid, String, bool)> = FIND.fetch(tx, ids).await?;
    for (item, agent, excludes) in rows {
        rejections.entry(item).or_default().push((agent, excludes));
    }
    let with = |mut item: Waiting| {
        item.rejected_by.extend(rejections.remove(&item.id).unwrap_or_default());
        item
    };
    Ok(items.into_iter().map(with).collect())
}

/// What an agent asks of a lane.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The queue.
    pub queue: &'a str,
    /// The lane.
    pub lane: &'a Lane,
    /// The agent.
    pub agent: &'a str,
    /// When it is.
    pub now: i64,
    /// For how long it must have waited, in milliseconds.
    pub after: i64,
}

/// Holds the first item of a lane that the agent may take and that nobody else is about to.
pub async fn take_first(tx: &mut Tx, wanted: &Wanted<'_>) -> Result<Option<Uuid>, StoreError> {
    let held = hold!(tx, "select w.id from work_items w where w.queue_id = $1 and w.lane = $2 \
        and w.state = 'queued' and w.queued_at <= $3 and not exists (select 1 from work_item_events e \
        where e.work_item_id = w.id and e.agent_id = $4 and e.excludes) \
        order by w.sort_1, w.sort_2, w.id limit 1", query => query
        .bind(wanted.queue)
        .bind(wanted.lane.as_str())
        .bind(wanted.now - wanted.after)
        .bind(wanted.agent));
    Ok(held.into_iter().next())
}

/// Holds those of the items that wait and that nobody else is about to take, with their lanes.
pub async fn lock_queued(
    tx: &mut Tx,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Lane>, StoreError> {
    static LOCK: Statement<IdRow> = Statement::locking(
        // `cross`: SQLite then begins with the rows and not with the queue.
        "select w.id, w.lane from {rows} cross join work_items w where w.id = r.id \
         and w.state = 'queued' order by w.id",
        " for update of w skip locked",
    );
    let rows: Vec<(Uuid, String)> = LOCK.fetch(tx, ids.map(|id| IdRow { id }).collect()).await?;
    Ok(rows.into_iter().map(|(id, lane)| (id, Lane::from(lane))).collect())
}

batch_row! {
    struct Given {
        item: Uuid,
        agent: String,
        lease_until: i64,
        pushed: bool,
        now: i64,
    }
}

/// Gives items to agents: those that the transaction holds, so they are queued. Were that asked here
/// once more, SQLite would read the whole queue for it.
pub async fn give(
    tx: &mut Tx,
    offers: Vec<Offer>,
    pushed: bool,
    now: i64,
) -> Result<(), StoreError> {
    static GIVE: Statement<Given> = Statement::new(
        "update work_items set state = 'pending_accept', assigned_to = r.agent, offered_at = r.now, \
         lease_until = r.lease_until, pushed = r.pushed, changed_at = r.now, version = version + 1 \
         from {rows} where work_items.id = r.item",
    );
    let rows = offers.into_iter().map(|offer| Given {
        item: offer.item,
        agent: offer.agent,
        lease_until: offer.lease_until,
        pushed,
        now,
    });
    GIVE.execute(tx, rows.collect()).await?;
    Ok(())
}

/// Lets an offer that stands do so until `until`; returns whether there is one.
pub async fn renew(
    tx: &mut Tx,
    id: Uuid,
    agent: &str,
    until: i64,
    now: i64,
) -> Result<bool, StoreError> {
    const SQL: &str = "update work_items set lease_until = $3, changed_at = $4, version = version + 1 \
        where id = $1 and state = 'pending_accept' and assigned_to = $2 and lease_until > $4";
    let done = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(id)
        .bind(agent)
        .bind(until)
        .bind(now)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

batch_row! {
    struct Back {
        item: Uuid,
        agent: String,
        now: i64,
    }
}

/// Puts offered items back into their places; returns those that were offered to their agents.
pub async fn put_back(
    tx: &mut Tx,
    mut offers: Vec<(Uuid, String)>,
    now: i64,
) -> Result<Vec<Uuid>, StoreError> {
    static BACK: Statement<Back> = Statement::new(
        "update work_items set state = 'queued', assigned_to = null, offered_at = null, lease_until = null, \
         pushed = false, changed_at = r.now, version = version + 1 from {rows} \
         where work_items.id = r.item and work_items.state = 'pending_accept' \
         and work_items.assigned_to = r.agent returning work_items.id",
    );
    offers.sort_unstable();
    let rows = offers.into_iter().map(|(item, agent)| Back { item, agent, now });
    let rows: Vec<(Uuid,)> = BACK.fetch(tx, rows.collect()).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Notes that somebody rejected an item for good.
pub async fn mark(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    const SQL: &str =
        "update work_items set lane = lane || $2 where id = $1 and lane not like '%' || $2";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(id)
        .bind(REJECTED)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Offers that have stood too long, held until the transaction ends.
pub async fn run_out(tx: &mut Tx, now: i64, limit: i64) -> Result<Vec<TimedOut>, StoreError> {
    static SHOW: Statement<IdRow> = Statement::new(
        "select w.id, w.assigned_to, w.pushed from {rows} join work_items w on w.id = r.id \
         where w.assigned_to is not null order by r.ord",
    );
    let held = hold!(tx, "select w.id from work_items w where w.state = 'pending_accept' \
        and w.lease_until <= $1 order by w.lease_until limit $2", query => query.bind(now).bind(limit));
    let rows: Vec<(Uuid, String, bool)> =
        SHOW.fetch(tx, held.into_iter().map(|id| IdRow { id }).collect()).await?;
    let timed_out = |(item, agent, pushed)| TimedOut { item, agent, pushed };
    Ok(rows.into_iter().map(timed_out).collect())
}

/// What is offered to an agent and not accepted yet, and whether it was pushed.
pub async fn offered_to(tx: &mut Tx, agent: &str) -> Result<Vec<(Uuid, bool)>, StoreError> {
    const SQL: &str =
        "select id, pushed from work_items where assigned_to = $1 and state = 'pending_accept'";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(agent).fetch_all(conn).await)?)
}

/// Waiting items that have waited too long, held until the transaction ends.
pub async fn due(tx: &mut Tx, now: i64, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    Ok(hold!(tx, "select w.id from work_items w where w.state = 'queued' and w.due_at <= $1 \
        order by w.due_at limit $2", query => query.bind(now).bind(limit)))
}

/// How many items wait in a queue that did not overflow into it.
pub async fn depth(tx: &mut Tx, queue: &str) -> Result<i64, StoreError> {
    const SQL: &str = "select count(*) from work_items where queue_id = $1 and state = 'queued' \
        and overflowed_from is null";
    let (depth,): (i64,) =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(queue).fetch_one(conn).await)?;
    Ok(depth)
}

/// The items of a queue that are served last and did not overflow into it, held until the
/// transaction ends.
pub async fn last(tx: &mut Tx, queue: &str, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    Ok(hold!(tx, "select w.id from work_items w where w.queue_id = $1 and w.state = 'queued' \
        and w.overflowed_from is null order by w.sort_1 desc, w.sort_2 desc, w.id desc limit $2",
        query => query.bind(queue).bind(limit)))
}

/// Puts off what happens to an item that has waited too long.
pub async fn put_off(tx: &mut Tx, id: Uuid, until: i64, now: i64) -> Result<(), StoreError> {
    const SQL: &str = "update work_items set due_at = $2 where id = $1 and due_at <= $3";
    on_engine!(tx, conn => sqlx::query(SQL).bind(id).bind(until).bind(now).execute(conn).await
        .map(drop))?;
    Ok(())
}

/// Notes that what happens to an item that has waited too long has happened.
pub async fn act_upon(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    const SQL: &str = "update work_items set due_at = null where id = $1";
    on_engine!(tx, conn => sqlx::query(SQL).bind(id).execute(conn).await.map(drop))?;
    Ok(())
}

/// A waiting item on its way to another queue.
#[derive(Clone, Copy, Debug)]
pub struct Moved<'a> {
    /// The item.
    pub id: Uuid,
    /// Where it goes.
    pub queue: &'a str,
    /// What it takes there.
    pub lane: &'a Lane,
    /// Why.
    pub reason: &'a str,
    /// Its place there.
    pub place: [i64; 2],
    /// When it has waited too long there.
    pub due_at: Option<i64>,
    /// When.
    pub now: i64,
}

/// Moves a waiting item to another queue, unless it has moved before; returns whether it did.
pub async fn move_to(tx: &mut Tx, moved: &Moved<'_>) -> Result<bool, StoreError> {
    const SQL: &str = "update work_items set overflowed_from = queue_id, queue_id = $2, reason = $3, sort_1 = $4, \
        sort_2 = $5, due_at = $6, changed_at = $7, lane = $8, version = version + 1 \
        where id = $1 and state = 'queued' and overflowed_from is null";
    let [sort_1, sort_2] = moved.place;
    let done = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(moved.id)
        .bind(moved.queue)
        .bind(moved.reason)
        .bind(sort_1)
        .bind(sort_2)
        .bind(moved.due_at)
        .bind(moved.now)
        .bind(moved.lane.as_str())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Whether there is anything that time does to items: leases that ran out, waits too long.
pub async fn is_anything_due(tx: &mut Tx, now: i64) -> Result<bool, StoreError> {
    const SQL: &str = "select (select count(*) from (select 1 as one from work_items \
        where state = 'pending_accept' and lease_until <= $1 limit 1) a) + (select count(*) \
        from (select 1 as one from work_items where state = 'queued' and due_at <= $1 limit 1) b)";
    let (due,): (i64,) =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(now).fetch_one(conn).await)?;
    Ok(due > 0)
}
