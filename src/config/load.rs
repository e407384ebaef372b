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
    ("ingest.parts_seconds", false),
    ("desk.telephony", false),
    ("timers.every_seconds", false),
    ("timers.idle_minutes", false),
    ("timers.wrap_up_limit_minutes", false),
    ("retention.requests_days", false),
    ("retention.refused_days", false),
    ("retention.dedupe_days", false),
    ("retention.events_days", false),
    ("retention.messages_days", false),
    ("retention.audit_days", false),
    ("retention.archive_days", false),
    ("routing.sweep_seconds", false),
    ("routing.away_after_timeout", false),
    ("routing.reassign_when_offline", false),
    ("egress.allow", false),
    ("egress.mirror", false),
    ("handoff.timeout_seconds", false),
    ("handoff.keep_minutes", false),
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
    /// Its value, where it has one.
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
    /// A value that nothing could be done with.
    #[error("{0}: {1}")]
    Unusable(&'static str, &'static str),
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
    let config: Config = built.try_deserialize().map_err(ConfigError::Value)?;
    config.check().map_err(|(name, error)| ConfigError::Unusable(name, error))?;
    let settings = SETTINGS.iter().map(|(name, secret)| {
        let (value, origin) = match given.remove(name) {
            Some((value, origin)) => (Some(Value::new(None, value).to_string()), origin),
            None => (default(name), Origin::Default),
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

/// What is in force where nobody says anything.
fn default(name: &str) -> Option<String> {
    let Config { database, http, ingest, desk, routing, timers, retention, handoff, log, .. } =
        Config::default();
    match name {
        "database.url" => Some(database.url),
        "database.max_connections" => Some(database.max_connections.to_string()),
        "http.listen" => Some(http.listen.to_string()),
        "http.max_body_bytes" => Some(http.max_body_bytes.to_string()),
        "ingest.queue" => Some(ingest.queue.to_string()),
        "ingest.group" => Some(ingest.group.to_string()),
        "ingest.refused" => Some(ingest.refused.to_string()),
        "ingest.parts_seconds" => Some(ingest.parts_seconds.to_string()),
        "desk.telephony" => Some(desk.telephony.to_string()),
        "timers.every_seconds" => Some(timers.every_seconds.to_string()),
        "timers.idle_minutes" => Some(timers.idle_minutes.to_string()),
        "timers.wrap_up_limit_minutes" => Some(timers.wrap_up_limit_minutes.to_string()),
        "retention.requests_days" => Some(retention.requests_days.to_string()),
        "retention.refused_days" => Some(retention.refused_days.to_string()),
        "retention.dedupe_days" => Some(retention.dedupe_days.to_string()),
        "retention.events_days" => Some(retention.events_days.to_string()),
        "retention.messages_days" => Some(retention.messages_days.to_string()),
        "retention.audit_days" => Some(retention.audit_days.to_string()),
        "retention.archive_days" => Some(retention.archive_days.to_string()),
        "routing.sweep_seconds" => Some(routing.sweep_seconds.to_string()),
        "routing.away_after_timeout" => Some(routing.away_after_timeout.to_string()),
        "routing.reassign_when_offline" => Some(routing.reassign_when_offline.to_string()),
        "handoff.timeout_seconds" => Some(handoff.timeout_seconds.to_string()),
        "handoff.keep_minutes" => Some(handoff.keep_minutes.to_string()),
        "log.filter" => Some(log.filter),
        _ => None,
    }
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
    if matches!(name, "http.trusted_proxies" | "egress.allow") {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        pairs.collect::<Vec<_>>().into_iter()
    }

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("frontdesk.toml");
        fs::write(&path, text).expect("a file");
        (folder, path)
    }

    fn origin<'a>(loaded: &'a Loaded, name: &str) -> &'a Origin {
        let setting = loaded.settings.iter().find(|setting| setting.name == name);
        &setting.expect("a setting").origin
    }

    #[test]
    fn it_runs_with_no_configuration_at_all() {
        let loaded = load(None, environment(&[("PATH", "/bin")]), &[]).expect("settings");
        assert_eq!(loaded.config.database.url, "sqlite:frontdesk.db");
        assert!(loaded.settings.iter().all(|setting| setting.origin == Origin::Default));
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let (_folder, path) = file(
            "[ingest]\nqueue = 1\ngroup = 1\nrefused = 1\n[http]\ntrusted_proxies = [\"10.0.0.0/8\"]",
        );
        let variables = [("FRONTDESK__INGEST__GROUP", "2"), ("FRONTDESK__INGEST__REFUSED", "2")];
        let flags = [("ingest.refused", "--refused", "3".to_owned())];
        let loaded = load(Some(&path), environment(&variables), &flags).expect("settings");
        let ingest = loaded.config.ingest;
        assert_eq!((ingest.queue, ingest.group, ingest.refused), (1, 2, 3));
        assert_eq!(loaded.config.http.trusted_proxies.len(), 1);
        assert_eq!(*origin(&loaded, "ingest.queue"), Origin::File(path));
        assert_eq!(origin(&loaded, "ingest.group").to_string(), "FRONTDESK__INGEST__GROUP");
        assert_eq!(*origin(&loaded, "ingest.refused"), Origin::Flag("--refused"));
        assert_eq!(*origin(&loaded, "http.listen"), Origin::Default);
    }

    #[test]
    fn an_unknown_key_suggests_the_right_one() {
        let (_folder, path) = file("[http]\nlisen = \"127.0.0.1:1\"");
        let error = load(Some(&path), environment(&[]), &[]).expect_err("unknown");
        assert!(error.to_string().ends_with("did you mean `http.listen`?"), "{error}");
        let variables = [("FRONTDESK__DATABASE__ULR", "sqlite:x.db")];
        let error = load(None, environment(&variables), &[]).expect_err("unknown");
        assert!(error.to_string().contains("FRONTDESK__DATABASE__ULR"), "{error}");
        assert!(error.to_string().ends_with("did you mean `database.url`?"), "{error}");
    }

    #[test]
    fn a_secret_is_also_taken_from_a_file_and_only_a_secret_is() {
        let (_folder, path) = file("postgres://desk:hush@db/desk\n");
        let path = path.display().to_string();
        let loaded = load(None, environment(&[("FRONTDESK__DATABASE__URL_FILE", &path)]), &[]);
        assert_eq!(loaded.expect("settings").config.database.url, "postgres://desk:hush@db/desk");
        let error = load(None, environment(&[("FRONTDESK__LOG__FILTER_FILE", &path)]), &[]);
        assert!(matches!(error, Err(ConfigError::Unknown(..))));
    }

    #[test]
    fn the_key_file_is_a_setting_of_its_own() {
        let variables = [("FRONTDESK__SECRETS__KEY_FILE", "/nowhere/frontdesk.key")];
        let secrets = load(None, environment(&variables), &[]).expect("settings").config.secrets;
        assert!(secrets.key.is_none());
        assert_eq!(secrets.key_file, Some(PathBuf::from("/nowhere/frontdesk.key")));
    }

    #[test]
    fn a_value_that_nothing_could_be_done_with_is_refused() {
        for (variable, value) in [
            ("FRONTDESK__INGEST__QUEUE", "0"),
            ("FRONTDESK__INGEST__QUEUE", "18446744073709551615"),
            ("FRONTDESK__INGEST__GROUP", "0"),
            ("FRONTDESK__DATABASE__MAX_CONNECTIONS", "0"),
            ("FRONTDESK__HTTP__MAX_BODY_BYTES", "0"),
            ("FRONTDESK__HTTP__PUBLIC_URL", "https://desk.example/in?y=1"),
            ("FRONTDESK__HTTP__PUBLIC_URL", "https://"),
            ("FRONTDESK__HTTP__PUBLIC_URL", "desk.example"),
            ("FRONTDESK__EGRESS__MIRROR", "mirror"),
            ("FRONTDESK__RETENTION__DEDUPE_DAYS", "3"),
        ] {
            let error = load(None, environment(&[(variable, value)]), &[]).map(drop);
            let error = error.expect_err("it cannot be used");
            assert!(
                matches!(error, ConfigError::Unusable(..) | ConfigError::Value(_)),
                "{error:?}"
            );
        }
        for (variable, value) in [
            ("FRONTDESK__HTTP__PUBLIC_URL", "https://desk.example:8443/gateway/"),
            ("FRONTDESK__HTTP__PUBLIC_URL", "http://[::1]:8080"),
            ("FRONTDESK__RETENTION__DEDUPE_DAYS", "0"),
        ] {
            load(None, environment(&[(variable, value)]), &[]).expect(value);
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused() {
        for variable in [
            ("FRONTDESK__HTTP__LISTEN", "everywhere"),
            ("FRONTDESK__HANDOFF__TIMEOUT_SECONDS", "0"),
        ] {
            let error = load(None, environment(&[variable]), &[]).expect_err("it does not fit");
            assert!(matches!(error, ConfigError::Value(_)), "{variable:?}");
        }
    }
}
