//! The one seam between the product and its two databases.
//!
//! SQL is written once, in each noun's `store.rs`, and runs on whichever engine a [`Tx`] holds:
//! [`on_engine!`] type-checks one expression against both. Where engines differ, `match tx` says so
//! in the open. Rows travel to the database many at a time, as one parameter: see [`batch`].
//!
//! SQLite has one writer, a read-only pool, and its checkpoints made by a thread of their own, so
//! that no message waits for one. PostgreSQL has one pool.

mod batch;
mod in_use;
mod migrate;

use std::{io, num::NonZeroUsize, path::Path, str::FromStr, time::Duration};

pub(crate) use batch::batch_row;
pub use batch::{Batch, Bytes, Cell, Column, JsonText, Record, Statement};
pub use in_use::in_use;
pub use migrate::{MigrateError, pending};
use sqlx::{
    Connection, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{
        SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
    },
};

/// Runs one expression on whichever engine a [`Tx`] holds; it is type-checked against both.
macro_rules! on_engine {
    ($tx:expr, $conn:ident => $body:expr) => {
        match $tx {
            $crate::db::Tx::Sqlite(tx) => {
                let $conn = &mut **tx;
                $body
            }
            $crate::db::Tx::Postgres(tx) => {
                let $conn = &mut **tx;
                $body
            }
        }
    };
}
pub(crate) use on_engine;

/// Fetches the rows of a statement whose filters depend on what is asked for, on either engine. By
/// itself PostgreSQL plans it anew for its values: one plan for all of them would walk the whole
/// table for what is rare.
macro_rules! fetch_filtered {
    ($tx:expr, $select:expr, $query:ident => $filters:block) => {
        $crate::db::fetch_filtered!($tx, $select, planned_once: false, $query => $filters)
    };
    ($tx:expr, $select:expr, planned_once: $planned_once:literal, $query:ident => $filters:block) => {
        match $tx {
            $crate::db::Tx::Sqlite(tx) => {
                let mut $query = sqlx::QueryBuilder::<sqlx::Sqlite>::new($select);
                $filters
                $query.build_query_as().fetch_all(&mut **tx).await
            }
            $crate::db::Tx::Postgres(tx) => {
                let mut $query = sqlx::QueryBuilder::<sqlx::Postgres>::new($select);
                $filters
                if !$planned_once {
                    $crate::db::plan_for_values(tx).await?;
                }
                $query.build_query_as().fetch_all(&mut **tx).await
            }
        }
    };
}
pub(crate) use fetch_filtered;

/// Lets PostgreSQL plan what follows in a transaction for its values: which way is short depends on how
/// much they find.
pub(crate) async fn plan_for_values(conn: &mut PgConnection) -> sqlx::Result<()> {
    const PLAN: &str = "set local plan_cache_mode = force_custom_plan";
    sqlx::query(PLAN).execute(conn).await.map(drop)
}

/// Fetches the rows of `$select` whose `$column` is one of `$ids`, in no order.
macro_rules! fetch_by_ids {
    ($tx:expr, $select:expr, $column:literal, $ids:expr) => {{
        let ids: &[uuid::Uuid] = $ids;
        match ids {
            [] => Ok(Vec::new()),
            [.., last] => $crate::db::fetch_filtered!($tx, $select, planned_once: true, query => {
                query.push(concat!(" where ", $column, " in ("));
                let mut list = query.separated(", ");
                // A power of two of them, so that there are few texts to prepare.
                let padding = ids.len().next_power_of_two() - ids.len();
                for id in ids.iter().chain(std::iter::repeat_n(last, padding)) {
                    list.push_bind(*id);
                }
                query.push(")");
            }),
        }
    }};
}
pub(crate) use fetch_by_ids;

mod narrow;
pub use narrow::{Fewest, LOOKED_AT, Listed, fewest, id_at, id_until, one_more};

/// Where everything is kept.
#[derive(Clone, Debug)]
pub enum Store {
    /// One file, one instance.
    Sqlite {
        /// The one writer.
        write: SqlitePool,
        /// Readers, which see the last commit and never wait for the writer.
        read: SqlitePool,
    },
    /// A server, any number of instances.
    Postgres(PgPool),
}

