//! The directory: the people senders are matched against.

use frontdesk_adapters::phone;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock,
    db::{Statement, StoreError, Tx, batch_row, fetch_by_ids, on_engine},
};

/// What a person is to us.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PersonKind {
    /// Somebody with an account here.
    User,
    /// Somebody who acts for a customer's company.
    Contact,
    /// A customer as a private person.
    Consumer,
    /// Somebody who works for us.
    Employee,
}

impl PersonKind {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Contact => "contact",
            Self::Consumer => "consumer",
            Self::Employee => "employee",
        }
    }
}

/// A person by kind and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PersonRef {
    /// What the person is to us.
    pub kind: PersonKind,
    /// Opaque id.
    pub id: Uuid,
}

/// A person of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Person {
    /// Opaque id.
    pub id: Uuid,
    /// What the person is to us.
    pub kind: PersonKind,
    /// Full name.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone numbers in E.164.
    pub phones: Vec<String>,
    /// What the person is called in the system the directory comes from.
    pub external_id: Option<String>,
    /// Whether senders are matched against this person.
    pub active: bool,
    /// When the person was entered.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: i64,
    /// When the person last changed.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: i64,
    /// Counts changes.
    pub version: i64,
}

/// What can be said about a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// What the person is to us.
    pub kind: PersonKind,
    /// Full name.
    pub name: String,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone numbers, with `+` and country code.
    #[serde(default)]
    pub phones: Vec<String>,
    /// What the person is called in the system the directory comes from; no two have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Whether senders are matched against this person.
    #[serde(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

/// Why a person was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// No name.
    #[error("a person needs a name")]
    Name,
    /// Not a number with `+`.
    #[error("phone number {} must be written with + and country code, such as +12125550123", .0 + 1)]
    Phone(usize),
    /// Not an address.
    #[error("the e-mail address is not one")]
    Email,
    /// Empty, or nobody's id.
    #[error("an external id has 1 to {LONGEST_ID} characters")]
    ExternalId,
}

/// No system's ids come near it.
const LONGEST_ID: usize = 200;

impl NewPerson {
    /// Checks the person and brings numbers into the form senders have.
    pub fn normalized(mut self) -> Result<Self, PersonError> {
        self.name = self.name.trim().to_owned();
        if self.name.is_empty() {
            return Err(PersonError::Name);
        }
        for (index, phone) in self.phones.iter_mut().enumerate() {
            let address = phone::address(phone, None)
                .filter(|address| address.kind == frontdesk_adapters::AddressKind::Phone)
                .ok_or(PersonError::Phone(index))?;
            *phone = address.value;
        }
        self.phones.sort_unstable();
        self.phones.dedup();
        if let Some(email) = &self.email {
            let address = frontdesk_adapters::Address::email(email).ok_or(PersonError::Email)?;
            self.email = Some(address.value);
        }
        if let Some(id) = &mut self.external_id {
            *id = id.trim().to_owned();
            if !(1..=LONGEST_ID).contains(&id.chars().count()) || id.contains('\0') {
                return Err(PersonError::ExternalId);
            }
        }
        Ok(self)
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: Uuid,
    kind: PersonKind,
    name: String,
    email: Option<String>,
    external_id: Option<String>,
    active: bool,
    created_at: i64,
    changed_at: i64,
    version: i64,
}

batch_row! {
    struct PhoneRow {
        person_id: Uuid,
        phone: String,
    }
}

batch_row! {
    struct IdRow {
        id: Uuid,
    }
}

/// Enters a person.
pub async fn insert(tx: &mut Tx, person: &NewPerson, now: i64) -> Result<Person, StoreError> {
    const SQL: &str = "insert into people (id, kind, name, email, active, created_at, changed_at, version, \
        external_id) values ($1, $2, $3, $4, $5, $6, $6, 1, $7)";
    let id = clock::new_id();
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(id)
        .bind(person.kind)
        .bind(&person.name)
        .bind(&person.email)
        .bind(person.active)
        .bind(now)
        .bind(&person.external_id)
        .execute(conn)
        .await
        .map(drop))?;
    set_phones(tx, id, &person.phones).await?;
    Ok(Person {
        id,
        kind: person.kind,
        name: person.name.clone(),
        email: person.email.clone(),
        phones: person.phones.clone(),
        external_id: person.external_id.clone(),
        active: person.active,
        created_at: now,
        changed_at: now,
        version: 1,
    })
}

