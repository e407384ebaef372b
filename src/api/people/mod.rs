//! The directory of people, whom senders are matched against.

mod import;

use axum::{Json, extract::State};
use frontdesk_adapters::phone;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Api, Context,
    agents::By,
    input::{Body, IfMatch, Paging, Path, Query, number, phone_like, present},
    interactions,
    names::Names,
    output::{Created, Page, Range, Versioned},
    problem::Problem,
};
use crate::{
    db::{StoreError, Tx},
    desk::{Finding, directory},
    interactions::{Interaction, list::Filter as InteractionFilter},
    profiles::{
        PersonKind,
        people::{self, NewPerson, Person, PersonError},
    },
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change))
        .routes(routes!(list_interactions))
        .merge(import::router())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those with all these words in name or e-mail address, the last one perhaps only begun; the
    /// newest name first.
    name: Option<String>,
    /// Those with this number, in any of its spellings.
    phone: Option<String>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// What is to be changed about a person. Absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PersonChange {
    /// What the person is to us.
    kind: Option<PersonKind>,
    /// Full name.
    name: Option<String>,
    /// E-mail address; `null` takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    #[expect(clippy::option_option, reason = "absent, null and a value are three things")]
    email: Option<Option<String>>,
    /// All phone numbers, with `+` and country code.
    phones: Option<Vec<String>>,
    /// What the person is called in the system the directory comes from; `null` takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    #[expect(clippy::option_option, reason = "absent, null and a value are three things")]
    external_id: Option<Option<String>>,
    /// Whether senders are matched against this person.
    active: Option<bool>,
}

impl PersonChange {
    fn of(self, person: &Person) -> NewPerson {
        NewPerson {
            kind: self.kind.unwrap_or(person.kind),
            name: self.name.unwrap_or_else(|| person.name.clone()),
            email: self.email.unwrap_or_else(|| person.email.clone()),
            phones: self.phones.unwrap_or_else(|| person.phones.clone()),
            external_id: self.external_id.unwrap_or_else(|| person.external_id.clone()),
            active: self.active.unwrap_or(person.active),
        }
    }
}

impl From<PersonError> for Problem {
    fn from(error: PersonError) -> Self {
        let pointer = match &error {
            PersonError::Name => "/name".to_owned(),
            PersonError::Phone(index) => format!("/phones/{index}"),
            PersonError::Email => "/email".to_owned(),
            PersonError::ExternalId => "/external_id".to_owned(),
        };
        Self::body(pointer, error)
    }
}

/// Lists people, in the order they were entered, or by their names.
#[utoipa::path(get, path = "/v1/people", tag = "people", params(Filter),
    responses((status = 200, body = Page<Person>, description = "People.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<Person>>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let page = match (&query.name, query.phone.as_deref().map(phone_like)) {
        (Some(name), number) => {
            let range = Range::new(query.limit, query.after.as_deref())?;
            let names = Names::find(&mut tx, "person", name, &range).await?;
            let mut people = people::by_ids(&mut tx, &names.ids()).await?;
            if let Some(number) = number {
                let known = by_number(&mut tx, number).await?;
                people.retain(|person| known.iter().any(|known| known.id == person.id));
            }
            names.page(people, |person| person.id)
        }
        (None, Some(number)) => {
            let range = Range::new(query.limit, query.after.as_deref())?;
            range.cut(by_number(&mut tx, number).await?, |person| person.id)
        }
        (None, None) => {
            let range = Range::new(query.limit, query.after.as_deref())?;
            let people = people::list(&mut tx, range.after, range.fetch()).await?;
            range.page(people, |person| person.id)
        }
    };
    tx.rollback().await?;
    Ok(Json(page))
}

async fn by_number(tx: &mut Tx, number: String) -> Result<Vec<Person>, StoreError> {
    let number = phone::address(&number, None).map_or(number, |address| address.value);
    people::by_phone(tx, &number).await
}

/// Shows a person.
#[utoipa::path(get, path = "/v1/people/{id}", tag = "people",
    params(("id" = Uuid, Path, description = "The person's id.")),
    responses((status = 200, body = Person, description = "The person.")))]
async fn get(State(api): Context, Path(id): Path<Uuid>) -> Result<Versioned<Person>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let person = people::get(&mut tx, id).await?;
    tx.rollback().await?;
    let person = person.ok_or_else(|| Problem::not_found("person"))?;
    let version = person.version;
    Ok(Versioned(person, version))
}

/// Enters a person. Guests who wait with one of the numbers are linked.
#[utoipa::path(post, path = "/v1/people", tag = "people", request_body = NewPerson,
    responses((status = 201, body = Person, description = "The new person.")))]
async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewPerson>,
) -> Result<Created<Person>, Problem> {
    let new = new.normalized()?;
    let mut tx = api.store.begin().await?;
    let now = api.clock.now().as_millis();
    let person = directory::enter(&mut tx, &new, &author, now).await?;
    tx.commit().await?;
    Ok(Created(format!("/v1/people/{}", person.id), Versioned(person, 1)))
}

/// Changes a person. Senders with a number that came or went are decided about anew.
#[utoipa::path(patch, path = "/v1/people/{id}", tag = "people",
    params(("id" = Uuid, Path, description = "The person's id.")), request_body = PersonChange,
    responses((status = 200, body = Person, description = "The changed person.")))]
async fn change(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: IfMatch,
    Body(change): Body<PersonChange>,
) -> Result<Versioned<Person>, Problem> {
    let mut tx = api.store.begin().await?;
    let person = people::get(&mut tx, id).await?.ok_or_else(|| Problem::not_found("person"))?;
    if_match.check(person.version)?;
    let new = change.of(&person).normalized()?;
    let now = api.clock.now().as_millis();
    let person = directory::change(&mut tx, &person, &new, &author, now).await?;
    tx.commit().await?;
    let version = person.version;
    Ok(Versioned(person, version))
}

/// Lists the interactions opened for a person, newest first.
#[utoipa::path(get, path = "/v1/people/{id}/interactions", tag = "people",
    params(("id" = Uuid, Path, description = "The person's id."), Paging),
    responses((status = 200, body = Page<Interaction>, description = "Interactions.")))]
async fn list_interactions(
    State(api): Context,
    Path(id): Path<Uuid>,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Interaction>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let person = people::get(&mut tx, id).await?;
    tx.rollback().await?;
    if person.is_none() {
        return Err(Problem::not_found("person"));
    }
    let filter = InteractionFilter { person: Some(id), ..InteractionFilter::default() };
    interactions::page(&api, &range, Finding { filter, ..Finding::default() }).await
}
