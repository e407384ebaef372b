//! 360dialog, a partner of Meta for WhatsApp.
//!
//! Wire format: <https://docs.360dialog.com/docs/messaging-api/webhooks>, set-up:
//! <https://docs.360dialog.com/docs/messaging-api/api-reference/webhooks>
//!
//! - Requests of the Cloud API are passed on as they are, but without Meta's signature and without
//!   its handshake. What 360dialog offers instead are headers of our choice, so Basic credentials,
//!   and the address.
//! - The older On-Premise API has the same items without an envelope, and voice messages of their
//!   own type.
//! - Anything but 200 is repeated for about a day, with growing intervals.
//!
//! Unconfirmed: how long a request may take (five seconds, says the guide to set-up; less is asked
//! for).

use super::{acknowledge, whatsapp};
use crate::{Adapter, Field, Handshake, Medium, verify::Endpoint};

/// 360dialog.
pub const ADAPTER: Adapter = Adapter {
    provider: "360dialog",
    aliases: &["dialog360"],
    title: "360dialog (WhatsApp)",
    receives: "WhatsApp: messages, media, reactions, edits, statuses, echoes, account events",
    medium: Medium::Whatsapp,
    account: &[
        Field {
            name: "phone_number_id",
            secret: false,
            required: false,
            help: "the id (not the number) of the business phone number; it tells numbers apart \
                   that share an address",
        },
        Field {
            name: "token",
            secret: true,
            required: false,
            help: "at least 22 random letters and digits, which end the address you give to \
                   360dialog",
        },
        Field {
            name: "username",
            secret: false,
            required: false,
            help: "a user name of your own choice, if the webhook has an Authorization header",
        },
        Field {
            name: "password",
            secret: true,
            required: false,
            help: "the password that goes with it",
        },
    ],
    verifier: &Endpoint { token: "token", credentials: &[("username", "password")], main: "token" },
    handshake: Handshake::None,
    parse: |request, account| Ok(whatsapp::passed_on(request, account, None)?.into()),
    acknowledge,
    sample: whatsapp::sample,
};
