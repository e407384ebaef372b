//! Who changed what, from what to what.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context,
    input::{Query, number},
    output::{Page, Range},
    problem::Problem,
};
use crate::audit::{self, AuthorKind, Entry};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those of things of this kind, such as `interaction`.
    subject_kind: Option<String>,
    /// Those of this thing, such as `IMS0000001`; needs its kind.
    subject: Option<String>,
    /// Those by authors of this kind.
    author_kind: Option<AuthorKind>,
    /// Those by this author, such as an agent's id; needs the kind.
    author: Option<String>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists changes, newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(Filter),
    responses((status = 200, body = Page<Entry>, description = "Changes.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<Entry>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    if query.subject.is_some() && query.subject_kind.is_none() {
        return Err(Problem::parameter("subject", "say subject_kind, too"));
    }
    if query.author.is_some() && query.author_kind.is_none() {
        return Err(Problem::parameter("author", "say author_kind, too"));
    }
    let filter = audit::Filter {
        subject_kind: query.subject_kind,
        subject: query.subject,
        author_kind: query.author_kind,
        author: query.author,
        before: range.after,
        limit: range.fetch(),
    };
    let mut tx = api.store.begin_read().await?;
    let entries = audit::list(&mut tx, &filter).await?;
    tx.rollback().await?;
    Ok(Json(range.page(entries, |entry| entry.id)))
}
