//! Bringing the schema up to date. Migrations only go forward.
//!
//! SQLite is migrated when it is opened. PostgreSQL is shared, so `frontdesk migrate` does it,
//! except for a database that is still empty; a lock makes several instances take turns.

use sqlx::migrate::{Migrate, Migrator};

use super::{Store, StoreError};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A migration failed, or the database was made by a newer version.
    #[error("the database schema cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// PostgreSQL needs the explicit command.
    #[error("{0} migrations are pending; run `frontdesk migrate` with the same database URL")]
    Pending(usize),
}

impl Store {
    /// Applies every pending migration and says how many there were.
    pub async fn migrate(&self) -> Result<usize, MigrateError> {
        let pending = pending(self).await?.len();
        match self {
            Self::Sqlite { write, .. } => SQLITE.run(write).await?,
            Self::Postgres(pool) => POSTGRES.run(pool).await?,
        }
        Ok(pending)
    }

    /// Makes the store ready to serve: migrates SQLite and an empty PostgreSQL, checks any other.
    pub async fn prepare(&self) -> Result<(), MigrateError> {
        let Self::Postgres(pool) = self else {
            return self.migrate().await.map(drop);
        };
        match pending(self).await?.len() {
            0 => return Ok(()),
            all if all == POSTGRES.iter().count() => return self.migrate().await.map(drop),
            _ => {}
        }
        // Another instance may be in the middle of it: that one's lock is waited for.
        let mut connection = pool.acquire().await.map_err(StoreError::from)?;
        connection.lock().await?;
        let pending = pending(self).await;
        connection.unlock().await?;
        match pending?.len() {
            0 => Ok(()),
            some => Err(MigrateError::Pending(some)),
        }
    }
}

/// The descriptions of the migrations not applied yet.
pub async fn pending(store: &Store) -> Result<Vec<String>, MigrateError> {
    let (known, applied) = match store {
        Store::Sqlite { write, .. } => {
            let exists: Option<(i64,)> = sqlx::query_as(
                "select 1 from sqlite_master where type = 'table' and name = '_sqlx_migrations'",
            )
            .fetch_optional(write)
            .await
            .map_err(StoreError::from)?;
            let mut applied: Vec<(i64,)> = Vec::new();
            if exists.is_some() {
                applied = sqlx::query_as("select version from _sqlx_migrations where success")
                    .fetch_all(write)
                    .await
                    .map_err(StoreError::from)?;
            }
            (&SQLITE, applied)
        }
        Store::Postgres(pool) => {
            let (exists,): (bool,) =
                sqlx::query_as("select to_regclass('_sqlx_migrations') is not null")
                    .fetch_one(pool)
                    .await
                    .map_err(StoreError::from)?;
            let mut applied: Vec<(i64,)> = Vec::new();
            if exists {
                applied = sqlx::query_as("select version from _sqlx_migrations where success")
                    .fetch_all(pool)
                    .await
                    .map_err(StoreError::from)?;
            }
            (&POSTGRES, applied)
        }
    };
    let missing = known.iter().filter(|migration| !applied.contains(&(migration.version,)));
    Ok(missing.map(|migration| migration.description.to_string()).collect())
}
