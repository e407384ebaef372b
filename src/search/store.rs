//! SQL of the index.
//!
//! Where engines differ: PostgreSQL keeps words beside the row, SQLite in a table of its own.

use std::time::Duration;

use uuid::Uuid;

use super::words;
use crate::{
    clock,
    db::{Statement, Store, StoreError, Tx, batch_row, on_engine},
};

/// How many rows one step indexes: a few milliseconds of SQLite's one writer.
const STEP: i64 = 200;

/// A walk over the messages, some time behind intake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    name: &'static str,
    pub behind: Duration,
}

/// A message gets its id when it arrives and is visible when it is committed. What commits late is
/// found by a later pass; nothing is under way for a quarter of an hour.
pub(super) const PASSES: [Pass; 3] = [
    Pass { name: "fresh", behind: Duration::ZERO },
    Pass { name: "settled", behind: Duration::from_secs(60) },
    Pass { name: "late", behind: Duration::from_secs(15 * 60) },
];

batch_row! {
    struct NewMessage {
        id: Uuid,
        seq: i64,
        words: String,
    }
}

batch_row! {
    struct NewName {
        kind: String,
        id: Uuid,
        words: String,
    }
}

#[derive(sqlx::FromRow)]
struct Unindexed {
    id: Uuid,
    seq: i64,
    text: String,
}

/// Indexes everything that is there: for tests, and after a restore.
pub async fn catch_up(store: &Store) -> Result<(), StoreError> {
    let [fresh, ..] = PASSES;
    while again(store).await? || pass(store, fresh, clock::new_id()).await?.is_some() {}
    Ok(())
}

/// Leaves everything that is there out of the index: for measurements of something else.
pub async fn pass_over(store: &Store) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for pass in PASSES {
        go_on(&mut tx, pass, clock::new_id()).await?;
    }
    tx.commit().await
}

/// Goes one step on; if there is more, how far it is behind. Of several instances one goes, the others
/// wait.
pub(super) async fn pass(
    store: &Store,
    pass: Pass,
    upto: Uuid,
) -> Result<Option<Duration>, StoreError> {
    const WALKED: &str =
        "select id from messages where id > $1 and id < $2 order by id limit 1 offset $3";
    // Looked up one by one: as a join, PostgreSQL keeps a plan from when the index was empty, which
    // reads all of it for every message.
    const NEW: &str = "select m.id, i.seq, m.text from messages m \
        join interactions i on i.id = m.interaction_id \
        where m.id > $1 and m.id <= $2 and m.text is not null \
        and (select s.seq from search_messages s where s.message_id = m.id) is null order by m.id";
    let mut tx = store.begin_read().await?;
    let from = progress(&mut tx, pass).await?;
    let idle = is_past(&mut tx, from, upto).await?;
    tx.rollback().await?;
    if idle {
        return Ok(None);
    }
    let mut tx = store.begin().await?;
    let Some(from) = take_turn(&mut tx, pass).await? else {
        tx.rollback().await?;
        return Ok(None);
    };
    let last: Option<(Uuid,)> = on_engine!(&mut tx, conn => sqlx::query_as(WALKED)
        .bind(from)
        .bind(upto)
        .bind(STEP - 1)
        .fetch_optional(conn)
        .await)?;
    let to = last.map_or(upto, |(id,)| id);
    let new: Vec<Unindexed> = on_engine!(&mut tx, conn => sqlx::query_as(NEW)
        .bind(from)
        .bind(to)
        .fetch_all(conn)
        .await)?;
    insert_messages(&mut tx, new).await?;
    go_on(&mut tx, pass, to).await?;
    tx.commit().await?;
    Ok(last.map(|_| clock::between(to, upto)))
}

async fn progress(tx: &mut Tx, pass: Pass) -> Result<Uuid, StoreError> {
    const SQL: &str = "select upto from search_progress where name = $1";
    let row: Option<(Uuid,)> = on_engine!(tx, conn => sqlx::query_as(SQL).bind(pass.name)
        .fetch_optional(conn).await)?;
    Ok(row.map_or_else(Uuid::nil, |(upto,)| upto))
}

