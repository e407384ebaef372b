//! SQL of receipts.

use sqlx::types::Json;
use uuid::Uuid;

use super::{Receipt, Removed};
use crate::{
    audit::AuthorKind,
    db::{StoreError, Tx, on_engine},
};

#[derive(sqlx::FromRow)]
struct ReceiptRow {
    id: Uuid,
    author_kind: AuthorKind,
    author: String,
    removed: Json<Removed>,
    started_at: i64,
    finished_at: i64,
}

impl From<ReceiptRow> for Receipt {
    fn from(row: ReceiptRow) -> Self {
        let ReceiptRow { id, author_kind, author, removed, started_at, finished_at } = row;
        Self { id, author_kind, author, removed: removed.0, started_at, finished_at }
    }
}

/// Keeps a receipt.
pub async fn keep(tx: &mut Tx, receipt: &Receipt) -> Result<(), StoreError> {
    const SQL: &str = "insert into erasures (id, author_kind, author, removed, started_at, finished_at) \
        values ($1, $2, $3, $4, $5, $6)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(receipt.id)
        .bind(receipt.author_kind)
        .bind(&receipt.author)
        .bind(Json(&receipt.removed))
        .bind(receipt.started_at)
        .bind(receipt.finished_at)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Receipts before `before`, newest first.
pub async fn list(
    tx: &mut Tx,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Receipt>, StoreError> {
    const SQL: &str = "select id, author_kind, author, removed, started_at, finished_at from erasures \
        where id < $1 order by id desc limit $2";
    let rows: Vec<ReceiptRow> = on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(before.unwrap_or(Uuid::max()))
        .bind(limit)
        .fetch_all(conn)
        .await)?;
    Ok(rows.into_iter().map(Receipt::from).collect())
}

/// One receipt.
pub async fn receipt(tx: &mut Tx, id: Uuid) -> Result<Option<Receipt>, StoreError> {
    const SQL: &str = "select id, author_kind, author, removed, started_at, finished_at from erasures \
        where id = $1";
    let row: Option<ReceiptRow> =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?;
    Ok(row.map(Receipt::from))
}
