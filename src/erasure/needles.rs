//! How an address looks in texts that were never taken apart: raw requests, answers, the audit.

use std::collections::BTreeSet;

/// Shorter ones stand in every other text by chance.
const SHORTEST: usize = 6;

/// What to look for.
#[derive(Clone, Debug, Default)]
pub(super) struct Needles {
    /// As providers write them: of a number only the digits, which every spelling has.
    pub texts: Vec<String>,
    exact: BTreeSet<String>,
}

impl Needles {
    pub fn of(addresses: &BTreeSet<String>) -> Self {
        let mut texts = BTreeSet::new();
        let mut exact = BTreeSet::new();
        for address in addresses {
            exact.insert(address.clone());
            let digits = address.strip_prefix('+').unwrap_or(address);
            if digits.bytes().all(|byte| byte.is_ascii_digit()) {
                exact.insert(digits.to_owned());
                texts.insert(digits.to_owned());
            } else {
                texts.insert(address.clone());
                texts.insert(address.replace('@', "%40").replace(':', "%3A"));
            }
        }
        texts.retain(|text| text.len() >= SHORTEST);
        Self { texts: texts.into_iter().collect(), exact }
    }

    /// Whether a text has one of them, not as a part of something longer.
    pub fn stand_in(&self, text: &[u8]) -> bool {
        self.texts.iter().any(|needle| stands_in(needle.as_bytes(), text))
    }

    /// Whether this whole text is one of them.
    pub fn are(&self, text: &str) -> bool {
        self.exact.contains(text)
    }
}

fn stands_in(needle: &[u8], text: &[u8]) -> bool {
    let digits = needle.iter().all(u8::is_ascii_digit);
    // `%2B15550100002` ends in a letter before the digits, so letters only bound what has letters.
    let bounds = |byte: Option<&u8>| match byte {
        None => true,
        Some(byte) if digits => !byte.is_ascii_digit(),
        Some(byte) => !byte.is_ascii_alphanumeric(),
    };
    let places = text.windows(needle.len()).enumerate();
    places.filter(|(_, window)| *window == needle).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        // An escaped `@` or `/` before a word ends in a hexadecimal digit.
        let escaped = at >= 3 && text.get(at - 3) == Some(&b'%');
        (escaped || bounds(before)) && bounds(text.get(at + needle.len()))
    })
}
