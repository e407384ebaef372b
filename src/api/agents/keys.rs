//! Keys of an agent's own: whatever they do, the agent did, and they act for nobody else.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::By;
use crate::{
    agents,
    api::{
        Api, Context,
        input::{Body, Path},
        output::{Created, Page, Versioned},
        problem::Problem,
    },
    audit::{self, Change, Subject},
    keys::{self, Key, Scope},
};

/// The most days a key opens.
const MOST_DAYS: i64 = 3660;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// What for; by itself the agent's id.
    name: Option<String>,
    /// After so many days it ends by itself; by itself never.
    days: Option<i64>,
}

/// A key, without what opens.
#[derive(Debug, Serialize, ToSchema)]
struct ShownKey {
    /// Opaque id.
    id: Uuid,
    /// What for.
    name: String,
    /// What it permits: `write`.
    scope: String,
    /// When it was made.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    created_at: i64,
    /// When it ends by itself.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<i64>,
    /// When it was last used, to the minute.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<i64>,
    /// When it was ended.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<i64>,
}

/// A new key and what opens: it is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct MadeKey {
    #[serde(flatten)]
    shown: ShownKey,
    /// Send it as `Authorization: Bearer fd_…`.
    key: String,
}

impl From<Key> for ShownKey {
    fn from(key: Key) -> Self {
        Self {
            id: key.id,
            name: key.name,
            scope: key.scope.to_string(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// Lists the keys of an agent's own, in the order they were made.
#[utoipa::path(get, path = "/v1/agents/{id}/keys", tag = "agents", operation_id = "list_keys",
    params(("id" = String, Path, description = "The agent's id.")),
    responses((status = 200, body = Page<ShownKey>, description = "Keys.")))]
async fn list(
    State(api): Context,
    Path(id): Path<String>,
) -> Result<Json<Page<ShownKey>>, Problem> {
    let mut tx = api.store.begin_read().await?;
    if agents::get(&mut tx, &id).await?.is_none() {
        return Err(Problem::not_found("agent"));
    }
    let keys = keys::list(&mut tx).await?;
    tx.rollback().await?;
    let own = keys.into_iter().filter(|key| key.agent_id.as_deref() == Some(&id));
    Ok(Json(Page { data: own.map(ShownKey::from).collect(), next: None }))
}

/// Makes a key of an agent's own, which permits what agents do.
///
/// It is kept nowhere but as a hash, so an idempotency key has no effect here.
#[utoipa::path(post, path = "/v1/agents/{id}/keys", tag = "agents", operation_id = "create_key",
    params(("id" = String, Path, description = "The agent's id.")), request_body = NewKey,
    responses((status = 201, body = MadeKey, description = "The new key.")))]
async fn create(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
    Body(new): Body<NewKey>,
) -> Result<Created<MadeKey>, Problem> {
    if !new.days.is_none_or(|days| (1..=MOST_DAYS).contains(&days)) {
        return Err(Problem::body("/days", "give 1 to 3660, or leave it out"));
    }
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    if agents::get(&mut tx, &id).await?.is_none() {
        return Err(Problem::not_found("agent"));
    }
    let name = new.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| id.clone());
    let expires_at = new.days.map(|days| now + days * DAY_MILLIS);
    let (mut key, secret, hash) = Key::new(&name, Scope::Write, expires_at, now);
    key.agent_id = Some(id.clone());
    keys::insert(&mut tx, &key, &hash).await?;
    let changes = vec![Change::new("key", serde_json::Value::Null, key.id.to_string())];
    audit::record(&mut tx, &author, Subject::new("agent", &id), "create_key", changes, now).await?;
    tx.commit().await?;
    let place = format!("/v1/agents/{id}/keys/{}", key.id);
    let made = MadeKey { shown: key.into(), key: secret.expose().to_owned() };
    Ok(Created(place, Versioned(made, 1)))
}

/// Ends a key of an agent's own for good.
#[utoipa::path(delete, path = "/v1/agents/{id}/keys/{key}", tag = "agents", operation_id = "revoke_key",
    params(("id" = String, Path, description = "The agent's id."),
        ("key" = Uuid, Path, description = "The key's id.")),
    responses((status = 204, description = "It opens nothing any more.")))]
async fn revoke(
    State(api): Context,
    By(author): By,
    Path((id, key)): Path<(String, Uuid)>,
) -> Result<StatusCode, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let keys = keys::list(&mut tx).await?;
    let own = |it: &Key| it.id == key && it.agent_id.as_deref() == Some(&id);
    if !keys.iter().any(own) || !keys::revoke(&mut tx, key, now).await? {
        return Err(Problem::not_found("key"));
    }
    let changes = vec![Change::new("key", key.to_string(), serde_json::Value::Null)];
    audit::record(&mut tx, &author, Subject::new("agent", &id), "revoke_key", changes, now).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
