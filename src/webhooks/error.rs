//! What each failure costs a provider.
//!
//! Our own trouble is 503, never 4xx: several providers stop at 4xx. Answers name what happened,
//! never what was expected.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use frontdesk_adapters::{Method, Refusal};
use serde_json::json;

use crate::ingest::IngestError;

/// Seconds after which a provider may try again.
const RETRY_AFTER: &str = "2";

pub(super) fn respond(error: &IngestError, method: Method) -> Response {
    match error {
        IngestError::UnknownChannel => {
            problem(StatusCode::NOT_FOUND, "unknown_channel", "no channel answers at this address")
        }
        IngestError::Refused(refusal) => {
            let status = match refusal {
                Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
                Refusal::Origin => StatusCode::FORBIDDEN,
                Refusal::NoDocument(_) => return unavailable(),
                // A handshake asks whether it may; the rest say who they are.
                Refusal::MissingSignature(_)
                | Refusal::BadSignature(_)
                | Refusal::UnknownKey
                | Refusal::Stale { .. } => match method {
                    Method::Get | Method::Options => StatusCode::FORBIDDEN,
                    Method::Post | Method::Put => StatusCode::UNAUTHORIZED,
                },
            };
            problem(status, refusal.code(), &refusal.to_string())
        }
        IngestError::Overloaded
        | IngestError::Unavailable
        | IngestError::Poisoned
        | IngestError::NoKeys
        | IngestError::Stopping
        | IngestError::ChannelUnusable => unavailable(),
    }
}

fn unavailable() -> Response {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut response = problem(status, "unavailable", "not recorded; send it again");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    response
}

pub(super) fn too_large() -> Response {
    problem(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        "the body is larger than this gateway takes",
    )
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({"status": status.as_u16(), "code": code, "detail": detail});
    let mut response = (status, Json(body)).into_response();
    let content_type = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
