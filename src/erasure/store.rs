//! SQL of erasing: the one place that knows every table with something of a person in it.
//!
//! A test looks for what is left in every table there is, so a new one is not forgotten.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::types::Json;
use uuid::Uuid;

use super::{Removed, Subject};
use crate::{
    db::{Statement, Store, StoreError, Tx, batch_row, on_engine},
    profiles::spellings,
};

/// Rows changed in one step.
pub(super) const STEP: usize = 500;

/// What there is of a person.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub profiles: BTreeSet<Uuid>,
    /// People of the directory who go, too.
    pub people: BTreeSet<Uuid>,
    pub addresses: BTreeSet<String>,
    /// Interactions by id, with their numbers.
    pub interactions: BTreeMap<Uuid, i64>,
    /// Messages in other interactions.
    pub strays: BTreeSet<Uuid>,
    /// Tasks by id, with their numbers.
    pub tasks: BTreeMap<Uuid, String>,
}

batch_row! {
    pub(super) struct IdRow {
        id: Uuid,
    }
}

batch_row! {
    struct TextRow {
        text: String,
    }
}

pub(super) fn ids(ids: impl IntoIterator<Item = Uuid>) -> Vec<IdRow> {
    ids.into_iter().map(|id| IdRow { id }).collect()
}

fn texts(texts: impl IntoIterator<Item = String>) -> Vec<TextRow> {
    texts.into_iter().map(|text| TextRow { text }).collect()
}

/// Begins a step. Erasures take turns at it: two of one person come to the same rows in any order,
/// and would wait for each other.
pub(super) async fn begin(store: &Store) -> Result<Tx, StoreError> {
    let mut tx = store.begin().await?;
    if let Tx::Postgres(tx) = &mut tx {
        let turn = sqlx::query("select pg_advisory_xact_lock(hashtext('erasure'))");
        turn.execute(&mut **tx).await?;
    }
    Ok(tx)
}

/// Everything by which the rest is found.
pub(super) async fn find(tx: &mut Tx, subject: &Subject) -> Result<Found, StoreError> {
    static PROFILE: Statement<IdRow> =
        Statement::new("select p.id from {rows} join profiles p on p.id = r.id");
    static PERSON: Statement<IdRow> =
        Statement::new("select h.id from {rows} join people h on h.id = r.id");
    static BY_VALUE: Statement<TextRow> = Statement::new(
        "select p.id from {rows} join profiles p on p.value = r.text union \
         select a.profile_id from {rows} join profile_aliases a on a.value = r.text",
    );
    static MERGED: Statement<IdRow> = Statement::new(
        "select m.kept_id from {rows} join profile_merges m on m.given_up_id = r.id and m.state = 'confirmed' union \
         select m.given_up_id from {rows} join profile_merges m on m.kept_id = r.id and m.state = 'confirmed'",
    );
    static BY_PERSON: Statement<IdRow> =
        Statement::new("select p.id from {rows} join profiles p on p.person_id = r.id");
    static ADDRESSES: Statement<IdRow> = Statement::new(
        "select p.value from {rows} join profiles p on p.id = r.id union \
         select a.value from {rows} join profile_aliases a on a.profile_id = r.id",
    );
    static OF_PEOPLE: Statement<IdRow> = Statement::new(
        "select n.phone from {rows} join person_phones n on n.person_id = r.id union \
         select h.email from {rows} join people h on h.id = r.id where h.email is not null",
    );
    static INTERACTIONS: Statement<IdRow> = Statement::new(
        "select i.id, i.seq from {rows} join interactions i on i.profile_id = r.id union \
         select i.id, i.seq from {rows} join interactions i on i.opened_for = r.id",
    );
    static TASKS: Statement<IdRow> = Statement::new(
        "select t.id, t.number from {rows} join tasks t on t.interaction_id = r.id union \
         select t.id, t.number from {rows} join tasks t on t.profile_id = r.id union \
         select t.id, t.number from {rows} join tasks t on t.opened_for = r.id",
    );
    let mut found = Found::default();
    match subject {
        Subject::Address(address) => found.addresses.extend(spellings(address)),
        Subject::Profile(id) => {
            let profiles: Vec<(Uuid,)> = PROFILE.fetch(tx, ids([*id])).await?;
            found.profiles.extend(profiles.into_iter().map(|(id,)| id));
        }
        Subject::Person(id) => {
            let people: Vec<(Uuid,)> = PERSON.fetch(tx, ids([*id])).await?;
            found.people.extend(people.into_iter().map(|(id,)| id));
            let addresses: Vec<(String,)> = OF_PEOPLE.fetch(tx, ids([*id])).await?;
            found.addresses.extend(addresses.into_iter().map(|(address,)| address));
            let profiles: Vec<(Uuid,)> = BY_PERSON.fetch(tx, ids([*id])).await?;
            found.profiles.extend(profiles.into_iter().map(|(id,)| id));
        }
    }
    // Addresses lead to profiles, and profiles to further addresses and to those they were merged
    // with.
    loop {
        let known = (found.addresses.len(), found.profiles.len());
        let rows: Vec<(Uuid,)> = BY_VALUE.fetch(tx, texts(found.addresses.clone())).await?;
        found.profiles.extend(rows.into_iter().map(|(id,)| id));
        let rows: Vec<(Uuid,)> = MERGED.fetch(tx, ids(found.profiles.clone())).await?;
        found.profiles.extend(rows.into_iter().map(|(id,)| id));
        let rows: Vec<(String,)> = ADDRESSES.fetch(tx, ids(found.profiles.clone())).await?;
        found.addresses.extend(rows.into_iter().map(|(address,)| address));
        if known == (found.addresses.len(), found.profiles.len()) {
            break;
        }
    }
    let whose = found.profiles.union(&found.people).copied();
    let rows: Vec<(Uuid, i64)> = INTERACTIONS.fetch(tx, ids(whose)).await?;
    found.interactions = rows.into_iter().collect();
    let whose = found.profiles.union(&found.people).copied();
    let whose = ids(whose.chain(found.interactions.keys().copied()));
    let rows: Vec<(Uuid, String)> = TASKS.fetch(tx, whose).await?;
    found.tasks = rows.into_iter().collect();
    found.strays = super::scan::strays(tx, &found).await?;
    Ok(found)
}

