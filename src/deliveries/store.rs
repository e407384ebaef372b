//! SQL of deliveries.

use std::collections::HashSet;

use sqlx::types::Json;
use uuid::Uuid;

use super::{Attempt, Delivery, State};
use crate::db::{JsonText, Statement, StoreError, Tx, batch_row, fetch_filtered, on_engine};

/// Waits until nobody else changes deliveries, and says how far the outbox has been dealt out.
pub async fn lock(tx: &mut Tx) -> Result<i64, StoreError> {
    const SQL: &str = "update dispatch set position = position where id = 1 returning position";
    let (position,): (i64,) = on_engine!(tx, conn => sqlx::query_as(SQL).fetch_one(conn).await)?;
    Ok(position)
}

/// How far the outbox has been dealt out.
pub async fn position(tx: &mut Tx) -> Result<i64, StoreError> {
    const SQL: &str = "select position from dispatch where id = 1";
    let (position,): (i64,) = on_engine!(tx, conn => sqlx::query_as(SQL).fetch_one(conn).await)?;
    Ok(position)
}

/// Says how far the outbox has been dealt out now.
pub async fn advance(tx: &mut Tx, position: i64) -> Result<(), StoreError> {
    const SQL: &str = "update dispatch set position = $1 where id = 1";
    on_engine!(tx, conn => sqlx::query(SQL).bind(position).execute(conn).await.map(drop))?;
    Ok(())
}

batch_row! {
    /// An event for a sink.
    pub struct NewDelivery {
        /// Opaque id.
        id: Uuid,
        /// The sink.
        sink_id: String,
        /// Its place among all events.
        position: i64,
        /// The event's id.
        event_id: Uuid,
        /// Its type.
        event_type: &'static str,
        /// What it must keep its order with.
        lane: Uuid,
        /// The interaction it belongs to.
        interaction_id: Option<Uuid>,
        /// What it is about.
        record_id: Uuid,
        /// When it happened.
        created_at: i64,
        /// Whether no other of these rows comes before it in its lane.
        is_first: bool,
        /// When it is due, where nothing in its lane waits before it.
        due_at: i64,
    }
}

/// Stores deliveries, in order.
pub async fn deal(tx: &mut Tx, rows: Vec<NewDelivery>) -> Result<(), StoreError> {
    static INSERT: Statement<NewDelivery> = Statement::new(
        "insert into deliveries (id, sink_id, position, event_id, type, lane, interaction_id, record_id, \
         created_at, state, due_at, attempts, log) select r.id, r.sink_id, r.position, r.event_id, \
         r.event_type, r.lane, r.interaction_id, r.record_id, r.created_at, 'waiting', \
         case when r.is_first and not exists (select 1 from deliveries d where d.sink_id = r.sink_id \
         and d.lane = r.lane and d.state = 'waiting') then r.due_at end, 0, '[]' from {rows} order by r.ord",
    );
    INSERT.execute(tx, rows).await?;
    Ok(())
}

/// A delivery in the hands of whoever holds its lane's lease.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Leased {
    /// Opaque id.
    pub id: Uuid,
    /// What it keeps its order with.
    pub lane: Uuid,
    /// The delivery that holds the lane's lease.
    pub holder: Uuid,
    /// The event's id.
    pub event_id: Uuid,
    /// Its type.
    #[sqlx(rename = "type")]
    pub event_type: String,
    /// The interaction it belongs to.
    pub interaction_id: Option<Uuid>,
    /// What it is about.
    pub record_id: Uuid,
    /// When it happened, in Unix milliseconds.
    pub created_at: i64,
    /// How often it was tried before.
    pub attempts: i32,
    /// When it was tried first.
    pub first_attempt_at: Option<i64>,
    /// The latest attempts.
    pub log: Json<Vec<Attempt>>,
}

/// Whether a sink has something due that nobody holds.
pub async fn is_due(tx: &mut Tx, sink: &str, now: i64) -> Result<bool, StoreError> {
    // The order says which index answers, whatever PostgreSQL knows of the table.
    const SQL: &str = "select id from deliveries where sink_id = $1 and due_at <= $2 \
        and (leased_until is null or leased_until <= $2) order by due_at limit 1";
    let due: Option<(Uuid,)> = on_engine!(tx, conn => sqlx::query_as(SQL).bind(sink).bind(now)
        .fetch_optional(conn).await)?;
    Ok(due.is_some())
}

