//! Whether somebody has a SQLite database open.

use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, Connection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use super::StoreError;

/// Whether a gateway, or anybody else, has the SQLite database in `file` open.
///
/// Whoever does holds a lock on it while its log is a file beside it; to do without that file one
/// must be alone. What is no database nobody has open.
pub async fn in_use(file: &Path) -> bool {
    if !file.exists() {
        return false;
    }
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Delete)
        .busy_timeout(Duration::ZERO);
    match options.connect().await {
        Ok(connection) => connection.close().await.is_err(),
        Err(error) => matches!(StoreError::from(error), StoreError::Unreachable(_)),
    }
}
