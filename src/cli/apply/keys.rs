//! Which keys a file may have. A wrong one is told with its line and the right one.

use frontdesk_adapters::providers;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::file::FileError;

/// The sections and their keys, in the order people read them.
pub(super) const SECTIONS: &[(&str, &[&str])] = &[
    ("channels", &["id", "provider", "address", "active", "account", "settings"]),
    ("queues", &["id", "name", "settings"]),
    ("routes", &["id", "queue", "priority", "position", "active", "skills", "when"]),
    ("agents", &["id", "name", "active", "queues", "skills", "capacity"]),
    ("people", &["kind", "name", "email", "phones", "external_id", "active"]),
    ("related_policies", &["table", "operations", "one_per_interaction"]),
    (
        "wrap_up_configurations",
        &[
            "id",
            "order",
            "when",
            "enforced",
            "duration_seconds",
            "show_timer",
            "codes",
            "default_code",
            "active",
        ],
    ),
    ("messaging_actions", &["id", "event", "after_seconds", "when", "action", "active"]),
    (
        "sinks",
        &[
            "id",
            "kind",
            "url",
            "types",
            "channels",
            "queues",
            "signature",
            "subject",
            "secret",
            "login",
        ],
    ),
];
const SETTINGS: &[&str] =
    &["continuation", "region", "idle_minutes", "keywords", "verification", "allow_from"];
const QUEUE_SETTINGS: &[&str] = &[
    "priority",
    "sort",
    "schedule",
    "pools",
    "max_wait",
    "overflow",
    "offer_seconds",
    "reject_reasons",
];
const CONTINUATION: &[&str] = &["within_minutes"];
const WHEN: &[&str] = &[
    "channel",
    "address",
    "medium",
    "text",
    "country",
    "language",
    "person_known",
    "person_kind",
    "opted_out",
];
/// What wrap-up configurations and messaging actions ask of an interaction.
const CONDITIONS: &[&str] = &[
    "type",
    "subtype",
    "channel",
    "address",
    "state",
    "state_reason",
    "opened_for",
    "agent",
    "group",
    "language",
    "country",
    "with",
];
const VALUE: &[&str] = &["env", "file", "literal"];

/// Checks every key of `text`.
pub(super) fn check(text: &str) -> Result<(), FileError> {
    let root = DeTable::parse(text).map_err(|error| FileError::toml(text, &error))?;
    let names: Vec<_> = SECTIONS.iter().map(|(name, _)| *name).collect();
    let check = Check { text };
    check.table(root.get_ref(), "the file", &names)?;
    for (name, keys) in SECTIONS {
        let Some(section) = root.get_ref().get(*name) else { continue };
        for entry in section.get_ref().as_array().into_iter().flatten() {
            if let Some(entry) = entry.get_ref().as_table() {
                check.table(entry, name, keys)?;
                check.entry(name, entry)?;
            }
        }
    }
    Ok(())
}

struct Check<'a> {
    text: &'a str,
}

impl Check<'_> {
    fn entry(&self, section: &str, entry: &DeTable<'_>) -> Result<(), FileError> {
        let table = |name: &str| entry.get(name).and_then(|value| value.get_ref().as_table());
        if let Some(settings) = table("settings") {
            let known = if section == "queues" { QUEUE_SETTINGS } else { SETTINGS };
            self.table(settings, "settings", known)?;
            let continuation = settings.get("continuation").map(Spanned::get_ref);
            if let Some(continuation) = continuation.and_then(DeValue::as_table) {
                self.table(continuation, "continuation", CONTINUATION)?;
            }
        }
        if let Some(when) = table("when") {
            let known = if section == "routes" { WHEN } else { CONDITIONS };
            self.table(when, "when", known)?;
        }
        let provider = entry.get("provider").and_then(|value| value.get_ref().as_str());
        let adapter = provider.and_then(providers::find);
        if let (Some(account), Some(adapter)) = (table("account"), adapter) {
            let fields: Vec<_> = adapter.account.iter().map(|field| field.name).collect();
            self.table(account, &format!("{} accounts", adapter.provider), &fields)?;
            for (name, value) in account {
                self.value(value, name.get_ref())?;
            }
        }
        Ok(())
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, field: &str) -> Result<(), FileError> {
        if let Some(table) = value.get_ref().as_table() {
            self.table(table, field, VALUE)?;
        }
        for value in value.get_ref().as_array().into_iter().flatten() {
            self.value(value, field)?;
        }
        Ok(())
    }

    fn table(&self, table: &DeTable<'_>, place: &str, known: &[&str]) -> Result<(), FileError> {
        let unknown = table.keys().find(|key| !known.contains(&key.get_ref().as_ref()));
        let Some(unknown) = unknown else { return Ok(()) };
        let key = unknown.get_ref().to_string();
        let similarity = |known: &str| strsim::jaro_winkler(known, &key);
        let closest = known.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
        Err(FileError::UnknownKey {
            line: line(self.text, unknown.span().start),
            place: place.to_owned(),
            suggestion: closest.map(|closest| (*closest).to_owned()).unwrap_or_default(),
            key,
        })
    }
}

/// The line a byte of `text` is on.
pub(super) fn line(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}
