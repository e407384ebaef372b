//! SQL of the directory, many people at a time.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::{
    clock,
    db::{Statement, StoreError, Tx, batch_row},
    profiles::{
        Profile,
        people::{self, NewPerson, Person},
    },
};

batch_row! {
    struct NumberRow {
        phone: String,
    }
}

#[derive(sqlx::FromRow)]
struct Numbered {
    ord: i64,
    #[sqlx(flatten)]
    profile: Profile,
}

/// The active profiles that are reached by these numbers, each with the place of the number: by
/// their own address, or by a further one.
pub async fn by_numbers(
    tx: &mut Tx,
    numbers: Vec<String>,
) -> Result<Vec<(usize, Profile)>, StoreError> {
    static OWN: Statement<NumberRow> = Statement::new(
        "select r.ord, p.* from {rows} join profiles p on p.value = r.phone and p.scope = '' \
         and p.scheme in ('sms', 'whatsapp', 'rcs') where p.active",
    );
    static FURTHER: Statement<NumberRow> = Statement::new(
        "select r.ord, p.* from {rows} join profile_aliases a on a.value = r.phone and a.scope = '' \
         and a.scheme in ('sms', 'whatsapp', 'rcs') join profiles p on p.id = a.profile_id where p.active",
    );
    let rows: Vec<NumberRow> = numbers.into_iter().map(|phone| NumberRow { phone }).collect();
    let mut found: Vec<Numbered> = OWN.fetch(tx, rows.clone()).await?;
    found.extend(FURTHER.fetch::<Numbered>(tx, rows).await?);
    let placed = |row: Numbered| (usize::try_from(row.ord - 1).unwrap_or_default(), row.profile);
    Ok(found.into_iter().map(placed).collect())
}

batch_row! {
    struct IdRow {
        id: Uuid,
    }
}

/// The active profiles of these people.
pub async fn of_people(tx: &mut Tx, people: Vec<Uuid>) -> Result<Vec<Profile>, StoreError> {
    static FIND: Statement<IdRow> = Statement::new(
        "select p.* from {rows} join profiles p on p.person_id = r.id where p.active",
    );
    FIND.fetch(tx, people.into_iter().map(|id| IdRow { id }).collect()).await
}

/// Which of these people are active.
pub(super) async fn active_among(
    tx: &mut Tx,
    people: Vec<Uuid>,
) -> Result<HashSet<Uuid>, StoreError> {
    static FIND: Statement<IdRow> =
        Statement::new("select h.id from {rows} join people h on h.id = r.id where h.active");
    let rows = people.into_iter().map(|id| IdRow { id }).collect();
    let ids: Vec<(Uuid,)> = FIND.fetch(tx, rows).await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// The names of these people.
pub(super) async fn names(
    tx: &mut Tx,
    people: Vec<Uuid>,
) -> Result<Vec<(Uuid, String)>, StoreError> {
    static FIND: Statement<IdRow> =
        Statement::new("select h.id, h.name from {rows} join people h on h.id = r.id");
    FIND.fetch(tx, people.into_iter().map(|id| IdRow { id }).collect()).await
}

batch_row! {
    struct ExternalRow {
        external_id: String,
    }
}

/// The people who are known under these external ids, by id. Nobody else changes them until the
/// transaction ends.
pub async fn by_external_ids(
    tx: &mut Tx,
    ids: Vec<String>,
) -> Result<HashMap<String, Person>, StoreError> {
    static FIND: Statement<ExternalRow> = Statement::locking(
        "select h.id, h.kind, h.name, h.email, h.external_id, h.active, h.created_at, h.changed_at, \
         h.version from {rows} join people h on h.external_id = r.external_id order by h.id",
        " for update of h",
    );
    let rows = ids.into_iter().map(|external_id| ExternalRow { external_id }).collect();
    let rows = FIND.fetch(tx, rows).await?;
    let people = people::with_phones(tx, rows).await?;
    let known = people.into_iter().filter_map(|person| Some((person.external_id.clone()?, person)));
    Ok(known.collect())
}

batch_row! {
    struct Entry {
        id: Uuid,
        kind: &'static str,
        name: String,
        email: Option<String>,
        external_id: Option<String>,
        active: bool,
        now: i64,
    }
}

batch_row! {
    struct PhoneRow {
        person_id: Uuid,
        phone: String,
    }
}

/// Enters people; the answer is in their order.
pub async fn enter_many(
    tx: &mut Tx,
    people: &[NewPerson],
    now: i64,
) -> Result<Vec<Uuid>, StoreError> {
    static INSERT: Statement<Entry> = Statement::new(
        "insert into people (id, kind, name, email, external_id, active, created_at, changed_at, version) \
         select r.id, r.kind, r.name, r.email, r.external_id, r.active, r.now, r.now, 1 from {rows} order by r.ord",
    );
    let ids: Vec<Uuid> = people.iter().map(|_| clock::new_id()).collect();
    let rows = people.iter().zip(&ids).map(|(person, id)| Entry {
        id: *id,
        kind: person.kind.as_str(),
        name: person.name.clone(),
        email: person.email.clone(),
        external_id: person.external_id.clone(),
        active: person.active,
        now,
    });
    INSERT.execute(tx, rows.collect()).await?;
    let phones = people.iter().zip(&ids).map(|(person, id)| (*id, person.phones.as_slice()));
    add_phones(tx, phones).await?;
    Ok(ids)
}

batch_row! {
    struct Alteration {
        id: Uuid,
        kind: &'static str,
        name: String,
        email: Option<String>,
        active: bool,
        now: i64,
    }
}

/// Changes people who are locked.
pub async fn change_many(
    tx: &mut Tx,
    people: &[(Uuid, NewPerson)],
    now: i64,
) -> Result<(), StoreError> {
    static UPDATE: Statement<Alteration> = Statement::new(
        "update people set kind = r.kind, name = r.name, email = r.email, active = r.active, \
         changed_at = r.now, version = people.version + 1 from {rows} where people.id = r.id",
    );
    static CLEAR: Statement<IdRow> =
        Statement::new("delete from person_phones where person_id in (select r.id from {rows})");
    let rows = people.iter().map(|(id, person)| Alteration {
        id: *id,
        kind: person.kind.as_str(),
        name: person.name.clone(),
        email: person.email.clone(),
        active: person.active,
        now,
    });
    UPDATE.execute(tx, rows.collect()).await?;
    CLEAR.execute(tx, people.iter().map(|(id, _)| IdRow { id: *id }).collect()).await?;
    add_phones(tx, people.iter().map(|(id, person)| (*id, person.phones.as_slice()))).await
}

async fn add_phones<'a>(
    tx: &mut Tx,
    people: impl Iterator<Item = (Uuid, &'a [String])>,
) -> Result<(), StoreError> {
    static INSERT: Statement<PhoneRow> = Statement::new(
        "insert into person_phones (person_id, phone) select r.person_id, r.phone from {rows}",
    );
    let rows = people.flat_map(|(person_id, phones)| {
        phones.iter().map(move |phone| PhoneRow { person_id, phone: phone.clone() })
    });
    INSERT.execute(tx, rows.collect()).await?;
    Ok(())
}
