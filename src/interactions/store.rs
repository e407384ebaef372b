//! SQL of interactions.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Conversation, Current, Interaction, State};
use crate::{
    channels::Continuation,
    clock,
    db::{JsonText, Statement, StoreError, Tx, batch_row, fetch_by_ids, fetch_filtered, on_engine},
    profiles::PersonRef,
};

batch_row! {
    struct KeyRow {
        profile_id: Uuid,
        our_address: String,
        wants_last: bool,
    }
}

/// An open interaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub id: Uuid,
    pub seq: i64,
    pub current: Current,
}

#[derive(sqlx::FromRow)]
struct OpenRow {
    profile_id: Uuid,
    our_address: String,
    id: Uuid,
    seq: i64,
    state: State,
    parked: bool,
    last_at: i64,
}

/// The open interactions of these conversations.
pub(super) async fn find_open<'a>(
    tx: &mut Tx,
    conversations: impl Iterator<Item = &'a Conversation<'a>>,
) -> Result<HashMap<(Uuid, String), Open>, StoreError> {
    // Only channels whose conversations run out need the time of the last message.
    // Nobody closes what a message is about to continue.
    static FIND: Statement<KeyRow> = Statement::locking(
        "select r.profile_id, r.our_address, i.id, i.seq, i.state, \
         (i.state_reason is not null or i.assigned_to is not null) as parked, \
         coalesce(case when r.wants_last then (select m.received_at from messages m \
         where m.interaction_id = i.id order by m.id desc limit 1) end, i.opened_at) as last_at \
         from {rows} join interactions i on i.profile_id = r.profile_id and i.our_address = r.our_address \
         where i.active",
        " for share of i",
    );
    let rows = conversations.map(|conversation| KeyRow {
        profile_id: conversation.profile_id,
        our_address: conversation.our_address.to_owned(),
        wants_last: matches!(
            conversation.channel.settings.continuation,
            Continuation::WithinMinutes(_)
        ),
    });
    let rows: Vec<OpenRow> = FIND.fetch(tx, rows.collect()).await?;
    let open = |row: OpenRow| {
        let current = Current { state: row.state, parked: row.parked, last_at: row.last_at };
        ((row.profile_id, row.our_address), Open { id: row.id, seq: row.seq, current })
    };
    Ok(rows.into_iter().map(open).collect())
}

/// The latest interaction of each of these conversations, open or closed.
pub(super) async fn latest(
    tx: &mut Tx,
    keys: Vec<(Uuid, String)>,
) -> Result<HashMap<(Uuid, String), Uuid>, StoreError> {
    static LATEST: Statement<KeyRow> = Statement::new(
        "select r.profile_id, r.our_address, (select i.id from interactions i \
         where i.profile_id = r.profile_id and i.our_address = r.our_address \
         order by i.opened_at desc limit 1) as id from {rows}",
    );
    let rows = keys.into_iter().map(|(profile_id, our_address)| KeyRow {
        profile_id,
        our_address,
        wants_last: false,
    });
    let rows: Vec<(Uuid, String, Option<Uuid>)> = LATEST.fetch(tx, rows.collect()).await?;
    let latest = rows.into_iter().filter_map(|(profile, ours, id)| Some(((profile, ours), id?)));
    Ok(latest.collect())
}

batch_row! {
    pub(super) struct NewInteraction {
        id: Uuid,
        contact_type: &'static str,
        subtype: &'static str,
        state: &'static str,
        state_reason: Option<&'static str>,
        state_changed_at: i64,
        active: bool,
        profile_id: Uuid,
        channel_id: String,
        our_address: String,
        opened_for_kind: &'static str,
        opened_for: Option<Uuid>,
        contact: Option<Uuid>,
        consumer: Option<Uuid>,
        match_outcome: &'static str,
        candidates: JsonText,
        opened_at: i64,
        closed_at: Option<i64>,
        closed_by: Option<&'static str>,
        language: Option<String>,
        country: Option<String>,
        channel_metadata: JsonText,
        parent_id: Option<Uuid>,
    }
}

