//! A channel: one address of ours at one provider, with what proves that provider's requests.
//!
//! The account's secrets are sealed in the database and cannot be printed. How long a conversation
//! lasts is the channel's [`Continuation`].

mod store;

use std::net::IpAddr;

use frontdesk_adapters::{
    Account, AccountError, Adapter, Medium, Secret, phone::Region, providers,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
pub use store::{addresses, delete, get, insert, list, save, without_account};

use crate::{
    audit::{self, Change},
    vault::VaultError,
};

/// One address of ours at one provider.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name in configuration and in the webhook's path.
    pub id: String,
    /// The provider's adapter.
    pub adapter: &'static Adapter,
    /// Our address, as agents know it.
    pub address: String,
    /// What the provider gave us to recognize it by.
    pub account: Account,
    /// How it behaves.
    pub settings: Settings,
    /// Whether it takes requests.
    pub active: bool,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub changed_at: i64,
    /// Counts changes.
    pub version: i64,
}

/// How a channel behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How long a conversation lasts.
    #[serde(default)]
    pub continuation: Continuation,
    /// The region of senders written without a country code; else that of the channel's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What happens to requests that do not prove to be the provider's.
    #[serde(default, skip_serializing_if = "Verification::is_enforced")]
    pub verification: Verification,
    /// The networks requests may come from, such as `192.0.2.0/24`; none named means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub allow_from: Vec<IpNet>,
    /// After so many minutes in silence a conversation with a bot alone, and any chat, is closed;
    /// 0 never. By itself as `timers.idle_minutes` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_minutes: Option<u32>,
    /// Which messages of one word decide about our messages; by itself all on SMS, none elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keywords: Option<Keywords>,
}

/// What happens to requests that do not prove to be the provider's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// They are refused.
    #[default]
    Enforce,
    /// They are taken, counted and marked: for finding out what would be refused. Until that is
    /// over, anybody can write into the channel.
    Watch,
}

impl Verification {
    /// Whether what proves nothing is refused.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        *self == Self::Enforce
    }
}

/// Which words decide about our messages, rather than saying something to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keywords {
    /// Words such as STOP, START and HELP.
    All,
    /// Words such as STOP and START; who writes HELP writes to an agent.
    Consent,
    /// None: whatever is written goes to an agent.
    None,
}

impl Settings {
    /// Which words count on this channel for messages by `medium`.
    #[must_use]
    pub fn keywords(&self, medium: Medium) -> Keywords {
        let usual = if medium == Medium::Sms { Keywords::All } else { Keywords::None };
        self.keywords.unwrap_or(usual)
    }
}

/// When a message continues the open interaction of its conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Continuation {
    /// As long as it is open.
    #[default]
    Always,
    /// Until so many minutes have passed since its last message.
    WithinMinutes(u32),
    /// Never: each message is an interaction of its own.
    Never,
}

/// Why a channel was refused.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Its id would not fit into an address.
    #[error("a channel's id is 1 to 64 lower-case letters, digits, hyphens or underscores")]
    Id,
    /// No adapter has this name.
    #[error("there is no provider `{0}`; `frontdesk providers` lists them")]
    UnknownProvider(String),
    /// The address is empty.
    #[error("a channel needs an address: the number, page or bot that people write to")]
    Address,
    /// The region is none.
    #[error("region `{0}` is not a two-letter country code")]
    Region(String),
    /// The account lacks something.
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// Why a stored channel cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChannelStoreError {
    /// The database.
    #[error(transparent)]
    Store(#[from] crate::db::StoreError),
    /// The key.
    #[error("channel {0}")]
    Vault(String, #[source] VaultError),
    /// A row this version does not understand.
    #[error("channel {0} was stored in a form this version does not understand")]
    Row(String),
}

impl Channel {
    /// A new channel, checked.
    pub fn new(
        id: &str,
        provider: &str,
        address: &str,
        account: &Value,
        settings: Settings,
        now: i64,
    ) -> Result<Self, ChannelError> {
        let well_formed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if id.is_empty() || id.len() > 64 || !id.bytes().all(well_formed) {
            return Err(ChannelError::Id);
        }
        let adapter = providers::find(provider)
            .ok_or_else(|| ChannelError::UnknownProvider(provider.to_owned()))?;
        let address = address.trim();
        if address.is_empty() {
            return Err(ChannelError::Address);
        }
        if let Some(region) = &settings.region
            && region.parse::<Region>().is_err()
        {
            return Err(ChannelError::Region(region.clone()));
        }
        let account = Account::for_channel(adapter, account)?;
        Ok(Self {
            id: id.to_owned(),
            adapter,
            address: address.to_owned(),
            account,
            settings,
            active: true,
            created_at: now,
            changed_at: now,
            version: 1,
        })
    }

    /// Whether the provider's `address` for one of our numbers, pages or bots means this channel.
    #[must_use]
    pub fn answers_at(&self, address: &str) -> bool {
        self.address == address || self.account.plain().values().any(|value| value == address)
    }

    /// Whether whoever can sign for this channel can sign for `other`, too.
    ///
    /// Only then may a request to one carry messages for the other.
    #[must_use]
    pub fn shares_secret_with(&self, other: &Self) -> bool {
        std::ptr::eq(self.adapter, other.adapter)
            && self.adapter.verifier.proves_both(&self.account, &other.account)
    }

    /// Whether requests from `address` are looked at.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let allowed = &self.settings.allow_from;
        allowed.is_empty() || allowed.iter().any(|network| network.contains(&address))
    }
}

/// What a change of a channel is recorded as. Of a secret, only that it was given or replaced.
#[must_use]
pub fn changes(before: Option<&Channel>, after: &Channel) -> Vec<Change> {
    let shown = |channel: &Channel| {
        json!({
            "provider": channel.adapter.provider,
            "address": channel.address,
            "active": channel.active,
            "settings": channel.settings,
            "account": channel.account.plain(),
        })
    };
    let mut changes = audit::differences(&before.map(shown), &shown(after));
    for field in after.adapter.account.iter().filter(|field| field.secret) {
        let old = before.map_or(&[][..], |before| before.account.secrets(field.name));
        let new = after.account.secrets(field.name);
        if old == new {
            continue;
        }
        let told = |secrets: &[Secret], word: &str| (!secrets.is_empty()).then(|| word.to_owned());
        changes.push(Change::new(field.name, told(old, "a secret"), told(new, "another secret")));
    }
    changes
}
