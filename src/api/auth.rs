//! Who may do what: a bearer key, and the scope that a method and a path need.
//!
//! The rule is here and not with the handlers, so that a new one is closed until somebody opens it.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};

use super::{
    Api,
    problem::{Code, Problem},
};
use crate::{
    agents,
    db::StoreError,
    keys::{self, Hash, Key, Scope},
};

/// The scope an operation needs; `path` is the one in the document.
pub(super) fn needed(method: &Method, path: &str) -> Scope {
    if method.is_safe() || path == "/v1/routes/try" {
        Scope::Read
    } else if ["/v1/channels", "/v1/erasures", "/v1/sinks", "/v1/agents/{id}/keys"]
        .iter()
        .any(|admin| path.starts_with(admin))
    {
        Scope::Admin
    } else {
        Scope::Write
    }
}

/// What says how the desk works.
const CONFIGURATION: [&str; 10] = [
    "/v1/agents",
    "/v1/queues",
    "/v1/routes",
    "/v1/wrap-up-configurations",
    "/v1/messaging-actions",
    "/v1/related-policies",
    "/v1/settings",
    "/v1/people/import",
    "/v1/deliveries",
    "/v1/requests",
];

/// Below those, what agents do all day.
const AGENTS_WORK: [&str; 2] = ["/v1/agents/{id}/presence", "/v1/queues/{id}/claim"];

/// The scope that an agent's own key needs: agents work at the desk and do not arrange it.
fn needed_of_agents(method: &Method, path: &str) -> Scope {
    let needed = needed(method, path);
    let arranges = needed == Scope::Write
        && CONFIGURATION.iter().any(|configuration| path.starts_with(configuration))
        && !AGENTS_WORK.contains(&path);
    if arranges { Scope::Admin } else { needed }
}

/// Lets a request through whose key permits it; what comes after finds the [`Key`].
pub(super) async fn check(
    State(api): State<Api>,
    matched: MatchedPath,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = authenticate(&api, request.headers()).await?;
    let (method, path) = (request.method(), matched.as_str());
    let needed = needed(method, path);
    if key.scope < needed {
        let detail = format!(
            "this needs a key with the scope `{needed}`, and yours has `{}`; \
             `frontdesk key create --scope {needed}` makes one",
            key.scope
        );
        return Err(Problem::new(Code::MissingScope, detail));
    }
    if key.agent_id.is_some() && key.scope < needed_of_agents(method, path) {
        let detail = "this key is an agent's own, and agents do not change how the desk works; use a \
            key without an agent, which `frontdesk key create --scope write` makes";
        return Err(Problem::new(Code::MissingScope, detail));
    }
    request.extensions_mut().insert(key);
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn authenticate(api: &Api, headers: &HeaderMap) -> Result<Key, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(missing(api).await?);
    };
    let shown = value.to_str().ok().and_then(|value| value.split_once(' '));
    let shown = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some(hash) = shown.and_then(|(_, key)| Hash::of(key.trim())) else {
        return Err(invalid("send `Authorization: Bearer fd_…`"));
    };
    let mut tx = api.store.begin_read().await?;
    let key = keys::find(&mut tx, &hash).await?;
    let agent = match key.as_ref().and_then(|key| key.agent_id.as_deref()) {
        Some(agent) => agents::get(&mut tx, agent).await?,
        None => None,
    };
    tx.rollback().await?;
    let Some(key) = key else {
        return Err(invalid("no such key; `frontdesk key list` shows those there are"));
    };
    if key.agent_id.is_some() && !agent.is_some_and(|agent| agent.active) {
        return Err(invalid("this key is the own one of an agent who is not active any more"));
    }
    let now = api.clock.now().as_millis();
    if !key.opens(now) {
        return Err(invalid("this key expired or was revoked; `frontdesk key create` makes one"));
    }
    // A key that cannot be written to has still proven itself.
    if key.use_is_news(now)
        && let Err(error) = note_use(api, &key, now).await
    {
        let cause = &error as &dyn std::error::Error;
        tracing::warn!(key.id = %key.id, error = cause, "the use of a key was not noted");
    }
    Ok(key)
}

async fn note_use(api: &Api, key: &Key, now: i64) -> Result<(), StoreError> {
    let mut tx = api.store.begin().await?;
    keys::used(&mut tx, key.id, now).await?;
    tx.commit().await
}

async fn missing(api: &Api) -> Result<Problem, StoreError> {
    let mut tx = api.store.begin_read().await?;
    let first = api.local && !keys::exist(&mut tx).await?;
    tx.rollback().await?;
    let detail = if first {
        "there is no API key yet: run `frontdesk key create --scope admin` where frontdesk runs, \
         with the same settings, and send what it prints as `Authorization: Bearer fd_…`"
    } else {
        "send an API key as `Authorization: Bearer fd_…`; `frontdesk key create` makes one"
    };
    Ok(Problem::new(Code::MissingKey, detail).header(header::WWW_AUTHENTICATE, "Bearer"))
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Code::InvalidKey, detail)
        .header(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
}
