//! SQL of consents and their history.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::{Consent, ConsentChange, ConsentRecord};
use crate::db::{Statement, StoreError, Tx, batch_row, fetch_by_ids, fetch_filtered, on_engine};

batch_row! {
    /// A decision.
    pub struct NewConsent {
        /// Opaque id.
        id: Uuid,
        /// The medium.
        scheme: String,
        /// The sender's address.
        value: String,
        /// Our address.
        our_address: String,
        /// The decision.
        state: &'static str,
        /// Who reported it.
        source: String,
        /// Why.
        reason: Option<String>,
        /// What its author is.
        author_kind: &'static str,
        /// Who decided.
        author: String,
        /// The message or event that said it.
        record_id: Option<Uuid>,
        /// When.
        now: i64,
    }
}

/// Records decisions, in order; the latest of each (sender, our address) counts.
pub async fn record(tx: &mut Tx, rows: Vec<NewConsent>) -> Result<(), StoreError> {
    static UPSERT: Statement<NewConsent> = Statement::new(
        "insert into consents (scheme, value, our_address, state, source, reason, author_kind, author, changed_at) \
         select r.scheme, r.value, r.our_address, r.state, r.source, r.reason, r.author_kind, r.author, r.now \
         from {rows} where true order by r.ord on conflict (scheme, value, our_address) do update set \
         state = excluded.state, source = excluded.source, reason = excluded.reason, \
         author_kind = excluded.author_kind, author = excluded.author, changed_at = excluded.changed_at \
         where consents.changed_at <= excluded.changed_at",
    );
    static REMEMBER: Statement<NewConsent> = Statement::new(
        "insert into consent_changes (id, scheme, value, our_address, state, source, reason, author_kind, author, \
         record_id, at) select r.id, r.scheme, r.value, r.our_address, r.state, r.source, r.reason, \
         r.author_kind, r.author, r.record_id, r.now from {rows} order by r.ord",
    );
    // One statement touches a row once. Sorted, so that two committers cannot deadlock.
    let mut latest = BTreeMap::new();
    for row in &rows {
        let key = (row.scheme.clone(), row.value.clone(), row.our_address.clone());
        latest.insert(key, row.clone());
    }
    UPSERT.execute(tx, latest.into_values().collect()).await?;
    REMEMBER.execute(tx, rows).await?;
    Ok(())
}

batch_row! {
    /// A sender and an address of ours.
    pub struct Pair {
        /// The medium.
        scheme: String,
        /// The sender's address.
        value: String,
        /// Our address.
        our_address: String,
    }
}

/// Which of these senders opted out; the answer is in their order.
pub async fn opted_out(tx: &mut Tx, pairs: Vec<Pair>) -> Result<Vec<bool>, StoreError> {
    static FIND: Statement<Pair> = Statement::new(
        "select r.ord, c.state from {rows} left join consents c on c.scheme = r.scheme \
         and c.value = r.value and c.our_address = r.our_address order by r.ord",
    );
    let rows: Vec<(i64, Option<Consent>)> = FIND.fetch(tx, pairs).await?;
    Ok(rows.into_iter().map(|(_, state)| state == Some(Consent::OptedOut)).collect())
}

/// The decisions of these senders, in no order.
pub async fn decisions(tx: &mut Tx, pairs: Vec<Pair>) -> Result<Vec<ConsentRecord>, StoreError> {
    static FIND: Statement<Pair> = Statement::new(
        "select c.scheme, c.value, c.our_address, c.state, c.source, c.reason, c.author_kind, c.author, \
         c.changed_at from {rows} join consents c on c.scheme = r.scheme and c.value = r.value \
         and c.our_address = r.our_address",
    );
    FIND.fetch(tx, pairs).await
}

/// The decisions of one sender that count, on every medium.
pub async fn of_address(tx: &mut Tx, value: &str) -> Result<Vec<ConsentRecord>, StoreError> {
    const SQL: &str = "select scheme, value, our_address, state, source, reason, author_kind, author, \
        changed_at from consents where value = $1 order by scheme, our_address";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(value).fetch_all(conn).await)?)
}

/// The decisions that have one of these ids, or that one of these messages or events said; each by
/// the id it was found by.
pub async fn changes_about(
    tx: &mut Tx,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, ConsentChange>, StoreError> {
    const SELECT: &str = "select id, scheme, value, our_address, state, source, reason, author_kind, author, \
        record_id, at from consent_changes";
    let entered: Vec<ConsentChange> = fetch_by_ids!(tx, SELECT, "id", ids)?;
    let said: Vec<ConsentChange> = fetch_by_ids!(tx, SELECT, "record_id", ids)?;
    let said = said.into_iter().filter_map(|change| Some((change.record_id?, change)));
    Ok(entered.into_iter().map(|change| (change.id, change)).chain(said).collect())
}

/// Which decisions to list.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    /// Those of this sender.
    pub value: String,
    /// Those about this address of ours.
    pub our_address: Option<String>,
    /// Those before this one: newest first.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// All decisions of one sender, newest first.
pub async fn history(
    tx: &mut Tx,
    filter: &HistoryFilter,
) -> Result<Vec<ConsentChange>, StoreError> {
    const SELECT: &str = "select id, scheme, value, our_address, state, source, reason, author_kind, author, \
        record_id, at from consent_changes where value = ";
    Ok(fetch_filtered!(tx, SELECT, query => {
        query.push_bind(&filter.value);
        query.push(" and id < ").push_bind(filter.before.unwrap_or(Uuid::max()));
        if let Some(ours) = &filter.our_address {
            query.push(" and our_address = ").push_bind(ours);
        }
        query.push(" order by id desc limit ").push_bind(filter.limit);
    })?)
}
