//! Whether a sender wants messages from one of our addresses.
//!
//! Opting out applies to the address that received it, not to all of ours. What an opted-out sender
//! writes is taken in as ever.

use serde::Serialize;

use crate::db::{Statement, StoreError, Tx, batch_row, on_engine};

/// What a sender decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// No more messages.
    OptedOut,
    /// Messages again.
    OptedIn,
}

impl Consent {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::OptedIn => "opted_in",
        }
    }
}

batch_row! {
    /// A decision of a sender's.
    pub struct NewConsent {
        /// The medium.
        scheme: &'static str,
        /// The sender's address.
        value: String,
        /// Our address.
        our_address: String,
        /// The decision.
        state: &'static str,
        /// Who reported it.
        source: String,
        /// When.
        now: i64,
    }
}

/// Records decisions; the latest counts. Each (sender, our address) appears once.
pub async fn record(tx: &mut Tx, mut rows: Vec<NewConsent>) -> Result<(), StoreError> {
    static UPSERT: Statement<NewConsent> = Statement::new(
        "insert into consents (scheme, value, our_address, state, source, changed_at) \
         select r.scheme, r.value, r.our_address, r.state, r.source, r.now from {rows} where true \
         order by r.ord on conflict (scheme, value, our_address) do update set state = excluded.state, \
         source = excluded.source, changed_at = excluded.changed_at \
         where consents.changed_at <= excluded.changed_at",
    );
    rows.sort_by(|a, b| {
        (a.scheme, &a.value, &a.our_address).cmp(&(b.scheme, &b.value, &b.our_address))
    });
    UPSERT.execute(tx, rows).await?;
    Ok(())
}

batch_row! {
    /// A sender and an address of ours.
    pub struct Pair {
        /// The medium.
        scheme: &'static str,
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
    let rows: Vec<(i64, Option<String>)> = FIND.fetch(tx, pairs).await?;
    let out = Consent::OptedOut.as_str();
    Ok(rows.into_iter().map(|(_, state)| state.as_deref() == Some(out)).collect())
}

/// A decision, for showing.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct ConsentRecord {
    /// The medium.
    pub scheme: String,
    /// The sender's address.
    pub value: String,
    /// Our address.
    pub our_address: String,
    /// `opted_out` or `opted_in`.
    pub state: String,
    /// Who reported it.
    pub source: String,
    /// When.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: i64,
}

/// The decisions of one sender, on every medium.
pub async fn of_address(tx: &mut Tx, value: &str) -> Result<Vec<ConsentRecord>, StoreError> {
    // The media are named so that the primary key, which begins with them, finds the rows.
    const SQL: &str = "select scheme, value, our_address, state, source, changed_at from consents \
        where scheme in ('sms', 'whatsapp', 'rcs', 'messenger', 'telegram', 'instagram', 'line', \
        'viber', 'slack', 'teams', 'discord', 'wechat', 'jiochat', 'vk', 'matrix', 'apple_messages', \
        'kakaotalk', 'zalo', 'chat') and value = $1 \
        order by scheme, our_address";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(value).fetch_all(conn).await)?)
}
