//! A digest of what a message says, to tell a repeat from a contradiction.
//!
//! Neither the order of fields, nor absent against null or empty, nor the envelope's timestamp
//! changes it. Links to files are often signed afresh for each attempt, so a file that carries an
//! id or a checksum is compared by that instead.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// What may differ between two mentions of the same file.
const LINK: &[&str] = &["url", "expires_at"];

/// No byte of UTF-8: nothing inside a text, a list or an object looks like its end.
const END_OF_TEXT: u8 = 0xff;
const END: u8 = 0xfe;

/// The first eight bytes of SHA-256 over the `data` of a message.
pub(super) fn digest(data: &Map<String, Value>) -> i64 {
    let mut said = Vec::with_capacity(1024);
    for (name, value) in sorted(data) {
        text(&mut said, name);
        match value.as_array().filter(|_| name == "attachments") {
            Some(files) => {
                said.push(b'a');
                files.iter().for_each(|file| attachment(&mut said, file));
                said.push(END);
            }
            None => add(&mut said, value),
        }
    }
    let digest: [u8; 32] = Sha256::digest(&said).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn attachment(said: &mut Vec<u8>, file: &Value) {
    let named = |fields: &Map<String, Value>| {
        let mut names = ["id", "sha256"].iter();
        names.any(|name| fields.get(*name).is_some_and(|value| !is_absent(value)))
    };
    match file.as_object().filter(|fields| named(fields)) {
        Some(fields) => object(said, fields, LINK),
        None => add(said, file),
    }
}

/// Every value starts with its kind.
fn add(said: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => said.push(b'n'),
        Value::Bool(true) => said.push(b't'),
        Value::Bool(false) => said.push(b'f'),
        Value::Number(number) => {
            said.push(b'#');
            text(said, &number.to_string());
        }
        Value::String(value) => {
            said.push(b's');
            text(said, value);
        }
        Value::Array(values) => {
            said.push(b'a');
            values.iter().for_each(|value| add(said, value));
            said.push(END);
        }
        Value::Object(fields) => object(said, fields, &[]),
    }
}

fn object(said: &mut Vec<u8>, fields: &Map<String, Value>, except: &[&str]) {
    said.push(b'o');
    for (name, value) in sorted(fields) {
        if !except.contains(&name.as_str()) {
            text(said, name);
            add(said, value);
        }
    }
    said.push(END);
}

fn sorted(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = fields.iter().filter(|(_, value)| !is_absent(value)).collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    fields
}

fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty)
}

fn text(said: &mut Vec<u8>, text: &str) {
    said.extend_from_slice(text.as_bytes());
    said.push(END_OF_TEXT);
}