/// Stores new interactions and returns the places of those whose conversation had none open.
pub(super) async fn insert(
    tx: &mut Tx,
    rows: Vec<NewInteraction>,
) -> Result<HashMap<Uuid, i64>, StoreError> {
    static INSERT: Statement<NewInteraction> = Statement::new(
        "insert into interactions (id, type, subtype, direction, initiated_by, state, state_reason, \
         state_changed_at, active, profile_id, channel_id, our_address, opened_for_kind, opened_for, \
         contact, consumer, verified, match_outcome, candidates, opened_at, opened_by, closed_at, closed_by, \
         language, country, channel_metadata, parent_id, version) \
         select r.id, r.contact_type, r.subtype, 'inbound', 'requester', r.state, r.state_reason, \
         r.state_changed_at, r.active, r.profile_id, r.channel_id, r.our_address, r.opened_for_kind, \
         r.opened_for, r.contact, r.consumer, false, r.match_outcome, r.candidates, r.opened_at, 'requester', \
         r.closed_at, r.closed_by, r.language, r.country, r.channel_metadata, r.parent_id, 1 \
         from {rows} where true order by r.ord \
         on conflict (profile_id, our_address) where active do nothing returning id, seq",
    );
    let inserted: Vec<(Uuid, i64)> = INSERT.fetch(tx, rows).await?;
    Ok(inserted.into_iter().collect())
}

batch_row! {
    struct IdRow {
        id: Uuid,
    }
}

/// Takes back interactions inserted in this very transaction.
pub(super) async fn forget(tx: &mut Tx, ids: impl Iterator<Item = Uuid>) -> Result<(), StoreError> {
    static FORGET: Statement<IdRow> =
        Statement::new("delete from interactions where id in (select r.id from {rows})");
    FORGET.execute(tx, ids.map(|id| IdRow { id }).collect()).await?;
    Ok(())
}

batch_row! {
    /// A move that intake makes by itself.
    pub(super) struct Moved {
        transition_id: Uuid,
        id: Uuid,
        state: &'static str,
        state_reason: Option<&'static str>,
        cause: &'static str,
        at: i64,
    }
}

impl Moved {
    /// Another interaction takes its place.
    pub fn superseded(id: Uuid, at: i64) -> Self {
        let (state, state_reason) = (State::ClosedComplete.as_str(), Some("superseded"));
        let transition_id = clock::new_id();
        Self { transition_id, id, state, state_reason, cause: "superseded", at }
    }

    /// The customer writes to what was parked or in wrap-up.
    pub fn resumed(id: Uuid, state: State, at: i64) -> Self {
        let state = state.as_str();
        let transition_id = clock::new_id();
        Self { transition_id, id, state, state_reason: None, cause: "customer_wrote", at }
    }
}

/// Writes moves down, with where they began; to be called before they are made.
async fn write_down(tx: &mut Tx, rows: &[Moved]) -> Result<(), StoreError> {
    static INSERT: Statement<Moved> = Statement::new(
        "insert into interaction_transitions (id, interaction_id, from_state, from_reason, to_state, to_reason, \
         cause, author_kind, author, assigned_to, at) select r.transition_id, i.id, i.state, \
         i.state_reason, r.state, r.state_reason, r.cause, 'requester', 'requester', i.assigned_to, r.at \
         from {rows} join interactions i on i.id = r.id where i.active order by r.ord",
    );
    INSERT.execute(tx, rows.to_vec()).await?;
    Ok(())
}

/// Closes open interactions that a new one takes the place of.
pub(super) async fn supersede(tx: &mut Tx, rows: Vec<Moved>) -> Result<(), StoreError> {
    static CLOSE: Statement<Moved> = Statement::new(
        "update interactions set state = r.state, state_reason = r.state_reason, \
         worked_ms = worked_ms + case interactions.state when 'work_in_progress' then r.at - state_changed_at \
         else 0 end, \
         wrap_up_ms = wrap_up_ms + case interactions.state when 'wrap_up' then r.at - state_changed_at \
         else 0 end, \
         state_changed_at = r.at, active = false, closed_at = r.at, closed_by = 'system', \
         version = version + 1 from {rows} where interactions.id = r.id and interactions.active",
    );
    write_down(tx, &rows).await?;
    CLOSE.execute(tx, rows).await?;
    Ok(())
}

