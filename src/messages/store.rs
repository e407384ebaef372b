//! SQL of messages, events, requests and of what has been recorded already.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{EventRecord, Message, RequestRecord};
use crate::{
    clock,
    db::{
        Bytes, JsonText, Statement, StoreError, Tx, batch_row, fetch_by_ids, fetch_filtered,
        on_engine,
    },
};

/// How long after a request's id the ids of what it brought are made, at the very most.
const SAME_REQUEST: Duration = Duration::from_secs(60);

batch_row! {
    /// A request for the archive.
    pub struct NewRequest {
        /// Opaque id.
        id: Uuid,
        /// The channel it was for.
        channel_id: Option<String>,
        /// GET or POST.
        method: &'static str,
        /// The address it was sent to, without secrets.
        target: String,
        /// Its headers as pairs, without secrets.
        headers: JsonText,
        /// Its body.
        body: Bytes,
        /// When it arrived.
        received_at: i64,
        /// What became of it.
        outcome: &'static str,
        /// Why.
        reason: Option<String>,
        /// How many events it brought.
        events: i32,
        /// How many of them were known already.
        duplicates: i32,
    }
}

/// Archives requests.
pub async fn archive(tx: &mut Tx, rows: Vec<NewRequest>) -> Result<(), StoreError> {
    static INSERT: Statement<NewRequest> = Statement::new(
        "insert into requests (id, channel_id, method, target, headers, body, received_at, outcome, reason, \
         events, duplicates) select r.id, r.channel_id, r.method, r.target, r.headers, r.body, \
         r.received_at, r.outcome, r.reason, r.events, r.duplicates from {rows} order by r.ord",
    );
    INSERT.execute(tx, rows).await?;
    Ok(())
}

/// Forgets the oldest refused requests beyond `keep`: strangers must not fill the disk.
pub async fn prune_refused(tx: &mut Tx, keep: i64) -> Result<u64, StoreError> {
    const SQL: &str = "delete from requests where outcome in ('refused', 'unknown_channel') and id < \
        (select id from requests where outcome in ('refused', 'unknown_channel') \
        order by id desc limit 1 offset $1)";
    Ok(on_engine!(tx, conn => sqlx::query(SQL).bind(keep - 1).execute(conn).await
        .map(|done| done.rows_affected()))?)
}

/// A provider's id, to be recorded once per channel.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The channel.
    pub channel_id: String,
    /// What tells a repeat from a new event.
    pub key: String,
    /// Our id of what is recorded.
    pub record_id: Uuid,
    /// A digest of the content, where other content is a conflict.
    pub content: Option<i64>,
    /// When it arrived.
    pub now: i64,
}

/// Whether a claim was the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Ours to record.
    First,
    /// Recorded before, under this id and with this content.
    Before {
        /// Our id of what was recorded.
        record_id: Uuid,
        /// The digest recorded with it.
        content: Option<i64>,
    },
}

batch_row! {
    struct ClaimRow {
        key: Bytes,
        record_id: Uuid,
        content: Option<i64>,
        now: i64,
    }
}

batch_row! {
    struct KeyRow {
        key: Bytes,
    }
}

/// What a channel's key is stored as.
fn digest(channel_id: &str, key: &str) -> Bytes {
    let digest = Sha256::new().chain_update(channel_id).chain_update([0]).chain_update(key);
    Bytes(digest.finalize()[..16].to_vec())
}

/// What is stored of a claim: our id, and the digest of the content.
type Stored = (Uuid, Option<i64>);

