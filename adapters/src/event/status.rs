//! What became of a message of ours.

use serde::{Deserialize, Serialize};

use super::Address;
use crate::Timestamp;

/// What became of a message of ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Always `status`.
    pub kind: StatusKind,
    /// The provider's id of our message; `None` where one report is about all of them, up to
    /// [`Self::up_to`].
    pub id: Option<String>,
    /// What became of it.
    pub status: DeliveryStatus,
    /// When, if the provider says.
    pub at: Option<Timestamp>,
    /// Whom it was sent to.
    pub recipient: Option<Address>,
    /// Why it failed.
    pub error: Option<DeliveryError>,
    /// Without an id: everything we sent to the recipient up to this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Timestamp>,
    /// The member of a group it is about, where the recipient is a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// Our address it was sent from, where the provider says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Address>,
    /// The provider's own word, where several of its words mean the same to us.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub provider_type: Option<String>,
}

impl Status {
    /// A status of which nothing else is known yet.
    pub fn new(id: impl Into<String>, status: DeliveryStatus) -> Self {
        Self {
            kind: StatusKind::Status,
            id: Some(id.into()),
            status,
            at: None,
            recipient: None,
            error: None,
            up_to: None,
            participant: None,
            sender: None,
            provider_type: None,
        }
    }

    /// A status of everything we sent up to `time`.
    pub fn up_to(time: Timestamp, status: DeliveryStatus) -> Self {
        Self { id: None, up_to: Some(time), ..Self::new("", status) }
    }

    /// What tells a repeat of this status from a new one, within its channel.
    pub(super) fn dedupe_key(&self) -> Option<String> {
        let recipient = self.recipient.as_ref().map_or("", |address| &address.value);
        let word = self.provider_type.as_deref().unwrap_or(self.status.as_str());
        let member = self.participant.as_deref().unwrap_or_default();
        match (&self.id, self.up_to) {
            (Some(id), _) => Some(format!("status:{id}:{word}:{recipient}{member}")),
            (None, Some(time)) => {
                Some(format!("status_up_to:{}:{word}:{recipient}{member}", time.as_millis()))
            }
            (None, None) => None,
        }
    }
}

/// The word `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusKind {
    /// The only kind of status event.
    #[default]
    Status,
}

/// What became of a message of ours, in the order in which it can only move forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Accepted by the provider.
    Queued,
    /// Handed to the network.
    Sent,
    /// On the person's device.
    Delivered,
    /// The network gave up.
    Undelivered,
    /// The provider gave up.
    Failed,
    /// Refused.
    Rejected,
    /// Too late.
    Expired,
    /// Seen.
    Read,
}

impl DeliveryStatus {
    /// The word in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Read => "read",
        }
    }
}

/// Why a message of ours failed, in the provider's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryError {
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's text.
    pub text: Option<String>,
}

impl DeliveryError {
    /// The provider's code and text, unless it gives neither.
    pub(crate) fn of(code: Option<String>, text: Option<String>) -> Option<Self> {
        (code.is_some() || text.is_some()).then_some(Self { code, text })
    }
}
