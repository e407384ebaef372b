//! The account as what it is here: the description of a format.

use super::{
    paths::{Path, Place},
    words::Words,
};
use crate::{Account, AccountError, Field, Kind, Medium, Timestamp, time::Offset};

/// Every field of the account: what proves a sender, where everything is, what is answered.
pub(super) const FIELDS: &[Field] = &[
    Field::TOKEN,
    Field::USERNAME,
    Field::PASSWORD,
    secret("header_secret", "a secret in a header: its value"),
    plain("header_name", "a secret in a header: the header, X-Webhook-Secret without it"),
    secret("hmac_secret", "a signature: the key of the HMAC"),
    plain("hmac_header", "a signature: the header it arrives in"),
    plain("hmac_algorithm", "a signature: the hash, SHA-256 without it"),
    plain("hmac_encoding", "a signature: hex or base64; either without it"),
    plain("hmac_prefix", "a signature: what stands before the digest, such as sha256="),
    plain("hmac_over", "a signature: what is signed, {body} without it; also {url}, {header:NAME}"),
    plain("hmac_time_header", "a signature: the header of the signed time, if it is to be recent"),
    plain("hmac_max_age_seconds", "a signature: how old that time may be, 300 without it"),
    plain("format", "query, form, json or xml; as the request says without it"),
    plain("items", "path of the list, where a request brings several messages or statuses"),
    plain("type", "path of the word that tells messages, statuses and other things apart"),
    plain("message_types", "the words of messages, with commas between them"),
    plain("status_types", "the words of statuses, with commas between them"),
    plain("opt_out_types", "the words of opt-outs, with commas between them"),
    plain("opt_in_types", "the words of opt-ins, with commas between them"),
    plain("id", "path of the message's id"),
    plain("from", "path of the sender"),
    plain("to", "path of the recipient"),
    plain("text", "path of the text"),
    plain("time", "path of the time"),
    plain("name", "path of the sender's name"),
    plain("conversation", "path of the conversation's id"),
    plain("reply_to", "path of the id of the message that is answered"),
    plain("media", "path of the media: addresses, or objects that have one"),
    plain("media_url", "path of the address within a medium, url without it"),
    plain("media_type", "path of the media type, type within a medium without it"),
    plain("media_name", "path of the file's name, name within a medium without it"),
    plain("status", "path of the status"),
    plain(
        "status_map",
        "what the words mean: DELIVRD=delivered, UNDELIV=undelivered; usual without it",
    ),
    plain("status_id", "path of our message's id in a status, as id without it"),
    plain("status_time", "path of a status's time, as time without it"),
    plain("status_to", "path of the person in a status, as to without it"),
    plain("status_from", "path of our number in a status; as from, unless status_to is given"),
    plain("error_code", "path of the code of a failure"),
    plain("error_text", "path of the reason of a failure"),
    plain("numbers", "international (with or without +), as-is, or ids; international without it"),
    plain("time_format", "auto, seconds, milliseconds, or a pattern such as %d/%m/%Y %H:%M"),
    plain("time_zone", "the zone of times without one, such as +02:00; UTC without it"),
    plain("medium", "sms, whatsapp, rcs, viber, …; sms without it"),
    plain("answer_status", "the answer's status, 200 without it"),
    plain("answer_type", "the answer's content type, text/plain without it"),
    plain("answer_body", "the answer's body, empty without it"),
];

/// The fields that are paths.
const PATHS: &[&str] = &[
    "items",
    "type",
    "id",
    "from",
    "to",
    "text",
    "time",
    "name",
    "conversation",
    "reply_to",
    "media",
    "media_url",
    "media_type",
    "media_name",
    "status",
    "status_id",
    "status_time",
    "status_to",
    "status_from",
    "error_code",
    "error_text",
];

const TYPES: &[(&str, Means)] = &[
    ("message_types", Means::Event(Kind::Message)),
    ("status_types", Means::Status),
    ("opt_out_types", Means::Event(Kind::OptOut)),
    ("opt_in_types", Means::Event(Kind::OptIn)),
];

const MAX_ANSWER_BYTES: usize = 4096;

const fn plain(name: &'static str, help: &'static str) -> Field {
    Field { name, secret: false, required: false, help }
}

const fn secret(name: &'static str, help: &'static str) -> Field {
    Field { name, secret: true, required: false, help }
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Auto,
    Query,
    Form,
    Json,
    Xml,
}

