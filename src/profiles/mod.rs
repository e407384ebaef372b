//! Who is behind a sender's address, and whom of the directory that may be.
//!
//! A [`Key`] has at most one active profile: a unique index, not a lock. [`decide`] is the whole
//! decision table; it knows nothing of the database. Numbers match in all their spellings, nothing
//! stored is rewritten, and two profiles are never merged here.

pub mod consents;
pub mod directory;
pub mod forgotten;
pub mod keywords;
pub mod merges;
pub mod people;
mod resolve;
pub mod store;
#[cfg(test)]
mod tests;

use frontdesk_adapters::{Address, AddressKind, Medium, phone};
pub use people::{PersonKind, PersonRef};
pub use resolve::{Resolved, Sender, resolve};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What tells one sender from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Key {
    /// The address. It comes first, since it is what differs: keys are compared a lot.
    pub value: String,
    /// The medium: the same number writing by SMS and by WhatsApp is two profiles, since a spoofed
    /// SMS must not inherit what was verified on WhatsApp.
    pub scheme: &'static str,
    /// Within what an opaque id is unique; empty for addresses that are unique by themselves.
    pub scope: String,
}

impl Key {
    /// The key of `address` on `medium`; `channel` is the scope of a chat widget's ids without one.
    #[must_use]
    pub fn new(medium: Medium, address: &Address, channel: &str) -> Self {
        let scope = match (&address.scope, address.kind, medium) {
            (Some(scope), ..) => scope.clone(),
            (None, AddressKind::User, Medium::Chat) => channel.to_owned(),
            (None, ..) => String::new(),
        };
        Self {
            scheme: medium.as_str(),
            scope: bounded(scope),
            value: bounded(address.value.clone()),
        }
    }
}

/// An address as it was given and, where it looks like a telephone number, as senders have it.
#[must_use]
pub fn spellings(address: &str) -> Vec<String> {
    let mut spellings = vec![address.to_owned()];
    spellings.extend(phone::address(address, None).map(|known| known.value));
    spellings.dedup();
    spellings
}

/// Index entries have a size. No provider's ids come near it; what does is told apart by its digest.
fn bounded(value: String) -> String {
    const LONGEST: usize = 512;
    if value.len() <= LONGEST {
        return value;
    }
    let digest = Sha256::digest(&value);
    digest.iter().fold("sha256:".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// What a message learned about its sender, in the words stored with profile and interaction.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum MatchOutcome {
    /// New profile, linked to the one person with this address.
    NewLinked,
    /// New profile; nobody in the directory has this address.
    NewGuest,
    /// New profile; several people have this address, so none was chosen.
    NewAmbiguous,
    /// Known person; the directory does not have this address.
    KnownUnlisted,
    /// Known person, and the directory agrees.
    KnownConfirmed,
    /// Known person, but the directory gives this address to somebody else.
    Conflict,
    /// Known guest; nobody in the directory has this address.
    KnownGuest,
    /// Known guest, now linked to the one person with this address.
    GuestLinked,
    /// Known guest; several people have this address.
    GuestAmbiguous,
    /// The profile's person is inactive: a guest for this interaction.
    PersonInactive,
}

impl MatchOutcome {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewLinked => "new_linked",
            Self::NewGuest => "new_guest",
            Self::NewAmbiguous => "new_ambiguous",
            Self::KnownUnlisted => "known_unlisted",
            Self::KnownConfirmed => "known_confirmed",
            Self::Conflict => "conflict",
            Self::KnownGuest => "known_guest",
            Self::GuestLinked => "guest_linked",
            Self::GuestAmbiguous => "guest_ambiguous",
            Self::PersonInactive => "person_inactive",
        }
    }

    /// Why, in a sentence for agents.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NewLinked => {
                "first contact; exactly one person in the directory has this address"
            }
            Self::NewGuest => "first contact; nobody in the directory has this address",
            Self::NewAmbiguous => {
                "first contact; several people have this address, so none was chosen"
            }
            Self::KnownUnlisted => "known person; the directory does not have this address",
            Self::KnownConfirmed => "known person, and the directory agrees",
            Self::Conflict => "known person, but the directory gives this address to somebody else",
            Self::KnownGuest => "known guest; nobody in the directory has this address",
            Self::GuestLinked => "known guest; exactly one person has this address now",
            Self::GuestAmbiguous => "known guest; several people have this address",
            Self::PersonInactive => "the profile's person is inactive, so a guest this time",
        }
    }
}

/// What the profile of a sender says, if there is an active one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// No active profile. An inactive one counts as none and is never revived.
    No,
    /// A profile without a person.
    Guest,
    /// A profile linked to an active person.
    Person(PersonRef),
    /// A profile linked to a person who is not active any more.
    InactivePerson,
}

/// What follows from a profile and a directory search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which row of the table it was.
    pub outcome: MatchOutcome,
    /// Whom an interaction is opened for; `None` is a guest.
    pub opened_for: Option<PersonRef>,
    /// The person the profile is to be linked to now.
    pub link: Option<PersonRef>,
    /// People an agent may want to choose from.
    pub candidates: Vec<PersonRef>,
}

