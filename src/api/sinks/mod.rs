//! Sinks: where events are handed on to. Their secrets are shown once, when they are made.

mod forms;

use axum::{Json, extract::State, http::StatusCode};
use sqlx::types::Json as Stored;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::forms::{
    NewSink, Once, Rotation, Shown, SinkChange, SinkTest, TakenUp, WithSecret, check, opened,
    signing_key,
};
use super::{
    Api, Context,
    agents::By,
    input::{Body, IfMatch, MayBody, Paging, Path, Query},
    output::{Created, Page, Range, Versioned},
    problem::Problem,
};
use crate::{
    audit::{self, Author, Subject},
    db::Tx,
    deliveries,
    dispatch::{self, Outcome},
    sinks::{self, Kind, OpenSink, Secrets, Sink, State as SinkState},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change, delete))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(rotate_secret))
        .routes(routes!(retry))
        .routes(routes!(test))
}

/// Lists sinks, by id.
#[utoipa::path(get, path = "/v1/sinks", tag = "sinks", params(Paging),
    responses((status = 200, body = Page<Shown>, description = "Sinks.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Shown>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let sinks = sinks::open(&mut tx, &api.vault).await?;
    tx.rollback().await?;
    Ok(Json(range.cut(sinks, |open| open.sink.id.clone()).map(show)))
}

/// Shows a sink.
#[utoipa::path(get, path = "/v1/sinks/{id}", tag = "sinks",
    params(("id" = String, Path, description = "The sink's id.")),
    responses((status = 200, body = Shown, description = "The sink.")))]
async fn get(State(api): Context, Path(id): Path<String>) -> Result<Versioned<Shown>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let open = find(&api, &mut tx, &id).await?;
    tx.rollback().await?;
    let version = open.sink.version;
    Ok(Versioned(show(open), version))
}

/// Makes a sink. It gets what happens from now on.
#[utoipa::path(post, path = "/v1/sinks", tag = "sinks", request_body = NewSink,
    responses((status = 201, body = WithSecret, description = "The new sink, and its secret.")))]
async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewSink>,
) -> Result<Once<Created<WithSecret>>, Problem> {
    let now = api.clock.now().as_millis();
    let signing = signing_key(new.kind, new.settings.signature, new.secret.as_deref())?;
    let sink = Sink::new(&new.id, new.kind, &new.url, new.settings, now)?;
    check(&api, &sink, new.login.as_ref())?;
    let secrets = Secrets::new(signing, new.login);
    let mut tx = api.store.begin().await?;
    sink.check_names(&mut tx).await??;
    dispatch::add(&mut tx, &api.vault, &sink, &secrets).await?;
    let changes = audit::differences(&None::<Sink>, &sink);
    audit::record(&mut tx, &author, Subject::new("sink", &sink.id), "create", changes, now).await?;
    tx.commit().await?;
    let location = format!("/v1/sinks/{}", sink.id);
    Ok(Once(Created(location, Versioned(WithSecret::of(sink, &secrets), 1))))
}

/// Changes a sink. What waits for another attempt is tried now.
#[utoipa::path(patch, path = "/v1/sinks/{id}", tag = "sinks",
    params(("id" = String, Path, description = "The sink's id.")), request_body = SinkChange,
    responses((status = 200, body = Shown, description = "The changed sink.")))]