/// Changes a person whose row still has `version`; returns whether it did.
pub async fn update(
    tx: &mut Tx,
    id: Uuid,
    version: i64,
    person: &NewPerson,
    now: i64,
) -> Result<bool, StoreError> {
    const SQL: &str = "update people set kind = $3, name = $4, email = $5, active = $6, changed_at = $7, \
        external_id = $8, version = version + 1 where id = $1 and version = $2";
    let changed = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(id)
        .bind(version)
        .bind(person.kind)
        .bind(&person.name)
        .bind(&person.email)
        .bind(person.active)
        .bind(now)
        .bind(&person.external_id)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if changed == 1 {
        set_phones(tx, id, &person.phones).await?;
    }
    Ok(changed == 1)
}

async fn set_phones(tx: &mut Tx, person_id: Uuid, phones: &[String]) -> Result<(), StoreError> {
    static INSERT: Statement<PhoneRow> = Statement::new(
        "insert into person_phones (person_id, phone) select r.person_id, r.phone from {rows}",
    );
    const CLEAR: &str = "delete from person_phones where person_id = $1";
    on_engine!(tx, conn => sqlx::query(CLEAR).bind(person_id).execute(conn).await.map(drop))?;
    let rows = phones.iter().map(|phone| PhoneRow { person_id, phone: phone.clone() });
    INSERT.execute(tx, rows.collect()).await?;
    Ok(())
}

/// One person.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Person>, StoreError> {
    const SQL: &str = "select id, kind, name, email, external_id, active, created_at, changed_at, version \
        from people where id = $1";
    let row: Option<Row> =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?;
    Ok(with_phones(tx, row.into_iter().collect()).await?.pop())
}

/// People by their ids, in no order.
pub async fn by_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Person>, StoreError> {
    const SQL: &str = "select id, kind, name, email, external_id, active, created_at, changed_at, version \
        from people";
    let rows: Vec<Row> = fetch_by_ids!(tx, SQL, "id", ids)?;
    with_phones(tx, rows).await
}

/// People after `after`, in the order they were entered.
pub async fn list(tx: &mut Tx, after: Option<Uuid>, limit: i64) -> Result<Vec<Person>, StoreError> {
    const SQL: &str = "select id, kind, name, email, external_id, active, created_at, changed_at, version \
        from people where id > $1 order by id limit $2";
    let after = after.unwrap_or_default();
    let rows: Vec<Row> =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(after).bind(limit).fetch_all(conn).await)?;
    with_phones(tx, rows).await
}

/// People who have `phone`, in any of its spellings.
pub async fn by_phone(tx: &mut Tx, phone: &str) -> Result<Vec<Person>, StoreError> {
    const SQL: &str = "select p.id, p.kind, p.name, p.email, p.external_id, p.active, p.created_at, p.changed_at, p.version \
        from people p join person_phones n on n.person_id = p.id where n.phone = $1 order by p.id";
    let mut people = Vec::new();
    for spelling in std::iter::once(phone.to_owned()).chain(phone::twins(phone)) {
        let rows: Vec<Row> =
            on_engine!(tx, conn => sqlx::query_as(SQL).bind(&spelling).fetch_all(conn).await)?;
        people.extend(with_phones(tx, rows).await?);
    }
    people.sort_by_key(|person| person.id);
    people.dedup_by_key(|person| person.id);
    Ok(people)
}

pub(super) async fn with_phones(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Person>, StoreError> {
    static PHONES: Statement<IdRow> = Statement::new(
        "select n.person_id, n.phone from {rows} join person_phones n on n.person_id = r.id \
         order by r.ord, n.phone",
    );
    let ids = rows.iter().map(|row| IdRow { id: row.id }).collect();
    let phones: Vec<(Uuid, String)> = PHONES.fetch(tx, ids).await?;
    let with_phones = |row: Row| Person {
        phones: phones
            .iter()
            .filter(|(id, _)| *id == row.id)
            .map(|(_, phone)| phone.clone())
            .collect(),
        id: row.id,
        kind: row.kind,
        name: row.name,
        email: row.email,
        external_id: row.external_id,
        active: row.active,
        created_at: row.created_at,
        changed_at: row.changed_at,
        version: row.version,
    };
    Ok(rows.into_iter().map(with_phones).collect())
}
