//! Erasing one person, everywhere and for good, and the receipts.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Api, Context,
    agents::By,
    announce,
    input::{Body, Paging, Path, Query},
    output::{Page, Range},
    problem::{Code, Problem},
};
use crate::{
    clock::Clock,
    erasure::{self, ErasureError, Receipt, Removed, Subject},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get))
}

/// Whom to erase: an address, a person or a profile.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewErasure {
    /// Whoever has this address, such as a number with `+`.
    address: Option<String>,
    /// A person of the directory, with every address of theirs.
    person: Option<Uuid>,
    /// A profile.
    profile: Option<Uuid>,
    /// Only say what would be removed.
    #[serde(default)]
    dry_run: bool,
}

/// What was removed, or would be.
#[derive(Debug, Serialize, ToSchema)]
struct Erasure {
    /// The receipt; `null` where nothing was removed.
    receipt: Option<Receipt>,
    /// How many of what.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    removed: Removed,
}

impl From<ErasureError> for Problem {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Unknown => Self::new(
                Code::NotFound,
                "there is nothing here of this person or address; search /v1/profiles?address=",
            ),
            ErasureError::Busy => Self::conflict(),
            ErasureError::Store(error) => error.into(),
        }
    }
}

/// Erases a person everywhere: requests, messages, events, the audit's values, tasks' texts, profiles.
///
/// It cannot be undone. What stays says nothing about anybody; an opt-out stays as a keyed digest.
/// With many stored requests it takes a while, and may be repeated if the connection breaks.
#[utoipa::path(post, path = "/v1/erasures", tag = "erasures", request_body = NewErasure,
    responses((status = 200, body = Erasure, description = "What would be removed."),
        (status = 201, body = Erasure, description = "What was removed, and the receipt.")))]
async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewErasure>,
) -> Result<(StatusCode, Json<Erasure>), Problem> {
    let subject = match (new.address, new.person, new.profile) {
        (Some(address), None, None) => {
            let address = address.trim();
            if address.is_empty() {
                return Err(Problem::body("/address", "say which address"));
            }
            Subject::Address(address.to_owned())
        }
        (None, Some(person), None) => Subject::Person(person),
        (None, None, Some(profile)) => Subject::Profile(profile),
        _ => return Err(Problem::body("", "name one of address, person and profile")),
    };
    if new.dry_run {
        let removed = erasure::preview(&api.store, &subject).await?;
        return Ok((StatusCode::OK, Json(Erasure { receipt: None, removed })));
    }
    let now = now_of(&api.clock);
    let receipt = erasure::erase(&api.store, &api.vault, &subject, &author, now).await?;
    // Intake must know at once that there is an opt-out to be kept.
    announce(&api).await;
    let removed = receipt.removed.clone();
    Ok((StatusCode::CREATED, Json(Erasure { receipt: Some(receipt), removed })))
}

fn now_of(clock: &Clock) -> impl Fn() -> i64 {
    let clock = clock.clone();
    move || clock.now().as_millis()
}

/// Lists receipts, newest first.
#[utoipa::path(get, path = "/v1/erasures", tag = "erasures", params(Paging),
    responses((status = 200, body = Page<Receipt>, description = "Receipts.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Receipt>>, Problem> {
    let range: Range<Uuid> = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let receipts = erasure::list(&mut tx, range.after, range.fetch()).await?;
    tx.rollback().await?;
    Ok(Json(range.page(receipts, |receipt| receipt.id)))
}

/// Shows a receipt.
#[utoipa::path(get, path = "/v1/erasures/{id}", tag = "erasures",
    params(("id" = Uuid, Path, description = "The receipt's id.")),
    responses((status = 200, body = Receipt, description = "The receipt.")))]
async fn get(State(api): Context, Path(id): Path<Uuid>) -> Result<Json<Receipt>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let receipt = erasure::receipt(&mut tx, id).await?;
    tx.rollback().await?;
    receipt.map(Json).ok_or_else(|| Problem::not_found("receipt"))
}