/// How senders and recipients are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// With country code, with or without `+`.
    International,
    /// As the network has them: national ones are at home in the channel's region.
    AsIs,
    /// No numbers at all.
    Ids,
}

/// What a word of `type` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    Event(Kind),
    Status,
}

/// How times are written.
#[derive(Debug)]
pub(super) struct Times<'a> {
    form: TimeForm<'a>,
    pub offset: Offset,
}

#[derive(Clone, Copy, Debug)]
enum TimeForm<'a> {
    Auto,
    Seconds,
    Milliseconds,
    Pattern(&'a str),
}

/// The description of a format.
#[derive(Debug)]
pub(super) struct Config<'a> {
    pub format: Format,
    pub paths: Vec<(&'static str, Path)>,
    pub types: Vec<(&'a str, Means)>,
    pub numbers: Numbers,
    /// `None` for SMS, the usual one.
    pub medium: Option<Medium>,
    pub words: Words,
    pub time: Times<'a>,
}

/// Checks an account before a channel is made with it.
pub(super) fn check(account: &Account) -> Result<(), AccountError> {
    let config = Config::read(account)?;
    config.check_paths()?;
    config.time.check()?;
    check_types(account, &config)?;
    check_answer(account)
}

fn invalid<T>(field: &'static str, problem: impl Into<String>) -> Result<T, AccountError> {
    Err(AccountError::Invalid { field, problem: problem.into() })
}

impl<'a> Config<'a> {
    pub fn read(account: &'a Account) -> Result<Self, AccountError> {
        let mut paths = Vec::new();
        for field in PATHS {
            let Some(text) = account.get(field) else { continue };
            match Path::parse(text) {
                Ok(path) => paths.push((*field, path)),
                Err(expected) => return invalid(field, expected),
            }
        }
        let mut types = Vec::new();
        for (field, means) in TYPES {
            let words = account.get(field).unwrap_or_default().split(',').map(str::trim);
            types.extend(words.filter(|word| !word.is_empty()).map(|word| (word, *means)));
        }
        let words = Words::parse(account.get("status_map").unwrap_or_default());
        Ok(Self {
            format: format(account)?,
            paths,
            types,
            numbers: numbers(account)?,
            medium: medium(account)?,
            words: words.or_else(|problem| invalid("status_map", problem))?,
            time: Times::read(account)?,
        })
    }

    pub fn path(&self, field: &str) -> Option<&Path> {
        self.paths.iter().find(|(name, _)| *name == field).map(|(_, path)| path)
    }

    /// What `word` stands for, whatever its case.
    pub fn kind(&self, word: &str) -> Option<Means> {
        let known = self.types.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
        known.map(|(_, means)| *means)
    }

    /// Whether the account tells messages and statuses apart by their types.
    pub fn has_types(&self) -> bool {
        let tells = |means: &Means| matches!(means, Means::Status | Means::Event(Kind::Message));
        self.types.iter().any(|(_, means)| tells(means))
    }

    fn check_paths(&self) -> Result<(), AccountError> {
        let has = |field: &str| self.path(field).is_some();
        let missing = |field, help| Err(AccountError::Missing { field, help });
        if !has("text") && !has("media") && !has("status") {
            return missing("text", "say at least where text or status is found in a request");
        }
        if (has("text") || has("media")) && !has("from") {
            return missing("from", "say where the sender of a message is found");
        }
        if has("status") && !has("status_id") && !has("id") {
            return missing("status_id", "say where the id of our message is found in a status");
        }
        for field in ["items", "media"] {
            let is_in_body = |place: &Place| matches!(place, Place::Item(_) | Place::Top(_));
            if self.path(field).is_some_and(|path| !path.0.iter().all(is_in_body)) {
                return invalid(field, "expected a path within the body");
            }
        }
        Ok(())
    }
}

fn format(account: &Account) -> Result<Format, AccountError> {
    match account.get("format") {
        None | Some("auto") => Ok(Format::Auto),
        Some("query") => Ok(Format::Query),
        Some("form") => Ok(Format::Form),
        Some("json") => Ok(Format::Json),
        Some("xml") => Ok(Format::Xml),
        Some(_) => invalid("format", "expected query, form, json or xml"),
    }
}

fn numbers(account: &Account) -> Result<Numbers, AccountError> {
    match account.get("numbers") {
        None | Some("international") => Ok(Numbers::International),
        Some("as-is") => Ok(Numbers::AsIs),
        Some("ids") => Ok(Numbers::Ids),
        Some(_) => invalid("numbers", "expected international, as-is or ids"),
    }
}

fn medium(account: &Account) -> Result<Option<Medium>, AccountError> {
    let Some(name) = account.get("medium") else { return Ok(None) };
    let medium: Option<Medium> = serde_json::from_value(name.into()).ok();
    match medium {
        Some(medium) => Ok(Some(medium).filter(|medium| *medium != super::ADAPTER.medium)),
        None => invalid("medium", "expected a word such as sms, whatsapp, rcs or viber"),
    }
}

impl<'a> Times<'a> {
    fn read(account: &'a Account) -> Result<Self, AccountError> {
        let offset = match account.get("time_zone") {
            None => Offset::UTC,
            Some(zone) => match Offset::parse(zone) {
                Some(offset) => offset,
                None => return invalid("time_zone", "expected an offset such as +02:00"),
            },
        };
        let form = match account.get("time_format") {
            None | Some("auto") => TimeForm::Auto,
            Some("seconds") => TimeForm::Seconds,
            Some("milliseconds") => TimeForm::Milliseconds,
            Some(pattern) => TimeForm::Pattern(pattern),
        };
        Ok(Self { form, offset })
    }

    /// A pattern is one if it reads what it writes.
    fn check(&self) -> Result<(), AccountError> {
        let sample = Timestamp::from_seconds(1_767_225_600).and_then(|time| self.write(time));
        match sample.and_then(|text| self.read_text(&text)) {
            Some(_) => Ok(()),
            None => invalid(
                "time_format",
                "expected auto, seconds, milliseconds, or a pattern with date and time, such as \
                 %d/%m/%Y %H:%M",
            ),
        }
    }

    pub fn read_text(&self, text: &str) -> Option<Timestamp> {
        let text = text.trim();
        match self.form {
            TimeForm::Auto => Timestamp::parse_at(text, self.offset.clone()),
            TimeForm::Seconds => unix(text, 1000.0),
            TimeForm::Milliseconds => unix(text, 1.0),
            TimeForm::Pattern(pattern) => Timestamp::parse_as(text, pattern, self.offset.clone()),
        }
    }

    pub fn write(&self, time: Timestamp) -> Option<String> {
        match self.form {
            TimeForm::Auto => Some(time.to_string()),
            TimeForm::Seconds => Some(time.as_seconds().to_string()),
            TimeForm::Milliseconds => Some(time.as_millis().to_string()),
            TimeForm::Pattern(pattern) => time.format_as(pattern, self.offset.clone()),
        }
    }
}

/// A count since the epoch, with or without a fraction.
fn unix(text: &str, millis: f64) -> Option<Timestamp> {
    let count: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "out of range saturates and is refused")]
    Timestamp::from_millis((count * millis).round() as i64)
}

