//! Who is who: the other side of a conversation and our own.
//!
//! A person may be known by a phone number, by a business-scoped user id (BSUID) and by the parent
//! of that id, each of which may be missing. All that are told are handed on, so that the pair is
//! linked the first time it is seen. User names change and identify nobody.

use std::{cell::OnceCell, collections::BTreeMap};

use serde_json::value::RawValue;

use crate::{Address, AddressKind, Recipient, Sender, event};

use super::{
    lenient::{self, Word},
    wire,
};

/// Within what a user id is unique. Not an account: a portfolio with several accounts shares them.
pub(super) const SCOPE: &str = "whatsapp";

/// Digits of an E.164 number, country code included.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// The contacts that come along with the items of one change.
pub(super) struct People<'a> {
    contacts: &'a [wire::Contact],
    by_id: BTreeMap<&'a str, &'a wire::Contact>,
    items: &'a [(wire::List, &'a RawValue)],
    one_party: OnceCell<bool>,
}

impl<'a> People<'a> {
    pub fn new(contacts: &'a [wire::Contact], items: &'a [(wire::List, &'a RawValue)]) -> Self {
        let mut by_id = BTreeMap::new();
        for contact in contacts {
            for id in [&contact.wa_id, &contact.user_id] {
                if let Some(id) = &id.0 {
                    by_id.insert(id.as_str(), contact);
                }
            }
        }
        Self { contacts, by_id, items, one_party: OnceCell::new() }
    }

    /// Finds by id, never by place: in a batch, contacts and messages need not stand alike.
    fn find(&self, ids: [&Word; 2]) -> Option<&'a wire::Contact> {
        ids.into_iter()
            .find_map(|id| self.by_id.get(id.0.as_deref()?).copied())
            .or_else(|| self.only())
    }

    /// The only contact, where everything is from the same person: `wa_id` may be spelled unlike
    /// `from`.
    fn only(&self) -> Option<&'a wire::Contact> {
        let [contact] = self.contacts else {
            return None;
        };
        let one_party = self.one_party.get_or_init(|| {
            let mut parties = self.items.iter().map(|(_, raw)| lenient::item(raw));
            let first: Option<wire::Parties> = parties.next();
            parties.all(|other| first.as_ref() == Some(&other))
        });
        one_party.then_some(contact)
    }

    /// The person with these ids, of whom a contact may tell more.
    pub fn sender(&self, phone: &Word, user_id: &Word, parent_user_id: &Word) -> Option<Sender> {
        let contact = self.find([phone, user_id]);
        let of_contact = |id: fn(&wire::Contact) -> &Word| contact.and_then(|c| user(id(c)));
        let wa_id = contact
            .map(|contact| &contact.wa_id)
            .filter(|wa_id| wa_id.0 != phone.0)
            .and_then(telephone);
        let (before, after) = match (&phone.0, &user_id.0) {
            (None, None) => (wa_id, None),
            _ => (None, wa_id),
        };
        let known = [
            telephone(phone),
            user(user_id),
            before,
            of_contact(|contact| &contact.user_id),
            user(parent_user_id),
            of_contact(|contact| &contact.parent_user_id),
            after,
        ];
        let mut known = known.into_iter().flatten();
        let mut sender = Sender::from(known.next()?);
        sender.name = contact.and_then(name);
        known.for_each(|address| add(&mut sender, address));
        Some(sender)
    }
}

/// Adds another address of the same person.
pub(super) fn add(sender: &mut Sender, address: Address) {
    if address != sender.address && !sender.alternates.contains(&address) {
        sender.alternates.push(address);
    }
}

/// Our number: its id tells our numbers apart, the number itself is for showing.
pub(super) fn ours(metadata: &RawValue) -> Option<Recipient> {
    let metadata: wire::Metadata = lenient::item(metadata);
    let number = telephone(&metadata.display_phone_number);
    let Some(id) = metadata.phone_number_id.0 else {
        return number.map(Recipient::from);
    };
    let mut ours = Recipient::from(Address::user(id));
    ours.alternates.extend(number);
    Some(ours)
}

/// A number; its `+` is left out on the wire.
///
/// Ids are numbers in international form already, and what an answer must be sent to: they are
/// taken as they stand. Asking the numbering plans would also cost more than all other work here.
pub(super) fn telephone(digits: &Word) -> Option<Address> {
    let digits = digits.0.as_deref()?;
    let international = E164_DIGITS.contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !international {
        return Address::international(digits);
    }
    Some(Address { kind: AddressKind::Phone, value: format!("+{digits}"), scope: None })
}

/// A business-scoped user id.
pub(super) fn user(id: &Word) -> Option<Address> {
    Some(Address::scoped_user(id.0.as_deref()?, SCOPE))
}

fn name(contact: &wire::Contact) -> Option<String> {
    let profile = contact.profile.0.as_ref()?;
    let username = || Some(format!("@{}", profile.username.0.as_deref()?));
    event::text(profile.name.0.clone().or_else(username)?)
}
