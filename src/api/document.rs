//! The OpenAPI document, made from the handlers themselves.
//!
//! What every operation has in common is added here: the key and scope it needs, the headers it
//! takes, and the problems it can end in.

use utoipa::{
    OpenApi,
    openapi::{
        self, HttpMethod, PathItem, Required, ResponseBuilder,
        content::ContentBuilder,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{Object, Ref, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::{auth, problem};
use crate::{dispatch::Body, messages::RequestOutcome, routing::ItemState};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Frontdesk",
        description = "From signed webhook bytes to a queued interaction. Lists take `limit` and \
            `after`; times are RFC 3339 in UTC; failures are `application/problem+json`."
    ),
    // Those that only parameters mention are not found by themselves.
    components(schemas(problem::Document, problem::InputError, RequestOutcome, ItemState, Body))
)]
struct Base;

/// The document of everything the API answers.
#[must_use]
pub fn document() -> openapi::OpenApi {
    let mut v1 = super::v1().into_openapi();
    for (path, item) in &mut v1.paths.paths {
        for (method, operation) in operations(item) {
            complete(path, &method, operation);
        }
    }
    let mut document = Base::openapi();
    document.merge(v1);
    document.merge(super::public().into_openapi());
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key, `fd_…`: `frontdesk key create` makes one."));
    document.webhooks = Some(super::hooks::webhooks());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    document
}

fn operations(item: &mut PathItem) -> Vec<(HttpMethod, &mut Operation)> {
    let methods = [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Delete, &mut item.delete),
    ];
    let present =
        methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)));
    present.collect()
}

fn complete(path: &str, method: &HttpMethod, operation: &mut Operation) {
    // Handlers have short names, which repeat from noun to noun.
    if let (Some(id), Some([noun, ..])) = (&mut operation.operation_id, operation.tags.as_deref()) {
        *id = format!("{noun}_{id}");
    }
    let is = |other: HttpMethod| *method == other;
    let has_body = operation.request_body.is_some();
    let changes = is(HttpMethod::Patch) || is(HttpMethod::Put);
    let codes = [
        (true, "400"),
        (true, "401"),
        (true, "403"),
        (path.contains('{') || is(HttpMethod::Post), "404"),
        (!is(HttpMethod::Get), "409"),
        (changes, "412"),
        (has_body, "413"),
        (has_body, "415"),
        (has_body || is(HttpMethod::Post), "422"),
        (changes, "428"),
        (true, "500"),
        (true, "503"),
    ];
    for (_, status) in codes.into_iter().filter(|(possible, _)| *possible) {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new()
            .description("A problem; `code` says which.")
            .content("application/problem+json", content)
            .build();
        operation.responses.responses.insert(status.to_owned(), response.into());
    }
    if changes {
        let about = "The `ETag` of what is to be changed, as it was read.";
        header(operation, "If-Match", Required::True, about);
    }
    if is(HttpMethod::Post) {
        let about = "A repeated request with the same key gets the first answer, for 24 hours.";
        header(operation, "Idempotency-Key", Required::False, about);
    }
    if !is(HttpMethod::Get) {
        let about = "The agent on whose behalf a program acts; a key of an agent's own needs none.";
        header(operation, "Frontdesk-Agent", Required::False, about);
    }
    let scope = auth::needed(&axum_method(method), path);
    let security = SecurityRequirement::new("key", [scope.to_string()]);
    operation.security = Some(vec![security]);
}

fn header(operation: &mut Operation, name: &str, required: Required, about: &str) {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(about))
        .schema(Some(Object::with_type(Type::String)));
    operation.parameters.get_or_insert_default().push(parameter.build().into());
}

fn axum_method(method: &HttpMethod) -> axum::http::Method {
    use axum::http::Method;
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => Method::TRACE,
    }
}
