//! The conditions of a route: what they are, whether they hold, and whether they ever could.
//!
//! Everything is compared in any case. What stands in another table is checked by [`super::names`].

use frontdesk_adapters::{Medium, phone::Region};
use regex::Regex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Facts, RouteError};
use crate::profiles::PersonKind;

/// What must hold for a route to be taken. Absent conditions always hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The channel is one of these, which must be there.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub channel: OneOrMany,
    /// Our address is one of these, written as messages bring it, such as `+15005550006`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub address: OneOrMany,
    /// The medium is one of these, such as `sms`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub medium: OneOrMany,
    /// The text of the first message matches this regular expression, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The country of the sender's number is one of these, such as `BR`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub country: OneOrMany,
    /// The sender's language is one of these; `pt` also means `pt-BR`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub language: OneOrMany,
    /// Whether the sender is linked to a person of the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_known: Option<bool>,
    /// The person is one of these kinds: `user`, `contact`, `consumer`, `employee`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub person_kind: OneOrMany,
    /// Whether the sender opted out of our messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opted_out: Option<bool>,
}

/// One text, or several of which any will do; never none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "OneOrManyForm", into = "Vec<String>")]
pub struct OneOrMany(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "no text, expected a text or several of them")]
enum OneOrManyForm {
    One(String),
    Many(Vec<String>),
}

/// None of which any could do.
///
/// What follows `, expected` is told to whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an empty list, expected one text or more; leave it out to allow any")]
pub struct NoneAtAll;

impl TryFrom<OneOrManyForm> for OneOrMany {
    type Error = NoneAtAll;

    fn try_from(form: OneOrManyForm) -> Result<Self, NoneAtAll> {
        match form {
            OneOrManyForm::One(one) => Ok(Self(vec![one])),
            OneOrManyForm::Many(many) if many.is_empty() => Err(NoneAtAll),
            OneOrManyForm::Many(many) => Ok(Self(many)),
        }
    }
}

impl From<OneOrMany> for Vec<String> {
    fn from(texts: OneOrMany) -> Self {
        texts.0
    }
}

impl OneOrMany {
    /// One text.
    #[must_use]
    pub fn one(text: &str) -> Self {
        Self(vec![text.to_owned()])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is no condition, or one of its texts is `text`.
    pub(crate) fn allows(&self, text: Option<&str>) -> bool {
        self.is_empty()
            || text.is_some_and(|text| self.0.iter().any(|one| one.eq_ignore_ascii_case(text)))
    }
}

impl When {
    /// Refuses conditions that can never hold, as far as they say so themselves.
    pub(super) fn check(&self) -> Result<(), RouteError> {
        self.text.as_deref().map(super::pattern).transpose()?;
        for word in self.medium.iter() {
            read::<Medium>(word).map_err(|choices| RouteError::Medium(word.to_owned(), choices))?;
        }
        for word in self.person_kind.iter() {
            read::<PersonKind>(word)
                .map_err(|choices| RouteError::PersonKind(word.to_owned(), choices))?;
        }
        for code in self.country.iter() {
            if !code.parse::<Region>().is_ok_and(Region::has_numbers) {
                return Err(RouteError::Country(code.to_owned()));
            }
        }
        if let Some(wrong) = self.language.iter().find(|tag| !is_language(tag)) {
            return Err(RouteError::Language(wrong.to_owned()));
        }
        if self.person_known == Some(false) && !self.person_kind.is_empty() {
            return Err(RouteError::UnknownOfAKind);
        }
        Ok(())
    }

    /// The name of a condition that does not hold; `None` when all do.
    pub(super) fn unmet(&self, facts: &Facts<'_>, text: Option<&Regex>) -> Option<&'static str> {
        let language_allows = self.language.is_empty()
            || facts.language.is_some_and(|language| {
                let main = language.split(['-', '_']).next();
                self.language.allows(Some(language)) || self.language.allows(main)
            });
        let conditions = [
            ("channel", self.channel.allows(Some(facts.channel))),
            ("address", self.address.allows(Some(facts.address))),
            ("medium", self.medium.allows(Some(facts.medium.as_str()))),
            ("country", self.country.allows(facts.country)),
            ("language", language_allows),
            ("person_kind", self.person_kind.allows(facts.person.map(PersonKind::as_str))),
            ("person_known", self.person_known.is_none_or(|known| known == facts.person.is_some())),
            ("opted_out", self.opted_out.is_none_or(|opted_out| opted_out == facts.opted_out)),
        ];
        let cheap = conditions.into_iter().find_map(|(name, holds)| (!holds).then_some(name));
        cheap.or_else(|| {
            let holds =
                text.is_none_or(|pattern| facts.text.is_some_and(|text| pattern.is_match(text)));
            (!holds).then_some("text")
        })
    }
}

/// Reads one of a few words, in any case; the error is what could have been given.
fn read<T: DeserializeOwned>(word: &str) -> Result<T, String> {
    serde_json::from_value(word.to_ascii_lowercase().into()).map_err(|error| {
        // Only serde knows all the words: "unknown variant `x`, expected one of `a`, `b`".
        let text = error.to_string();
        let choices = text.rsplit_once(", expected ").map(|(_, choices)| choices.to_owned());
        choices.unwrap_or_else(|| "another one".to_owned())
    })
}

/// Whether a text looks like `pt`, `pt-BR` or `zh_Hant_TW`.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split(['-', '_']);
    let main = parts.next().unwrap_or_default();
    (2..=3).contains(&main.len())
        && main.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}
