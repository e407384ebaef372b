//! Incidents, cases and requests, by the number that people use.
//!
//! Whoever creates, changes or looks at one while on an interaction names it in the address
//! (`?interaction=`) or in the header `Frontdesk-Interaction`; that is then logged by itself. What
//! belongs to an interaction, and the policies of logging, lie in files beside this one.

mod on;
mod policies;
mod related;

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::on::{On, OnQuery};
use super::{
    Api, Context,
    agents::By,
    input::{Body, IfMatch, Path, Query, number, present},
    interactions::{self, find_person, plain},
    output::{Created, Page, Range, Versioned},
    problem::{Code, Problem},
};
use crate::{
    agents,
    audit::Author,
    db::Tx,
    desk::tasks::{self as desk, Customer, Opening, TaskError},
    interactions::Interaction,
    profiles,
    tasks::{
        self, DEFAULT_PRIORITY, Kind, LOWEST_PRIORITY, State as TaskState, Task,
        related::{Document, Operation},
    },
};

const LONGEST_SHORT: usize = 500;
const LONGEST: usize = 10_000;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change))
        .merge(related::router())
        .merge(policies::router())
}

impl From<TaskError> for Problem {
    fn from(error: TaskError) -> Self {
        let detail = error.to_string();
        match error {
            TaskError::Illegal(_) | TaskError::Final(_) => {
                Self::new(Code::IllegalTransition, detail)
            }
            TaskError::OneAlready(_) => Self::new(Code::OnePerInteraction, detail),
            TaskError::DescriptionNeeded => Self::new(Code::ShortDescriptionNeeded, detail),
            TaskError::OtherAddress => Self::new(Code::Exists, detail),
            TaskError::Changed => Self::conflict(),
            TaskError::Store(error) => error.into(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those of this kind.
    kind: Option<Kind>,
    /// Those in this state.
    state: Option<TaskState>,
    /// Those opened for this person.
    person: Option<Uuid>,
    /// Those opened for the customer with this profile.
    profile: Option<Uuid>,
    /// The one with this number.
    number: Option<String>,
    /// Those created on this interaction, by its number.
    interaction: Option<String>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A task to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTask {
    /// What it is.
    kind: Kind,
    /// What it is about.
    short_description: String,
    /// The whole story.
    description: Option<String>,
    /// 1 (critical) to 5 (whenever there is time); by itself 4.
    priority: Option<i64>,
    /// The agent who is to do it.
    assigned_to: Option<String>,
    /// The person it is for; by itself whom the interaction is for.
    person: Option<Uuid>,
    /// The profile of the customer it is for, where the customer is a guest.
    profile: Option<Uuid>,
}

/// What is to be changed about a task. Absent fields stay as they are, `null` empties.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
struct TaskChange {
    /// What it is about.
    short_description: Option<String>,
    /// The whole story.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    /// Where it goes.
    state: Option<TaskState>,
    /// 1 (critical) to 5 (whenever there is time).
    priority: Option<i64>,
    /// The agent who is to do it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    assigned_to: Option<Option<String>>,
    /// The person it is for.
    person: Option<Uuid>,
}

impl TaskChange {
    async fn of(self, tx: &mut Tx, before: &Task) -> Result<Task, Problem> {
        let mut after = before.clone();
        if let Some(text) = self.short_description {
            after.short_description = plain("/short_description", &text, LONGEST_SHORT)?;
        }
        if let Some(text) = self.description {
            after.description =
                text.map(|text| plain("/description", &text, LONGEST)).transpose()?;
        }
        if let Some(given) = self.priority {
            after.priority = priority(given)?;
        }
        if let Some(agent) = self.assigned_to {
            after.assigned_to = assignee(tx, agent).await?;
        }
        if let Some(person) = find_person(tx, self.person).await? {
            after = Customer::from(person).of(after);
        }
        after.state = self.state.unwrap_or(before.state);
        Ok(after)
    }
}

fn priority(given: i64) -> Result<i64, Problem> {
    if (1..=LOWEST_PRIORITY).contains(&given) {
        return Ok(given);
    }
    Err(Problem::body("/priority", format!("give 1 to {LOWEST_PRIORITY}; 1 is the most urgent")))
}

async fn assignee(tx: &mut Tx, named: Option<String>) -> Result<Option<String>, Problem> {
    let Some(named) = named else { return Ok(None) };
    let agent = agents::get(tx, &named).await?.filter(|agent| agent.active);
    let agent = agent.ok_or_else(|| {
        Problem::body("/assigned_to", "there is no active agent of this name; list them first")
    })?;
    Ok(Some(agent.id))
}

/// Lists tasks, newest first.
#[utoipa::path(get, path = "/v1/tasks", tag = "tasks", params(Filter),
    responses((status = 200, body = Page<Task>, description = "Tasks.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<Task>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let number = query.number.as_deref().map(|typed| {
        let unreadable = "give a number such as INC0000001, CS0000001 or REQ0000001";
        tasks::parse_number(typed).ok_or_else(|| Problem::parameter("number", unreadable))
    });
    let mut tx = api.store.begin_read().await?;
    let interaction = match &query.interaction {
        Some(number) => Some(interactions::find(&mut tx, number).await?.id),
        None => None,
    };
    let filter = tasks::Filter {
        kind: query.kind,
        state: query.state,
        person: query.person,
        profile: query.profile,
        number: number.transpose()?,
        interaction,
        before: range.after,
        limit: range.fetch(),
    };
    let tasks = tasks::list(&mut tx, &filter).await?;
    tx.rollback().await?;
    Ok(Json(range.page(tasks, |task| task.id)))
}

/// Shows a task. On an interaction, that it was looked at is logged there.
#[utoipa::path(get, path = "/v1/tasks/{number}", tag = "tasks",
    params(("number" = String, Path, description = "Its number, such as `INC0000001`."), OnQuery,
        ("Frontdesk-Interaction" = Option<String>, Header,
            description = "The number of the interaction somebody is on."),
        ("Frontdesk-Agent" = Option<String>, Header, description = "The agent who looks.")),
    responses((status = 200, body = Task, description = "The task.")))]
async fn get(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    on: On,
) -> Result<Versioned<Task>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let task = find(&mut tx, &number).await?;
    if let Some(interaction) = on.find(&mut tx).await? {
        let (document, opened) = (Document::from(&task), Operation::Open);
        // Looking again is no news, and then nothing is written.
        if desk::is_news(&mut tx, &interaction, &document, opened).await? {
            tx.rollback().await?;
            tx = api.store.begin().await?;
            let now = api.clock.now().as_millis();
            desk::log(&mut tx, &interaction, &document, opened, &author, now).await?;
        }
    }
    tx.commit().await?;
    let version = task.version;
    Ok(Versioned(task, version))
}