/// Gives up profiles and people: whoever writes from now on is somebody new. Returns how many still
/// were active.
pub(super) async fn give_up(tx: &mut Tx, found: &Found, now: i64) -> Result<u64, StoreError> {
    batch_row! {
        struct GivenUp {
            id: Uuid,
            now: i64,
        }
    }
    static PROFILES: Statement<GivenUp> = Statement::new(
        "update profiles set active = false, expired_at = r.now, changed_at = r.now, version = version + 1 from {rows} \
         where profiles.id = r.id and profiles.active",
    );
    static PEOPLE: Statement<GivenUp> = Statement::new(
        "update people set active = false, changed_at = r.now, version = version + 1 from {rows} \
         where people.id = r.id and people.active",
    );
    let rows = |ids: &BTreeSet<Uuid>| ids.iter().map(|id| GivenUp { id: *id, now }).collect();
    let profiles = PROFILES.execute(tx, rows(&found.profiles)).await?;
    Ok(profiles + PEOPLE.execute(tx, rows(&found.people)).await?)
}

/// Forgets parts of texts: those that wait for others, and those kept for late ones.
pub(super) async fn forget_parts(tx: &mut Tx, found: &Found) -> Result<u64, StoreError> {
    static PARTS: Statement<TextRow> = Statement::new(
        "delete from parts where group_id in (select g.id from {rows} \
         join part_groups g on g.sender = r.text)",
    );
    static GROUPS: Statement<TextRow> =
        Statement::new("delete from part_groups where sender in (select r.text from {rows})");
    let parts = PARTS.execute(tx, texts(found.addresses.clone())).await?;
    GROUPS.execute(tx, texts(found.addresses.clone())).await?;
    Ok(parts)
}