batch_row! {
    struct LaneRow {
        sink_id: String,
        lane: Uuid,
        now: i64,
        is_free: bool,
    }
}

/// Leases at most `lanes` lanes of a sink whose first event is due, the longest due first, and
/// returns the first eight events of each, in order. `lease` tells this claim from any other.
pub async fn claim(
    tx: &mut Tx,
    sink: &str,
    (lease, now, until): (Uuid, i64, i64),
    lanes: usize,
) -> Result<Vec<Leased>, StoreError> {
    const LEASE: &str = "update deliveries set lease = $1, leased_until = $2 where id in \
        (select d.id from deliveries d where d.sink_id = $3 and d.due_at <= $4 \
        and (d.leased_until is null or d.leased_until <= $4) order by d.due_at limit $5) returning id, lane";
    static ON_SQLITE: Statement<ClaimedRow> = Statement::new(
        "select d.id, d.lane, r.holder, d.event_id, d.type, d.interaction_id, d.record_id, d.created_at, d.attempts, \
         d.first_attempt_at, d.log from {rows} join deliveries d on d.sink_id = r.sink_id \
         and d.lane = r.lane and d.state = 'waiting' and d.position <= coalesce((select e.position \
         from deliveries e where e.sink_id = r.sink_id and e.lane = r.lane and e.state = 'waiting' \
         order by e.position limit 1 offset 7), d.position) order by r.ord, d.position",
    );
    // Lane by lane: a plan made while little waited would go through all that waits for each.
    static ON_POSTGRES: Statement<ClaimedRow> = Statement::new(
        "select d.id, d.lane, r.holder, d.event_id, d.type, d.interaction_id, d.record_id, d.created_at, d.attempts, \
         d.first_attempt_at, d.log from {rows} cross join lateral (select * from deliveries e \
         where e.sink_id = r.sink_id and e.lane = r.lane and e.state = 'waiting' \
         order by e.position limit 8) d order by r.ord, d.position",
    );
    let leased: Vec<(Uuid, Uuid)> = on_engine!(tx, conn => sqlx::query_as(LEASE)
        .bind(lease)
        .bind(until)
        .bind(sink)
        .bind(now)
        .bind(i64::try_from(lanes).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await)?;
    let row = |(holder, lane)| ClaimedRow { sink_id: sink.to_owned(), lane, holder };
    let events = if matches!(tx, Tx::Sqlite(_)) { &ON_SQLITE } else { &ON_POSTGRES };
    events.fetch(tx, leased.into_iter().map(row).collect()).await
}

batch_row! {
    struct ClaimedRow {
        sink_id: String,
        lane: Uuid,
        holder: Uuid,
    }
}

batch_row! {
    struct HeldRow {
        id: Uuid,
        lease: Uuid,
    }
}

/// Which of these deliveries still hold their leases: the others ran out, and somebody else may be
/// at work.
pub async fn held(tx: &mut Tx, holders: Vec<(Uuid, Uuid)>) -> Result<HashSet<Uuid>, StoreError> {
    static HELD: Statement<HeldRow> = Statement::new(
        "select d.id from {rows} join deliveries d on d.id = r.id where d.lease = r.lease",
    );
    let rows = holders.into_iter().map(|(id, lease)| HeldRow { id, lease });
    let held: Vec<(Uuid,)> = HELD.fetch(tx, rows.collect()).await?;
    Ok(held.into_iter().map(|(id,)| id).collect())
}

batch_row! {
    struct IdRow {
        id: Uuid,
    }
}

/// Ends the leases of deliveries that were not tried after all: an older one of their lane had been
/// taken up again and came first.
pub async fn release(tx: &mut Tx, ids: Vec<Uuid>) -> Result<(), StoreError> {
    static RELEASE: Statement<IdRow> = Statement::new(
        "update deliveries set due_at = null, lease = null, leased_until = null from {rows} \
         where deliveries.id = r.id",
    );
    RELEASE.execute(tx, ids.into_iter().map(|id| IdRow { id }).collect()).await?;
    Ok(())
}

batch_row! {
    /// What became of a delivery that was tried.
    pub struct Settled {
        /// The delivery.
        id: Uuid,
        /// Where it stands now.
        state: &'static str,
        /// When it is tried next.
        due_at: Option<i64>,
        /// How often it was tried.
        attempts: i32,
        /// When it was tried first.
        first_attempt_at: Option<i64>,
        /// The latest attempts.
        log: JsonText,
        /// When it was accepted or given up.
        settled_at: Option<i64>,
    }
}

/// Writes down what became of deliveries that were tried, which ends their leases. Until
/// [`promote`], nothing is due in lanes of which everything tried is done with.
pub async fn settle(tx: &mut Tx, rows: Vec<Settled>) -> Result<(), StoreError> {
    static SETTLE: Statement<Settled> = Statement::new(
        "update deliveries set state = r.state, due_at = r.due_at, lease = null, leased_until = null, \
         attempts = r.attempts, first_attempt_at = r.first_attempt_at, log = r.log, \
         settled_at = r.settled_at from {rows} where deliveries.id = r.id",
    );
    // One delivery of a lane is due at a time: those that are done with make way first.
    let (again, done) = rows.into_iter().partition(|row| row.due_at.is_some());
    SETTLE.execute(tx, done).await?;
    SETTLE.execute(tx, again).await?;
    Ok(())
}

/// What is known of lanes whose first is to be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// None of theirs is.
    None,
    /// One may be, and then stays so.
    Maybe,
}

