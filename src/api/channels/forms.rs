//! What is said about channels, in and out.
//!
//! What comes in may hold secrets, so it has no `Debug`; what goes out has no place for one.

use std::collections::BTreeMap;

use frontdesk_adapters::AccountError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        Api,
        problem::{Code, Problem},
    },
    channels::{Channel, ChannelError, ChannelStoreError, Settings},
};

/// A channel, without what its secrets are. Where they do not open, `unusable` says so, and nothing
/// is told of its account.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Channel)]
pub(super) struct Shown {
    /// Its name in configuration and in the webhook's address.
    pub id: String,
    /// Why it cannot be used; `null` when it can.
    pub unusable: Option<String>,
    /// The provider.
    pub provider: Option<&'static str>,
    /// Our address there, as agents know it.
    pub address: Option<String>,
    /// The fields of its account that are no secrets.
    pub account: BTreeMap<String, String>,
    /// The fields of its account that are.
    pub secrets: BTreeMap<&'static str, SecretShown>,
    /// How it behaves.
    pub settings: Settings,
    /// Whether it takes requests.
    pub active: bool,
    /// The address to give to the provider.
    pub webhook_url: String,
    /// When it was made.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<i64>,
    /// When it last changed.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub changed_at: Option<i64>,
    /// Counts changes.
    pub version: i64,
}

/// What may be known of a secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SecretField)]
pub(super) struct SecretShown {
    /// Whether it has a value.
    pub set: bool,
    /// How many values it has: during a rotation several verify.
    pub count: usize,
}

/// A channel to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewChannel {
    /// Its name: lower-case letters, digits, hyphens and underscores.
    pub id: String,
    /// The provider, such as `twilio`.
    pub provider: String,
    /// Our address there: the number, page or bot that people write to.
    pub address: String,
    /// What the provider gave us: the fields `frontdesk providers` lists, secrets included.
    #[schema(value_type = Object)]
    pub account: Value,
    /// How it behaves.
    #[serde(default)]
    pub settings: Settings,
    /// Whether it takes requests; by itself it does.
    pub active: Option<bool>,
}

/// What is to be changed about a channel. Absent fields stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelChange {
    /// Our address there.
    pub address: Option<String>,
    /// Fields of the account with new values; `null` takes one away, others stay.
    #[schema(value_type = Option<Object>)]
    pub account: Option<serde_json::Map<String, Value>>,
    /// All settings.
    pub settings: Option<Settings>,
    /// Whether it takes requests.
    pub active: Option<bool>,
}

/// A new value of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// The secret field; by itself the one that verifies requests.
    pub field: Option<String>,
    /// The new value. May be absent where `keep_old` is `false`: then only the newest stays.
    pub value: Option<String>,
    /// Whether the values there are stay valid beside the new one; by itself they do.
    pub keep_old: Option<bool>,
}

/// Whether a channel can be used, and what to tell its provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChannelTest {
    /// Whether requests for it can be verified.
    pub ok: bool,
    /// What was found, and what to do.
    pub detail: String,
    /// The address to give to the provider.
    pub webhook_url: String,
    /// How requests are verified.
    pub verification: Option<String>,
    /// The header in which a request carries its proof.
    pub signature_header: Option<&'static str>,
    /// Whether the provider checks the address when it is set up, which is answered by itself.
    pub handshake: Option<bool>,
}

impl Shown {
    pub fn of(api: &Api, channel: &Channel) -> Self {
        let fields = channel.adapter.account.iter().filter(|field| field.secret);
        let secrets = fields.map(|field| {
            let count = channel.account.secrets(field.name).len();
            (field.name, SecretShown { set: count > 0, count })
        });
        Self {
            id: channel.id.clone(),
            unusable: None,
            provider: Some(channel.adapter.provider),
            address: Some(channel.address.clone()),
            account: channel.account.plain().clone(),
            secrets: secrets.collect(),
            settings: channel.settings.clone(),
            active: channel.active,
            webhook_url: webhook_url(api, &channel.id),
            created_at: Some(channel.created_at),
            changed_at: Some(channel.changed_at),
            version: channel.version,
        }
    }

    /// A channel whose account does not open.
    pub fn sealed(api: &Api, channel: &Channel, error: &ChannelStoreError) -> Self {
        let (unusable, secrets) = (Some(why(error)), BTreeMap::new());
        Self { unusable, secrets, ..Self::of(api, channel) }
    }

    /// A channel that this version does not understand.
    pub fn unusable(api: &Api, id: String, error: &ChannelStoreError) -> Self {
        let webhook_url = webhook_url(api, &id);
        Self { id, unusable: Some(why(error)), webhook_url, ..Self::default() }
    }
}

/// The address to give to the provider.
pub(super) fn webhook_url(api: &Api, id: &str) -> String {
    format!("{}/webhooks/{id}", api.public_url)
}

/// Why a stored channel cannot be used, and what to do.
pub(in crate::api) fn why(error: &ChannelStoreError) -> String {
    match error {
        ChannelStoreError::Store(error) => error.to_string(),
        ChannelStoreError::Vault(..) => {
            "its secrets were sealed with another key; start with that key, or enter them again: \
             change it with its whole `account`, or `frontdesk apply` a file that has it"
                .to_owned()
        }
        ChannelStoreError::Row(_) => {
            "it was stored in a form this version does not understand; use the version that did"
                .to_owned()
        }
    }
}

impl From<ChannelStoreError> for Problem {
    fn from(error: ChannelStoreError) -> Self {
        match error {
            ChannelStoreError::Store(error) => error.into(),
            ChannelStoreError::Vault(..) | ChannelStoreError::Row(_) => Self::new(
                Code::ChannelUnusable,
                format!("the channel cannot be used: {}", why(&error)),
            ),
        }
    }
}

impl From<ChannelError> for Problem {
    fn from(error: ChannelError) -> Self {
        let pointer = match &error {
            ChannelError::Id => "/id".to_owned(),
            ChannelError::UnknownProvider(_) => "/provider".to_owned(),
            ChannelError::Address => "/address".to_owned(),
            ChannelError::Region(_) => "/settings/region".to_owned(),
            ChannelError::Account(error) => match error {
                AccountError::NotATable(_) => "/account".to_owned(),
                AccountError::UnknownField { field, .. } | AccountError::NotText(field) => {
                    format!("/account/{field}")
                }
                AccountError::Missing { field, .. }
                | AccountError::Unusable(field, _)
                | AccountError::Invalid { field, .. } => {
                    format!("/account/{field}")
                }
            },
        };
        Self::body(pointer, error)
    }
}