/// A transaction on either engine. The caller that began it commits it.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or has no room for another connection.
    #[error("the database cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// A unique index refused the row.
    #[error("already exists")]
    Exists,
    /// It refuses what it was given: trying again will not help.
    #[error("the database refused the data")]
    Refused(#[source] sqlx::Error),
    /// Anything else, such as a deadlock or a full disk: trying again may help.
    #[error("the database failed")]
    Failed(#[source] sqlx::Error),
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither `sqlite://…` nor `postgres://…`.
    #[error("the database URL must begin with sqlite: or postgres:")]
    Url,
    /// The URL is one of ours, but not well formed.
    #[error("the database URL cannot be read")]
    Unreadable(#[source] sqlx::Error),
    /// It did not answer.
    #[error("the database cannot be opened")]
    Unreachable(#[source] sqlx::Error),
}

/// How long to wait for a connection before saying that the database is unreachable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long PostgreSQL lets a transaction of ours stand without a statement. Between two there is
/// our own work, milliseconds of it; an instance that is suspended or cut off in between holds its
/// rows, and events after its places in the outbox, no longer than this.
const IDLE_IN_TRANSACTION: &str = "15s";

impl Store {
    /// Opens `url` without touching its schema: `sqlite:frontdesk.db` or `postgres://…`.
    pub async fn open(url: &str, max_connections: u32) -> Result<Self, OpenError> {
        if url.starts_with("sqlite:") {
            return Self::open_sqlite(url).await;
        }
        if !(url.starts_with("postgres:") || url.starts_with("postgresql:")) {
            return Err(OpenError::Url);
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(OpenError::Unreadable)?
            .application_name("frontdesk")
            // Every statement here looks rows up by an index. On a young table without statistics
            // the planner would rather read all of it, and keep that plan while the table grows.
            .options([
                ("enable_seqscan", "off"),
                ("enable_hashjoin", "off"),
                ("enable_mergejoin", "off"),
                ("jit", "off"),
                // The plan never depends on how many rows travel: it is made once.
                ("plan_cache_mode", "force_generic_plan"),
                ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // Whoever gave up on a silent server gives the connection back: asked here in time, it does
            // not take a place in the pool for good.
            .after_release(|connection, _| Box::pin(answers(connection)))
            .connect_with(options)
            .await
            .map_err(OpenError::Unreachable)?;
        Ok(Self::Postgres(pool))
    }

    async fn open_sqlite(url: &str) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(OpenError::Unreadable)?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .pragma("temp_store", "memory")
            .statement_cache_capacity(512);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .before_acquire(|connection, _| Box::pin(is_free(connection)))
            .connect_with(
                options
                    .clone()
                    .create_if_missing(true)
                    // 24 MiB: more gained little, and memory at 1,000 connections is held to 150 MB.
                    .pragma("cache_size", "-24576")
                    // What is removed is overwritten, so that nothing of it is left in the file.
                    .pragma("secure_delete", "on")
                    // The checkpointer does the checkpoints.
                    .pragma("wal_autocheckpoint", "0"),
            )
            .await
            .map_err(OpenError::Unreachable)?;
        let read = SqlitePoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .before_acquire(|connection, _| Box::pin(is_free(connection)))
            .connect_with(options.read_only(true).pragma("query_only", "on"))
            .await
            .map_err(OpenError::Unreachable)?;
        Ok(Self::Sqlite { write, read })
    }

    /// Begins a transaction that may write. On SQLite it waits for the one writer.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite { write, .. } => {
                Ok(Tx::Sqlite(write.begin_with("begin immediate").await?))
            }
            Self::Postgres(pool) => Ok(Tx::Postgres(pool.begin().await?)),
        }
    }

    /// Begins a transaction that only reads.
    pub async fn begin_read(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite { read, .. } => Ok(Tx::Sqlite(read.begin().await?)),
            Self::Postgres(pool) => Ok(Tx::Postgres(pool.begin().await?)),
        }
    }

    /// The same store for somebody with a runtime of his own, who ends with [`Self::give_back`].
    ///
    /// On PostgreSQL it is a connection more: what it says is heard where it was opened.
    #[must_use]
    pub fn of_its_own(&self) -> Self {
        match self {
            Self::Sqlite { .. } => self.clone(),
            Self::Postgres(pool) => {
                let options =
                    PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
                Self::Postgres(options.connect_lazy_with((*pool.connect_options()).clone()))
            }
        }
    }

    /// Ends what [`Self::of_its_own`] began.
    pub async fn give_back(&self) {
        if let Self::Postgres(pool) = self {
            pool.close().await;
        }
    }

    /// How many committers to run when `wanted` are; SQLite has one writer, PostgreSQL gains from two.
    #[must_use]
    pub fn committers(&self, wanted: Option<NonZeroUsize>) -> usize {
        match self {
            Self::Sqlite { .. } => 1,
            Self::Postgres(_) => wanted.map_or(2, NonZeroUsize::get),
        }
    }

    /// The engine's name, for people.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Asks the database whether it takes writes; a standby or a read-only file does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        const SQL: &str = "delete from dedupe where false";
        let mut tx = self.begin().await?;
        on_engine!(&mut tx, conn => sqlx::query(SQL).execute(conn).await.map(drop))?;
        tx.rollback().await
    }

    /// A connection of its own that moves SQLite's log into the file; `None` on PostgreSQL.
    pub async fn checkpointer(&self) -> Result<Option<Checkpointer>, StoreError> {
        let Self::Sqlite { write, .. } = self else {
            return Ok(None);
        };
        let options = (*write.connect_options()).clone();
        Ok(Some(Checkpointer(sqlx::ConnectOptions::connect(&options).await?)))
    }

    /// Lets SQLite's log start over when it has grown; waits for readers.
    pub async fn restart_log(&self) -> Result<(), StoreError> {
        if let Self::Sqlite { write, .. } = self {
            sqlx::query("pragma wal_checkpoint(restart)").execute(write).await?;
        }
        Ok(())
    }

    /// Lets SQLite's log start over with nothing in it: what was removed from the file is not to be
    /// read there. Readers may keep some of it for a moment; it is tried a few times.
    pub async fn fold_log(&self) -> Result<(), StoreError> {
        const ATTEMPTS: usize = 50;
        let Self::Sqlite { write, .. } = self else {
            return Ok(());
        };
        for _ in 0..ATTEMPTS {
            let (busy, _, _): (i64, i64, i64) =
                sqlx::query_as("pragma wal_checkpoint(truncate)").fetch_one(write).await?;
            if busy == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tracing::warn!("the log could not start over; it holds what was erased until it does");
        Ok(())
    }

    /// Closes every connection; on SQLite the log is folded into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Whether a connection to SQLite is in no transaction. Where a disk is full, SQLite rolls back by
/// itself, and the driver, which then fails to, takes it for one that never ends.
async fn is_free(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    if connection.is_in_transaction() {
        // What was given up a moment ago is rolled back before this is answered.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Whether PostgreSQL answers on a connection at all.
async fn answers(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let answer = tokio::time::timeout(ACQUIRE_TIMEOUT, connection.ping()).await;
    answer.unwrap_or_else(|_| Err(silent())).map(|()| true)
}

fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "there was no answer in time"))
}

/// As [`within`], for what is looked after in the background and is begun again anyway.
pub async fn in_time<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    within(Duration::from_secs(60), work).await
}