async fn go_on(tx: &mut Tx, pass: Pass, upto: Uuid) -> Result<(), StoreError> {
    const SQL: &str = "insert into search_progress (name, upto) values ($1, $2) \
        on conflict (name) do update set upto = excluded.upto";
    on_engine!(tx, conn => sqlx::query(SQL).bind(pass.name).bind(upto).execute(conn).await
        .map(drop))?;
    Ok(())
}

async fn is_past(tx: &mut Tx, from: Uuid, upto: Uuid) -> Result<bool, StoreError> {
    const SQL: &str = "select id from messages where id > $1 and id < $2 limit 1";
    let row: Option<(Uuid,)> = on_engine!(tx, conn => sqlx::query_as(SQL).bind(from).bind(upto)
        .fetch_optional(conn).await)?;
    Ok(row.is_none())
}

/// How far the pass has come, if no other instance is at it.
async fn take_turn(tx: &mut Tx, pass: Pass) -> Result<Option<Uuid>, StoreError> {
    if let Tx::Postgres(conn) = tx {
        let (ours,): (bool,) =
            sqlx::query_as("select pg_try_advisory_xact_lock(hashtext('search ' || $1))")
                .bind(pass.name)
                .fetch_one(&mut **conn)
                .await?;
        if !ours {
            return Ok(None);
        }
    }
    progress(tx, pass).await.map(Some)
}

async fn insert_messages(tx: &mut Tx, new: Vec<Unindexed>) -> Result<(), StoreError> {
    static PLACES: Statement<NewMessage> = Statement::new(
        "insert into search_messages (message_id, seq) select r.id, r.seq from {rows} order by r.ord",
    );
    static WORDS: Statement<NewMessage> = Statement::new(
        "insert into search_message_words (rowid, words) select s.place, r.words from {rows} \
         join search_messages s on s.message_id = r.id",
    );
    static BOTH: Statement<NewMessage> = Statement::new(
        "insert into search_messages (place, message_id, seq, words) \
         select n.place, n.id, n.seq, array_to_tsvector(string_to_array(n.words || ' @' || (n.place >> 16), ' ')) \
         from (select r.id, r.seq, r.words, nextval('search_places') as place from {rows} order by r.ord) n \
         on conflict do nothing",
    );
    let row = |it: Unindexed| NewMessage { id: it.id, seq: it.seq, words: words(&it.text) };
    let rows: Vec<NewMessage> =
        new.into_iter().map(row).filter(|row| !row.words.is_empty()).collect();
    match tx {
        Tx::Sqlite(_) => {
            PLACES.execute(tx, rows.clone()).await?;
            WORDS.execute(tx, rows).await?;
        }
        Tx::Postgres(_) => {
            BOTH.execute(tx, rows).await?;
        }
    }
    Ok(())
}

/// Indexes what changed since; whether there is more.
pub(super) async fn again(store: &Store) -> Result<bool, StoreError> {
    const ANY: &str = "select kind from search_again limit 1";
    const TAKE: &str = "select kind, id from search_again order by kind, id limit $1";
    const TAKE_OURS: &str =
        "select kind, id from search_again order by kind, id limit $1 for update skip locked";
    const CHANGED: &str = "select m.id, i.seq, coalesce(m.text, '') as text from messages m \
        join interactions i on i.id = m.interaction_id where m.id = $1";
    const PERSON: &str = "select name || ' ' || coalesce(email, '') from people where id = $1";
    const PROFILE: &str = "select coalesce(display_name, '') from profiles where id = $1";
    let mut tx = store.begin_read().await?;
    let any: Option<(String,)> =
        on_engine!(&mut tx, conn => sqlx::query_as(ANY).fetch_optional(conn).await)?;
    tx.rollback().await?;
    if any.is_none() {
        return Ok(false);
    }
    let mut tx = store.begin().await?;
    let taken: Vec<(String, Uuid)> = match &mut tx {
        Tx::Sqlite(conn) => sqlx::query_as(TAKE).bind(STEP).fetch_all(&mut **conn).await?,
        Tx::Postgres(conn) => sqlx::query_as(TAKE_OURS).bind(STEP).fetch_all(&mut **conn).await?,
    };
    let (mut messages, mut names) = (Vec::new(), Vec::new());
    for (kind, id) in &taken {
        if kind == "message" {
            let changed: Option<Unindexed> = on_engine!(&mut tx, conn => sqlx::query_as(CHANGED)
                .bind(id).fetch_optional(conn).await)?;
            messages.extend(changed);
        } else {
            let sql = if kind == "person" { PERSON } else { PROFILE };
            let name: Option<(String,)> = on_engine!(&mut tx, conn => sqlx::query_as(sql)
                .bind(id).fetch_optional(conn).await)?;
            names.extend(name.map(|(name,)| NewName {
                kind: kind.clone(),
                id: *id,
                words: words(&name),
            }));
        }
    }
    forget(&mut tx, &taken).await?;
    insert_messages(&mut tx, messages).await?;
    insert_names(&mut tx, names).await?;
    tx.commit().await?;
    Ok(taken.len() as i64 == STEP)
}