/// Brings parked interactions back to work.
pub(super) async fn resume(tx: &mut Tx, rows: Vec<Moved>) -> Result<(), StoreError> {
    static RESUME: Statement<Moved> = Statement::new(
        "update interactions set state = r.state, state_reason = null, \
         wrap_up_ms = wrap_up_ms + case interactions.state when 'wrap_up' then r.at - state_changed_at \
         else 0 end, \
         state_changed_at = r.at, wrap_up_ends_at = null, version = version + 1 from {rows} \
         where interactions.id = r.id and interactions.active",
    );
    write_down(tx, &rows).await?;
    RESUME.execute(tx, rows).await?;
    Ok(())
}

/// Describes closed interactions in the customer's first words, where nobody wrote a description.
pub async fn describe(tx: &mut Tx, ids: impl Iterator<Item = Uuid>) -> Result<(), StoreError> {
    static DESCRIBE: Statement<IdRow> = Statement::new(
        "update interactions set description_generated = true, short_description = coalesce((select \
         substr(m.text, 1, 160) from messages m where m.interaction_id = interactions.id \
         and m.direction = 'inbound' and m.text is not null order by m.id limit 1), \
         type || ' without text') from {rows} where interactions.id = r.id \
         and interactions.short_description is null",
    );
    DESCRIBE.execute(tx, ids.map(|id| IdRow { id }).collect()).await?;
    Ok(())
}

batch_row! {
    /// A conversation, as a provider names it.
    pub struct Thread {
        /// The channel.
        channel_id: String,
        /// Our address in it.
        our_address: String,
        /// The provider's id.
        conversation: String,
    }
}

/// The customers whose open interaction has these conversations as its first or latest, each with
/// the place of its conversation and whether they are blocked.
///
/// For our own side's words alone: no index knows conversations, which would cost every message.
pub async fn customers_of(
    tx: &mut Tx,
    threads: Vec<Thread>,
) -> Result<Vec<(usize, Uuid, bool)>, StoreError> {
    // Written so that what is open is walked, latest first, and not all that the channel ever had.
    static FIND: Statement<Thread> = Statement::new(
        "select r.ord, p.id, p.blocked_at is not null from {rows} join profiles p on p.id = \
         (select i.profile_id from interactions i where i.active \
         and coalesce(i.channel_id, '') = r.channel_id and i.our_address = r.our_address \
         and (i.channel_metadata ->> 'conversation' = r.conversation \
         or (select m.conversation from messages m where m.interaction_id = i.id \
         and m.direction = 'inbound' order by m.id desc limit 1) = r.conversation) \
         order by i.seq desc limit 1)",
    );
    let found: Vec<(i64, Uuid, bool)> = FIND.fetch(tx, threads).await?;
    let place = |ord: i64| usize::try_from(ord - 1).expect("ord counts rows from 1");
    Ok(found.into_iter().map(|(ord, id, blocked)| (place(ord), id, blocked)).collect())
}

batch_row! {
    /// An answer of ours that was not written here.
    pub struct Answer {
        /// The interaction.
        interaction_id: Uuid,
        /// Our id of the message.
        message_id: Uuid,
        /// When it arrived.
        at: i64,
        /// The nil id, before all others.
        before_all: Uuid,
    }
}

/// Stops the clocks that answers stop, as replies that are written here do.
pub async fn answer(tx: &mut Tx, answers: impl Iterator<Item = Answer>) -> Result<(), StoreError> {
    static ANSWER: Statement<Answer> = Statement::new(
        "update interactions set first_reply_at = coalesce(interactions.first_reply_at, s.at), \
         last_reply_id = s.message_id, version = interactions.version + 1, \
         replies = interactions.replies + case when s.since is null then 0 else 1 end, \
         response_ms = interactions.response_ms + coalesce(s.at - s.since, 0) \
         from (select r.interaction_id, r.message_id, r.at, (select m.received_at from messages m \
         where m.interaction_id = r.interaction_id and m.direction = 'inbound' \
         and m.id > coalesce(i.last_reply_id, r.before_all) and m.id < r.message_id \
         order by m.id limit 1) as since from {rows} join interactions i on i.id = r.interaction_id) s \
         where interactions.id = s.interaction_id and interactions.active",
    );
    // One by one: the next answer begins where this one ended.
    for answer in answers {
        ANSWER.execute(tx, vec![answer]).await?;
    }
    Ok(())
}