/// Gives work with the database so long at most. A server that is cut off without a word is heard of
/// no more, and whoever waits for it would wait for good.
pub async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let done = tokio::time::timeout(limit, work).await;
    done.unwrap_or_else(|_| Err(StoreError::Unreachable(silent())))
}

/// Moves SQLite's log into the database file without holding up the writer.
#[derive(Debug)]
pub struct Checkpointer(sqlx::SqliteConnection);

impl Checkpointer {
    /// Moves what can be moved and says how many pages the log has.
    pub async fn run(&mut self) -> Result<i64, StoreError> {
        let (_, pages, _): (i64, i64, i64) =
            sqlx::query_as("pragma wal_checkpoint(passive)").fetch_one(&mut self.0).await?;
        Ok(pages)
    }
}

impl Tx {
    /// Makes the transaction durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Forgets the transaction.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.rollback().await?,
            Self::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let unreachable = matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        );
        if unreachable {
            return Self::Unreachable(error);
        }
        let Some(cause) = error.as_database_error() else {
            return Self::Failed(error);
        };
        if cause.is_unique_violation() {
            return Self::Exists;
        }
        let code = cause.code().unwrap_or_default();
        let sqlite = cause.try_downcast_ref::<SqliteError>().and(code.parse::<i32>().ok());
        // PostgreSQL: 57P… is a server shutting down, 22… bad data, 23… a constraint, 54… too large
        // for a limit, P0001 raised.
        // SQLite: 19 is a constraint (also `raise(abort)`), 20 a type mismatch.
        if code.starts_with("57P") || code.starts_with("08") {
            Self::Unreachable(error)
        } else if ["22", "23", "54"].iter().any(|class| code.starts_with(class))
            || code == "P0001"
            || sqlite.is_some_and(|code| matches!(code & 0xff, 19 | 20))
        {
            Self::Refused(error)
        } else if sqlite.is_some_and(|code| matches!(code & 0xff, 5 | 6)) {
            // Another process has held the lock for the whole of the busy timeout.
            Self::Unreachable(error)
        } else {
            Self::Failed(error)
        }
    }
}

/// Shows a time that may be absent as RFC 3339.
pub(crate) fn show_time<S: serde::Serializer>(
    millis: &Option<i64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let time = millis.and_then(frontdesk_adapters::Timestamp::from_millis);
    serde::Serialize::serialize(&time, serializer)
}

/// Shows a time as RFC 3339.
pub(crate) fn show_required_time<S: serde::Serializer>(
    millis: &i64,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    show_time(&Some(*millis), serializer)
}

/// The path of a SQLite URL's file; `None` for PostgreSQL and for databases in memory.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or_default();
    (!path.is_empty() && path != ":memory:").then(|| Path::new(path))
}