async fn change(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
    if_match: IfMatch,
    Body(change): Body<SinkChange>,
) -> Result<Versioned<Shown>, Problem> {
    let mut tx = begin(&api).await?;
    let OpenSink { sink: before, secrets } = find(&api, &mut tx, &id).await?;
    if_match.check(before.version)?;
    let mut secrets = match (secrets, &change.login) {
        // A broker's login is all there is, so nothing that does not open is needed.
        (Err(_), Some(_)) if before.kind != Kind::Webhook => Secrets::default(),
        (secrets, _) => opened(secrets)?,
    };
    let mut sink = before.clone();
    if let Some(url) = change.url {
        sink.url = url.trim().to_owned();
    }
    let now = api.clock.now().as_millis();
    if let Some(settings) = change.settings {
        if settings.signature != before.settings.signature {
            let detail = "how a sink's events are signed stays as it is; make another sink, and \
                delete this one when its receiver has changed over";
            return Err(Problem::body("/settings/signature", detail));
        }
        sink.settings = Stored(settings);
    }
    if let Some(login) = change.login {
        secrets.login = login;
    }
    check(&api, &sink, secrets.login.as_ref())?;
    if sink.settings != before.settings {
        sink.check_names(&mut tx).await??;
    }
    let sink = save(&api, tx, &before, sink, &secrets, (&author, "change", now)).await?;
    let version = sink.version;
    Ok(Versioned(Shown::of(sink, Ok(&secrets)), version))
}

/// Forgets a sink and whatever waits for it.
#[utoipa::path(delete, path = "/v1/sinks/{id}", tag = "sinks",
    params(("id" = String, Path, description = "The sink's id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = begin(&api).await?;
    if !sinks::delete(&mut tx, &id).await? {
        return Err(Problem::not_found("sink"));
    }
    deliveries::forget(&mut tx, &id).await?;
    audit::record(&mut tx, &author, Subject::new("sink", &id), "delete", Vec::new(), now).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps events for a sink instead of handing them on.
#[utoipa::path(post, path = "/v1/sinks/{id}/pause", tag = "sinks",
    params(("id" = String, Path, description = "The sink's id.")),
    responses((status = 200, body = Shown, description = "The paused sink.")))]
async fn pause(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
) -> Result<Versioned<Shown>, Problem> {
    turn(&api, &author, &id, SinkState::Paused).await
}

/// Hands on what was kept for a sink, and whatever comes. What waits for another attempt is tried
/// now.
///
/// What was given up when it switched itself off comes back by `retry`.
#[utoipa::path(post, path = "/v1/sinks/{id}/resume", tag = "sinks",
    params(("id" = String, Path, description = "The sink's id.")),
    responses((status = 200, body = Shown, description = "The active sink.")))]
async fn resume(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
) -> Result<Versioned<Shown>, Problem> {
    turn(&api, &author, &id, SinkState::Active).await
}

/// Signs with a new secret; for a day the one before it signs as well, as do those before that, up to
/// five in all. What waits for another attempt is tried now.
#[utoipa::path(post, path = "/v1/sinks/{id}/rotate-secret", tag = "sinks",
    params(("id" = String, Path, description = "The sink's id.")), request_body = Option<Rotation>,
    responses((status = 200, body = WithSecret, description = "The sink, and its new secret.")))]
async fn rotate_secret(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
    MayBody(rotation): MayBody<Rotation>,
) -> Result<Once<Versioned<WithSecret>>, Problem> {
    let mut tx = begin(&api).await?;
    let OpenSink { sink, secrets } = find(&api, &mut tx, &id).await?;
    let mut secrets = match secrets {
        // A webhook has no login, so nothing that does not open is needed.
        Err(_) if sink.kind == Kind::Webhook => Secrets::default(),
        secrets => opened(secrets)?,
    };
    let key = signing_key(sink.kind, sink.settings.signature, rotation.secret.as_deref())?;
    let key = key.ok_or_else(|| Problem::body("/secret", "only webhooks are signed"))?;
    let now = api.clock.now().as_millis();
    secrets.rotate(key, now);
    let how = (&author, "rotate_secret", now);
    let sink = save(&api, tx, &sink, sink.clone(), &secrets, how).await?;
    let version = sink.version;
    Ok(Once(Versioned(WithSecret::of(sink, &secrets), version)))
}

/// Takes up again every dead letter of a sink, and whatever waits for another attempt.
#[utoipa::path(post, path = "/v1/sinks/{id}/retry", tag = "sinks",
    params(("id" = String, Path, description = "The sink's id.")),
    responses((status = 200, body = TakenUp, description = "How many there were.")))]