fn check_types(account: &Account, config: &Config<'_>) -> Result<(), AccountError> {
    if !config.types.is_empty() && config.path("type").is_none() {
        let help = "say where the word is found that tells messages and statuses apart";
        return Err(AccountError::Missing { field: "type", help });
    }
    if config.path("type").is_some() && config.types.is_empty() {
        let help = "say which words of type are messages, and which are statuses";
        return Err(AccountError::Missing { field: "message_types", help });
    }
    if account.get("status_types").is_some() && config.path("status").is_none() {
        let help = "say where the status is found";
        return Err(AccountError::Missing { field: "status", help });
    }
    Ok(())
}

fn check_answer(account: &Account) -> Result<(), AccountError> {
    let status = account.get("answer_status").unwrap_or("200").parse::<u16>();
    let Some(status) = status.ok().filter(|status| (200..300).contains(status)) else {
        return invalid("answer_status", "expected 200 to 299: anything else asks for a repeat");
    };
    let is_media_type =
        |text: &str| text.contains('/') && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if account.get("answer_type").is_some_and(|text| !is_media_type(text)) {
        return invalid("answer_type", "expected a content type such as application/json");
    }
    if account.get("answer_type").is_some() && account.get("answer_body").is_none() {
        let help = "an answer with a content type needs a body";
        return Err(AccountError::Missing { field: "answer_body", help });
    }
    let body = account.get("answer_body").unwrap_or_default();
    if body.len() > MAX_ANSWER_BYTES {
        return invalid("answer_body", "expected at most 4096 bytes");
    }
    if matches!(status, 204 | 205) && !body.is_empty() {
        return invalid("answer_status", "expected a status that may have a body");
    }
    Ok(())
}
