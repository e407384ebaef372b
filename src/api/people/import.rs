//! The directory from a CSV file, while it is being sent.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::header,
};
use frontdesk_adapters::phone::Region;
use futures_util::TryStreamExt;
use serde::Deserialize;
use tokio_util::io::{StreamReader, SyncIoBridge};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        Api, Context,
        agents::By,
        input::{Query, flag},
        problem::{Code, Problem},
    },
    desk::import::{self, ImportError, Options, Report},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(import))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// `true` to see what would change.
    #[serde(default, deserialize_with = "flag")]
    dry_run: Option<bool>,
    /// The country (two letters) of numbers without a country code.
    region: Option<String>,
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Header(detail) => Self::body("", detail),
            ImportError::Read(_) => Self::new(
                Code::RequestTimeout,
                "the file ended early; send it again: what is there already is not entered twice",
            ),
            ImportError::Desk(error) => error.into(),
        }
    }
}

/// Imports people from CSV: `external_id`, `kind` and `name`, and where the file has them `email`,
/// `phones` (with `;` between them) and `active`.
///
/// A line is recognized by its `external_id`; whoever the file does not name stays as they are. A
/// file may be of any size.
#[utoipa::path(post, path = "/v1/people/import", tag = "people", params(Wanted),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Report, description = "What it did.")))]
async fn import(
    State(api): Context,
    By(author): By,
    Query(wanted): Query<Wanted>,
    request: Request,
) -> Result<Json<Report>, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("text/csv") {
        let detail = "send CSV, with the header `content-type: text/csv`";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let region = wanted.region.map(|region| region.parse::<Region>()).transpose();
    let region = match region {
        Ok(region) if region.is_none_or(Region::has_numbers) => region,
        Ok(_) | Err(_) => {
            let detail = "give the two-letter code of a country, such as DE";
            return Err(Problem::parameter("region", detail));
        }
    };
    let options = Options { region, dry_run: wanted.dry_run.unwrap_or_default() };
    let body: Body = request.into_body();
    let body = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
    let source = SyncIoBridge::new(Box::pin(body));
    let report = import::import(&api.store, &api.clock, source, options, &author, |_| {}).await?;
    Ok(Json(report))
}
