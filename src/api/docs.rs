//! The document of the API, for programs and for people.

use std::fmt::Write;

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Api, document::document, problem::Code};

/// One page, no script, nothing fetched.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
    padding:0 1rem;color:#1a1a1a;background:#fff}code{font-family:ui-monospace,monospace}\
    table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;\
    padding:.35rem .75rem .35rem 0;border-bottom:1px solid #ddd}\
    @media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}a{color:#8ab4f8}\
    td,th{border-color:#444}}";

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(openapi_json)).routes(routes!(docs))
}

/// The OpenAPI document.
#[utoipa::path(get, path = "/openapi.json", tag = "documents",
    responses((status = 200, body = Object, description = "This document.")))]
async fn openapi_json() -> Json<OpenApi> {
    Json(document())
}

/// A page that lists every operation and every problem.
#[utoipa::path(get, path = "/docs", tag = "documents",
    responses((status = 200, body = String, content_type = "text/html", description = "It.")))]
async fn docs() -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, page(&serde_json::json!(document()))).into_response()
}

fn page(document: &serde_json::Value) -> String {
    let mut rows = String::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let scope = operation["security"][0]["key"][0].as_str().unwrap_or("-");
            let summary = operation["summary"].as_str().unwrap_or_default();
            add(&mut rows, &[&method.to_uppercase(), path, scope, summary]);
        }
    }
    let mut problems = String::new();
    for code in Code::ALL {
        let status = code.status().as_u16();
        let _ = writeln!(
            problems,
            "<tr id=\"{0}\"><td><code>{0}</code><td>{status}<td>{1}",
            code.as_str(),
            escaped(code.title())
        );
    }
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Frontdesk API</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>\
         <h1>Frontdesk API</h1><p>Everything below, with every field, is in \
         <a href=\"/openapi.json\">openapi.json</a>. Send a key as \
         <code>Authorization: Bearer fd_…</code>; <code>frontdesk key create</code> makes one.\
         <h2>Operations</h2><table><tr><th>Method<th>Path<th>Scope<th>Does\n{rows}</table>\
         <h2>Problems</h2><table><tr><th>Code<th>Status<th>Meaning\n{problems}</table></html>"
    )
}

fn add(rows: &mut String, [method, path, scope, summary]: &[&str; 4]) {
    // Writing to memory cannot fail.
    let _ = writeln!(
        rows,
        "<tr><td>{method}<td><code>{}</code><td>{scope}<td>{}",
        escaped(path),
        escaped(summary)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
