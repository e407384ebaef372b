//! Where to look for the rows of a list, when what is asked for could be found in several ways.
//!
//! Statements are planned without knowing their values, and neither engine can know that one
//! channel has half of all interactions and another five of them. So it is looked at.

use uuid::Uuid;

use super::{StoreError, Tx};

/// How many rows are counted at most: where all conditions have more, any will do.
const ENOUGH: i64 = 1_000;

/// By how much a row may have become visible after one that came later: nothing is under way for a
/// quarter of an hour. In milliseconds.
const DISORDER: i64 = 15 * 60 * 1_000;

/// How near a time is found: a second of ids (RFC 9562, section 5.7).
const NEAR: u128 = 1_000 << 80;

/// Rows that are looked at for one page. Where few of them fit, the page ends there and says where
/// the next one goes on: no page takes long, whatever is asked for.
pub const LOOKED_AT: i64 = 1_000;

/// Some of a list.
#[derive(Clone, Debug)]
pub struct Listed<T, C> {
    /// The rows, which may be fewer than were asked for.
    pub rows: Vec<T>,
    /// Where those that follow are; `None` at the end.
    pub next: Option<C>,
}

impl<T, C> Listed<T, C> {
    /// Nothing, and nothing follows.
    #[must_use]
    pub fn nothing() -> Self {
        Self { rows: Vec::new(), next: None }
    }

    /// What [`one_more`] than `limit` brought. `looked_at` is the last row that was looked at, if
    /// there are others behind it.
    #[must_use]
    pub fn of(
        mut fetched: Vec<T>,
        limit: usize,
        known_by: impl FnOnce(&T) -> C,
        looked_at: Option<C>,
    ) -> Self {
        let next = if fetched.len() > limit {
            fetched.truncate(limit);
            fetched.last().map(known_by)
        } else {
            looked_at
        };
        Self { rows: fetched, next }
    }
}

/// One row more than a page holds says that there is a next one.
#[must_use]
pub fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// The condition that the fewest rows fulfil.
#[derive(Clone, Copy, Debug)]
pub struct Fewest {
    /// Its place among those asked about.
    pub index: usize,
    /// Whether those rows are few enough to look at each.
    pub is_few: bool,
}

/// Which of these conditions, such as `state = ` and a value, the fewest rows of a table fulfil.
pub async fn fewest(
    tx: &mut Tx,
    table: &'static str,
    conditions: &[(&'static str, &str)],
) -> Result<Fewest, StoreError> {
    let mut fewest = (i64::MAX, 0);
    for (index, (condition, value)) in conditions.iter().enumerate() {
        let rows: Vec<(i64,)> = fetch_filtered!(tx, "select count(*) from (select 1 as one from ", query => {
            query.push(table).push(" where ").push(condition).push_bind(*value);
            query.push(" limit ").push_bind(ENOUGH).push(") c");
        })?;
        let count = rows.first().map_or(0, |(count,)| *count);
        fewest = fewest.min((count, index));
    }
    let (count, index) = fewest;
    Ok(Fewest { index, is_few: count < ENOUGH })
}

/// An id that sorts before everything at or after a time, as `sql` tells the time of the first row
/// at or after `$1`: ids ascend with time, nearly.
pub async fn id_at(tx: &mut Tx, sql: &'static str, time: i64) -> Result<Uuid, StoreError> {
    Ok(Uuid::from_u128(around(tx, sql, time.saturating_sub(DISORDER)).await?.0))
}

/// An id that sorts behind everything before a time.
pub async fn id_until(tx: &mut Tx, sql: &'static str, time: i64) -> Result<Uuid, StoreError> {
    Ok(Uuid::from_u128(around(tx, sql, time.saturating_add(DISORDER)).await?.1))
}

/// Ids near each other between which the rows from `time` on begin: the id that a row of that time
/// should have, then ids further and further from it, then by halving.
async fn around(tx: &mut Tx, sql: &'static str, time: i64) -> Result<(u128, u128), StoreError> {
    /// How much further each time.
    const FURTHER: u128 = 16;
    let guess = u128::try_from(time).unwrap_or(0) << 80;
    let (mut low, mut away) = (guess, NEAR);
    while low > 0 && !is_before(tx, sql, low, time).await? {
        low = guess.saturating_sub(away);
        away = away.saturating_mul(FURTHER);
    }
    let (mut high, mut away) = (guess.saturating_add(NEAR), NEAR);
    while high < u128::MAX && is_before(tx, sql, high, time).await? {
        low = high;
        away = away.saturating_mul(FURTHER);
        high = guess.saturating_add(away);
    }
    while high - low > NEAR {
        let middle = low + (high - low) / 2;
        if is_before(tx, sql, middle, time).await? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok((low, high))
}

/// Whether the first row from an id on is before a time.
async fn is_before(
    tx: &mut Tx,
    sql: &'static str,
    id: u128,
    time: i64,
) -> Result<bool, StoreError> {
    let id = Uuid::from_u128(id);
    let first: Option<(i64,)> =
        on_engine!(tx, conn => sqlx::query_as(sql).bind(id).fetch_optional(conn).await)?;
    Ok(first.is_some_and(|(at,)| at < time))
}
