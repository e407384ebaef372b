//! SQL of profiles.

use uuid::Uuid;

use super::{Decision, Key, Known, PersonKind, PersonRef, Profile, resolve::Sender};
use crate::db::{JsonText, Statement, StoreError, Tx, batch_row, fetch_by_ids, fetch_filtered};

batch_row! {
    struct KeyRow {
        scheme: &'static str,
        scope: String,
        value: String,
    }
}

/// An active profile found by an address.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub profile_id: Uuid,
    pub blocked: bool,
    pub person: Option<(PersonRef, bool)>,
    /// The sender's addresses that are known to be this or another profile's.
    pub aliases: Vec<Key>,
}

impl Found {
    pub fn created(profile_id: Uuid) -> Self {
        Self { profile_id, blocked: false, person: None, aliases: Vec::new() }
    }

    pub fn known(&self) -> Known {
        match self.person {
            None => Known::Guest,
            Some((person, true)) => Known::Person(person),
            Some((_, false)) => Known::InactivePerson,
        }
    }
}

#[derive(sqlx::FromRow)]
struct FoundRow {
    ord: i64,
    id: Uuid,
    blocked_at: Option<i64>,
    person_kind: Option<PersonKind>,
    person_id: Option<Uuid>,
    person_active: Option<bool>,
}

/// The active profiles whose own address is one of these keys, each with the place of its key.
pub(super) async fn find(tx: &mut Tx, keys: Vec<Key>) -> Result<Vec<(usize, Found)>, StoreError> {
    static FIND: Statement<KeyRow> = Statement::new(
        "select r.ord, p.id, p.blocked_at, p.person_kind, p.person_id, h.active as person_active \
         from {rows} join profiles p on p.scheme = r.scheme and p.scope = r.scope and p.value = r.value \
         left join people h on h.id = p.person_id where p.active",
    );
    fetch(tx, &FIND, keys).await
}

/// The active profiles that have one of these keys as a further address.
pub(super) async fn find_by_alias(
    tx: &mut Tx,
    keys: Vec<Key>,
) -> Result<Vec<(usize, Found)>, StoreError> {
    static FIND: Statement<KeyRow> = Statement::new(
        "select r.ord, p.id, p.blocked_at, p.person_kind, p.person_id, h.active as person_active \
         from {rows} join profile_aliases a on a.scheme = r.scheme and a.scope = r.scope \
         and a.value = r.value join profiles p on p.id = a.profile_id \
         left join people h on h.id = p.person_id where p.active",
    );
    fetch(tx, &FIND, keys).await
}

async fn fetch(
    tx: &mut Tx,
    statement: &Statement<KeyRow>,
    keys: Vec<Key>,
) -> Result<Vec<(usize, Found)>, StoreError> {
    let rows = keys.into_iter().map(|key| KeyRow {
        scheme: key.scheme,
        scope: key.scope,
        value: key.value,
    });
    let rows: Vec<FoundRow> = statement.fetch(tx, rows.collect()).await?;
    let found = |row: FoundRow| {
        let person = row.person_kind.zip(row.person_id).map(|(kind, id)| {
            // A person who has been removed from the directory is not active either.
            (PersonRef { kind, id }, row.person_active.unwrap_or(false))
        });
        let found = Found {
            profile_id: row.id,
            blocked: row.blocked_at.is_some(),
            person,
            aliases: Vec::new(),
        };
        (place(row.ord), found)
    };
    Ok(rows.into_iter().map(found).collect())
}

/// `ord` counts from 1.
fn place(ord: i64) -> usize {
    usize::try_from(ord - 1).expect("ord counts rows from 1")
}

batch_row! {
    struct PhoneRow {
        phone: String,
    }
}

/// The active people who have these numbers, each with the caller's mark of the number.
pub(super) async fn people_by_phone(
    tx: &mut Tx,
    phones: Vec<(usize, String)>,
) -> Result<Vec<(usize, PersonRef)>, StoreError> {
    static PEOPLE: Statement<PhoneRow> = Statement::new(
        "select r.ord, h.kind, h.id from {rows} join person_phones n on n.phone = r.phone \
         join people h on h.id = n.person_id where h.active order by r.ord, h.id",
    );
    let (marks, rows): (Vec<_>, Vec<_>) =
        phones.into_iter().map(|(mark, phone)| (mark, PhoneRow { phone })).unzip();
    let people: Vec<(i64, PersonKind, Uuid)> = PEOPLE.fetch(tx, rows).await?;
    Ok(people
        .into_iter()
        .map(|(ord, kind, id)| (marks[place(ord)], PersonRef { kind, id }))
        .collect())
}

batch_row! {
    pub(super) struct NewProfile {
        id: Uuid,
        scheme: &'static str,
        scope: String,
        value: String,
        address_kind: &'static str,
        answerable: bool,
        person_kind: Option<&'static str>,
        person_id: Option<Uuid>,
        display_name: Option<String>,
        language: Option<String>,
        match_outcome: &'static str,
        candidates: JsonText,
        now: i64,
    }
}

