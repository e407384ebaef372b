//! What goes wrong, as `application/problem+json` (RFC 9457).
//!
//! A [`Code`] is stable, has one status and one title, and is explained in `/docs`. Handlers return
//! a [`Problem`]; [`finish`] writes it down once the request's id is known. Details say what to do.
//! They never repeat a value, since a secret may have been put in the wrong place.

use std::fmt;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::db::StoreError;

/// Declares the codes, so that none is without status, title and a place in the documents.
macro_rules! codes {
    ($($variant:ident $code:literal $status:ident $title:literal,)+) => {
        /// What went wrong, in words that programs may rely on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Code { $($variant,)+ }

        impl Code {
            /// All of them, for the documents.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

codes! {
    InvalidQuery "invalid_query" BAD_REQUEST "The address has parameters we cannot use",
    MalformedJson "malformed_json" BAD_REQUEST "The body is not JSON",
    InvalidHeader "invalid_header" BAD_REQUEST "A header has a value we cannot use",
    MissingKey "missing_key" UNAUTHORIZED "An API key is needed",
    InvalidKey "invalid_key" UNAUTHORIZED "The API key opens nothing",
    MissingScope "missing_scope" FORBIDDEN "The API key does not permit this",
    OtherAgent "other_agent" FORBIDDEN "The key is another agent's own",
    UnknownAgent "unknown_agent" FORBIDDEN "There is no such agent",
    NotFound "not_found" NOT_FOUND "There is no such thing",
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "The address has no such method",
    RequestTimeout "request_timeout" REQUEST_TIMEOUT "The body did not arrive in time",
    Exists "exists" CONFLICT "It exists already",
    Conflict "conflict" CONFLICT "It changed at the same moment",
    IllegalTransition "illegal_transition" CONFLICT "It cannot be done as things stand",
    ShortDescriptionNeeded "short_description_needed" CONFLICT "Nobody said what it is about",
    NoChannel "no_channel" CONFLICT "There is no channel to write by",
    Blocked "blocked" CONFLICT "The customer is blocked",
    HeldByOther "held_by_other" CONFLICT "The address is another person's",
    OptedOut "opted_out" CONFLICT "The customer wants no messages",
    GivenUp "given_up" CONFLICT "The profile was given up",
    CannotMerge "cannot_merge" CONFLICT "The profiles cannot be one, or not be two again",
    OnePerInteraction "one_per_interaction" CONFLICT "The interaction has one of the kind",
    NotReplayable "not_replayable" CONFLICT "The request cannot be taken in again",
    TelephonyOff "telephony_off" CONFLICT "Telephony is switched off",
    AtCapacity "at_capacity" CONFLICT "The agent has no room for more",
    NotOffered "not_offered" CONFLICT "The item is not offered to the agent",
    NotServing "not_serving" FORBIDDEN "The agent does not serve the queue",
    IdempotencyRunning "idempotency_running" CONFLICT "The first one is still running",
    EventsGone "events_gone" GONE "The events are not kept any more",
    Stale "stale" PRECONDITION_FAILED "It has changed since it was read",
    TooLarge "too_large" PAYLOAD_TOO_LARGE "The body is too large",
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The body must be JSON",
    InvalidBody "invalid_body" UNPROCESSABLE_ENTITY "The body has values we cannot use",
    IdempotencyMismatch "idempotency_mismatch" UNPROCESSABLE_ENTITY "The key meant another request",
    PreconditionRequired "precondition_required" PRECONDITION_REQUIRED "If-Match is needed",
    Internal "internal" INTERNAL_SERVER_ERROR "We failed",
    ChannelUnusable "channel_unusable" SERVICE_UNAVAILABLE "The channel's secrets do not open",
    SinkUnusable "sink_unusable" SERVICE_UNAVAILABLE "The sink's secrets do not open",
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The gateway cannot do this now",
}

/// Something that went wrong, before the request's id is known.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    code: Code,
    detail: String,
    errors: Vec<InputError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// One thing wrong with the input.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct InputError {
    /// Where in the body, as a JSON pointer; absent for a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Which parameter; absent for the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What to do about it.
    pub detail: String,
}

/// A problem as it is sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct Document<'a> {
    /// The page that explains the code.
    r#type: String,
    /// The code in a few words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened this time, and what to do.
    detail: &'a str,
    /// What went wrong, in words that programs may rely on.
    code: &'a str,
    /// Also in `x-request-id`; name it when asking for help.
    request_id: &'a str,
    /// What is wrong with the input.
    #[serde(skip_serializing_if = "<[InputError]>::is_empty")]
    errors: &'a [InputError],
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    /// A value of the body, at `pointer`, that will not do.
    pub fn body(pointer: impl Into<String>, detail: impl fmt::Display) -> Self {
        let pointer = Some(pointer.into());
        let detail = detail.to_string();
        let summary = format!("{detail}; nothing was changed");
        let errors = vec![InputError { pointer, parameter: None, detail }];
        Self { errors, ..Self::new(Code::InvalidBody, summary) }
    }

    /// A parameter of the address that will not do.
    pub fn parameter(name: &str, detail: impl fmt::Display) -> Self {
        let parameter = Some(name.to_owned());
        let detail = detail.to_string();
        let summary = format!("parameter {name}: {detail}");
        let errors = vec![InputError { pointer: None, parameter, detail }];
        Self { errors, ..Self::new(Code::InvalidQuery, summary) }
    }

    /// There is no such `noun`.
    pub fn not_found(noun: &str) -> Self {
        Self::new(
            Code::NotFound,
            format!("there is no {noun} with this name here; list them first"),
        )
    }

    /// Whether there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.code == Code::NotFound
    }

    /// It changed between being read and being written.
    pub fn conflict() -> Self {
        Self::new(Code::Conflict, "somebody else changed it at the same moment; read it again")
    }

    pub fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let cause = &error as &dyn std::error::Error;
        match &error {
            StoreError::Exists => Self::new(
                Code::Exists,
                "the name is taken; choose another one, or change the one that has it",
            ),
            StoreError::Unreachable(_) | StoreError::Failed(_) => {
                tracing::warn!(error = cause, "the API could not use the database");
                Self::new(
                    Code::Unavailable,
                    "the database did not do it; try again in a few seconds",
                )
                .header(header::RETRY_AFTER, "2")
            }
            StoreError::Refused(_) => {
                tracing::error!(error = cause, "the database refused what the API gave it");
                Self::new(Code::Internal, "the database refused the data; report the request id")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.headers_mut().extend(self.headers.iter().cloned());
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the problem of a response down, if it has one.
pub(super) fn finish(mut response: Response, request_id: &str) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let code = problem.code.as_str();
    let document = Document {
        r#type: format!("/docs#{code}"),
        title: problem.code.title(),
        status: problem.code.status().as_u16(),
        detail: &problem.detail,
        code,
        request_id,
        errors: &problem.errors,
    };
    let (parts, _) = response.into_parts();
    let mut response = Json(document).into_response();
    *response.status_mut() = parts.status;
    response.headers_mut().extend(parts.headers);
    let content_type = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
