//! MessageBird, now Bird: SMS and MMS, the Channels API and the newer webhooks.
//!
//! Wire format: <https://developers.messagebird.com/api/sms-messaging/>,
//! <https://docs.bird.com/api/notifications-api/api-reference/webhooks/verifying-a-webhook>,
//! <https://docs.bird.com/api/channels-api/message-status-and-interactions>
//!
//! - A message comes as a form or a query, a status always as a query; long texts are joined.
//! - Parameter names change their case between products, and `id` may come twice: the last counts.
//! - Short codes have names of their own: `mid`, `shortcode`, `message`, `receive_datetime`.
//! - A `+` in a time may have become a space.
//! - One status per recipient, under the id of the message.
//! - `delivery_failed` with error 103 says that the person sent STOP: an opt-out as well.
//! - Bird's Channels API names the channel we are behind, not our number.
//!
//! Unconfirmed: how often requests are repeated, the wrapper of the Channels API beyond `service`,
//! `event` and `payload`, and the fields of `sms.received`.

use serde_json::{Map, Value};

use crate::{
    Account, Adapter, Address, Answer, Field, Handshake, Malformed, Medium, Method, Parsed,
    Recorded, Request, Sample, Verified,
    json::{self, Json},
    verify::MessageBird,
};

mod bird;
mod sms;

/// MessageBird and Bird.
pub const ADAPTER: Adapter = Adapter {
    provider: "messagebird",
    aliases: &["bird"],
    title: "MessageBird and Bird",
    receives: "SMS and MMS messages, Bird channels, delivery reports, opt-outs",
    medium: Medium::Sms,
    account: &[Field {
        name: "signing_key",
        secret: true,
        required: true,
        help: "the signing key (not the access key), under Developers settings; for Bird's newer \
               webhooks, the secret whsec_… shown when one is added",
    }],
    verifier: &MessageBird { secret: "signing_key" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let events = match request.method {
        Method::Get | Method::Options => sms::read(Json::from(&parameters(request.query()))),
        Method::Post | Method::Put if request.is_form() => {
            let form = request.decoded_form().pairs();
            sms::read(Json::from(&parameters(
                form.map(|(name, value)| (name.into(), value.into())),
            )))
        }
        Method::Post | Method::Put => {
            let body = json::object(request)?;
            let body = Json::from(&body);
            match body.at("originator").value() {
                Some(_) => sms::read(body),
                None => bird::read(body),
            }
        }
    };
    Ok(events.into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let digits = |address: &str| address.trim_start_matches('+').to_owned();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("id", sample.id);
    form.append_pair("recipient", &digits(sample.address));
    form.append_pair("originator", &digits(sample.from.unwrap_or("+15550100002")));
    form.append_pair("body", sample.text);
    form.append_pair("createdDatetime", &sample.now.to_string());
    let content_type = "application/x-www-form-urlencoded".to_owned();
    let headers = vec![("content-type".to_owned(), content_type)];
    Request::new(Method::Post, sample.url, headers, form.finish().into_bytes())
}

/// Parameters under lower-case names, the last of several values, and all media addresses.
fn parameters<'a>(
    pairs: impl Iterator<Item = (std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>,
) -> Value {
    let mut parameters = Map::new();
    let mut media = Vec::new();
    for (name, value) in pairs {
        let name = name.to_ascii_lowercase();
        if name.starts_with("mediaurls") {
            media.push(Value::from(value.into_owned()));
        } else if !value.is_empty() {
            parameters.insert(name, value.into_owned().into());
        }
    }
    if !media.is_empty() {
        parameters.insert("mediaurls".to_owned(), media.into());
    }
    parameters.into()
}

fn number(body: Json<'_>, names: &[&str]) -> Option<Address> {
    Address::international(&body.first_text(names)?)
}
