//! Any aggregator that posts over HTTP: where everything is lies in the account.
//!
//! There is no wire format but the one the account describes; `docs/providers/http.md` is the guide.
//!
//! - The account's fields are paths (`paths`) into a query, a form, JSON or XML, all read as one
//!   tree. One list may hold many messages or statuses: each becomes an event of its own.
//! - Whether an item is a message or a status is told by a type where the account names one, and else
//!   by what it has: a status without a text is a status.
//! - Words of statuses that the account does not map are looked up among those in wide use.
//! - The answer is constant. What an aggregator asks for beyond that needs an adapter.
//! - An account that cannot be understood is refused when the channel is made, with the field and
//!   what is wrong with it.
//!
//! Not understood: `multipart/form-data`, encrypted bodies, and texts in other charsets than UTF-8.

use crate::{
    Account, Adapter, Answer, Handshake, Malformed, Medium, Parsed, Recorded, Request, Verified,
    verify::{ChosenHeader, ChosenProofs, Endpoint},
};

mod body;
mod config;
mod events;
mod paths;
mod sample;
#[cfg(test)]
mod tests;
mod words;

use config::Config;

/// Any aggregator.
pub const ADAPTER: Adapter = Adapter {
    provider: "http",
    aliases: &["generic"],
    title: "Any HTTP aggregator",
    receives: "messages, media and statuses in a form, a query, JSON or XML that the account describes",
    medium: Medium::Sms,
    account: config::FIELDS,
    verifier: &ChosenProofs {
        secret: "hmac_secret",
        header: "hmac_header",
        hash: "hmac_algorithm",
        encoding: "hmac_encoding",
        prefix: "hmac_prefix",
        over: "hmac_over",
        time_header: "hmac_time_header",
        max_age: "hmac_max_age_seconds",
        beside: ChosenHeader {
            secret: "header_secret",
            header: "header_name",
            usual_header: "X-Webhook-Secret",
            endpoint: Endpoint::USUAL,
        },
        also: config::check,
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample: sample::make,
};

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    let config = Config::read(account).map_err(|error| Malformed(error.to_string()))?;
    let body = body::read(request, config.format)?;
    let events = events::read(&config, request, &body)?;
    Ok(events.into())
}

/// The configured answer. A channel is only made with one that can be given.
fn acknowledge(recorded: Recorded<'_>) -> Answer {
    let (Recorded::Understood(_, _, account) | Recorded::NotUnderstood(_, account)) = recorded;
    let status = account.get("answer_status").and_then(|status| status.parse().ok());
    let status = status.unwrap_or(200);
    match account.get("answer_body") {
        None => Answer::empty(status),
        Some(body) => {
            let content_type = account.get("answer_type").unwrap_or("text/plain").to_owned();
            Answer::with_body(status, content_type, body.to_owned())
        }
    }
}
