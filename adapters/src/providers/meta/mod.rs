//! Meta's webhooks: WhatsApp, Messenger, Instagram, and who passes WhatsApp's on.
//!
//! Set-up and security: <https://developers.facebook.com/docs/graph-api/webhooks/getting-started>
//!
//! - The address is checked by a GET with a verify token of our choice, whose challenge is repeated.
//! - The signature has no time in it and is made with the secret of the app, which everything that
//!   is connected to the app shares: one request may bring several numbers, pages or accounts.
//! - Everything comes again until a 200, for hours or days, and also without need.
//!
//! Unconfirmed: whether the signature really covers the escaped form of the body, as Meta says, or
//! the bytes as they come, as is seen. Both are tried.

use subtle::{Choice, ConstantTimeEq};

use crate::{
    Account, Answer, Field, Method, Recorded, Refusal, Request, Unverified,
    verify::{BodyHmac, Encoding},
};

pub mod dialog360;
pub mod instagram;
mod messaging;
pub mod messenger;
pub mod turn;
pub mod whatsapp;

const APP_SECRET: &str = "app_secret";
const VERIFY_TOKEN: &str = "verify_token";

const APP_SECRET_FIELD: Field = Field {
    name: APP_SECRET,
    secret: true,
    required: true,
    help: "the secret of the Meta app, which signs requests; App Dashboard, App settings, Basic",
};

const VERIFY_TOKEN_FIELD: Field = Field {
    name: VERIFY_TOKEN,
    secret: true,
    required: true,
    help: "a text of your own choice, also entered as verify token where the App Dashboard asks \
           for the callback address",
};

const VERIFIER: BodyHmac = BodyHmac {
    header: "x-hub-signature-256",
    prefix: "sha256=",
    encoding: Encoding::Hex,
    secret: APP_SECRET,
    also_escaped: true,
};

/// What is sent back to whoever knows the verify token must be short and harmless.
const MAX_CHALLENGE_BYTES: usize = 256;

fn handshake(request: &Request<Unverified>, account: &Account) -> Option<Result<Answer, Refusal>> {
    let parameter = |name: &str| {
        let mut query = request.query();
        query.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    let mode = parameter("hub.mode").filter(|_| request.method == Method::Get)?;
    if mode != "subscribe" {
        return Some(Err(Refusal::Malformed("hub.mode must be subscribe")));
    }
    let given = parameter("hub.verify_token").unwrap_or_default();
    let mut known = Choice::from(0);
    for token in account.secrets(VERIFY_TOKEN) {
        known |= token.expose().as_bytes().ct_eq(given.as_bytes());
    }
    if !bool::from(known) {
        return Some(Err(Refusal::BadSignature("hub.verify_token is not one of this channel's")));
    }
    let challenge = parameter("hub.challenge").unwrap_or_default();
    let harmless = !challenge.is_empty()
        && challenge.len() <= MAX_CHALLENGE_BYTES
        && !challenge.contains(char::is_control);
    Some(if harmless {
        Ok(Answer::with_body(200, "text/plain", challenge))
    } else {
        Err(Refusal::Malformed("hub.challenge must be 1 to 256 bytes without control characters"))
    })
}

/// 200 also for what we could not read: it is archived, and a 4xx would only bring it back for days.
fn acknowledge(recorded: Recorded<'_>) -> Answer {
    match recorded {
        Recorded::Understood(..) | Recorded::NotUnderstood(..) => Answer::empty(200),
    }
}