/// Claims ids; the answer is in the claims' order. A repeat within the group is a repeat, too.
pub async fn claim(tx: &mut Tx, claims: &[Claim]) -> Result<Vec<Claimed>, StoreError> {
    let row = |claim: &Claim| ClaimRow {
        key: digest(&claim.channel_id, &claim.key),
        record_id: claim.record_id,
        content: claim.content,
        now: claim.now,
    };
    let keyed: Vec<ClaimRow> = claims.iter().map(row).collect();
    let mut rows = keyed.clone();
    // Stable: of two equal keys the earlier stays.
    rows.sort_by(|a, b| a.key.0.cmp(&b.key.0));
    rows.dedup_by(|later, first| later.key == first.key);
    let first = rows.iter().map(|row| (row.key.0.clone(), (row.record_id, row.content)));
    let mut stored: HashMap<Vec<u8>, Stored> = first.collect();
    stored.extend(insert_claims(tx, rows).await?);
    let claimed = |row: &ClaimRow| match stored[&row.key.0] {
        (record_id, _) if record_id == row.record_id => Claimed::First,
        (record_id, content) => Claimed::Before { record_id, content },
    };
    Ok(keyed.iter().map(claimed).collect())
}

/// Stores claims of different keys, and returns what was stored under some of them before.
async fn insert_claims(
    tx: &mut Tx,
    rows: Vec<ClaimRow>,
) -> Result<HashMap<Vec<u8>, Stored>, StoreError> {
    // The lock is in the first statement of a group: what the next ones see, nobody changes who
    // holds claims.
    static CLAIM: Statement<ClaimRow> = Statement::locking(
        "insert into dedupe (key, record_id, content, received_at) \
         select r.key, r.record_id, r.content, r.now from {rows} where true order by r.ord \
         on conflict (key) do nothing returning record_id",
        ", pg_advisory_xact_lock_shared(hashtext('claims'))",
    );
    static INSERT: Statement<ClaimRow> = Statement::new(
        "insert into dedupe (key, record_id, content, received_at) \
         select r.key, r.record_id, r.content, r.now from {rows} order by r.ord",
    );
    if matches!(tx, Tx::Sqlite(_)) {
        // There is one writer: nobody comes between. Each row that is returned wakes us, and few are.
        let known = known(tx, &rows).await?;
        let new = rows.into_iter().filter(|row| !known.contains_key(&row.key.0));
        INSERT.execute(tx, new.collect()).await?;
        return Ok(known);
    }
    let first: Vec<(Uuid,)> = CLAIM.fetch(tx, rows.clone()).await?;
    let first: HashSet<Uuid> = first.into_iter().map(|(id,)| id).collect();
    let repeats = rows.into_iter().filter(|row| !first.contains(&row.record_id));
    let repeats: Vec<ClaimRow> = repeats.collect();
    let known = known(tx, &repeats).await?;
    // One that was forgotten between the two statements is free at the next attempt.
    if known.len() == repeats.len() { Ok(known) } else { Err(StoreError::Exists) }
}

/// What is stored under the keys of these rows.
async fn known(tx: &mut Tx, rows: &[ClaimRow]) -> Result<HashMap<Vec<u8>, Stored>, StoreError> {
    static KNOWN: Statement<KeyRow> = Statement::new(
        "select d.key, d.record_id, d.content from {rows} join dedupe d on d.key = r.key",
    );
    let keys = rows.iter().map(|row| KeyRow { key: row.key.clone() });
    let known: Vec<(Vec<u8>, Uuid, Option<i64>)> = KNOWN.fetch(tx, keys.collect()).await?;
    Ok(known.into_iter().map(|(key, id, content)| (key, (id, content))).collect())
}

/// Waits until all that was claimed is recorded, and lets nobody claim until the transaction ends:
/// for whoever takes profiles, or what is open, from under the messages that are about to find them.
///
/// It comes before anything else in a transaction. Intake waits for it everywhere, so the
/// transaction must be short; the database ends it if its owner falls silent.
pub async fn hold_claims(tx: &mut Tx) -> Result<(), StoreError> {
    const SQL: &str = "select set_config('idle_in_transaction_session_timeout', '10s', true), \
        pg_advisory_xact_lock(hashtext('claims'))";
    match tx {
        // There is one writer.
        Tx::Sqlite(_) => Ok(()),
        Tx::Postgres(tx) => Ok(sqlx::query(SQL).execute(&mut **tx).await.map(drop)?),
    }
}