/// Opens a task.
#[utoipa::path(post, path = "/v1/tasks", tag = "tasks", request_body = NewTask,
    params(OnQuery, ("Frontdesk-Interaction" = Option<String>, Header,
        description = "The number of the interaction somebody is on.")),
    responses((status = 201, body = Task, description = "The new task.")))]
async fn create(
    State(api): Context,
    By(author): By,
    on: On,
    Body(new): Body<NewTask>,
) -> Result<Created<Task>, Problem> {
    let mut tx = api.store.begin().await?;
    let interaction = on.find(&mut tx).await?;
    open(&api, tx, new, interaction.as_ref(), &author).await
}

/// Opens a task in `tx` and commits it.
async fn open(
    api: &Api,
    mut tx: Tx,
    new: NewTask,
    on: Option<&Interaction>,
    author: &Author,
) -> Result<Created<Task>, Problem> {
    let description = new.description.as_deref();
    let opening = Opening {
        kind: new.kind,
        short_description: plain("/short_description", &new.short_description, LONGEST_SHORT)?,
        description: description.map(|text| plain("/description", text, LONGEST)).transpose()?,
        priority: priority(new.priority.unwrap_or(DEFAULT_PRIORITY))?,
        assigned_to: assignee(&mut tx, new.assigned_to).await?,
        customer: customer(&mut tx, new.person, new.profile, on).await?,
    };
    let now = api.clock.now().as_millis();
    let task = desk::open(&mut tx, opening, on, author, now).await?;
    tx.commit().await?;
    Ok(Created(format!("/v1/tasks/{}", task.number), Versioned(task, 1)))
}

/// For whom a task is: whoever is named, else whom the interaction is for.
async fn customer(
    tx: &mut Tx,
    person: Option<Uuid>,
    profile: Option<Uuid>,
    on: Option<&Interaction>,
) -> Result<Customer, Problem> {
    let person = find_person(tx, person).await?;
    match (person, profile, on) {
        (Some(person), None, _) => Ok(person.into()),
        (None, Some(profile), _) => {
            let profile = profiles::store::get(tx, profile).await?;
            let missing = "there is no profile with this id; search /v1/profiles";
            Ok(Customer::from(&profile.ok_or_else(|| Problem::body("/profile", missing))?))
        }
        (None, None, Some(interaction)) => Ok(interaction.into()),
        (Some(_), Some(_), _) => Err(Problem::body("/profile", "name a person or a profile")),
        (None, None, None) => {
            Err(Problem::body("", "say for whom: a person, a profile, or the interaction"))
        }
    }
}

/// Changes a task. On an interaction, that it was changed is logged there.
#[utoipa::path(patch, path = "/v1/tasks/{number}", tag = "tasks",
    params(("number" = String, Path, description = "Its number."), OnQuery,
        ("Frontdesk-Interaction" = Option<String>, Header,
            description = "The number of the interaction somebody is on.")),
    request_body = TaskChange,
    responses((status = 200, body = Task, description = "The changed task.")))]
async fn change(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    on: On,
    if_match: IfMatch,
    Body(change): Body<TaskChange>,
) -> Result<Versioned<Task>, Problem> {
    let mut tx = api.store.begin().await?;
    let before = find(&mut tx, &number).await?;
    if_match.check(before.version)?;
    let interaction = on.find(&mut tx).await?;
    let after = change.of(&mut tx, &before).await?;
    let now = api.clock.now().as_millis();
    let task = desk::change(&mut tx, &before, after, interaction.as_ref(), &author, now).await?;
    tx.commit().await?;
    let version = task.version;
    Ok(Versioned(task, version))
}

async fn find(tx: &mut Tx, number: &str) -> Result<Task, Problem> {
    let found = match tasks::parse_number(number) {
        Some(number) => tasks::get(tx, &number).await?,
        None => None,
    };
    found.ok_or_else(|| Problem::not_found("task"))
}