/// Makes the first that waits in each of these lanes due, where none is.
pub async fn promote(
    tx: &mut Tx,
    mut lanes: Vec<(String, Uuid)>,
    now: i64,
    due: Due,
) -> Result<(), StoreError> {
    // Asked for all lanes at once, PostgreSQL went through everything of the sink for each, as long
    // as it knew nothing of the table.
    static PROMOTE: Statement<LaneRow> = Statement::new(
        "update deliveries set due_at = r.now from {rows} where deliveries.id = (select n.id \
         from deliveries n where n.sink_id = r.sink_id and n.lane = r.lane and n.state = 'waiting' \
         order by n.position limit 1) and (r.is_free or not exists (select 1 from deliveries f \
         where f.sink_id = r.sink_id and f.lane = r.lane and f.due_at is not null))",
    );
    lanes.sort_unstable();
    lanes.dedup();
    let is_free = due == Due::None;
    let rows = lanes.into_iter().map(|(sink_id, lane)| LaneRow { sink_id, lane, now, is_free });
    PROMOTE.execute(tx, rows.collect()).await?;
    Ok(())
}

/// Makes whatever of a sink waits for another attempt due now: it works again, or is said to.
pub async fn hasten(tx: &mut Tx, sink: &str, now: i64) -> Result<(), StoreError> {
    const SQL: &str = "update deliveries set due_at = $2 where sink_id = $1 and due_at > $2";
    on_engine!(tx, conn => sqlx::query(SQL).bind(sink).bind(now).execute(conn).await.map(drop))?;
    Ok(())
}

/// Gives up whatever waits for a sink; says how much that was.
pub async fn bury(tx: &mut Tx, sink: &str, now: i64) -> Result<u64, StoreError> {
    const SQL: &str = "update deliveries set state = 'dead', due_at = null, lease = null, \
        leased_until = null, settled_at = $2 where sink_id = $1 and state = 'waiting'";
    Ok(on_engine!(tx, conn => sqlx::query(SQL).bind(sink).bind(now).execute(conn).await
        .map(|done| done.rows_affected()))?)
}