/// Our ids of what was recorded under these channels' keys; the answer is in their order.
pub async fn record_ids(
    tx: &mut Tx,
    keys: Vec<(String, String)>,
) -> Result<Vec<Option<Uuid>>, StoreError> {
    static FIND: Statement<KeyRow> = Statement::new(
        "select r.ord, d.record_id from {rows} left join dedupe d on d.key = r.key order by r.ord",
    );
    let rows = keys.iter().map(|(channel_id, key)| KeyRow { key: digest(channel_id, key) });
    let rows: Vec<(i64, Option<Uuid>)> = FIND.fetch(tx, rows.collect()).await?;
    Ok(rows.into_iter().map(|(_, id)| id).collect())
}

batch_row! {
    /// A message to be stored.
    pub struct NewMessage {
        /// Opaque id.
        id: Uuid,
        /// The request that brought it.
        request_id: Uuid,
        /// The channel it came by.
        channel_id: String,
        /// The interaction it belongs to.
        interaction_id: Uuid,
        /// The sender's profile.
        profile_id: Uuid,
        /// `inbound` or `outbound`.
        direction: &'static str,
        /// What kind of event it is.
        kind: &'static str,
        /// The provider's id.
        provider_message_id: Option<String>,
        /// The text.
        text: Option<String>,
        /// Media and other parts.
        attachments: JsonText,
        /// The provider's id of the message this one answers.
        reply_to: Option<String>,
        /// The provider's id of the conversation.
        conversation: Option<String>,
        /// What else the provider said.
        details: JsonText,
        /// When the provider says it was sent.
        sent_at: Option<i64>,
        /// When it arrived.
        received_at: i64,
        /// `opened`, `continued` or `noted`.
        decision: &'static str,
        /// Why.
        reason: &'static str,
        /// Whether its sender could take it back or change it, so that it may have been before it
        /// arrived.
        can_be_changed: bool,
    }
}

/// Stores messages. One that was taken back or changed before it arrived is stored so.
pub async fn insert(tx: &mut Tx, rows: Vec<NewMessage>) -> Result<(), StoreError> {
    static INSERT: Statement<NewMessage> = Statement::new(
        "insert into messages (id, request_id, channel_id, interaction_id, profile_id, direction, kind, \
         provider_message_id, text, attachments, reply_to, conversation, details, sent_at, received_at, \
         edited_at, deleted_at, decision, reason) select r.id, r.request_id, r.channel_id, r.interaction_id, \
         r.profile_id, r.direction, r.kind, r.provider_message_id, \
         nullif(coalesce(case when r.can_be_changed then (select e.data ->> 'text' \
         from events e where e.channel_id = r.channel_id and e.target = r.provider_message_id \
         and e.kind = 'message_edited' and e.data ->> 'text' is not null \
         order by coalesce(e.at, e.received_at) desc, e.id desc limit 1) end, r.text), ''), \
         coalesce(case when r.can_be_changed then (select e.data -> 'attachments' \
         from events e where e.channel_id = r.channel_id and e.target = r.provider_message_id \
         and e.kind = 'message_edited' and cast(e.data -> 'attachments' as text) <> '[]' \
         order by coalesce(e.at, e.received_at) desc, e.id desc limit 1) end, r.attachments), \
         r.reply_to, r.conversation, r.details, r.sent_at, r.received_at, \
         case when r.can_be_changed then (select max(coalesce(e.at, e.received_at)) \
         from events e where e.channel_id = r.channel_id and e.target = r.provider_message_id \
         and e.kind = 'message_edited') end, \
         case when r.can_be_changed then (select min(e.received_at) \
         from events e where e.channel_id = r.channel_id and e.target = r.provider_message_id \
         and e.kind = 'message_deleted') end, r.decision, r.reason from {rows} order by r.ord",
    );
    INSERT.execute(tx, rows).await?;
    Ok(())
}