batch_row! {
    struct Link {
        profile_id: Uuid,
        person_kind: &'static str,
        person_id: Uuid,
        contact: Option<Uuid>,
        consumer: Option<Uuid>,
        match_outcome: &'static str,
    }
}

/// Tells the open interactions of guests who they turned out to be.
pub async fn link_open(
    tx: &mut Tx,
    links: impl Iterator<Item = (Uuid, PersonRef, &'static str)>,
) -> Result<(), StoreError> {
    use crate::profiles::PersonKind::{Consumer, Contact};
    static LINK: Statement<Link> = Statement::new(
        "update interactions set opened_for_kind = r.person_kind, opened_for = r.person_id, \
         contact = r.contact, consumer = r.consumer, match_outcome = r.match_outcome, candidates = '[]', \
         version = version + 1 from {rows} where interactions.profile_id = r.profile_id \
         and interactions.active and interactions.opened_for is null",
    );
    let rows = links.map(|(profile_id, person, match_outcome)| Link {
        profile_id,
        person_kind: person.kind.as_str(),
        person_id: person.id,
        contact: (person.kind == Contact).then_some(person.id),
        consumer: (person.kind == Consumer).then_some(person.id),
        match_outcome,
    });
    LINK.execute(tx, rows.collect()).await?;
    Ok(())
}

/// Every column that is shown.
pub(crate) const COLUMNS: &str = "select seq, id, type, subtype, direction, initiated_by, state, state_reason, \
    state_changed_at, active, profile_id, channel_id, our_address, opened_for_kind, opened_for, account, \
    contact, consumer, verified, match_outcome, candidates, assigned_to, assigned_at, assignment_group, \
    opened_at, opened_by, closed_at, closed_by, short_description, description_generated, context, \
    channel_metadata, language, country, location, sentiment, help_requested, client_session_id, \
    virtual_agent, agent_chat, system_wrap_up, archived_at, wrap_up_id, wrap_up_ends_at, wrap_up_codes, parent_id, worked_ms, wrap_up_ms, live_requested_at, \
    first_reply_at, last_reply_id, replies, response_ms, version from interactions";

/// Interactions by their ids, in no order.
pub async fn by_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Interaction>, StoreError> {
    Ok(fetch_by_ids!(tx, COLUMNS, "id", ids)?)
}

/// The channels these interactions came by.
pub async fn channels_of(
    tx: &mut Tx,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Option<String>>, StoreError> {
    const SQL: &str = "select id, channel_id from interactions";
    let rows: Vec<(Uuid, Option<String>)> = fetch_by_ids!(tx, SQL, "id", ids)?;
    Ok(rows.into_iter().collect())
}

/// The channels of the first interactions of profiles, by profile.
pub async fn first_channels(
    tx: &mut Tx,
    profiles: &[Uuid],
) -> Result<HashMap<Uuid, String>, StoreError> {
    const SQL: &str = "select p.id, (select i.channel_id from interactions i \
        where i.profile_id = p.id and i.channel_id is not null order by i.seq limit 1) from profiles p";
    let rows: Vec<(Uuid, Option<String>)> = fetch_by_ids!(tx, SQL, "p.id", profiles)?;
    Ok(rows.into_iter().filter_map(|(id, channel)| Some((id, channel?))).collect())
}

/// One interaction by its place.
pub async fn get(tx: &mut Tx, seq: i64) -> Result<Option<Interaction>, StoreError> {
    let found: Vec<Interaction> = fetch_filtered!(tx, COLUMNS, planned_once: true, query => {
        query.push(" where seq = ").push_bind(seq);
    })?;
    Ok(found.into_iter().next())
}

/// The place of an interaction by its id.
pub async fn seq_of(tx: &mut Tx, id: Uuid) -> Result<Option<i64>, StoreError> {
    const SQL: &str = "select seq from interactions where id = $1";
    let row: Option<(i64,)> =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?;
    Ok(row.map(|(seq,)| seq))
}
