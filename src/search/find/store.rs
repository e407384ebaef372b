//! SQL of looking words up.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    db::{Statement, StoreError, Tx, batch_row, plan_for_values},
    search::Wanted,
};

/// Places of one block on PostgreSQL. Rows carry their block, a word made of `place >> 16`: another
/// size needs a new index.
const BLOCK: i64 = 1 << 16;
/// Places that are looked at one by one on PostgreSQL before an index is asked.
const NEWEST_PLACES: i64 = 8_000;
/// Blocks that are looked into at once.
const MOST_BLOCKS: i64 = 16;

/// A message with the words that were looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Found {
    /// Its place in the index: later ones are higher.
    pub place: i64,
    /// The message.
    pub message_id: Uuid,
    /// Its interaction's place.
    pub seq: i64,
}

/// Messages with all the words, newest first, before a place.
pub async fn messages(
    tx: &mut Tx,
    wanted: &Wanted,
    before: i64,
    limit: i64,
) -> Result<Vec<Found>, StoreError> {
    const SQLITE: &str = "select s.place, s.message_id, s.seq from search_message_words w \
        cross join search_messages s on s.place = w.rowid where search_message_words match $1 and w.rowid < $2 \
        order by w.rowid desc limit $3";
    match tx {
        Tx::Sqlite(conn) => Ok(sqlx::query_as(SQLITE)
            .bind(wanted.sqlite(false))
            .bind(before)
            .bind(limit)
            .fetch_all(&mut **conn)
            .await?),
        Tx::Postgres(conn) => by_blocks(conn, wanted, before, limit).await,
    }
}

/// A common word is found among the newest messages. The rarer it proves, the more blocks are looked
/// into at once, but never so many that a word which was common then brings too many rows.
async fn by_blocks(
    conn: &mut PgConnection,
    wanted: &Wanted,
    before: i64,
    limit: i64,
) -> Result<Vec<Found>, StoreError> {
    // The inner limit keeps the words' index out of it.
    const NEWEST: &str = "select place, message_id, seq from (select place, message_id, seq, words \
        from search_messages where place >= $2 and place < $3 order by place desc limit $5) s \
        where words @@ $1::tsquery order by place desc limit $4";
    const BLOCKS: &str = "select place, message_id, seq from search_messages \
        where words @@ $1::tsquery and place >= $2 and place < $3 order by place desc limit $4";
    plan_for_values(conn).await?;
    let top: (Option<i64>,) =
        sqlx::query_as("select max(place) from search_messages").fetch_one(&mut *conn).await?;
    let before = before.min(top.0.unwrap_or(0) + 1);
    let mut from = before - NEWEST_PLACES;
    let mut found: Vec<Found> = sqlx::query_as(NEWEST)
        .bind(wanted.postgres(false, None))
        .bind(from)
        .bind(before)
        .bind(limit)
        .bind(NEWEST_PLACES)
        .fetch_all(&mut *conn)
        .await?;
    let mut blocks = 1;
    loop {
        let left = limit - found.len() as i64;
        if left <= 0 || from <= 0 {
            return Ok(found);
        }
        let last = (from - 1) / BLOCK;
        let first = (last + 1 - blocks).max(0);
        let rows: Vec<Found> = sqlx::query_as(BLOCKS)
            .bind(wanted.postgres(false, Some(first..=last)))
            .bind(first * BLOCK)
            .bind(from)
            .bind(left)
            .fetch_all(&mut *conn)
            .await?;
        let few = (rows.len() as i64) < left / 2;
        blocks = if few { MOST_BLOCKS.min(blocks * 2) } else { 1 };
        from = first * BLOCK;
        found.extend(rows);
    }
}

/// Of these interactions, by their places, those in which all the words were said at once, and the
/// newest place where they were.
pub async fn newest_of(
    tx: &mut Tx,
    wanted: &Wanted,
    seqs: Vec<i64>,
) -> Result<HashMap<i64, i64>, StoreError> {
    static SQLITE: Statement<Asked> = Statement::new(
        "select r.seq, (select s.place from search_messages s \
         cross join search_message_words w on w.rowid = s.place where s.seq = r.seq and not exists \
         (select 1 from json_each(r.words) j where instr(' ' || w.words || ' ', ' ' || j.value || ' ') = 0) \
         order by s.place desc limit 1) as place from {rows}",
    );
    const POSTGRES: &str = "select r.seq, s.place from unnest($1::bigint[]) as r(seq) cross join lateral \
        (select m.place from search_messages m where m.seq = r.seq and m.words @@ $2::tsquery \
        order by m.place desc limit 1) s";
    match tx {
        Tx::Sqlite(_) => {
            let words = wanted.json();
            let asked = seqs.into_iter().map(|seq| Asked { seq, place: 0, words: words.clone() });
            let rows: Vec<(i64, Option<i64>)> = SQLITE.fetch(tx, asked.collect()).await?;
            Ok(rows.into_iter().filter_map(|(seq, place)| Some((seq, place?))).collect())
        }
        Tx::Postgres(conn) => {
            let query = sqlx::query_as(POSTGRES).bind(seqs).bind(wanted.postgres(false, None));
            let rows: Vec<(i64, i64)> = query.fetch_all(&mut **conn).await?;
            Ok(rows.into_iter().collect())
        }
    }
}