batch_row! {
    /// An event to be stored.
    pub struct NewEvent {
        /// Opaque id.
        id: Uuid,
        /// The request that brought it.
        request_id: Uuid,
        /// The channel it came by.
        channel_id: String,
        /// What kind of event it is.
        kind: &'static str,
        /// The provider's own word.
        provider_type: Option<String>,
        /// The provider's id of the message it is about.
        target: Option<String>,
        /// Our id of that message.
        message_id: Option<Uuid>,
        /// The event as decoded.
        data: JsonText,
        /// When the provider says it happened.
        at: Option<i64>,
        /// When it arrived.
        received_at: i64,
    }
}

/// Stores events.
pub async fn insert_events(tx: &mut Tx, rows: Vec<NewEvent>) -> Result<(), StoreError> {
    static INSERT: Statement<NewEvent> = Statement::new(
        "insert into events (id, request_id, channel_id, kind, provider_type, target, message_id, data, at, \
         received_at) select r.id, r.request_id, r.channel_id, r.kind, r.provider_type, r.target, \
         r.message_id, r.data, r.at, r.received_at from {rows} order by r.ord",
    );
    INSERT.execute(tx, rows).await?;
    Ok(())
}

/// Which messages to list.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// Those of this interaction.
    pub interaction: Option<Uuid>,
    /// Those this request brought.
    pub request: Option<Uuid>,
    /// This one.
    pub id: Option<Uuid>,
    /// Those after this one.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

const MESSAGES: &str = "select id, request_id, channel_id, interaction_id, profile_id, direction, kind, \
    provider_message_id, text, attachments, reply_to, conversation, details, sent_at, received_at, \
    edited_at, deleted_at, decision, reason, author_kind, author from messages";

/// Messages by their ids, in no order.
pub async fn by_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Message>, StoreError> {
    Ok(fetch_by_ids!(tx, MESSAGES, "id", ids)?)
}

/// Where a message or another event of a provider's comes from and belongs to.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Origin {
    id: Uuid,
    /// The channel it came by.
    pub channel_id: String,
    /// The interaction it belongs to, or the message it is about.
    pub interaction_id: Option<Uuid>,
    /// What a message did; `None` for other events.
    pub decision: Option<String>,
}

