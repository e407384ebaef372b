//! The account of a channel: what a provider gave us to recognize it by.
//!
//! Values arrive as JSON or TOML and are checked against the adapter's [`Field`]s. A [`Secret`] has
//! no way to be printed: no `Display`, and a `Debug` that shows nothing.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_json::Value;

use crate::Adapter;

/// One field of an adapter's account.
#[derive(Debug)]
pub struct Field {
    /// Its name in configuration.
    pub name: &'static str,
    /// Whether it is a credential: sealed at rest, never shown.
    pub secret: bool,
    /// Whether a channel cannot be registered without it.
    pub required: bool,
    /// What it is and where to find it.
    pub help: &'static str,
}

impl Field {
    /// The secret at the end of the address, where a provider signs nothing.
    pub(crate) const TOKEN: Self = Self {
        name: "token",
        secret: true,
        required: false,
        help: "at least 22 random letters and digits, which end the address you give to the \
               provider",
    };
    /// The user name of Basic credentials, where a provider signs nothing.
    pub(crate) const USERNAME: Self = Self {
        name: "username",
        secret: false,
        required: false,
        help: "a user name of your own, if the address you give to the provider has Basic \
               credentials",
    };
    /// The password that belongs to [`Self::USERNAME`].
    pub(crate) const PASSWORD: Self = Self {
        name: "password",
        secret: true,
        required: false,
        help: "the password that belongs to the user name",
    };

    /// Whether its value may be an object: a key set (JWKS), as it is published.
    fn holds_key_set(&self) -> bool {
        self.name == "jwks"
    }
}

/// A credential. It can be used, compared and sealed, but not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a credential.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Hands out the credential, for a MAC or for sealing. Never for showing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The values of an account's fields.
///
/// A secret may have several values at once, newest first: during rotation all of them verify.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    plain: BTreeMap<String, String>,
    secrets: BTreeMap<String, Vec<Secret>>,
    /// What was fetched for verifying, by its address.
    documents: BTreeMap<String, Arc<str>>,
}

/// Why an account was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The account is not an object of fields.
    #[error("the account must be a table of fields, such as {{ {0} = \"…\" }}")]
    NotATable(&'static str),
    /// A field the adapter does not know.
    #[error("{provider} accounts have no field `{field}`; known fields: {known}")]
    UnknownField {
        /// The provider.
        provider: &'static str,
        /// The name that was given.
        field: String,
        /// The names that exist.
        known: String,
    },
    /// A value that is neither text nor (for a secret) a list of texts.
    #[error("field `{0}` must be text, or for a secret being rotated a list of texts")]
    NotText(String),
    /// A required field is missing or empty.
    #[error("field `{field}` is missing: {help}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What it is.
        help: &'static str,
    },
    /// A secret that cannot be used as it is, such as a key that is not base64.
    #[error("field `{0}` is not usable: {1}")]
    Unusable(&'static str, &'static str),
    /// A value that says how to read requests, and cannot be understood itself.
    #[error("field `{field}` is not usable: {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it and what is expected.
        problem: String,
    },
}

impl Account {
    /// Reads `values` and requires everything a channel needs.
    pub fn for_channel(adapter: &Adapter, values: &Value) -> Result<Self, AccountError> {
        let account = Self::read(adapter, values)?;
        for field in adapter.account {
            let present =
                account.get(field.name).is_some() || !account.secrets(field.name).is_empty();
            if field.required && !present {
                return Err(AccountError::Missing { field: field.name, help: field.help });
            }
        }
        adapter.verifier.check(&account)?;
        Ok(account)
    }

    /// Reads `values` without requiring any: an account without secrets verifies nothing.
    ///
    /// `secret` and `secrets` are understood as the adapter's verifying secret.
    pub fn read(adapter: &Adapter, values: &Value) -> Result<Self, AccountError> {
        let first = adapter.account.first().map_or("secret", |field| field.name);
        let values = match values {
            Value::Object(values) => values,
            Value::Null => return Ok(Self::default()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(AccountError::NotATable(first));
            }
        };
        let mut account = Self::default();
        for (name, value) in values {
            let known = adapter.account.iter().find(|field| field.name == name);
            let alias = || {
                let verifying = adapter.verifier.secret_field();
                matches!(name.as_str(), "secret" | "secrets")
                    .then(|| adapter.account.iter().find(|field| field.name == verifying))
                    .flatten()
            };
            let Some(field) = known.or_else(alias) else {
                let known: Vec<_> = adapter.account.iter().map(|field| field.name).collect();
                return Err(AccountError::UnknownField {
                    provider: adapter.provider,
                    field: name.clone(),
                    known: known.join(", "),
                });
            };
            if let (true, Value::Object(_)) = (field.holds_key_set(), value) {
                account.plain.insert(field.name.to_owned(), value.to_string());
                continue;
            }
            let texts = texts(name, value)?;
            if field.secret {
                account
                    .secrets
                    .entry(field.name.to_owned())
                    .or_default()
                    .extend(texts.into_iter().map(Secret));
            } else if let Some(text) = texts.into_iter().next() {
                account.plain.insert(field.name.to_owned(), text);
            }
        }
        Ok(account)
    }

    /// The value of a plain field.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.plain.get(field).map(String::as_str)
    }

    /// The values of a secret field, newest first; empty when none is configured.
    pub fn secrets(&self, field: &str) -> &[Secret] {
        self.secrets.get(field).map_or(&[], Vec::as_slice)
    }

    /// The same account with a document that its verifier asked for (see [`Scheme::documents`]).
    ///
    /// [`Scheme::documents`]: crate::Scheme::documents
    #[must_use]
    pub fn with_document(mut self, address: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        self.documents.insert(address.into(), text.into());
        self
    }

    /// What was fetched from `address`.
    pub fn document(&self, address: &str) -> Option<&str> {
        self.documents.get(address).map(AsRef::as_ref)
    }

    /// The plain fields, for showing.
    pub fn plain(&self) -> &BTreeMap<String, String> {
        &self.plain
    }

    /// The names of the secret fields that have a value.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }

    /// All values as JSON, credentials included: only for sealing.
    pub fn expose_json(&self) -> Value {
        let secrets = self.secrets.iter().map(|(name, values)| {
            let values = values.iter().map(|secret| Value::from(secret.expose()));
            (name.clone(), values.collect())
        });
        let plain =
            self.plain.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        plain.chain(secrets).collect::<serde_json::Map<_, _>>().into()
    }
}

/// The non-empty texts of a value; numbers are taken as written, since ids often are digits.
fn texts(name: &str, value: &Value) -> Result<Vec<String>, AccountError> {
    let texts = match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(values) => {
            let texts: Result<Vec<_>, _> =
                values.iter().map(|value| self::texts(name, value)).collect();
            texts?.concat()
        }
        Value::Bool(_) | Value::Object(_) => return Err(AccountError::NotText(name.to_owned())),
    };
    Ok(texts.into_iter().filter(|text| !text.is_empty()).collect())
}
