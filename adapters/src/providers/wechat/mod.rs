//! WeChat Official Accounts, and whoever speaks like them.
//!
//! Wire format: <https://developers.weixin.qq.com/doc/service/en/Message_Management/Receiving_standard_messages.html>,
//! encryption:
//! <https://developers.weixin.qq.com/doc/service/en/Message_Management/Message_encryption_and_decryption_instructions.html>
//!
//! - One message or event a request, as XML or, if so configured, JSON with the same names.
//! - The proof is in the address. It covers the body only in the secure mode, in which the body is
//!   encrypted. An account with a key takes nothing else, not even the plain half of the compatible
//!   mode.
//! - The address is checked by a GET whose `echostr` is repeated. WeCom, which speaks the same
//!   dialect, encrypts that as well.
//! - Messages have an id that survives repetition; events have none.
//! - A person's id (OpenID) is unique within an account. There are no names.
//! - The answer is due within five seconds, `success` or a reply in XML; otherwise there are up to
//!   three attempts, and then the person sees an error. We answer `success`, and reply over the API.
//! - Media are fetched by id for three days; a picture also has an address. Speech may come with what
//!   WeChat recognized in it.
//! - Only `TEMPLATESENDJOBFINISH` tells what became of a message of ours.
//!
//! Unconfirmed: the fields of files, which only some accounts receive.

pub mod jiochat;
mod message;

use crate::{
    Account, Adapter, Answer, Field, Handshake, Malformed, Medium, Method, Parsed, Recorded,
    Refusal, Request, Sample, Unverified, Verified,
    json::{self as read, Json},
    verify::WeChat,
    xml,
};

/// WeChat.
pub const ADAPTER: Adapter = Adapter {
    provider: "wechat",
    aliases: &["weixin", "wecom"],
    title: "WeChat Official Account",
    receives: "messages, media, links, menus, scans, follows, template statuses; encrypted or plain",
    medium: Medium::Wechat,
    account: &[
        Field {
            name: ORIGINAL_ID,
            secret: false,
            required: false,
            help: "the account's original id (gh_…): Settings, Account details",
        },
        Field {
            name: "token",
            secret: true,
            required: true,
            help: "the token of your own choice: Settings and Development, Basic configuration, \
                   Server configuration",
        },
        Field {
            name: "encoding_aes_key",
            secret: true,
            required: false,
            help: "the 43 characters of EncodingAESKey, in the secure mode",
        },
        Field {
            name: "app_id",
            secret: false,
            required: false,
            help: "the developer id (AppID, wx…), which encrypted requests repeat; with WeCom the \
                   corporation's id",
        },
    ],
    verifier: &VERIFIER,
    handshake: Handshake::Answer(handshake),
    parse,
    acknowledge,
    sample,
};

const ORIGINAL_ID: &str = "original_id";

const VERIFIER: WeChat = WeChat { token: "token", key: "encoding_aes_key", app: "app_id" };

/// What is sent back to whoever knows the token must be short and harmless.
const MAX_ECHO_BYTES: usize = 256;

fn handshake(request: &Request<Unverified>, account: &Account) -> Option<Result<Answer, Refusal>> {
    (request.method == Method::Get).then(|| echoed(VERIFIER.echo(request, account)))
}

fn echoed(echo: Result<String, Refusal>) -> Result<Answer, Refusal> {
    let echo = echo?;
    if echo.len() > MAX_ECHO_BYTES || echo.contains(char::is_control) {
        let expected = "echostr must be 1 to 256 bytes without control characters";
        return Err(Refusal::Malformed(expected));
    }
    Ok(Answer::with_body(200, "text/plain", echo))
}

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    let is_json = |content: &[u8]| content.trim_ascii_start().starts_with(b"{");
    let content = match VERIFIER.decrypted(request, account)? {
        Some(content) if is_json(&content) => read::object_in(&content)?,
        Some(content) => xml::document_in(&content)?.content,
        None if is_json(&request.body) => read::object(request)?,
        None => xml::document(request)?.content,
    };
    Ok(vec![message::event(Json::from(&content))].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::constant(200, "text/plain", "success")
}

fn sample(sample: &Sample<'_>) -> Request {
    let escape = |text: &str| quick_xml::escape::escape(text).into_owned();
    let to = escape(sample.account.get(ORIGINAL_ID).unwrap_or(sample.address));
    let from = escape(sample.from.unwrap_or("oia2TjuEGTNoeX76QEjQNrcU0002"));
    let text = escape(sample.text);
    let id = u64::from_str_radix(sample.id.get(..15).unwrap_or_default(), 16).unwrap_or_default();
    let time = sample.now.as_seconds();
    let body = format!(
        "<xml><ToUserName>{to}</ToUserName><FromUserName>{from}</FromUserName>\
         <CreateTime>{time}</CreateTime><MsgType>text</MsgType><Content>{text}</Content>\
         <MsgId>{id}</MsgId></xml>"
    );
    let headers = vec![("content-type".to_owned(), "text/xml".to_owned())];
    Request::new(Method::Post, sample.url, headers, body.into_bytes())
}
