//! Is it alive, can it take requests, and what does it count.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Api, Context, channels::why, input::Query, problem::Problem};
use crate::{channels, db::StoreError, routing, sinks::State as SinkState};

/// How long the database may take to answer.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(livez)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// Says that the process is alive, and nothing else.
#[utoipa::path(get, path = "/livez", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain", description = "Alive.")))]
async fn livez() -> &'static str {
    "ok"
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Verbosity {
    /// Say what was looked at; takes no value.
    verbose: Option<String>,
}

/// Whether requests can be taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Readiness {
    /// `ready` or `unready`.
    status: &'static str,
    /// Why requests cannot be taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    /// What was looked at, if asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<Check>,
}

/// Something that was looked at.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Check {
    /// `store`, `queue`, `workers`, `channel` and the id of one that cannot be used, or `sink` and a
    /// sink's id.
    name: String,
    /// Whether it is as it should be.
    ok: bool,
    /// What was seen.
    detail: String,
}

/// Says whether requests can be taken: the database answers and the intake queue has room.
#[utoipa::path(get, path = "/readyz", tag = "health", params(Verbosity), responses(
    (status = 200, body = Readiness, description = "Requests can be taken."),
    (status = 503, body = Readiness, description = "They cannot, and why."),
))]
async fn readyz(State(api): Context, Query(query): Query<Verbosity>) -> Result<Response, Problem> {
    let checks = vec![store(&api).await, queue(&api), workers(&api)];
    // A channel that cannot be used, or a sink that is down, keeps nobody else from taking requests.
    let causes: Vec<_> =
        checks.iter().filter(|check| !check.ok).map(|check| check.detail.clone()).collect();
    let ready = causes.is_empty();
    let readiness = Readiness {
        status: if ready { "ready" } else { "unready" },
        causes,
        checks: if query.verbose.is_some() {
            let sealed = if ready { channels(&api).await } else { Vec::new() };
            checks.into_iter().chain(sealed).chain(sinks(&api)).collect()
        } else {
            Vec::new()
        },
    };
    if ready {
        return Ok(Json(readiness).into_response());
    }
    Ok((StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], Json(readiness))
        .into_response())
}

async fn store(api: &Api) -> Check {
    let engine = api.store.engine();
    let (ok, detail) = match tokio::time::timeout(DATABASE_TIMEOUT, api.store.ping()).await {
        Ok(Ok(())) => (true, format!("{engine} answers")),
        Ok(Err(error)) => (false, format!("{engine}: {error}")),
        Err(_) => (false, format!("{engine} does not answer within 2 seconds")),
    };
    Check { name: "store".to_owned(), ok, detail }
}

fn queue(api: &Api) -> Check {
    let (waiting, most) = api.ingest.backlog();
    let ok = waiting < most;
    let detail = if ok {
        format!("{waiting} of {most} places in the intake queue are taken")
    } else {
        format!("all {most} places in the intake queue are taken")
    };
    Check { name: "queue".to_owned(), ok, detail }
}

fn workers(api: &Api) -> Check {
    let ok = api.ingest.is_working();
    let detail = if ok { "committers are at work" } else { "a committer has ended" };
    Check { name: "workers".to_owned(), ok, detail: detail.to_owned() }
}

/// The channels that cannot be used.
async fn channels(api: &Api) -> Vec<Check> {
    let listed = async {
        let mut tx = api.store.begin_read().await?;
        let listed = channels::list(&mut tx, &api.vault).await?;
        tx.rollback().await?;
        Ok::<_, StoreError>(listed)
    };
    // That the database answers was looked at; who asks again learns the rest.
    let listed = tokio::time::timeout(DATABASE_TIMEOUT, listed).await.ok().and_then(Result::ok);
    let unusable = listed.into_iter().flatten().filter_map(|(id, channel)| {
        let detail = why(&channel.err()?);
        Some(Check { name: format!("channel {id}"), ok: false, detail })
    });
    unusable.collect()
}

/// How the sinks stood a few seconds ago.
fn sinks(api: &Api) -> impl Iterator<Item = Check> {
    api.dispatch.standing().into_iter().map(|standing| {
        let (backlog, oldest) = (&standing.backlog, standing.oldest_ms / 1000);
        let state = standing.state.as_str();
        let failing = if standing.is_failing { ", accepts nothing at present" } else { "" };
        let detail = format!(
            "{state}{failing}; {} events wait, the oldest for {oldest} s; {} dead letters",
            backlog.waiting, backlog.dead
        );
        let ok = standing.state == SinkState::Active && !standing.is_failing;
        Check { name: format!("sink {}", backlog.sink_id), ok, detail }
    })
}

/// Gives the counts in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain", description = "Counts.")))]
async fn metrics(State(api): Context) -> Response {
    // Counts must not be lost with the database: its own are left as they were.
    match tokio::time::timeout(DATABASE_TIMEOUT, measure_queues(&api)).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) | Err(_) => tracing::warn!("queues could not be measured"),
    }
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (content_type, api.measures.render()).into_response()
}

async fn measure_queues(api: &Api) -> Result<(), StoreError> {
    let mut tx = api.store.begin_read().await?;
    let depths = routing::store::depths(&mut tx).await?;
    tx.rollback().await?;
    let now = api.clock.now().as_millis();
    for (queue, depth, oldest) in depths {
        let waited = oldest.map_or(0, |oldest| now.saturating_sub(oldest).max(0));
        #[expect(clippy::cast_precision_loss, reason = "counts and ages are far below 2^52")]
        let (depth, seconds) = (depth as f64, waited as f64 / 1000.0);
        metrics::gauge!("frontdesk_queue_depth", "queue" => queue.clone()).set(depth);
        metrics::gauge!("frontdesk_queue_oldest_seconds", "queue" => queue).set(seconds);
    }
    Ok(())
}