/// The requests that brought the person's messages, and these events.
pub(super) async fn requests_of(
    tx: &mut Tx,
    found: &Found,
    events: &BTreeSet<Uuid>,
) -> Result<BTreeSet<Uuid>, StoreError> {
    static OF_MESSAGES: Statement<IdRow> = Statement::new(
        "select distinct m.request_id from {rows} join messages m on m.interaction_id = r.id \
         where m.request_id is not null",
    );
    static OF_EVENTS: Statement<IdRow> =
        Statement::new("select distinct e.request_id from {rows} join events e on e.id = r.id");
    static OF_STRAYS: Statement<IdRow> = Statement::new(
        "select m.request_id from {rows} join messages m on m.id = r.id \
         where m.request_id is not null",
    );
    let mut rows: Vec<(Uuid,)> =
        OF_MESSAGES.fetch(tx, ids(found.interactions.keys().copied())).await?;
    rows.extend(OF_EVENTS.fetch::<(Uuid,)>(tx, ids(events.iter().copied())).await?);
    rows.extend(OF_STRAYS.fetch::<(Uuid,)>(tx, ids(found.strays.iter().copied())).await?);
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The events about the person's messages.
pub(super) async fn events_of(tx: &mut Tx, found: &Found) -> Result<BTreeSet<Uuid>, StoreError> {
    static FIND: Statement<IdRow> = Statement::new(
        "select distinct e.id from {rows} join messages m on m.interaction_id = r.id \
         join events e on e.channel_id = m.channel_id and e.target = m.provider_message_id",
    );
    let rows: Vec<(Uuid,)> = FIND.fetch(tx, ids(found.interactions.keys().copied())).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// How many rows the steps below would remove.
pub(super) async fn count(tx: &mut Tx, found: &Found) -> Result<Removed, StoreError> {
    static MESSAGES: Statement<IdRow> =
        Statement::new("select count(*) from {rows} join messages m on m.interaction_id = r.id");
    static NOTES: Statement<IdRow> = Statement::new(
        "select count(*) from {rows} join interaction_notes n on n.interaction_id = r.id",
    );
    static CONSENTS: Statement<TextRow> =
        Statement::new("select count(*) from {rows} join consents c on c.value = r.text");
    static PARTS: Statement<TextRow> = Statement::new(
        "select count(*) from {rows} join part_groups g on g.sender = r.text \
         join parts p on p.group_id = g.id",
    );
    let interactions = || ids(found.interactions.keys().copied());
    let mut removed = Removed::new();
    let sum = |rows: Vec<(i64,)>| rows.iter().map(|(count,)| count.unsigned_abs()).sum::<u64>();
    for (what, count) in [
        ("messages", sum(MESSAGES.fetch(tx, interactions()).await?)),
        ("messages", found.strays.len() as u64),
        ("interaction_notes", sum(NOTES.fetch(tx, interactions()).await?)),
        ("consents", sum(CONSENTS.fetch(tx, texts(found.addresses.clone())).await?)),
        ("parts", sum(PARTS.fetch(tx, texts(found.addresses.clone())).await?)),
        ("interactions_emptied", found.interactions.len() as u64),
        ("tasks_emptied", found.tasks.len() as u64),
        ("profiles", found.profiles.len() as u64),
        ("people", found.people.len() as u64),
    ] {
        super::add(&mut removed, what, count);
    }
    Ok(removed)
}

/// Removes some of the person's messages; returns how many.
pub(super) async fn delete_messages(tx: &mut Tx, interaction: Uuid) -> Result<u64, StoreError> {
    const SQL: &str = "delete from messages where id in (select id from messages \
        where interaction_id = $1 order by id limit 500)";
    Ok(on_engine!(tx, conn => sqlx::query(SQL).bind(interaction).execute(conn).await
        .map(|done| done.rows_affected()))?)
}

/// Removes messages.
pub(super) async fn delete_strays(tx: &mut Tx, rows: &[Uuid]) -> Result<u64, StoreError> {
    static DELETE: Statement<IdRow> =
        Statement::new("delete from messages where id in (select r.id from {rows})");
    DELETE.execute(tx, ids(rows.iter().copied())).await
}

/// Removes requests whole.
pub(super) async fn delete_requests(tx: &mut Tx, rows: &[Uuid]) -> Result<u64, StoreError> {
    static DELETE: Statement<IdRow> =
        Statement::new("delete from requests where id in (select r.id from {rows})");
    DELETE.execute(tx, ids(rows.iter().copied())).await
}

/// Empties requests that somebody else's messages came with.
pub(super) async fn empty_requests(tx: &mut Tx, rows: &[Uuid]) -> Result<u64, StoreError> {
    for id in rows {
        const SQL: &str =
            "update requests set headers = $2, body = $3, reason = 'erased' where id = $1";
        on_engine!(tx, conn => sqlx::query(SQL)
            .bind(id)
            .bind(Json(Vec::<(String, String)>::new()))
            .bind(Vec::<u8>::new())
            .execute(conn)
            .await
            .map(drop))?;
    }
    Ok(rows.len() as u64)
}

/// Removes events.
pub(super) async fn delete_events(tx: &mut Tx, rows: &[Uuid]) -> Result<u64, StoreError> {
    static DELETE: Statement<IdRow> =
        Statement::new("delete from events where id in (select r.id from {rows})");
    DELETE.execute(tx, ids(rows.iter().copied())).await
}

/// Empties what stays of interactions and tasks, and removes what stands beside them.
pub(super) async fn empty(
    tx: &mut Tx,
    found: &Found,
) -> Result<Vec<(&'static str, u64)>, StoreError> {
    static INTERACTIONS: Statement<IdRow> = Statement::new(
        "update interactions set profile_id = null, opened_for_kind = 'guest', opened_for = null, account = null, \
         contact = null, consumer = null, candidates = '[]', short_description = 'Erased', \
         description_generated = true, language = null, country = null, location = null, sentiment = null, \
         client_session_id = null, context = null, channel_metadata = '{}', version = version + 1 \
         from {rows} where interactions.id = r.id",
    );
    static NOTES: Statement<IdRow> = Statement::new(
        "delete from interaction_notes where interaction_id in (select r.id from {rows})",
    );
    static LINKS: Statement<IdRow> = Statement::new(
        "delete from related_records where task_id is null and interaction_id in (select r.id from {rows})",
    );
    static TASKS: Statement<IdRow> = Statement::new(
        "update tasks set short_description = 'Erased', description = null, opened_for_kind = 'guest', \
         opened_for = null, profile_id = null, account = null, contact = null, consumer = null, \
         version = version + 1 from {rows} where tasks.id = r.id",
    );
    let interactions = || ids(found.interactions.keys().copied());
    Ok(vec![
        ("interactions_emptied", INTERACTIONS.execute(tx, interactions()).await?),
        ("interaction_notes", NOTES.execute(tx, interactions()).await?),
        ("related_links", LINKS.execute(tx, interactions()).await?),
        ("tasks_emptied", TASKS.execute(tx, ids(found.tasks.keys().copied())).await?),
    ])
}

/// Forgets profiles, their addresses and people of the directory: what all else was found by.
pub(super) async fn forget_identity(
    tx: &mut Tx,
    found: &Found,
) -> Result<Vec<(&'static str, u64)>, StoreError> {
    static ALIASES: Statement<IdRow> =
        Statement::new("delete from profile_aliases where profile_id in (select r.id from {rows})");
    static PROFILES: Statement<IdRow> =
        Statement::new("delete from profiles where id in (select r.id from {rows})");
    static PHONES: Statement<TextRow> =
        Statement::new("delete from person_phones where phone in (select r.text from {rows})");
    static OF_PEOPLE: Statement<IdRow> =
        Statement::new("delete from person_phones where person_id in (select r.id from {rows})");
    static PEOPLE: Statement<IdRow> =
        Statement::new("delete from people where id in (select r.id from {rows})");
    // A merge says from what to what it changed both; without one of them it cannot be undone.
    static MERGE_ROWS: Statement<IdRow> = Statement::new(
        "delete from profile_merge_rows where merge_id in (select m.id from profile_merges m \
         where m.kept_id in (select r.id from {rows}))",
    );
    static GIVEN_UP_ROWS: Statement<IdRow> = Statement::new(
        "delete from profile_merge_rows where merge_id in (select m.id from profile_merges m \
         where m.given_up_id in (select r.id from {rows}))",
    );
    static MERGES: Statement<IdRow> =
        Statement::new("delete from profile_merges where kept_id in (select r.id from {rows})");
    static GIVEN_UP: Statement<IdRow> =
        Statement::new("delete from profile_merges where given_up_id in (select r.id from {rows})");
    let profiles = || ids(found.profiles.iter().copied());
    MERGE_ROWS.execute(tx, profiles()).await?;
    GIVEN_UP_ROWS.execute(tx, profiles()).await?;
    let people = || ids(found.people.iter().copied());
    Ok(vec![
        ("profile_merges", MERGES.execute(tx, profiles()).await?),
        ("profile_merges", GIVEN_UP.execute(tx, profiles()).await?),
        ("profile_aliases", ALIASES.execute(tx, profiles()).await?),
        ("profiles", PROFILES.execute(tx, profiles()).await?),
        ("person_phones", PHONES.execute(tx, texts(found.addresses.clone())).await?),
        ("person_phones", OF_PEOPLE.execute(tx, people()).await?),
        ("people", PEOPLE.execute(tx, people()).await?),
    ])
}
