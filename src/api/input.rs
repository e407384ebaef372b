//! What a request brings: query, path, body, `If-Match`. Whatever does not fit is a [`Problem`].

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{StatusCode, header, request::Parts},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use utoipa::IntoParams;

use super::problem::{Code, Problem};

/// PostgreSQL stores no NUL, and nobody means one.
const NUL: char = '\0';
/// What is told whoever sends one.
const WITHOUT_NUL: &str = "leave out the character NUL";

/// The parameters of the address. Unknown ones are refused, where `T` refuses unknown fields.
#[derive(Debug)]
pub(super) struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let axum::extract::Query(pairs) =
            axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
                .map_err(|_| Problem::new(Code::InvalidQuery, "write parameters as ?name=value"))?;
        let mut fields = serde_json::Map::new();
        for (name, value) in pairs {
            if name.contains(NUL) || value.contains(NUL) {
                return Err(Problem::parameter(&name.replace(NUL, ""), WITHOUT_NUL));
            }
            if fields.insert(name.clone(), value.into()).is_some() {
                return Err(Problem::parameter(&name, "give it once"));
            }
        }
        serde_path_to_error::deserialize(Value::from(fields)).map(Self).map_err(|error| {
            let name = error.path().to_string();
            let detail = expectation(error.inner());
            if name == "." {
                Problem::new(Code::InvalidQuery, detail)
            } else {
                Problem::parameter(&name, detail)
            }
        })
    }
}

/// Where a list goes on, and how far.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// A number in a query, where everything is text.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|_| serde::de::Error::custom(", expected a whole number"))
}

/// A choice in a query, where everything is text.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|_| serde::de::Error::custom(", expected true or false"))
}

/// A `+` in an address is a space unless it was escaped, and nobody's number begins with a space.
pub(super) fn phone_like(text: &str) -> String {
    match text.strip_prefix(' ') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => format!("+{rest}"),
        Some(_) | None => text.to_owned(),
    }
}

/// A part of the path; one that cannot be is a thing that does not exist.
#[derive(Debug)]
pub(super) struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let nothing = || {
            Problem::new(Code::NotFound, "the address names nothing we could have; check its ids")
        };
        let raw = RawPathParams::from_request_parts(parts, state).await.map_err(|_| nothing())?;
        if raw.iter().any(|(_, value)| value.contains(NUL)) {
            return Err(nothing());
        }
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(path)| Self(path)).map_err(|_| nothing())
    }
}

/// A JSON body.
#[derive(Debug)]
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(&request) {
            return Err(not_json());
        }
        parse(&read(request, state).await?).map(Self)
    }
}

/// A JSON body whose every field may be left out: without one, and with `null`, nothing is said.
#[derive(Debug)]
pub(super) struct MayBody<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for MayBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(&request);
        let bytes = read(request, state).await?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(not_json());
        }
        parse::<Option<T>>(&bytes).map(|said| Self(said.unwrap_or_default()))
    }
}

fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn not_json() -> Problem {
    Problem::new(
        Code::UnsupportedMediaType,
        "send JSON, with the header `content-type: application/json`",
    )
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let json = &mut serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut *json);
    let value = value.map_err(|error| body_problem(error.path(), error.inner()))?;
    json.end().map_err(|error| malformed(&error))?;
    refuse_nul(bytes)?;
    Ok(value)
}

/// Refuses JSON with a NUL in a text of it. JSON can only escape one, so most bodies are not read
/// again.
fn refuse_nul(bytes: &[u8]) -> Result<(), Problem> {
    if !bytes.windows(6).any(|window| window == br"\u0000") {
        return Ok(());
    }
    let whole = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    match with_nul(&whole, "") {
        Some(pointer) => Err(Problem::body(pointer, WITHOUT_NUL)),
        None => Ok(()),
    }
}

/// Where in `value`, which is at `pointer`, a text has a NUL.
fn with_nul(value: &Value, pointer: &str) -> Option<String> {
    match value {
        Value::String(text) => text.contains(NUL).then(|| pointer.to_owned()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| with_nul(item, &format!("{pointer}/{index}"))),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            if name.contains(NUL) {
                return Some(pointer.to_owned());
            }
            with_nul(value, &format!("{pointer}/{}", escaped(name)))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Reads a body of bounded size.
pub(super) async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(Code::TooLarge, "a body may have 1 MiB; send less at a time")
        }
        _ => Problem::new(Code::RequestTimeout, "the body ended early; send it again"),
    })
}

fn body_problem(path: &serde_path_to_error::Path, error: &serde_json::Error) -> Problem {
    if error.is_data() {
        Problem::body(pointer(path), expectation(error))
    } else {
        malformed(error)
    }
}

fn malformed(error: &serde_json::Error) -> Problem {
    let place = format!("line {}, column {}", error.line(), error.column());
    Problem::new(Code::MalformedJson, format!("the body stops being JSON at {place}; mend it"))
}

/// The path in RFC 6901 form.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escaped(key),
            // serde tells no name here; the whole is still a place to look.
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What was expected, without the value that was found: that could be a misplaced secret.
fn expectation(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if text.starts_with("missing field") || text.starts_with("unknown field") {
        return text.to_owned();
    }
    match text.split_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "the value cannot be used; /openapi.json says what can".to_owned(),
    }
}

/// A field that may be absent (unchanged), `null` (taken away) or a value.
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The version a change is meant for.
#[derive(Clone, Debug)]
pub(super) struct IfMatch(String);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = parts.headers.get(header::IF_MATCH).ok_or_else(|| {
            Problem::new(
                Code::PreconditionRequired,
                "read it first and send its ETag as If-Match, so that nobody's change is lost",
            )
        })?;
        Ok(Self(String::from_utf8_lossy(value.as_bytes()).into_owned()))
    }
}

impl IfMatch {
    /// Refuses a change that was meant for another version.
    pub fn check(&self, version: i64) -> Result<(), Problem> {
        let current = super::output::etag(version);
        if self.0.split(',').map(str::trim).any(|tag| tag == "*" || tag == current) {
            return Ok(());
        }
        Err(Problem::new(Code::Stale, "it has changed since; read it again and repeat the change"))
    }
}

/// The version an action is meant for, where the caller names one.
#[derive(Clone, Debug)]
pub(super) struct MayMatch(Option<IfMatch>);

impl<S: Sync> FromRequestParts<S> for MayMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::IF_MATCH) {
            return Ok(Self(None));
        }
        IfMatch::from_request_parts(parts, state).await.map(|given| Self(Some(given)))
    }
}

impl MayMatch {
    /// Refuses an action that was meant for another version.
    pub fn check(&self, version: i64) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |given| given.check(version))
    }
}