/// Of these messages' interactions, by their places, those in which all the words were said again
/// later.
pub async fn said_again(
    tx: &mut Tx,
    wanted: &Wanted,
    found: &[Found],
) -> Result<HashSet<i64>, StoreError> {
    static SQLITE: Statement<Asked> = Statement::new(
        "select r.seq from {rows} where exists (select 1 from search_messages s \
         cross join search_message_words w on w.rowid = s.place where s.seq = r.seq and s.place > r.place \
         and not exists (select 1 from json_each(r.words) j \
         where instr(' ' || w.words || ' ', ' ' || j.value || ' ') = 0))",
    );
    const POSTGRES: &str = "select r.seq from unnest($1::bigint[], $2::bigint[]) as r(seq, place) \
        where exists (select 1 from search_messages s where s.seq = r.seq and s.place > r.place \
        and s.words @@ $3::tsquery)";
    let rows: Vec<(i64,)> = match tx {
        Tx::Sqlite(_) => {
            let words = wanted.json();
            let asked = |it: &Found| Asked { seq: it.seq, place: it.place, words: words.clone() };
            SQLITE.fetch(tx, found.iter().map(asked).collect()).await?
        }
        Tx::Postgres(conn) => {
            let (seqs, places): (Vec<i64>, Vec<i64>) =
                found.iter().map(|found| (found.seq, found.place)).unzip();
            let query = sqlx::query_as(POSTGRES).bind(seqs).bind(places);
            query.bind(wanted.postgres(false, None)).fetch_all(&mut **conn).await?
        }
    };
    Ok(rows.into_iter().map(|(seq,)| seq).collect())
}

batch_row! {
    /// SQLite holds the words against those of a message by itself: its index of words is slow to ask
    /// about one row.
    struct Asked {
        seq: i64,
        place: i64,
        words: String,
    }
}

/// People or profiles (`kind`) whose names have all the words, the last one as far as it was typed;
/// each with its place in the index, newest entries first, before a place.
pub async fn named(
    tx: &mut Tx,
    kind: &'static str,
    wanted: &Wanted,
    before: i64,
    limit: i64,
) -> Result<Vec<(i64, Uuid)>, StoreError> {
    // `cross` keeps SQLite from asking the index of words about every name.
    const SQLITE: &str = "select s.place, s.id from search_name_words w cross join search_names s on s.place = w.rowid \
        where search_name_words match $1 and s.kind = $2 and w.rowid < min($3, \
        (select coalesce(max(m.place), 0) + 1 from search_names m where m.kind = $2)) \
        and w.rowid >= (select coalesce(min(m.place), 0) from search_names m where m.kind = $2) \
        order by w.rowid desc limit $4";
    match tx {
        Tx::Sqlite(conn) => {
            let query = sqlx::query_as(SQLITE).bind(wanted.sqlite(true)).bind(kind);
            Ok(query.bind(before).bind(limit).fetch_all(&mut **conn).await?)
        }
        Tx::Postgres(conn) => newest_first(conn, kind, wanted, before, limit).await,
    }
}

/// What is common is found among the newest, which are read along the index by kind, as the order
/// says. Of what is not, all with these words are few.
async fn newest_first(
    conn: &mut PgConnection,
    kind: &'static str,
    wanted: &Wanted,
    before: i64,
    limit: i64,
) -> Result<Vec<(i64, Uuid)>, StoreError> {
    const LAST: &str = "select place from search_names where (kind, place) < ($1, $2) and kind >= $1 \
        order by kind desc, place desc limit 1 offset 4000";
    // The inner limit keeps the words' index out of it.
    const NEWEST: &str = "select place, id from (select place, id, words from search_names \
        where (kind, place) < ($2, $3) and (kind, place) >= ($2, $4) order by kind desc, place desc limit 4001) s \
        where words @@ $1::tsquery order by place desc limit $5";
    const OTHERS: &str = "with found as materialized (select kind, place, id from search_names \
        where words @@ $1::tsquery) select place, id from found where kind = $2 and place < $3 \
        order by place desc limit $4";
    let wanted = wanted.postgres(true, None);
    let last: Option<(i64,)> =
        sqlx::query_as(LAST).bind(kind).bind(before).fetch_optional(&mut *conn).await?;
    let query = sqlx::query_as(NEWEST).bind(&wanted).bind(kind).bind(before);
    let from = last.map_or(0, |(place,)| place);
    let mut found: Vec<(i64, Uuid)> = query.bind(from).bind(limit).fetch_all(&mut *conn).await?;
    let left = limit - found.len() as i64;
    if left > 0 && from > 0 {
        let query = sqlx::query_as(OTHERS).bind(&wanted).bind(kind).bind(from).bind(left);
        let others: Vec<(i64, Uuid)> = query.fetch_all(&mut *conn).await?;
        found.extend(others);
    }
    Ok(found)
}
