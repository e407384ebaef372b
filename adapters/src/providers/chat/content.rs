//! A digest of what a message says, to tell a repeat from a contradiction.
//!
//! Neither the order of fields, nor absent against null or empty, nor the envelope's timestamp
//! changes it. Links to files are often signed afresh for each attempt, so a file that carries an
//! id or a checksum is compared by that instead.

use sha2::{Digest, Sha256};

use super::tree::{Members, Node};

/// What may differ between two mentions of the same file.
const LINK: &[&str] = &["url", "expires_at"];

/// No byte of UTF-8: nothing inside a text, a list or an object looks like its end.
const END_OF_TEXT: u8 = 0xff;
const END: u8 = 0xfe;

/// The first eight bytes of SHA-256 over the `data` of a message.
pub(super) fn digest(data: &Members<'_>) -> i64 {
    let mut said = Vec::with_capacity(1024);
    for (name, value) in present(data) {
        text(&mut said, name);
        if let Node::List(files) = value
            && name == "attachments"
        {
            said.push(b'a');
            files.iter().for_each(|file| attachment(&mut said, file));
            said.push(END);
        } else {
            add(&mut said, value);
        }
    }
    let digest: [u8; 32] = Sha256::digest(&said).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn attachment(said: &mut Vec<u8>, file: &Node<'_>) {
    let named = |fields: &Members<'_>| {
        let mut names = ["id", "sha256"].iter();
        names.any(|name| fields.get(name).is_some_and(|value| !value.is_empty()))
    };
    if let Node::Object(fields) = file
        && named(fields)
    {
        object(said, fields, LINK);
    } else {
        add(said, file);
    }
}

/// Every value starts with its kind.
fn add(said: &mut Vec<u8>, value: &Node<'_>) {
    match value {
        Node::Null => said.push(b'n'),
        Node::Bool(true) => said.push(b't'),
        Node::Bool(false) => said.push(b'f'),
        Node::Number(number) => {
            said.push(b'#');
            text(said, &number.to_string());
        }
        Node::Text(value) => {
            said.push(b's');
            text(said, value);
        }
        Node::List(values) => {
            said.push(b'a');
            values.iter().for_each(|value| add(said, value));
            said.push(END);
        }
        Node::Object(fields) => object(said, fields, &[]),
    }
}

fn object(said: &mut Vec<u8>, fields: &Members<'_>, except: &[&str]) {
    said.push(b'o');
    for (name, value) in present(fields) {
        if !except.contains(&name) {
            text(said, name);
            add(said, value);
        }
    }
    said.push(END);
}

fn present<'a>(fields: &'a Members<'_>) -> impl Iterator<Item = (&'a str, &'a Node<'a>)> {
    fields.iter().filter(|(_, value)| !value.is_empty())
}

fn text(said: &mut Vec<u8>, text: &str) {
    said.extend_from_slice(text.as_bytes());
    said.push(END_OF_TEXT);
}
