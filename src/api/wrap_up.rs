//! What follows the end of a conversation: the ordered configurations of wrap-up.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context,
    agents::By,
    input::{Body, IfMatch, Paging, Path, Query, present},
    output::{Created, Page, Range, Versioned},
    problem::Problem,
};
use crate::{
    audit::{self, Subject},
    conditions::Conditions,
    wrap_up::{self, Code, Configuration, ConfigurationError},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, change, delete))
}

/// A configuration to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWrapUpConfiguration {
    /// Its name: lower-case letters, digits, hyphens and underscores.
    id: String,
    #[serde(flatten)]
    rest: WrapUpConfigurationChange,
}

/// What a configuration says. Absent fields stay as they are.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
struct WrapUpConfigurationChange {
    /// Lower ones are tried first; by itself 100.
    order: Option<i64>,
    /// What must hold of the interaction; by itself everything does.
    when: Option<Conditions>,
    /// Whether wrap-up ends by itself after the duration; by itself it does not.
    enforced: Option<bool>,
    /// How long it lasts, in seconds; by itself 60.
    duration_seconds: Option<i64>,
    /// Whether agents are shown the time that is left; by itself they are.
    show_timer: Option<bool>,
    /// What agents may choose from to say what it was about.
    codes: Option<Vec<Code>>,
    /// What is recorded where nobody chose; `null` for nothing.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    default_code: Option<Option<String>>,
    /// Whether it is tried at all; by itself it is.
    active: Option<bool>,
}

impl WrapUpConfigurationChange {
    fn of(self, before: Configuration) -> Configuration {
        Configuration {
            order: self.order.unwrap_or(before.order),
            when: self.when.unwrap_or(before.when),
            enforced: self.enforced.unwrap_or(before.enforced),
            duration_seconds: self.duration_seconds.unwrap_or(before.duration_seconds),
            show_timer: self.show_timer.unwrap_or(before.show_timer),
            codes: self.codes.unwrap_or(before.codes),
            default_code: self.default_code.unwrap_or(before.default_code),
            active: self.active.unwrap_or(before.active),
            ..before
        }
    }
}

impl From<ConfigurationError> for Problem {
    fn from(error: ConfigurationError) -> Self {
        let pointer = match error {
            ConfigurationError::Id => "/id",
            ConfigurationError::Duration | ConfigurationError::BeyondLimit(_) => {
                "/duration_seconds"
            }
            ConfigurationError::Codes => "/codes",
            ConfigurationError::DefaultCode => "/default_code",
        };
        Self::body(pointer, error)
    }
}

/// Lists wrap-up configurations, in the order they are tried.
#[utoipa::path(get, path = "/v1/wrap-up-configurations", tag = "wrap-up", params(Paging),
    responses((status = 200, body = Page<Configuration>, description = "Configurations.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Configuration>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let all = wrap_up::list(&mut tx).await?;
    tx.rollback().await?;
    Ok(Json(range.cut(all, |configuration| (configuration.order, configuration.id.clone()))))
}

/// Shows a wrap-up configuration.
#[utoipa::path(get, path = "/v1/wrap-up-configurations/{id}", tag = "wrap-up",
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 200, body = Configuration, description = "The configuration.")))]
async fn get(
    State(api): Context,
    Path(id): Path<String>,
) -> Result<Versioned<Configuration>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let found = wrap_up::get(&mut tx, &id).await?;
    tx.rollback().await?;
    let found = found.ok_or_else(unknown)?;
    let version = found.version;
    Ok(Versioned(found, version))
}

/// Makes a wrap-up configuration: conversations that fulfill its conditions end in wrap-up.
#[utoipa::path(post, path = "/v1/wrap-up-configurations", tag = "wrap-up",
    request_body = NewWrapUpConfiguration,
    responses((status = 201, body = Configuration, description = "The new configuration.")))]
async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewWrapUpConfiguration>,
) -> Result<Created<Configuration>, Problem> {
    let now = api.clock.now().as_millis();
    let made = new.rest.of(Configuration::new(&new.id, now));
    made.check(api.wrap_up_limit)?;
    let mut tx = api.store.begin().await?;
    wrap_up::insert(&mut tx, &made).await?;
    let changes = audit::differences(&None::<Configuration>, &made);
    audit::record(&mut tx, &author, subject(&made.id), "create", changes, now).await?;
    tx.commit().await?;
    Ok(Created(format!("/v1/wrap-up-configurations/{}", made.id), Versioned(made, 1)))
}

/// Changes a wrap-up configuration. What is in wrap-up already ends as it would have.
#[utoipa::path(patch, path = "/v1/wrap-up-configurations/{id}", tag = "wrap-up",
    params(("id" = String, Path, description = "Its id.")),
    request_body = WrapUpConfigurationChange,
    responses((status = 200, body = Configuration, description = "The changed configuration.")))]
async fn change(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
    if_match: IfMatch,
    Body(change): Body<WrapUpConfigurationChange>,
) -> Result<Versioned<Configuration>, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let before = wrap_up::get(&mut tx, &id).await?.ok_or_else(unknown)?;
    if_match.check(before.version)?;
    let after =
        Configuration { changed_at: now, version: before.version + 1, ..change.of(before.clone()) };
    after.check(api.wrap_up_limit)?;
    if !wrap_up::save(&mut tx, &after).await? {
        return Err(Problem::conflict());
    }
    let changes = audit::differences(&before, &after);
    audit::record(&mut tx, &author, subject(&id), "change", changes, now).await?;
    tx.commit().await?;
    let version = after.version;
    Ok(Versioned(after, version))
}

/// Forgets a wrap-up configuration. What is in wrap-up under it ends as it would have.
#[utoipa::path(delete, path = "/v1/wrap-up-configurations/{id}", tag = "wrap-up",
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let before = wrap_up::get(&mut tx, &id).await?.ok_or_else(unknown)?;
    if !wrap_up::delete(&mut tx, &id).await? {
        return Err(unknown());
    }
    let changes = audit::differences(&before, &None::<Configuration>);
    audit::record(&mut tx, &author, subject(&id), "delete", changes, now).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn subject(id: &str) -> Subject {
    Subject::new("wrap_up_configuration", id)
}

fn unknown() -> Problem {
    Problem::not_found("wrap-up configuration")
}
