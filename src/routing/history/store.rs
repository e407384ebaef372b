//! SQL of what became of work items.

use uuid::Uuid;

use super::{ItemEvent, NewItemEvent};
use crate::db::{Statement, StoreError, Tx, on_engine};

/// Writes down what became of items.
pub async fn record(tx: &mut Tx, events: Vec<NewItemEvent>) -> Result<(), StoreError> {
    static INSERT: Statement<NewItemEvent> = Statement::new(
        "insert into work_item_events (id, work_item_id, kind, agent_id, queue_id, reason, author_kind, author, \
         excludes, at) select r.id, r.item, r.kind, r.agent, r.queue, r.reason, r.author_kind, r.author, \
         r.excludes, r.now from {rows} order by r.ord",
    );
    INSERT.execute(tx, events).await?;
    Ok(())
}

/// What became of an item, in order.
pub async fn of_item(tx: &mut Tx, item: Uuid) -> Result<Vec<ItemEvent>, StoreError> {
    const SQL: &str = "select id, kind, agent_id, queue_id, reason, author_kind, author, excludes, at \
        from work_item_events where work_item_id = $1 order by id";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(item).fetch_all(conn).await)?)
}