impl NewProfile {
    pub fn of(id: Uuid, sender: &Sender, decision: &Decision, now: i64) -> Self {
        Self {
            id,
            scheme: sender.key.scheme,
            scope: sender.key.scope.clone(),
            value: sender.key.value.clone(),
            address_kind: sender.address.kind.as_str(),
            answerable: sender.address.answerable(),
            person_kind: decision.link.map(|person| person.kind.as_str()),
            person_id: decision.link.map(|person| person.id),
            display_name: sender.name.clone(),
            language: sender.language.clone(),
            match_outcome: decision.outcome.as_str(),
            candidates: JsonText::of(&decision.candidates),
            now,
        }
    }
}

/// Stores new profiles and returns the ids of those whose address was still free.
pub(super) async fn insert(tx: &mut Tx, rows: Vec<NewProfile>) -> Result<Vec<Uuid>, StoreError> {
    static INSERT: Statement<NewProfile> = Statement::new(
        "insert into profiles (id, scheme, scope, value, address_kind, answerable, person_kind, person_id, \
         display_name, language, active, match_outcome, candidates, created_at, changed_at, version) \
         select r.id, r.scheme, r.scope, r.value, r.address_kind, r.answerable, r.person_kind, r.person_id, \
         r.display_name, r.language, true, r.match_outcome, r.candidates, r.now, r.now, 1 \
         from {rows} where true order by r.ord \
         on conflict (scheme, scope, value) where active do nothing returning id",
    );
    let ids: Vec<(Uuid,)> = INSERT.fetch(tx, rows).await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

batch_row! {
    pub(super) struct NewAlias {
        scheme: &'static str,
        scope: String,
        value: String,
        profile_id: Uuid,
        now: i64,
    }
}

impl NewAlias {
    pub fn of(key: &Key, profile_id: Uuid, now: i64) -> Self {
        Self {
            scheme: key.scheme,
            scope: key.scope.clone(),
            value: key.value.clone(),
            profile_id,
            now,
        }
    }
}

/// Remembers further addresses of a profile; an address that is another's stays another's.
pub(super) async fn insert_aliases(tx: &mut Tx, mut rows: Vec<NewAlias>) -> Result<(), StoreError> {
    static INSERT: Statement<NewAlias> = Statement::new(
        "insert into profile_aliases (scheme, scope, value, profile_id, created_at) \
         select r.scheme, r.scope, r.value, r.profile_id, r.now from {rows} where true order by r.ord \
         on conflict (scheme, scope, value) do nothing",
    );
    rows.sort_by(|a, b| (a.scheme, &a.scope, &a.value).cmp(&(b.scheme, &b.scope, &b.value)));
    INSERT.execute(tx, rows).await?;
    Ok(())
}

batch_row! {
    pub(super) struct Link {
        id: Uuid,
        person_kind: &'static str,
        person_id: Uuid,
        match_outcome: &'static str,
        now: i64,
    }
}

impl Link {
    pub fn new(id: Uuid, person: PersonRef, decision: &Decision, now: i64) -> Self {
        let match_outcome = decision.outcome.as_str();
        Self { id, person_kind: person.kind.as_str(), person_id: person.id, match_outcome, now }
    }
}

/// Links guests to the person they turned out to be.
pub(super) async fn link(tx: &mut Tx, rows: Vec<Link>) -> Result<(), StoreError> {
    static LINK: Statement<Link> = Statement::new(
        "update profiles set person_kind = r.person_kind, person_id = r.person_id, \
         match_outcome = r.match_outcome, changed_at = r.now, version = version + 1 \
         from {rows} where profiles.id = r.id and profiles.person_id is null",
    );
    LINK.execute(tx, rows).await?;
    Ok(())
}

const COLUMNS: &str = "select id, scheme, scope, value, address_kind, answerable, person_kind, person_id, \
    display_name, language, active, verified_at, match_outcome, candidates, created_at, changed_at, version \
    from profiles";

/// Which profiles to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those with this address, on any medium.
    pub address: Option<String>,
    /// Those of this person.
    pub person: Option<Uuid>,
    /// Those after this one.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Profiles in the order they were made.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<Profile>, StoreError> {
    Ok(fetch_filtered!(tx, COLUMNS, query => {
        query.push(" where id > ").push_bind(filter.after.unwrap_or_default());
        if let Some(address) = &filter.address {
            query.push(" and value = ").push_bind(address);
        }
        if let Some(person) = filter.person {
            query.push(" and person_id = ").push_bind(person);
        }
        query.push(" order by id limit ").push_bind(filter.limit);
    })?)
}

/// Profiles by their ids, in no order.
pub async fn by_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Profile>, StoreError> {
    Ok(fetch_by_ids!(tx, COLUMNS, "id", ids)?)
}

/// One profile.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Profile>, StoreError> {
    let found: Vec<Profile> = fetch_filtered!(tx, COLUMNS, query => {
        query.push(" where id = ").push_bind(id);
    })?;
    Ok(found.into_iter().next())
}
