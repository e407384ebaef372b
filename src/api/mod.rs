//! The edge that people's programs speak to: `/v1`, its document, and the gateway's health.
//!
//! One file per noun. What holds for every operation is a layer, so that none can forget it:
//! [`auth`] asks for a key, [`idempotency`] answers a repeated request with its first answer,
//! [`problem`] writes every failure down in one form, and [`identified`] names the request.
//! Handlers are registered with what describes them, so none is undocumented. A change that intake
//! must know of is announced after its commit.

mod agents;
mod audit;
mod auth;
mod channels;
mod consents;
mod deliveries;
mod docs;
mod document;
mod erasures;
mod events;
mod explain;
mod health;
mod hooks;
mod idempotency;
mod input;
mod interactions;
mod measures;
mod messages;
mod messaging_actions;
mod names;
mod output;
mod people;
mod problem;
mod profiles;
mod queues;
mod requests;
mod routes;
mod sinks;
mod tasks;
mod work_items;
mod wrap_up;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::{self, Next},
    response::Response,
};
pub use document::document;
pub use measures::Measures;
use tracing::Instrument;
use utoipa_axum::router::OpenApiRouter;

use self::problem::{Code, Problem};
use crate::{
    assign::Waker,
    clock::{self, Clock},
    db::Store,
    dispatch::Dispatch,
    ingest::Ingest,
    vault::Vault,
};

/// No body of the API is larger.
const MAX_BODY_BYTES: usize = 1024 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the API works with.
#[derive(Debug)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Store,
    /// Seals secrets.
    pub vault: Vault,
    /// Takes requests, and learns of changes.
    pub ingest: Ingest,
    /// Hands events on.
    pub dispatch: Dispatch,
    /// Lets items find their agents anew.
    pub waker: Waker,
    /// Tells the time.
    pub clock: Clock,
    /// Counts.
    pub measures: Measures,
    /// The address providers are given.
    pub public_url: String,
    /// Whether contacts by telephone are entered.
    pub telephony: bool,
    /// How long a wrap-up lasts at most.
    pub wrap_up_limit: Option<Duration>,
    /// Whether only this machine can reach us: then a caller without keys is told how to make one.
    pub local: bool,
}

type Api = Arc<Parts>;

/// The routes of the API.
pub fn router(parts: Parts) -> Router {
    let api = Arc::new(parts);
    let (v1, _) = v1().split_for_parts();
    let (public, _) = public().split_for_parts();
    // The last layer is the first to see a request; a body is measured before anybody reads it.
    let v1 = v1
        .route_layer(middleware::from_fn_with_state(api.clone(), ring))
        .route_layer(middleware::from_fn_with_state(api.clone(), idempotency::replay))
        .route_layer(middleware::from_fn_with_state(api.clone(), auth::check))
        .route_layer(middleware::from_fn_with_state(api.clone(), wake))
        .route_layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    v1.merge(public)
        .fallback(async || {
            Problem::new(Code::NotFound, "nothing is at this address; /docs lists what there is")
        })
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "the Allow header lists the methods it has")
        })
        .with_state(api)
}

/// What needs a key.
fn v1() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(channels::router())
        .merge(profiles::router())
        .merge(people::router())
        .merge(interactions::router())
        .merge(tasks::router())
        .merge(wrap_up::router())
        .merge(messaging_actions::router())
        .merge(erasures::router())
        .merge(messages::router())
        .merge(queues::router())
        .merge(work_items::router())
        .merge(routes::router())
        .merge(requests::router())
        .merge(explain::router())
        .merge(consents::router())
        .merge(agents::router())
        .merge(audit::router())
        .merge(sinks::router())
        .merge(deliveries::router())
        .merge(events::router())
}

/// What needs none.
fn public() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(health::router()).merge(docs::router())
}

/// Names every request: in its log lines, in its answer, and in the problem it may end in.
pub fn identified(router: Router) -> Router {
    router.layer(middleware::from_fn(identify))
}

async fn identify(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let id = match given.filter(|id| is_plain(id)) {
        Some(id) => id.to_owned(),
        None => clock::new_id().simple().to_string(),
    };
    let header = HeaderValue::try_from(&id).expect("plain characters");
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", request.id = %id);
    let mut response = problem::finish(next.run(request).instrument(span).await, &id);
    response.headers_mut().insert(REQUEST_ID, header);
    response
}

/// Whatever was changed may let an item find its agent.
async fn wake(State(api): Context, request: Request, next: Next) -> Response {
    let changes = !request.method().is_safe();
    let response = next.run(request).await;
    if changes && response.status().is_success() {
        api.waker.wake();
    }
    response
}

/// A caller's id is taken over where it cannot upset a log.
fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}

/// The id of a request.
#[derive(Clone, Debug)]
struct RequestId(String);

/// What handlers are given.
type Context = State<Api>;

/// Lets dispatch know of a change that may have to be told.
async fn ring(State(api): Context, request: Request, next: Next) -> Response {
    let changes = !request.method().is_safe();
    let response = next.run(request).await;
    if changes {
        api.dispatch.ring();
    }
    response
}

/// Lets intake know of a change that is durable. Where that fails, it looks by itself in a second.
async fn announce(api: &Api) {
    if let Err(error) = api.ingest.refresh().await {
        let cause = &error as &dyn std::error::Error;
        tracing::warn!(error = cause, "a change is taken up later");
    }
}