/// Takes up again what was given up or waits for another attempt, all of a sink's or what one
/// delivery needs; says how much. It begins anew: as if it had not been tried.
pub async fn retry(
    tx: &mut Tx,
    sink: &str,
    only: Option<&Delivery>,
    now: i64,
) -> Result<u64, StoreError> {
    const DEAD: &str = "update deliveries set state = 'waiting', settled_at = null, attempts = 0, \
        first_attempt_at = null where sink_id = $1 and state = 'dead' \
        and id between $2 and $3 returning lane";
    // What has a time is the first of its lane, and what has one to come is in nobody's hands.
    const WAITING: &str = "update deliveries set due_at = $2, attempts = 0, first_attempt_at = null \
        where sink_id = $1 and due_at > $2 and lane between $3 and $4";
    let (from, to) = only.map_or((Uuid::nil(), Uuid::max()), |one| (one.id, one.id));
    let lanes: Vec<(Uuid,)> = on_engine!(tx, conn => sqlx::query_as(DEAD).bind(sink).bind(from)
        .bind(to).fetch_all(conn).await)?;
    let dead = u64::try_from(lanes.len()).unwrap_or(u64::MAX);
    let lanes = lanes.into_iter().map(|(lane,)| (sink.to_owned(), lane));
    promote(tx, lanes.collect(), now, Due::Maybe).await?;
    let (from, to) = only.map_or((Uuid::nil(), Uuid::max()), |one| (one.lane, one.lane));
    let waited = on_engine!(tx, conn => sqlx::query(WAITING).bind(sink).bind(now).bind(from)
        .bind(to).execute(conn).await.map(|done| done.rows_affected()))?;
    Ok(dead + waited)
}

/// Forgets whatever was for a sink.
pub async fn forget(tx: &mut Tx, sink: &str) -> Result<(), StoreError> {
    const SQL: &str = "delete from deliveries where sink_id = $1";
    on_engine!(tx, conn => sqlx::query(SQL).bind(sink).execute(conn).await.map(drop))?;
    Ok(())
}

/// Forgets at most `limit` deliveries that were accepted before a time.
pub async fn trim(tx: &mut Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    const SQL: &str = "delete from deliveries where id in (select d.id from deliveries d \
        where d.state = 'delivered' and d.settled_at < $1 order by d.settled_at limit $2)";
    Ok(on_engine!(tx, conn => sqlx::query(SQL).bind(before).bind(limit).execute(conn).await
        .map(|done| done.rows_affected()))?)
}

/// What waits for a sink, and what was given up.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Backlog {
    /// The sink.
    pub sink_id: String,
    /// How many events wait.
    pub waiting: i64,
    /// When the oldest of them happened, in Unix milliseconds.
    pub oldest: Option<i64>,
    /// How many were given up.
    pub dead: i64,
}

/// The backlog of every sink.
pub async fn backlogs(tx: &mut Tx) -> Result<Vec<Backlog>, StoreError> {
    const SQL: &str = "select s.id as sink_id, \
        (select count(*) from deliveries d where d.sink_id = s.id and d.state = 'waiting') as waiting, \
        (select min(d.created_at) from deliveries d where d.sink_id = s.id and d.state = 'waiting') \
        as oldest, \
        (select count(*) from deliveries d where d.sink_id = s.id and d.state = 'dead') as dead \
        from sinks s order by s.id";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?)
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those for this sink.
    pub sink: Option<String>,
    /// Those that stand there.
    pub state: Option<State>,
    /// This one.
    pub id: Option<Uuid>,
    /// Those before this one: newest first.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Deliveries, newest first.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<Delivery>, StoreError> {
    const COLUMNS: &str = "select id, sink_id, event_id, type, lane, interaction_id, state, due_at, attempts, \
        log, created_at, settled_at from deliveries";
    Ok(fetch_filtered!(tx, COLUMNS, query => {
        query.push(" where id < ").push_bind(filter.before.unwrap_or(Uuid::max()));
        if let Some(sink) = &filter.sink {
            query.push(" and sink_id = ").push_bind(sink);
        }
        if let Some(state) = filter.state {
            // Written out, since the indexes of what waits and of what is dead name the state.
            query.push(" and state = '").push(state.as_str()).push("'");
        }
        if let Some(id) = filter.id {
            query.push(" and id = ").push_bind(id);
        }
        query.push(" order by id desc limit ").push_bind(filter.limit);
    })?)
}

/// One delivery.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Delivery>, StoreError> {
    let filter = Filter { id: Some(id), limit: 1, ..Filter::default() };
    Ok(list(tx, &filter).await?.pop())
}