/// Forgets what is indexed of these, and that they are to be looked at.
async fn forget(tx: &mut Tx, taken: &[(String, Uuid)]) -> Result<(), StoreError> {
    const MESSAGE: &str = "delete from search_messages where message_id = $1";
    const NAME: &str = "delete from search_names where kind = $1 and id = $2";
    const DONE: &str = "delete from search_again where kind = $1 and id = $2";
    for (kind, id) in taken {
        if kind == "message" {
            on_engine!(tx, conn => sqlx::query(MESSAGE).bind(id).execute(conn).await.map(drop))?;
        } else {
            on_engine!(tx, conn => sqlx::query(NAME).bind(kind).bind(id).execute(conn).await
                .map(drop))?;
        }
        on_engine!(tx, conn => sqlx::query(DONE).bind(kind).bind(id).execute(conn).await
            .map(drop))?;
    }
    Ok(())
}

/// Forgets what is indexed of messages that are gone from these interactions, by their places, and
/// of these people and profiles. A worker that read them before is waited for, so it comes last in a
/// transaction.
pub async fn erase(tx: &mut Tx, seqs: Vec<i64>, named: Vec<Uuid>) -> Result<(), StoreError> {
    batch_row! {
        struct SeqRow {
            seq: i64,
        }
    }
    batch_row! {
        struct IdRow {
            id: Uuid,
        }
    }
    static MESSAGES: Statement<SeqRow> = Statement::new(
        "delete from search_messages where seq in (select r.seq from {rows}) \
         and not exists (select 1 from messages m where m.id = search_messages.message_id)",
    );
    static NAMES: Statement<IdRow> = Statement::new(
        "delete from search_names where kind in ('person', 'profile') \
         and id in (select r.id from {rows})",
    );
    if let Tx::Postgres(conn) = tx {
        sqlx::query("lock table search_messages, search_names in share row exclusive mode")
            .execute(&mut **conn)
            .await?;
    }
    MESSAGES.execute(tx, seqs.into_iter().map(|seq| SeqRow { seq }).collect()).await?;
    NAMES.execute(tx, named.into_iter().map(|id| IdRow { id }).collect()).await?;
    Ok(())
}

async fn insert_names(tx: &mut Tx, mut names: Vec<NewName>) -> Result<(), StoreError> {
    static PLACES: Statement<NewName> = Statement::new(
        "insert into search_names (kind, id) select r.kind, r.id from {rows} order by r.ord",
    );
    static WORDS: Statement<NewName> = Statement::new(
        "insert into search_name_words (rowid, words) select s.place, r.words from {rows} \
         join search_names s on s.kind = r.kind and s.id = r.id",
    );
    static BOTH: Statement<NewName> = Statement::new(
        "insert into search_names (place, kind, id, words) select nextval('search_places'), r.kind, r.id, \
         array_to_tsvector(string_to_array(r.words, ' ')) from {rows} order by r.ord on conflict do nothing",
    );
    names.retain(|name| !name.words.is_empty());
    match tx {
        Tx::Sqlite(_) => {
            PLACES.execute(tx, names.clone()).await?;
            WORDS.execute(tx, names).await?;
        }
        Tx::Postgres(_) => {
            BOTH.execute(tx, names).await?;
        }
    }
    Ok(())
}
