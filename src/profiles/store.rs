//! SQL of profiles.

use uuid::Uuid;

use super::{Alias, Decision, Key, Known, PersonKind, PersonRef, Profile, resolve::Sender};
use crate::db::{
    JsonText, Statement, StoreError, Tx, batch_row, fetch_by_ids, fetch_filtered, on_engine,
};

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
    struct ContactRow {
        value: String,
    }
}

/// The active people who have these numbers, each with the caller's mark of the number.
pub(super) async fn people_by_phone(
    tx: &mut Tx,
    phones: Vec<(usize, String)>,
) -> Result<Vec<(usize, PersonRef)>, StoreError> {
    static PEOPLE: Statement<ContactRow> = Statement::new(
        "select r.ord, h.kind, h.id from {rows} join person_phones n on n.phone = r.value \
         join people h on h.id = n.person_id where h.active order by r.ord, h.id",
    );
    people(tx, &PEOPLE, phones).await
}

/// The active people who have these e-mail addresses, which are in lower case, each with the
/// caller's mark of the address.
pub(super) async fn people_by_email(
    tx: &mut Tx,
    emails: Vec<(usize, String)>,
) -> Result<Vec<(usize, PersonRef)>, StoreError> {
    static PEOPLE: Statement<ContactRow> = Statement::new(
        "select r.ord, h.kind, h.id from {rows} join people h on lower(h.email) = r.value \
         where h.active order by r.ord, h.id",
    );
    people(tx, &PEOPLE, emails).await
}

