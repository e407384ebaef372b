//! A repeated POST gets its first answer: `Idempotency-Key`.
//!
//! The work is a task of its own, so that a caller who hangs up does not leave it half remembered.
//! Our own trouble (5xx) is forgotten, since the caller is to try again.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use tracing::Instrument;

use super::{
    Api, RequestId, input,
    problem::{self, Code, Problem},
};
use crate::{
    db::StoreError,
    keys::{
        Key,
        answers::{self, Answer, Asked, Claimed},
    },
};

/// Marks an answer whose field `secret` is shown once: what is kept for repeated requests has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct HoldsSecret;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The headers that belong to an answer.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// Answers from memory, or runs the request and remembers.
pub(super) async fn replay(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    // A new key is shown once and kept nowhere, so not here either.
    let repeatable = request.method() == Method::POST && !request.uri().path().ends_with("/keys");
    let key = request.headers().get(KEY).filter(|_| repeatable);
    let caller = request.extensions().get::<Key>();
    let (Some(key), Some(caller)) = (key, caller) else {
        return Ok(next.run(request).await);
    };
    let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len())).ok_or_else(|| {
        Problem::new(Code::InvalidHeader, "Idempotency-Key takes 1 to 255 printable characters")
    })?;
    let (api_key, key) = (caller.id, key.to_owned());
    let (parts, body) = request.into_parts();
    let mut to_read = Request::new(body);
    *to_read.extensions_mut() = parts.extensions.clone();
    let body = input::read(to_read, &api).await?;
    let mut digest = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), &body] {
        digest.update(part);
        digest.update([0]);
    }
    let asked = Asked { api_key, key, digest: digest.finalize().to_vec() };

    let mut tx = api.store.begin().await?;
    let claimed = answers::claim(&mut tx, &asked, api.clock.now().as_millis()).await?;
    tx.commit().await?;
    match claimed {
        Claimed::New => {}
        Claimed::Answered(answer) => return Ok(repeated(answer)),
        Claimed::Running => {
            let detail = "the first request with this Idempotency-Key has no answer yet; \
                          try again in a second";
            return Err(
                Problem::new(Code::IdempotencyRunning, detail).header(header::RETRY_AFTER, "1")
            );
        }
        Claimed::Different => {
            let detail = "this Idempotency-Key was used for another request within a day; \
                          use a new key for each thing to be done";
            return Err(Problem::new(Code::IdempotencyMismatch, detail));
        }
    }
    let request = Request::from_parts(parts, Body::from(body));
    let work = async move {
        let request_id = request.extensions().get::<RequestId>().cloned();
        let response = next.run(request).await;
        let response = match request_id {
            Some(RequestId(id)) => problem::finish(response, &id),
            None => response,
        };
        remember(&api, &asked, response).await
    };
    tokio::spawn(work.in_current_span()).await.map_err(|error| {
        tracing::error!(%error, "a request broke down");
        Problem::new(Code::Internal, "the gateway broke down over this; report the request id")
    })?
}

/// Keeps a copy of the answer.
async fn remember(api: &Api, asked: &Asked, response: Response) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    let body = Bytes::from_request(Request::new(body), &()).await.map_err(|_| {
        Problem::new(Code::Internal, "the answer could not be read; look whether it was done")
    })?;
    let kept = KEPT.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let kept_body = match parts.extensions.get::<HoldsSecret>() {
        Some(HoldsSecret) => without_secret(&body),
        None => body.to_vec(),
    };
    let answer = Answer { status: parts.status.as_u16(), headers: kept.collect(), body: kept_body };
    if let Err(error) = store(api, asked, &answer).await {
        let cause = &error as &dyn std::error::Error;
        tracing::warn!(error = cause, "an answer was not kept for repeated requests");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn without_secret(body: &[u8]) -> Vec<u8> {
    let mut json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(secret) = json.get_mut("secret") {
        *secret = serde_json::Value::Null;
    }
    json.to_string().into_bytes()
}

async fn store(api: &Api, asked: &Asked, answer: &Answer) -> Result<(), StoreError> {
    let mut tx = api.store.begin().await?;
    if answer.status >= 500 {
        answers::release(&mut tx, asked).await?;
    } else {
        answers::remember(&mut tx, asked, answer).await?;
    }
    tx.commit().await
}

fn repeated(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    (status, headers, answer.body).into_response()
}
