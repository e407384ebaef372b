//! Who talks to whom.
//!
//! A channel other than SMS stands before the address: `whatsapp:+15550100002`. The prefix becomes
//! the medium; a channel we have no word for keeps it, so that its ids meet nobody else's.

use crate::{Address, AddressKind, Medium, event, phone::Region};

/// The two sides of a message, whichever of them sent it.
pub(super) struct Parties {
    pub person: Option<Address>,
    pub ours: Option<Address>,
    pub medium: Option<Medium>,
}

/// Reads both sides; the messaging service stands in where our number is not chosen yet.
pub(super) fn parties(person: Option<&str>, ours: Option<&str>, service: Option<&str>) -> Parties {
    let medium = person.and_then(medium).or_else(|| ours.and_then(medium));
    let ours = ours.and_then(|ours| address(ours, None)).or_else(|| address(service?, None));
    let mut person = person.and_then(|person| address(person, ours.as_ref()));
    if let (Some(Medium::Messenger), Some(person), Some(page)) = (medium, &mut person, &ours) {
        person.scope = Some(page.value.clone());
    }
    Parties { person, ours, medium }
}

/// Reads an address; `ours` tells the region of a number without `+`.
pub(super) fn address(raw: &str, ours: Option<&Address>) -> Option<Address> {
    let raw = raw.trim();
    // Nearly always; everything below costs a copy.
    if raw.starts_with('+')
        && let Some(number) = number(raw)
    {
        return Some(number);
    }
    let raw = event::text(raw)?;
    match raw.split_once(':') {
        Some((_, "")) => None,
        Some(("whatsapp", id)) => {
            Some(number(id).unwrap_or_else(|| Address::scoped_user(id, "whatsapp")))
        }
        Some(("rcs", id)) => Some(number(id).unwrap_or_else(|| Address::user(id))),
        Some(("messenger", id)) => Some(Address::user(id)),
        Some(_) => Some(Address::user(raw)),
        None if is_service(&raw) => Some(Address::user(raw)),
        None if raw.starts_with('+') => Address::telephone(&raw, None),
        None => Address::telephone(&raw, ours.and_then(region)),
    }
}

/// Reads an id WhatsApp itself gives a person; the prefix may be missing.
pub(super) fn whatsapp(raw: &str) -> Option<Address> {
    if raw.contains(':') {
        return address(raw, None);
    }
    address(&format!("whatsapp:{raw}"), None)
}

/// A number as Twilio states it, in E.164. It is taken at its word: a second opinion would take
/// longer than all the rest of a request.
fn number(raw: &str) -> Option<Address> {
    let digits = raw.strip_prefix('+').unwrap_or(raw);
    let stated = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    stated.then(|| Address { kind: AddressKind::Phone, value: ["+", digits].concat(), scope: None })
}

fn medium(raw: &str) -> Option<Medium> {
    match raw.trim_start().split_once(':')?.0 {
        "whatsapp" => Some(Medium::Whatsapp),
        "rcs" => Some(Medium::Rcs),
        "messenger" => Some(Medium::Messenger),
        _ => None,
    }
}

/// `MG` and 32 hexadecimal digits, which would otherwise pass for a sender name.
fn is_service(raw: &str) -> bool {
    raw.strip_prefix("MG")
        .is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn region(ours: &Address) -> Option<Region> {
    (ours.kind == AddressKind::Phone).then(|| Region::of(&ours.value)).flatten()
}
