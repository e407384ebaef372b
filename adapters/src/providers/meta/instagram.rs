//! Instagram messaging, with Facebook Login or Instagram Login.
//!
//! Wire format: <https://developers.facebook.com/docs/messenger-platform/instagram/features/webhook>,
//! <https://developers.facebook.com/docs/instagram-platform/webhooks>
//!
//! - The envelope is Messenger's; `entry[].id` is the professional account, a person's id (IGSID) is
//!   unique within it. With Instagram Login, the key of the signature is the Instagram app's secret.
//! - A read names one message. Echoes come without being subscribed to.
//! - Stories, reels and posts somebody shares come with an address that expires; a mentioned story
//!   lives for a day. Since April 2026 a shared post is an `ig_post`, no longer a `share`.
//! - A heart (`like_heart`) has no picture. What Instagram may not hand on is an
//!   `unsupported_type`, or a message with `is_unsupported` and nothing else.
//! - An edit may come for a message that never did.
//! - Comments and mentions come as changes of a field, and are events under its name. The dashboard's
//!   test button wraps messages in the same way.
//! - An account connected in both ways sends everything twice, under different ids.
//!
//! Unconfirmed: with Instagram Login, whether `entry[].id` may differ from the id other calls give;
//! `login_account_id` takes the second one.

use super::{VERIFIER, VERIFY_TOKEN_FIELD, acknowledge, handshake, messaging};
use crate::{Adapter, Field, Handshake, Medium};

/// Instagram messaging.
pub const ADAPTER: Adapter = Adapter {
    provider: "instagram",
    aliases: &["ig"],
    title: "Instagram messaging",
    receives: "messages, media, stories, edits, reactions, postbacks, reads, echoes, comments",
    medium: Medium::Instagram,
    account: &[
        Field {
            name: ACCOUNT_ID,
            secret: false,
            required: true,
            help: "the id of the Instagram professional account, such as 17841400000000000",
        },
        Field {
            name: "login_account_id",
            secret: false,
            required: false,
            help: "another id of the same account, if Instagram Login shows a different one",
        },
        Field {
            name: super::APP_SECRET,
            secret: true,
            required: true,
            help: "the secret that signs requests: with Facebook Login the Meta app's (App \
                   settings, Basic), with Instagram Login the Instagram app secret (Instagram, \
                   API setup)",
        },
        VERIFY_TOKEN_FIELD,
    ],
    verifier: &VERIFIER,
    handshake: Handshake::Answer(handshake),
    parse: |request, _| messaging::parse(request),
    acknowledge,
    sample: |sample| messaging::sample(sample, "instagram", ACCOUNT_ID, "5614879045270002"),
};

const ACCOUNT_ID: &str = "account_id";