async fn people(
    tx: &mut Tx,
    statement: &Statement<ContactRow>,
    marked: Vec<(usize, String)>,
) -> Result<Vec<(usize, PersonRef)>, StoreError> {
    let (marks, rows): (Vec<_>, Vec<_>) =
        marked.into_iter().map(|(mark, value)| (mark, ContactRow { value })).unzip();
    let people: Vec<(i64, PersonKind, Uuid)> = statement.fetch(tx, rows).await?;
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
    rows.sort_by(|a, b| (&a.value, a.scheme, &a.scope).cmp(&(&b.value, b.scheme, &b.scope)));
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
    display_name, language, active, verified_at, verified_by, verified_method, blocked_at, blocked_by, \
    blocked_reason, expired_at, merged_into, match_outcome, candidates, created_at, changed_at, version \
    from profiles";

/// Which profiles to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those with one of these addresses, on any medium.
    pub addresses: Option<Vec<String>>,
    /// Those of this person.
    pub person: Option<Uuid>,
    /// Those that an agent should decide about: several people, somebody else, or somebody who
    /// left.
    pub undecided: bool,
    /// Those that are blocked.
    pub blocked: bool,
    /// Those among these.
    pub ids: Option<Vec<Uuid>>,
    /// Those after this one.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Profiles in the order they were made.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<Profile>, StoreError> {
    Ok(fetch_filtered!(tx, COLUMNS, query => {
        query.push(" where id > ").push_bind(filter.after.unwrap_or_default());
        if let Some(addresses) = &filter.addresses {
            query.push(" and value in (null");
            addresses.iter().for_each(|address| { query.push(", ").push_bind(address); });
            query.push(")");
        }
        if let Some(person) = filter.person {
            query.push(" and person_id = ").push_bind(person);
        }
        // Written as the indexes have it, so that they are found.
        if filter.undecided {
            query.push(" and active and match_outcome in ('new_ambiguous', 'guest_ambiguous', \
                'conflict', 'person_inactive')");
        }
        if filter.blocked {
            query.push(" and blocked_at is not null");
        }
        if let Some(ids) = &filter.ids {
            query.push(" and id in (null");
            ids.iter().for_each(|id| { query.push(", ").push_bind(*id); });
            query.push(")");
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

/// One profile, which nobody else changes until the transaction ends.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Profile>, StoreError> {
    let locking = match tx {
        // There is one writer.
        Tx::Sqlite(_) => "",
        Tx::Postgres(_) => " for update",
    };
    let found: Vec<Profile> = fetch_filtered!(tx, COLUMNS, query => {
        query.push(" where id = ").push_bind(id).push(locking);
    })?;
    Ok(found.into_iter().next())
}

/// The active profile of a key.
pub async fn active_of(tx: &mut Tx, key: &Key) -> Result<Option<Profile>, StoreError> {
    let found: Vec<Profile> = fetch_filtered!(tx, COLUMNS, query => {
        query.push(" where scheme = ").push_bind(key.scheme);
        query.push(" and scope = ").push_bind(&key.scope);
        query.push(" and value = ").push_bind(&key.value).push(" and active");
    })?;
    Ok(found.into_iter().next())
}

/// Stores a changed profile if its row still has the version before it; returns whether it did.
pub async fn save(tx: &mut Tx, changed: &Profile) -> Result<bool, StoreError> {
    const SQL: &str = "update profiles set person_kind = $3, person_id = $4, active = $5, verified_at = $6, \
        verified_by = $7, verified_method = $8, blocked_at = $9, blocked_by = $10, blocked_reason = $11, \
        expired_at = $12, merged_into = $13, match_outcome = $14, candidates = $15, changed_at = $16, \
        version = $2 where id = $1 and version = $2 - 1";
    let done = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(changed.id)
        .bind(changed.version)
        .bind(changed.person_kind)
        .bind(changed.person_id)
        .bind(changed.active)
        .bind(changed.verified_at)
        .bind(&changed.verified_by)
        .bind(&changed.verified_method)
        .bind(changed.blocked_at)
        .bind(&changed.blocked_by)
        .bind(&changed.blocked_reason)
        .bind(changed.expired_at)
        .bind(changed.merged_into)
        .bind(&changed.match_outcome)
        .bind(&changed.candidates)
        .bind(changed.changed_at)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Stores a profile that takes the place of one that was given up.
pub async fn succeed(tx: &mut Tx, profile: &Profile) -> Result<(), StoreError> {
    const SQL: &str = "insert into profiles (id, scheme, scope, value, address_kind, answerable, person_kind, \
        person_id, language, active, match_outcome, candidates, created_at, changed_at, version) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, true, $10, $11, $12, $12, 1)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(profile.id)
        .bind(&profile.scheme)
        .bind(&profile.scope)
        .bind(&profile.value)
        .bind(&profile.address_kind)
        .bind(profile.answerable)
        .bind(profile.person_kind)
        .bind(profile.person_id)
        .bind(&profile.language)
        .bind(&profile.match_outcome)
        .bind(&profile.candidates)
        .bind(profile.created_at)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// The further addresses of a profile.
pub async fn aliases(tx: &mut Tx, profile: Uuid) -> Result<Vec<Alias>, StoreError> {
    const SQL: &str = "select scheme, scope, value from profile_aliases where profile_id = $1 \
        order by scheme, scope, value";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(profile).fetch_all(conn).await)?)
}

/// Gives a further address to a profile, if it is nobody's; returns whether it did.
pub async fn add_alias(
    tx: &mut Tx,
    alias: &Alias,
    profile: Uuid,
    now: i64,
) -> Result<bool, StoreError> {
    const SQL: &str = "insert into profile_aliases (scheme, scope, value, profile_id, created_at) \
        values ($1, $2, $3, $4, $5) on conflict (scheme, scope, value) do nothing";
    let done = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&alias.scheme)
        .bind(&alias.scope)
        .bind(&alias.value)
        .bind(profile)
        .bind(now)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Gives a further address of one profile to another, or to nobody.
pub async fn move_alias(
    tx: &mut Tx,
    alias: &Alias,
    from: Uuid,
    to: Option<Uuid>,
) -> Result<(), StoreError> {
    const MOVE: &str = "update profile_aliases set profile_id = $5 where scheme = $1 and scope = $2 \
        and value = $3 and profile_id = $4";
    const DROP: &str = "delete from profile_aliases where scheme = $1 and scope = $2 and value = $3 \
        and profile_id = $4";
    let (sql, to) = to.map_or((DROP, None), |to| (MOVE, Some(to)));
    on_engine!(tx, conn => {
        let query = sqlx::query(sql)
            .bind(&alias.scheme)
            .bind(&alias.scope)
            .bind(&alias.value)
            .bind(from);
        let query = match to {
            Some(to) => query.bind(to),
            None => query,
        };
        query.execute(conn).await.map(drop)
    })?;
    Ok(())
}
