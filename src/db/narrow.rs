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

/// Which of these conditions, such as `state = ` and a value, the fewest rows of a table fulfil.
pub async fn fewest(
    tx: &mut Tx,
    table: &'static str,
    conditions: &[(&'static str, &str)],
) -> Result<usize, StoreError> {
    let mut fewest = (i64::MAX, 0);
    for (index, (condition, value)) in conditions.iter().enumerate() {
        let rows: Vec<(i64,)> = fetch_filtered!(tx, "select count(*) from (select 1 as one from ", query => {
            query.push(table).push(" where ").push(condition).push_bind(*value);
            query.push(" limit ").push_bind(ENOUGH).push(") c");
        })?;
        let count = rows.first().map_or(0, |(count,)| *count);
        fewest = fewest.min((count, index));
    }
    Ok(fewest.1)
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

/// Ids near each other between which the rows from `time` on begin, by halving.
async fn around(tx: &mut Tx, sql: &'static str, time: i64) -> Result<(u128, u128), StoreError> {
    let (mut low, mut high) = (0, u128::MAX);
    while high - low > NEAR {
        let middle = low + (high - low) / 2;
        let id = Uuid::from_u128(middle);
        let first: Option<(i64,)> =
            on_engine!(tx, conn => sqlx::query_as(sql).bind(id).fetch_optional(conn).await)?;
        if first.is_some_and(|(at,)| at < time) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok((low, high))
}
