//! SQL of the outbox.

use super::{NewEvent, Row};
use crate::db::{Statement, StoreError, Tx, on_engine};

/// Writes events into the outbox, in order. Whoever calls it has written what they are about.
pub async fn enqueue(tx: &mut Tx, events: Vec<NewEvent>) -> Result<(), StoreError> {
    static INSERT: Statement<NewEvent> = Statement::new(
        "insert into outbox (id, type, interaction_id, record_id, created_at) \
         select r.id, r.event_type, r.interaction_id, r.record_id, r.now from {rows} order by r.ord",
    );
    INSERT.execute(tx, events).await?;
    Ok(())
}

/// Reads the outbox in order without passing over what another transaction is about to commit.
///
/// On PostgreSQL places are given out before the commit, so a later one may be seen first. Whoever
/// reads stops before a missing place until every transaction that could still fill it is over;
/// then it is filled or will never be. On SQLite there is one writer, and nothing is missing.
#[derive(Debug, Default)]
pub struct Horizon {
    /// Below this place whatever is missing stays missing.
    settled: i64,
    /// A place, and the transaction before which all must be over for it to be settled.
    pending: Option<(i64, i64)>,
}

impl Horizon {
    /// At most `limit` rows after `position`, in order.
    pub async fn read(
        &mut self,
        tx: &mut Tx,
        position: i64,
        limit: i64,
    ) -> Result<Vec<Row>, StoreError> {
        if let Some((place, transaction)) = self.pending
            && oldest_transaction(tx).await? >= transaction
        {
            self.settled = place;
            self.pending = None;
        }
        let mut rows = after(tx, position, limit).await?;
        if matches!(tx, Tx::Sqlite(_)) {
            return Ok(rows);
        }
        let mut expected = position + 1;
        let is_whole = |row: &Row| {
            let whole = row.seq == expected || row.seq <= self.settled;
            expected = row.seq + 1;
            whole
        };
        let whole = rows.iter().map(is_whole).take_while(|whole| *whole).count();
        if whole < rows.len() && self.pending.is_none() {
            // Asked after reading: whoever holds the missing place has begun by now.
            let highest = rows.last().map_or(position, |row| row.seq);
            self.pending = Some((highest, next_transaction(tx).await?));
        }
        rows.truncate(whole);
        Ok(rows)
    }

    /// The place behind at most `limit` rows after `position`, for whoever wants none of them.
    pub async fn pass_over(
        &mut self,
        tx: &mut Tx,
        position: i64,
        limit: i64,
    ) -> Result<i64, StoreError> {
        const SQL: &str = "select count(*), coalesce(max(o.seq), $1) from \
            (select seq from outbox where seq > $1 order by seq limit $2) o";
        let (rows, last): (i64, i64) = on_engine!(tx, conn => sqlx::query_as(SQL).bind(position)
            .bind(limit).fetch_one(conn).await)?;
        if matches!(tx, Tx::Sqlite(_)) || last - position == rows {
            return Ok(last);
        }
        Ok(self.read(tx, position, limit).await?.last().map_or(position, |row| row.seq))
    }
}

/// The place up to which nothing after `position` is missing now: where somebody new begins.
pub async fn tip(tx: &mut Tx, mut position: i64) -> Result<i64, StoreError> {
    const PAGE: i64 = 10_000;
    let mut horizon = Horizon::default();
    loop {
        let last = horizon.pass_over(tx, position, PAGE).await?;
        if last == position {
            return Ok(position);
        }
        position = last;
    }
}

/// At most `limit` rows after `position`, in order, whatever may be missing among them.
pub async fn after(tx: &mut Tx, position: i64, limit: i64) -> Result<Vec<Row>, StoreError> {
    const SQL: &str = "select seq, id, type, interaction_id, record_id, created_at from outbox \
        where seq > $1 order by seq limit $2";
    let rows = on_engine!(tx, conn => sqlx::query_as(SQL).bind(position).bind(limit)
        .fetch_all(conn).await)?;
    Ok(rows)
}

/// The oldest transaction under way that has written something, or the next one.
async fn oldest_transaction(tx: &mut Tx) -> Result<i64, StoreError> {
    transaction(tx, "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint").await
}

/// The number no transaction has yet.
async fn next_transaction(tx: &mut Tx) -> Result<i64, StoreError> {
    transaction(tx, "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint").await
}

async fn transaction(tx: &mut Tx, sql: &'static str) -> Result<i64, StoreError> {
    let Tx::Postgres(tx) = tx else {
        return Ok(0);
    };
    let (number,): (i64,) = sqlx::query_as(sql).fetch_one(&mut **tx).await?;
    Ok(number)
}

/// Whether anything was told after `position`.
pub async fn is_past(tx: &mut Tx, position: i64) -> Result<bool, StoreError> {
    const SQL: &str = "select count(*) from (select seq from outbox where seq > $1 limit 1) o";
    let (past,): (i64,) =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(position).fetch_one(conn).await)?;
    Ok(past > 0)
}

/// The newest place there is; 0 where nothing was ever told.
pub async fn newest(tx: &mut Tx) -> Result<i64, StoreError> {
    const SQL: &str = "select coalesce(max(seq), 0) from outbox";
    let (newest,): (i64,) = on_engine!(tx, conn => sqlx::query_as(SQL).fetch_one(conn).await)?;
    Ok(newest)
}

/// Whether everything after `position` is still kept.
pub async fn is_kept(tx: &mut Tx, position: i64) -> Result<bool, StoreError> {
    const SQL: &str = "select count(*) from (select seq from outbox where seq <= $1 + 1 limit 1) o";
    let (kept,): (i64,) =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(position).fetch_one(conn).await)?;
    Ok(kept > 0)
}

/// Forgets at most `limit` of the oldest rows that came before `position` and before a time.
///
/// The last row stays: on SQLite the next place is counted from it.
pub async fn trim(tx: &mut Tx, position: i64, before: i64, limit: i64) -> Result<u64, StoreError> {
    const SQL: &str = "delete from outbox where created_at < $2 and seq in \
        (select o.seq from outbox o where o.seq < $1 order by o.seq limit $3)";
    Ok(on_engine!(tx, conn => sqlx::query(SQL).bind(position).bind(before).bind(limit)
        .execute(conn).await.map(|done| done.rows_affected()))?)
}