async fn retry(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
) -> Result<Json<TakenUp>, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = begin(&api).await?;
    let OpenSink { sink, .. } = find(&api, &mut tx, &id).await?;
    let retried = deliveries::retry(&mut tx, &sink.id, None, now).await?;
    let changes = vec![audit::Change::new("retried", 0, retried)];
    audit::record(&mut tx, &author, Subject::new("sink", &id), "retry", changes, now).await?;
    tx.commit().await?;
    Ok(Json(TakenUp { retried }))
}

/// Tells a sink an event of the type `test`, now and once, and says what became of it. Where it was
/// accepted, what waits for another attempt is tried now.
#[utoipa::path(post, path = "/v1/sinks/{id}/test", tag = "sinks",
    params(("id" = String, Path, description = "The sink's id.")),
    responses((status = 200, body = SinkTest, description = "What happened.")))]
async fn test(State(api): Context, Path(id): Path<String>) -> Result<Json<SinkTest>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let OpenSink { sink, secrets } = find(&api, &mut tx, &id).await?;
    tx.rollback().await?;
    let secrets = opened(secrets)?;
    let now = api.clock.now().as_millis();
    let (ok, status, detail) = match api.dispatch.senders().test(&sink, &secrets, now).await {
        Outcome::Accepted { status } => {
            let mut tx = begin(&api).await?;
            sinks::mark_working(&mut tx, &id).await?;
            deliveries::hasten(&mut tx, &id, now).await?;
            tx.commit().await?;
            (true, status, "it accepted the event".to_owned())
        }
        Outcome::Gone => (false, Some(410), "it answered 410: it wants no events".to_owned()),
        Outcome::Failed { status, error, .. } => (false, status, error),
    };
    Ok(Json(SinkTest { ok, detail, status }))
}

fn show(open: OpenSink) -> Shown {
    let OpenSink { sink, secrets } = open;
    Shown::of(sink, secrets.as_ref().map_err(ToString::to_string))
}

/// A transaction that may change a sink and what waits for it: it holds the deliveries before the
/// sink, as those who hand on do.
async fn begin(api: &Api) -> Result<Tx, Problem> {
    let mut tx = api.store.begin().await?;
    deliveries::lock(&mut tx).await?;
    Ok(tx)
}

async fn find(api: &Api, tx: &mut Tx, id: &str) -> Result<OpenSink, Problem> {
    sinks::get(tx, &api.vault, id).await?.ok_or_else(|| Problem::not_found("sink"))
}

async fn turn(
    api: &Api,
    author: &Author,
    id: &str,
    state: SinkState,
) -> Result<Versioned<Shown>, Problem> {
    let mut tx = begin(api).await?;
    let OpenSink { sink: before, secrets } = find(api, &mut tx, id).await?;
    let secrets = opened(secrets)?;
    let now = api.clock.now().as_millis();
    let action = if state == SinkState::Active { "resume" } else { "pause" };
    let sink = Sink { state, state_reason: None, ..before.clone() };
    let sink = save(api, tx, &before, sink, &secrets, (author, action, now)).await?;
    let version = sink.version;
    Ok(Versioned(Shown::of(sink, Ok(&secrets)), version))
}

/// Stores the sink that takes the place of `before`. Somebody saw to it, so what failed there is worth
/// another attempt now.
async fn save(
    api: &Api,
    mut tx: Tx,
    before: &Sink,
    after: Sink,
    secrets: &Secrets,
    (author, action, now): (&Author, &str, i64),
) -> Result<Sink, Problem> {
    let after = Sink { changed_at: now, version: before.version + 1, ..after };
    if !sinks::save(&mut tx, &api.vault, &after, secrets).await? {
        return Err(Problem::conflict());
    }
    if after.state == SinkState::Active {
        deliveries::hasten(&mut tx, &after.id, now).await?;
    }
    let changes = audit::differences(before, &after);
    audit::record(&mut tx, author, Subject::new("sink", &after.id), action, changes, now).await?;
    tx.commit().await?;
    Ok(after)
}
