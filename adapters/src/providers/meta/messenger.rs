//! Facebook Messenger (Messenger Platform).
//!
//! Wire format: <https://developers.facebook.com/docs/messenger-platform/reference/webhook-events>
//!
//! - `entry[].id` is the page and routes; a person's id (PSID) is unique within a page. Ids were
//!   numbers once and may still be.
//! - What the page says comes back as an echo, whoever wrote it: an app of ours, another app, or
//!   somebody in the page's inbox. It is never customer text.
//! - Deliveries and reads name no messages, but a time up to which all are delivered or read.
//! - A guest of the chat plug-in only has a `user_ref` at first: an address in a scope of its own.
//! - A name takes a call of the profile API. Media addresses expire after hours or days.
//! - `optin` may be a subscription to marketing messages or its end, not to messages as such: it is
//!   [`Kind::Other`](crate::Kind::Other) under its name.
//! - 200 within five seconds (twenty, says another page); repeated for up to 36 hours.
//!
//! Unconfirmed: how long media stay, and the horizon of repetition.

use super::{APP_SECRET_FIELD, VERIFIER, VERIFY_TOKEN_FIELD, acknowledge, handshake, messaging};
use crate::{Adapter, Field, Handshake, Medium};

/// Facebook Messenger.
pub const ADAPTER: Adapter = Adapter {
    provider: "messenger",
    aliases: &["facebook", "facebook-messenger"],
    title: "Facebook Messenger",
    receives: "messages, media, edits, reactions, postbacks, deliveries and reads, echoes, handovers",
    medium: Medium::Messenger,
    account: &[
        Field {
            name: PAGE_ID,
            secret: false,
            required: true,
            help: "the id of the Facebook page: Page settings, Page transparency",
        },
        APP_SECRET_FIELD,
        VERIFY_TOKEN_FIELD,
    ],
    verifier: &VERIFIER,
    handshake: Handshake::Answer(handshake),
    parse: |request, _| messaging::parse(request),
    acknowledge,
    sample: |sample| messaging::sample(sample, "page", PAGE_ID, "7209313119150002"),
};

const PAGE_ID: &str = "page_id";
