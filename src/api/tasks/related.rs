//! What belongs to an interaction: its tasks, and records of other systems.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{NewTask, find, open};
use crate::{
    api::{
        Api, Context,
        agents::By,
        input::{Body, Paging, Path, Query},
        interactions,
        output::{Created, Page, Range},
        problem::Problem,
    },
    db::Tx,
    desk::tasks as desk,
    tasks::{
        Task,
        related::{self, Cursor, Document, Link, LinkError, Operation, Related},
    },
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create_on))
        .routes(routes!(list_related, associate))
        .routes(routes!(dissociate))
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        let pointer = match error {
            LinkError::Kind | LinkError::OwnKind => "/link/kind",
            LinkError::Id => "/link/id",
            LinkError::Url => "/link/url",
        };
        Self::body(pointer, error)
    }
}

/// Opens a task out of an interaction, for the customer it is for; that is logged by itself.
#[utoipa::path(post, path = "/v1/interactions/{number}/tasks", tag = "tasks",
    params(("number" = String, Path, description = "The interaction's number.")),
    request_body = NewTask,
    responses((status = 201, body = Task, description = "The new task.")))]
async fn create_on(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    Body(new): Body<NewTask>,
) -> Result<Created<Task>, Problem> {
    let mut tx = api.store.begin().await?;
    let interaction = interactions::find(&mut tx, &number).await?;
    open(&api, tx, new, Some(&interaction), &author).await
}

/// Lists the tasks and records of other systems that belong to an interaction, newest first.
#[utoipa::path(get, path = "/v1/interactions/{number}/related-tasks", tag = "tasks",
    params(("number" = String, Path, description = "The interaction's number."), Paging),
    responses((status = 200, body = Page<Related>, description = "Tasks and links.")))]
async fn list_related(
    State(api): Context,
    Path(number): Path<String>,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Related>>, Problem> {
    let range: Range<Cursor> = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let interaction = interactions::find(&mut tx, &number).await?;
    let related = related::list(&mut tx, interaction.id, range.after, range.fetch()).await?;
    tx.rollback().await?;
    Ok(Json(range.page(related, |related| (related.at, related.id))))
}

/// A task or a record of another system that belongs to an interaction. Name one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRelated {
    /// A task's number.
    task: Option<String>,
    /// A record of another system.
    link: Option<Link>,
    /// For programs that watch an agent: what was done to it. Leave it out to associate by hand.
    operation: Option<Operation>,
}

impl NewRelated {
    async fn document(self, tx: &mut Tx) -> Result<Document, Problem> {
        match (self.task, self.link) {
            (Some(number), None) => match find(tx, &number).await {
                Ok(task) => Ok(Document::from(&task)),
                Err(problem) if problem.is_not_found() => {
                    let detail = "there is no task with this number; /v1/tasks lists them";
                    Err(Problem::body("/task", detail))
                }
                Err(problem) => Err(problem),
            },
            (None, Some(link)) => Ok(link.checked()?.into()),
            (Some(_), Some(_)) | (None, None) => {
                Err(Problem::body("", "name either a task or a link"))
            }
        }
    }
}

/// Associates a task or a record of another system with an interaction, by hand.
///
/// With an operation it is logged instead, if the policies of its table say so.
#[utoipa::path(post, path = "/v1/interactions/{number}/related-tasks", tag = "tasks",
    params(("number" = String, Path, description = "The interaction's number.")),
    request_body = NewRelated,
    responses((status = 201, body = Related, description = "It belongs to the interaction now."),
        (status = 200, body = Related, description = "It did already."),
        (status = 204, description = "Such operations are not logged.")))]
async fn associate(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    Body(new): Body<NewRelated>,
) -> Result<Response, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let interaction = interactions::find(&mut tx, &number).await?;
    let operation = new.operation;
    let document = new.document(&mut tx).await?;
    let Some(operation) = operation else {
        let (related, new) =
            desk::associate(&mut tx, &interaction, &document, &author, now).await?;
        tx.commit().await?;
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        return Ok((status, Json(related)).into_response());
    };
    desk::log(&mut tx, &interaction, &document, operation, &author, now).await?;
    let related = related::find(&mut tx, interaction.id, &document).await?;
    tx.commit().await?;
    Ok(match related {
        Some(related) => Json(related).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Takes a task or a record of another system off an interaction. The audit remembers it.
#[utoipa::path(delete, path = "/v1/interactions/{number}/related-tasks/{id}", tag = "tasks",
    params(("number" = String, Path, description = "The interaction's number."),
        ("id" = Uuid, Path, description = "The `id` of the row in the list.")),
    responses((status = 204, description = "It is gone.")))]
async fn dissociate(
    State(api): Context,
    By(author): By,
    Path((number, id)): Path<(String, Uuid)>,
) -> Result<StatusCode, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let interaction = interactions::find(&mut tx, &number).await?;
    let related = related::get(&mut tx, interaction.id, id).await?;
    let related = related.ok_or_else(|| Problem::not_found("related task"))?;
    desk::dissociate(&mut tx, &interaction, &related, &author, now).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
