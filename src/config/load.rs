//! Where each setting comes from.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use config::{Value, ValueKind};

use super::Config;

/// The prefix of the environment's names.
const PREFIX: &str = "FRONTDESK__";

/// Every setting and whether it is a secret, in the order they are shown.
const SETTINGS: &[(&str, bool)] = &[
    ("database.url", true),
    ("database.max_connections", false),
    ("http.listen", false),
    ("http.public_url", false),
    ("http.trusted_proxies", false),
    ("http.max_body_bytes", false),
    ("ingest.queue", false),
    ("ingest.group", false),
    ("ingest.committers", false),
    ("ingest.refused", false),
    ("secrets.key", true),
    ("secrets.key_file", false),
    ("log.filter", false),
    ("log.format", false),
];

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of the file.
    File(PathBuf),
    /// A variable.
    Environment(String),
    /// A flag.
    Flag(&'static str),
}

/// One setting, for showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as in `database.url`.
    pub name: &'static str,
    /// Whether its value must not be shown as it is.
    pub secret: bool,
    /// Its value where one was given.
    pub value: Option<String>,
    /// Where that came from.
    pub origin: Origin,
}

/// Settings and their origins.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Each with its origin.
    pub settings: Vec<Setting>,
}

/// Why the settings are not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {0} cannot be read")]
    File(PathBuf, #[source] std::io::Error),
    /// The file is not TOML.
    #[error("the configuration file {0} is not TOML")]
    Toml(PathBuf, #[source] Box<toml::de::Error>),
    /// No setting has this name.
    #[error("there is no setting `{0}` (from {1}); did you mean `{2}`?")]
    Unknown(String, String, &'static str),
    /// A value does not fit.
    #[error("a setting does not fit")]
    Value(#[source] config::ConfigError),
    /// A secret's file cannot be read.
    #[error("the file that {0} names cannot be read")]
    SecretFile(String, #[source] std::io::Error),
}

/// Loads the settings from `file`, then `environment`, then `flags`.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: &[(&'static str, &'static str, String)],
) -> Result<Loaded, ConfigError> {
    let mut given: BTreeMap<&'static str, (ValueKind, Origin)> = BTreeMap::new();
    if let Some(path) = file {
        let text =
            fs::read_to_string(path).map_err(|error| ConfigError::File(path.to_owned(), error))?;
        let table: toml::Table =
            text.parse().map_err(|error| ConfigError::Toml(path.to_owned(), Box::new(error)))?;
        for (section, value) in table {
            let toml::Value::Table(keys) = value else {
                return Err(unknown(&section, &path.display().to_string()));
            };
            for (key, value) in keys {
                let name = known(&format!("{section}.{key}")).ok_or_else(|| {
                    unknown(&format!("{section}.{key}"), &path.display().to_string())
                })?;
                given.insert(name, (from_toml(value), Origin::File(path.to_owned())));
            }
        }
    }
    for (variable, value) in environment {
        let Some(path) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let path = path.to_ascii_lowercase().replace("__", ".");
        let from_file =
            || path.strip_suffix("_file").and_then(known).filter(|name| is_secret(name));
        let (name, value) = match (known(&path), from_file()) {
            (Some(name), _) => (name, value),
            (None, Some(name)) => {
                let text = fs::read_to_string(&value)
                    .map_err(|error| ConfigError::SecretFile(variable.clone(), error))?;
                (name, text.trim().to_owned())
            }
            (None, None) => return Err(unknown(&path, &variable)),
        };
        given.insert(name, (from_text(name, value), Origin::Environment(variable)));
    }
    for (name, flag, value) in flags {
        given.insert(name, (from_text(name, value.clone()), Origin::Flag(flag)));
    }
    let mut builder = config::Config::builder();
    for (name, (value, origin)) in &given {
        let value = Value::new(Some(&describe(origin)), value.clone());
        builder = builder.set_override(*name, value).map_err(ConfigError::Value)?;
    }
    let built = builder.build().map_err(ConfigError::Value)?;
    let config = built.try_deserialize().map_err(ConfigError::Value)?;
    let settings = SETTINGS.iter().map(|(name, secret)| {
        let (value, origin) = match given.remove(name) {
            Some((value, origin)) => (Some(Value::new(None, value).to_string()), origin),
            None => (None, Origin::Default),
        };
        Setting { name, secret: *secret, value, origin }
    });
    Ok(Loaded { config, settings: settings.collect() })
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&describe(self))
    }
}

fn describe(origin: &Origin) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::File(path) => path.display().to_string(),
        Origin::Environment(variable) => variable.clone(),
        Origin::Flag(flag) => (*flag).to_owned(),
    }
}

fn known(path: &str) -> Option<&'static str> {
    SETTINGS.iter().map(|(name, _)| *name).find(|name| *name == path)
}

fn is_secret(name: &str) -> bool {
    SETTINGS.iter().any(|(known, secret)| *known == name && *secret)
}

fn unknown(name: &str, origin: &str) -> ConfigError {
    let closest = SETTINGS.iter().map(|(known, _)| *known).max_by(|a, b| {
        let score = |known: &str| strsim::jaro_winkler(known, name);
        score(a).total_cmp(&score(b))
    });
    ConfigError::Unknown(name.to_owned(), origin.to_owned(), closest.unwrap_or("database.url"))
}

/// Lists in the environment are separated by commas; everything else is text, which the types read.
fn from_text(name: &str, value: String) -> ValueKind {
    if name == "http.trusted_proxies" {
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        return ValueKind::Array(parts.map(|part| Value::new(None, part)).collect());
    }
    ValueKind::String(value)
}

fn from_toml(value: toml::Value) -> ValueKind {
    match value {
        toml::Value::String(text) => ValueKind::String(text),
        toml::Value::Integer(number) => ValueKind::I64(number),
        toml::Value::Float(number) => ValueKind::Float(number),
        toml::Value::Boolean(yes) => ValueKind::Boolean(yes),
        toml::Value::Datetime(time) => ValueKind::String(time.to_string()),
        toml::Value::Array(values) => ValueKind::Array(
            values.into_iter().map(|value| Value::new(None, from_toml(value))).collect(),
        ),
        toml::Value::Table(values) => ValueKind::Table(
            values
                .into_iter()
                .map(|(key, value)| (key, Value::new(None, from_toml(value))))
                .collect(),
        ),
    }
}
