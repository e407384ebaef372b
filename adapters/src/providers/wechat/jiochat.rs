//! JioChat channels: WeChat's names in JSON.
//!
//! Wire format: as read by open-source gateways; JioChat's own documents are not public anymore.
//!
//! - The address is checked as WeChat's is, with the application's secret as token. Nothing else is
//!   signed, as far as is known, so that the proof is a token in the address.
//! - To the address JioChat adds `/rcv/msg/message`, `/rcv/event/menu` or `/rcv/event/follow`.
//! - Our side is `ToUsername`; times are in milliseconds, once in seconds.
//! - Media are fetched by id, with the channel's access token. Names take a call of the API.
//!
//! Unconfirmed: whether requests carry a signature after all, what is answered and repeated, and the
//! fields of menu events.

use serde_json::json;

use super::{echoed, message};
use crate::{
    Account, Adapter, Answer, Field, Handshake, Malformed, Medium, Method, Parsed, Recorded,
    Refusal, Request, Sample, Unverified, Verified,
    json::{self as read, Json},
    verify::{Endpoint, JioChat},
};

/// JioChat.
pub const ADAPTER: Adapter = Adapter {
    provider: "jiochat",
    aliases: &[],
    title: "JioChat channel",
    receives: "messages, media, follows, menu events",
    medium: Medium::Jiochat,
    account: &[
        Field {
            name: "token",
            secret: true,
            required: true,
            help: "at least 22 random letters and digits, which end the address you give to JioChat",
        },
        Field {
            name: "app_secret",
            secret: true,
            required: true,
            help: "the secret of the channel's application, with which the address is checked",
        },
    ],
    verifier: &VERIFIER,
    handshake: Handshake::Answer(handshake),
    parse,
    acknowledge,
    sample,
};

const VERIFIER: JioChat = JioChat {
    secret: "app_secret",
    endpoint: Endpoint { token: "token", credentials: &[], main: "token" },
};

fn handshake(request: &Request<Unverified>, account: &Account) -> Option<Result<Answer, Refusal>> {
    (request.method == Method::Get).then(|| echoed(VERIFIER.echo(request, account)))
}

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    Ok(vec![message::event(Json::from(&body))].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.json(&json!({
        "ToUsername": sample.address,
        "FromUserName": sample.from.unwrap_or("919000000002"),
        "CreateTime": sample.now.as_millis(),
        "MsgType": "text",
        "MsgId": sample.id,
        "Content": sample.text,
    }))
}