/// The decision table: what the profile says, against whom the directory has under this address.
#[must_use]
pub fn decide(known: Known, directory: &[PersonRef]) -> Decision {
    let decision =
        |outcome, opened_for, link| Decision { outcome, opened_for, link, candidates: Vec::new() };
    let showing = |outcome, opened_for| Decision {
        outcome,
        opened_for,
        link: None,
        candidates: directory.to_vec(),
    };
    match (known, directory) {
        (Known::No, [one]) => decision(MatchOutcome::NewLinked, Some(*one), Some(*one)),
        (Known::No, []) => decision(MatchOutcome::NewGuest, None, None),
        (Known::No, _) => showing(MatchOutcome::NewAmbiguous, None),
        (Known::Person(person), []) => decision(MatchOutcome::KnownUnlisted, Some(person), None),
        (Known::Person(person), found) if found.iter().any(|found| found.id == person.id) => {
            decision(MatchOutcome::KnownConfirmed, Some(person), None)
        }
        (Known::Person(person), _) => showing(MatchOutcome::Conflict, Some(person)),
        (Known::Guest, []) => decision(MatchOutcome::KnownGuest, None, None),
        (Known::Guest, [one]) => decision(MatchOutcome::GuestLinked, Some(*one), Some(*one)),
        (Known::Guest, _) => showing(MatchOutcome::GuestAmbiguous, None),
        (Known::InactivePerson, _) => showing(MatchOutcome::PersonInactive, None),
    }
}

/// A profile, for showing.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Profile {
    /// Opaque id.
    pub id: Uuid,
    /// The medium, such as `sms`.
    pub scheme: String,
    /// Within what an opaque address is unique; empty where it is by itself.
    pub scope: String,
    /// The address.
    pub value: String,
    /// What the address is: `phone`, `short_code`, `alphanumeric`, `email` or `user`.
    pub address_kind: String,
    /// Whether a message can be sent back to it.
    pub answerable: bool,
    /// What the person is to us; `null` for a guest.
    pub person_kind: Option<PersonKind>,
    /// The person; `null` for a guest.
    pub person_id: Option<Uuid>,
    /// The name the provider gave.
    pub display_name: Option<String>,
    /// The sender's language, where the provider tells.
    pub language: Option<String>,
    /// Whether it is the profile of its address today.
    pub active: bool,
    /// When an agent confirmed the person, in Unix milliseconds.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub verified_at: Option<i64>,
    /// Who confirmed the person.
    pub verified_by: Option<String>,
    /// How the person was confirmed.
    pub verified_method: Option<String>,
    /// Since when it is blocked: what it sends is kept, and nothing comes of it.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub blocked_at: Option<i64>,
    /// Who blocked it.
    pub blocked_by: Option<String>,
    /// Why it is blocked.
    pub blocked_reason: Option<String>,
    /// When it was given up; the next message from its address gets another one.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expired_at: Option<i64>,
    /// The profile that took its place in a merge.
    pub merged_into: Option<Uuid>,
    /// How the person was found; `chosen` by an agent.
    pub match_outcome: String,
    /// People an agent may want to choose from.
    #[schema(value_type = Vec<PersonRef>)]
    pub candidates: sqlx::types::Json<Vec<PersonRef>>,
    /// When it was made.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: i64,
    /// When it last changed.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: i64,
    /// Counts changes.
    pub version: i64,
}

impl Profile {
    /// The person it is linked to.
    #[must_use]
    pub fn person(&self) -> Option<PersonRef> {
        self.person_kind.zip(self.person_id).map(|(kind, id)| PersonRef { kind, id })
    }

    /// Whether an agent should look at how its person was found.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        let word = serde_json::Value::from(self.match_outcome.as_str());
        serde_json::from_value(word).is_ok_and(directory::is_undecided)
    }

    /// The profile, linked to `person` by somebody's choice. Who was confirmed before is not
    /// confirmed any more.
    #[must_use]
    pub fn of_person(&self, person: Option<PersonRef>) -> Self {
        let mut after = self.clone();
        if self.person().map(|before| before.id) != person.map(|after| after.id) {
            after.verified_at = None;
            after.verified_by = None;
            after.verified_method = None;
        }
        after.person_kind = person.map(|person| person.kind);
        after.person_id = person.map(|person| person.id);
        after.match_outcome = CHOSEN.to_owned();
        after.candidates.0.clear();
        after
    }
}

/// A further address of a sender, such as a number beside an opaque id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow, utoipa::ToSchema)]
#[schema(as = ProfileAlias)]
pub struct Alias {
    /// The medium.
    pub scheme: String,
    /// Within what an opaque address is unique; empty where it is by itself.
    pub scope: String,
    /// The address.
    pub value: String,
}

/// How a person was found whom an agent named.
pub const CHOSEN: &str = "chosen";
