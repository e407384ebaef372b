//! A database of one test's own.

use std::path::{Path, PathBuf};

use frontdesk::{
    clock,
    db::{Record, Store},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use super::cluster;

/// A database that is gone when the test is.
pub struct Database {
    /// Its address, as in configuration.
    pub url: String,
    place: Place,
}

enum Place {
    File(TempDir),
    Server { name: String },
}

impl Database {
    /// A file that does not exist yet.
    pub fn sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("frontdesk.db").display());
        Self { url, place: Place::File(folder) }
    }

    /// An empty database.
    pub async fn postgres() -> Self {
        let name = format!("it_{}", clock::new_id().simple());
        on_server(&format!("create database {name}")).await;
        let mut url = reqwest::Url::parse(cluster::url()).expect("a URL");
        url.set_path(&name);
        Self { url: url.into(), place: Place::Server { name } }
    }

    /// Whether it is a file, with one instance on it.
    pub fn is_sqlite(&self) -> bool {
        match self.place {
            Place::File(_) => true,
            Place::Server { .. } => false,
        }
    }

    /// The database's name on its server.
    pub fn name(&self) -> Option<&str> {
        match &self.place {
            Place::File(_) => None,
            Place::Server { name } => Some(name),
        }
    }

    /// The folder of the database's files.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::File(folder) => Some(folder.path()),
            Place::Server { .. } => None,
        }
    }

    /// A connection of our own, beside the gateway's.
    pub async fn open(&self) -> Store {
        Store::open(&self.url, 2).await.expect("a database that opens")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Place::Server { name } = &self.place else {
            return;
        };
        // Our own cluster goes away whole.
        if cluster::is_borrowed() {
            let sql = format!("drop database {name} with (force)");
            let dropping = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(on_server(&sql));
            });
            let _ = dropping.join();
        }
    }
}

/// Runs a statement on the server's own database.
pub async fn on_server(sql: &str) {
    let mut server = PgConnection::connect(cluster::url()).await.expect("a server that answers");
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut server).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The rows of a query.
pub async fn rows<T: Record>(store: &Store, sql: &str) -> Vec<T> {
    let query = AssertSqlSafe(sql);
    let rows = match store {
        Store::Sqlite { write, .. } => sqlx::query_as(query).fetch_all(write).await,
        Store::Postgres(pool) => sqlx::query_as(query).fetch_all(pool).await,
    };
    rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Runs statements.
pub async fn execute(store: &Store, sql: &str) {
    try_execute(store, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Runs statements that the database may refuse.
pub async fn try_execute(store: &Store, sql: &str) -> sqlx::Result<()> {
    let query = sqlx::raw_sql(AssertSqlSafe(sql));
    match store {
        Store::Sqlite { write, .. } => query.execute(write).await.map(drop),
        Store::Postgres(pool) => query.execute(pool).await.map(drop),
    }
}

/// What makes the database refuse one text, `poison`.
pub fn poison(database: &Database) -> &'static str {
    if database.is_sqlite() {
        "create trigger poison before insert on messages when new.text = 'poison' \
         begin select raise(abort, 'poison'); end"
    } else {
        "create function poison() returns trigger language plpgsql as $$ begin \
         if new.text = 'poison' then raise exception 'poison'; end if; return new; end $$; \
         create trigger poison before insert on messages for each row execute function poison()"
    }
}

/// The repository's folder of fixtures.
pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}
