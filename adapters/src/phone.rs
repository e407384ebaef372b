//! Phone numbers: the only file that names the phone library.
//!
//! What is a number by the numbering plans becomes [`E164`]. What a provider itself states in
//! international form is taken at its word, unchanged, since networks open ranges before any plan
//! data knows them. Everything else stays what it is: a short code, a sender name, an opaque id.
//! Nothing is "fixed": a library will format even an invalid number, turning the short code 68849
//! into `+168849`.

use std::{fmt, str::FromStr};

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

use crate::{Address, AddressKind};

mod twins;

pub use twins::{TWINS, Twin, twins};

/// A valid phone number in E.164 form, such as `+12125550123`.
///
/// The field is private and [`E164::parse`] is the only way in, so a value is its own proof.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct E164(String);

/// The text is not a valid phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid phone number; write it with + and country code, such as +12125550123")]
pub struct NotAPhoneNumber;

impl E164 {
    /// Reads a number as people or networks write it; `home` is the region of numbers without `+`.
    pub fn parse(raw: &str, home: Option<Region>) -> Result<Self, NotAPhoneNumber> {
        // The library's patterns backtrack; nothing longer than this is a number anyway.
        if raw.len() > 64 {
            return Err(NotAPhoneNumber);
        }
        let number =
            PHONE_NUMBER_UTIL.parse(raw, home.map(|home| home.0)).map_err(|_| NotAPhoneNumber)?;
        if !number.is_valid() {
            return Err(NotAPhoneNumber);
        }
        Ok(Self(number.format_as(PhoneNumberFormat::E164).into_owned()))
    }

    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A numbering region, by its two-letter code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region(rlibphonenumber::Region);

impl Region {
    /// The region of a number in international form, such as a channel's own.
    pub fn of(number: &str) -> Option<Self> {
        let number = PHONE_NUMBER_UTIL.parse(number, None).ok()?;
        number.get_region_code().map(Self)
    }

    /// Whether the plans have numbers of this region, so that [`Self::of`] may answer it.
    pub fn has_numbers(self) -> bool {
        // Numbers of no country, such as +800, are the world's, which has no single code.
        PHONE_NUMBER_UTIL.get_country_code_for_region(self.0).is_some() || self.to_string() == "001"
    }
}

impl FromStr for Region {
    type Err = NotARegion;

    fn from_str(code: &str) -> Result<Self, NotARegion> {
        rlibphonenumber::Region::from_str(&code.to_ascii_uppercase())
            .map(Self)
            .map_err(|_| NotARegion)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not a region's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a region; use a two-letter country code, such as US")]
pub struct NotARegion;

/// The longest code that is taken for a short code.
const SHORT_CODE_DIGITS: usize = 8;

/// Digits of an E.164 number, country code included.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// What a telephone network gives as a sender or recipient. Empty is `None`.
///
/// | Given | Becomes |
/// |---|---|
/// | valid by the plans, or without `+` valid in `home` | phone, E.164 |
/// | `+` and 7 to 15 digits, unknown to the plans | phone, as given |
/// | up to eight digits | short code |
/// | anything with a letter | sender name |
/// | anything else | opaque id |
pub fn address(raw: &str, home: Option<Region>) -> Option<Address> {
    let raw = raw.trim();
    if raw.is_empty() {
        return None;
    }
    let kind_of = |kind, value: String| Some(Address { kind, value, scope: None });
    if raw.chars().any(char::is_alphabetic) {
        return kind_of(AddressKind::Alphanumeric, raw.to_owned());
    }
    if is_north_american(raw) {
        return kind_of(AddressKind::Phone, raw.to_owned());
    }
    let digits = raw.bytes().filter(u8::is_ascii_digit).count();
    let plain = raw.bytes().all(|byte| byte.is_ascii_digit());
    // Short before national: 68849 would otherwise be a number wherever six digits are one.
    if plain && digits <= 6 {
        return kind_of(AddressKind::ShortCode, raw.to_owned());
    }
    if let Ok(number) = E164::parse(raw, home) {
        return kind_of(AddressKind::Phone, number.0);
    }
    if plain && digits <= SHORT_CODE_DIGITS {
        return kind_of(AddressKind::ShortCode, raw.to_owned());
    }
    match stated_international(raw) {
        Some(number) => kind_of(AddressKind::Phone, number),
        None => kind_of(AddressKind::User, raw.to_owned()),
    }
}

/// A number in international form whose provider leaves out the `+`.
pub fn international_address(raw: &str) -> Option<Address> {
    let raw = raw.trim();
    let bare = raw.len() > 6 && raw.bytes().all(|byte| byte.is_ascii_digit());
    if bare { address(&format!("+{raw}"), None) } else { address(raw, None) }
}

/// `+1` and ten digits without another trunk `1`: known to the plans or not, they stay as they are.
///
/// Worth a shortcut, since the library asks the plans of 25 countries about such a number.
fn is_north_american(raw: &str) -> bool {
    raw.len() == 12
        && raw.starts_with("+1")
        && matches!(raw.as_bytes()[2], b'2'..=b'9')
        && raw.bytes().skip(1).all(|byte| byte.is_ascii_digit())
}

/// `+` and digits, without the punctuation people put between them.
fn stated_international(raw: &str) -> Option<String> {
    let rest = raw.strip_prefix('+')?;
    let digits: String =
        rest.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
    let well_formed = digits.bytes().all(|byte| byte.is_ascii_digit())
        && E164_DIGITS.contains(&digits.len())
        && !digits.starts_with('0');
    well_formed.then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests;