/// The origins of messages and other events, by their ids.
pub async fn origins(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, Origin>, StoreError> {
    const OF_MESSAGES: &str = "select id, channel_id, interaction_id, decision from messages";
    const OF_EVENTS: &str = "select e.id, e.channel_id, m.interaction_id, null as decision \
        from events e left join messages m on m.id = e.message_id";
    let messages: Vec<Origin> = fetch_by_ids!(tx, OF_MESSAGES, "id", ids)?;
    let mut origins: HashMap<_, _> =
        messages.into_iter().map(|origin| (origin.id, origin)).collect();
    let others: Vec<_> = ids.iter().copied().filter(|id| !origins.contains_key(id)).collect();
    let events: Vec<Origin> = fetch_by_ids!(tx, OF_EVENTS, "e.id", &others)?;
    origins.extend(events.into_iter().map(|origin| (origin.id, origin)));
    Ok(origins)
}

/// Narrows a query to the messages a filter means.
macro_rules! narrow_to_messages {
    ($query:ident, $filter:ident) => {
        // One bound below: SQLite seeks by the first it finds.
        let after = $filter.after.max($filter.request).unwrap_or_default();
        $query.push(" where id > ").push_bind(after);
        if let Some(interaction) = $filter.interaction {
            $query.push(" and interaction_id = ").push_bind(interaction);
        }
        if let Some(request) = $filter.request {
            // Ids are made moments after their request's: no index of its own is needed.
            $query.push(" and id < ").push_bind(clock::id_after(request, SAME_REQUEST));
            $query.push(" and request_id = ").push_bind(request);
        }
        if let Some(id) = $filter.id {
            $query.push(" and id = ").push_bind(id);
        }
    };
}

/// Messages in order of arrival.
pub async fn list(tx: &mut Tx, filter: &MessageFilter) -> Result<Vec<Message>, StoreError> {
    Ok(fetch_filtered!(tx, MESSAGES, query => {
        narrow_to_messages!(query, filter);
        query.push(" order by id limit ").push_bind(filter.limit);
    })?)
}

/// The last messages in order of arrival, and how many came before them.
pub async fn newest(
    tx: &mut Tx,
    filter: &MessageFilter,
) -> Result<(Vec<Message>, i64), StoreError> {
    let mut messages: Vec<Message> = fetch_filtered!(tx, MESSAGES, query => {
        narrow_to_messages!(query, filter);
        query.push(" order by id desc limit ").push_bind(filter.limit);
    })?;
    messages.reverse();
    let all: Vec<(i64,)> = fetch_filtered!(tx, "select count(*) from messages", query => {
        narrow_to_messages!(query, filter);
    })?;
    let before = all.first().map_or(0, |(all,)| all - rows(messages.len()));
    Ok((messages, before))
}

fn rows(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Those about the message with this provider's id.
    pub target: Option<(String, String)>,
    /// Those of this request.
    pub request: Option<Uuid>,
    /// This one.
    pub id: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

const EVENTS: &str = "select id, request_id, channel_id, kind, provider_type, target, message_id, data, \
    at, received_at from events";

/// Events by their ids, in no order.
pub async fn events_by_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<EventRecord>, StoreError> {
    Ok(fetch_by_ids!(tx, EVENTS, "id", ids)?)
}

/// Narrows a query to the events a filter means.
macro_rules! narrow_to_events {
    ($query:ident, $filter:ident) => {
        $query.push(" where true");
        if let Some((channel, target)) = &$filter.target {
            $query.push(" and channel_id = ").push_bind(channel);
            $query.push(" and target = ").push_bind(target);
        }
        if let Some(request) = $filter.request {
            // Ids are made moments after their request's: no index of its own is needed.
            $query.push(" and id > ").push_bind(request);
            $query.push(" and id < ").push_bind(clock::id_after(request, SAME_REQUEST));
            $query.push(" and request_id = ").push_bind(request);
        }
        if let Some(id) = $filter.id {
            $query.push(" and id = ").push_bind(id);
        }
    };
}

/// Events in order of arrival.
pub async fn events(tx: &mut Tx, filter: &EventFilter) -> Result<Vec<EventRecord>, StoreError> {
    Ok(fetch_filtered!(tx, EVENTS, query => {
        narrow_to_events!(query, filter);
        query.push(" order by id limit ").push_bind(filter.limit);
    })?)
}

/// The last events in order of arrival, and how many came before them.
pub async fn newest_events(
    tx: &mut Tx,
    filter: &EventFilter,
) -> Result<(Vec<EventRecord>, i64), StoreError> {
    let mut events: Vec<EventRecord> = fetch_filtered!(tx, EVENTS, query => {
        narrow_to_events!(query, filter);
        query.push(" order by id desc limit ").push_bind(filter.limit);
    })?;
    events.reverse();
    let all: Vec<(i64,)> = fetch_filtered!(tx, "select count(*) from events", query => {
        narrow_to_events!(query, filter);
    })?;
    let before = all.first().map_or(0, |(all,)| all - rows(events.len()));
    Ok((events, before))
}

/// A request with its headers (as pairs) and body.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StoredRequest {
    /// Everything lists show.
    #[sqlx(flatten)]
    pub record: RequestRecord,
    /// Name and value, in order, without secrets.
    pub headers: sqlx::types::Json<Vec<(String, String)>>,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// One request, whole.
pub async fn find_request(tx: &mut Tx, id: Uuid) -> Result<Option<StoredRequest>, StoreError> {
    const SQL: &str = "select id, channel_id, method, target, received_at, outcome, reason, events, \
        duplicates, headers, body from requests where id = $1";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?)
}
