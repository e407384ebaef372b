//! Reading JSON whose fields may have any type: what a field cannot be is as good as absent.
//!
//! Nothing here fails, so an odd field costs itself only. What cannot be read at all (half a
//! surrogate pair, a number beyond all bounds) is confined to its member of one object, one item of
//! a list never to the loss of its neighbors.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use crate::{Malformed, Method, Request, Timestamp, Verified, event};

/// How deep objects that cannot be read whole are taken apart.
const SALVAGE_DEPTH: usize = 6;

/// More items than any provider puts into a list. Every item may become an event, and a body of a
/// megabyte has room for half a million.
const MAX_ITEMS: usize = 10_000;

/// How much of an event we have no words for is kept with it.
const MAX_KEPT_BYTES: usize = 4096;

/// Reads a body that must be an object.
pub(crate) fn object(request: &Request<Verified>) -> Result<Value, Malformed> {
    an_object(whole(request)?)
}

/// The same for what stood in the body in another form, such as encrypted.
pub(crate) fn object_in(content: &[u8]) -> Result<Value, Malformed> {
    let raw: Result<&RawValue, _> = serde_json::from_slice(content);
    let raw = raw.map_err(|_| Malformed("the content of the body is not JSON".to_owned()))?;
    an_object(read(raw.get(), SALVAGE_DEPTH))
}

fn an_object(value: Option<Value>) -> Result<Value, Malformed> {
    let value = value.filter(Value::is_object);
    bounded(value.ok_or_else(|| Malformed("the body is not a JSON object".to_owned()))?)
}

/// What an unverified body says, read as it will be once it is verified; null if it is unreadable.
///
/// For schemes whose proof covers a member of the body: adapter and scheme must see the same one.
pub(crate) fn peek(body: &[u8]) -> Value {
    let raw = std::str::from_utf8(body).ok().and_then(|text| serde_json::from_str(text).ok());
    raw.and_then(|raw: &RawValue| read(raw.get(), SALVAGE_DEPTH)).unwrap_or_default()
}

/// Reads any body, taking it apart where it cannot be read whole.
pub(crate) fn any(request: &Request<Verified>) -> Result<Value, Malformed> {
    bounded(whole(request)?.unwrap_or_default())
}

fn whole(request: &Request<Verified>) -> Result<Option<Value>, Malformed> {
    if let Ok(value) = request.json() {
        return Ok(Some(value));
    }
    let raw: &RawValue = request.json()?;
    Ok(take_apart(raw.get(), SALVAGE_DEPTH))
}

/// Refuses lists that would become more events than any request brings.
pub(crate) fn bounded(value: Value) -> Result<Value, Malformed> {
    if has_endless_list(&value) {
        return Err(Malformed(format!("a list in the body has more than {MAX_ITEMS} items")));
    }
    Ok(value)
}

fn has_endless_list(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.len() > MAX_ITEMS || items.iter().any(has_endless_list),
        Value::Object(members) => members.values().any(has_endless_list),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Reads the parameters of the query (GET) or the form as the object they would be in JSON, or JSON.
///
/// The first of several values counts.
pub(crate) fn parameters(request: &Request<Verified>) -> Result<Value, Malformed> {
    match request.method {
        Method::Get | Method::Options => Ok(query(request)),
        Method::Post | Method::Put if request.is_form() => {
            Ok(pairs(request.decoded_form().pairs()))
        }
        Method::Post | Method::Put => object(request),
    }
}

/// Reads the parameters of the query alone.
pub(crate) fn query(request: &Request<Verified>) -> Value {
    pairs(request.query())
}

fn pairs<T: Into<String>>(pairs: impl Iterator<Item = (T, T)>) -> Value {
    let mut object = Map::new();
    for (name, value) in pairs {
        object.entry(name).or_insert_with(|| value.into().into());
    }
    object.into()
}

/// Reads a body that is a list, or a single item; items that cannot be read are null.
pub(crate) fn items(request: &Request<Verified>) -> Result<Vec<Value>, Malformed> {
    match any(request)? {
        Value::Array(items) => Ok(items),
        single @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => Ok(vec![single]),
    }
}

fn read(raw: &str, depth: usize) -> Option<Value> {
    serde_json::from_str(raw).ok().or_else(|| take_apart(raw, depth))
}

/// Reads what can be read of something that cannot be read whole.
fn take_apart(raw: &str, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    // Looked over first: what is built and then thrown away costs many times as much.
    let part = |raw: &RawValue| match serde_json::from_str::<Readable>(raw.get()) {
        Ok(Readable) => serde_json::from_str(raw.get()).ok(),
        Err(_) => take_apart(raw.get(), depth),
    };
    if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) {
        if items.len() > MAX_ITEMS {
            // Refused as it is: not worth taking apart.
            return Some(vec![Value::Null; items.len()].into());
        }
        return Some(items.into_iter().map(|item| part(item).unwrap_or_default()).collect());
    }
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(raw).ok()?;
    let readable = |(name, value): (String, &RawValue)| Some((name, part(value)?));
    Some(Value::Object(members.into_iter().filter_map(readable).collect()))
}

/// Whatever can be read as a value, without keeping it.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Readable {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// The texts or numbers of the members `names` of a body nobody has verified yet.
///
/// The first of several counts, and nothing after the last one needed is read, so that even a broken
/// body may show them.
pub(crate) fn members<const N: usize>(body: &[u8], names: [&str; N]) -> [Option<String>; N] {
    let mut found = Members { names, values: [const { None }; N] };
    // What stops the reader (most often that it is done) says nothing about what was found.
    _ = serde_json::Deserializer::from_slice(body).deserialize_map(&mut found);
    found.values.map(|raw| match serde_json::from_str(raw?.get()).ok()? {
        Value::String(text) => event::text(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

struct Members<'a, 'de, const N: usize> {
    names: [&'a str; N],
    values: [Option<&'de RawValue>; N],
}

impl<'de, const N: usize> Visitor<'de> for &mut Members<'_, 'de, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while self.values.iter().any(Option::is_none)
            && let Some(name) = object.next_key::<Cow<'de, str>>()?
        {
            let place = self.names.iter().position(|wanted| *wanted == name);
            match place.filter(|place| self.values[*place].is_none()) {
                Some(place) => self.values[place] = Some(object.next_value()?),
                None => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// A value that may be absent or of any type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a>(Option<&'a Value>);

impl<'a> From<&'a Value> for Json<'a> {
    fn from(value: &'a Value) -> Self {
        Self(Some(value))
    }
}

impl<'a> Json<'a> {
    /// The member `name`, if this is an object that has it.
    pub fn at(self, name: &str) -> Self {
        Self(self.0.and_then(|value| value.get(name)).filter(|value| !value.is_null()))
    }

    /// The value itself, unless it is absent.
    pub fn value(self) -> Option<&'a Value> {
        self.0
    }

    /// The items of a list; none if this is no list.
    pub fn items(self) -> impl Iterator<Item = Json<'a>> {
        let items = self.0.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        items.iter().map(Json::from)
    }

    /// The items of a list, or the one value that stands where a list may be, as in XML.
    pub fn each(self) -> impl Iterator<Item = Json<'a>> {
        let single = self.0.filter(|value| !value.is_array());
        single.map(Json::from).into_iter().chain(self.items())
    }

    /// Whether this is true; anything else is not.
    pub fn bool(self) -> bool {
        self.0.and_then(Value::as_bool).unwrap_or_default()
    }

    /// The text of this value, if it is one and not empty.
    pub fn str(self) -> Option<&'a str> {
        self.0.and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The text of `name`. Numbers are taken as written, since ids and codes often are digits.
    pub fn text(self, name: &str) -> Option<String> {
        match self.at(name).0? {
            Value::String(text) => event::text(text.as_str()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The first text among `names`.
    pub fn first_text(self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.text(name))
    }

    /// The number of `name`, also if written as text.
    pub fn number(self, name: &str) -> Option<f64> {
        let number = match self.at(name).0? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        number.filter(|number| number.is_finite())
    }

    /// The time of `name`, in any of the forms providers use.
    pub fn time(self, name: &str) -> Option<Timestamp> {
        Timestamp::parse(&self.text(name)?)
    }

    /// The members `names` of this object that say something, for metadata.
    pub fn pick(self, names: &[&str]) -> Option<Map<String, Value>> {
        let picked = names.iter().filter_map(|name| {
            let value = self.at(name).0.filter(|value| !is_empty(value))?;
            Some(((*name).to_owned(), clean(value)))
        });
        let picked: Map<_, _> = picked.collect();
        (!picked.is_empty()).then_some(picked)
    }

    /// This object as it came, unless it is long or empty.
    pub fn kept(self) -> Option<Map<String, Value>> {
        let value = self.0?;
        let object = value.as_object().filter(|object| !object.is_empty())?;
        (value.to_string().len() <= MAX_KEPT_BYTES)
            .then(|| object.iter().map(|(name, value)| (clean_text(name), clean(value))).collect())
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// NUL cannot be stored everywhere and says nothing.
fn clean(value: &Value) -> Value {
    match value {
        Value::String(text) => clean_text(text).into(),
        Value::Array(items) => items.iter().map(clean).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (clean_text(name), clean(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn clean_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_what_is_not_read_to_its_end() {
        let body = br#"{"a":{"secret":"no"},"b":"\ud83d","secret":"s","n":18446744073709551615,"secret":"t"}"#;
        let found = |body, names| members::<3>(body, names).map(Option::unwrap_or_default);
        assert_eq!(found(body, ["secret", "n", "x"]), ["s", "18446744073709551615", ""]);
        assert_eq!(found(br#"{"n":null,"secret":"s",broken"#, ["n", "secret", "x"]), ["", "s", ""]);
        assert_eq!(found(br#"["secret"]"#, ["secret", "n", "x"]), [""; 3]);
    }

    #[test]
    fn what_cannot_be_read_costs_itself_only() {
        let value = read(r#"{"a":[{"b":1,"c":"\ud83d"},{"b":2}],"d":1e999,"e":"x"}"#, 4);
        let value = value.expect("an object");
        assert_eq!(value, serde_json::json!({"a": [{"b": 1}, {"b": 2}], "e": "x"}));
        let endless = format!("{{\"a\":[{}0]}}", "0,".repeat(MAX_ITEMS));
        let endless = read(&endless, 4).expect("an object");
        assert!(has_endless_list(&endless) && bounded(endless).is_err());
        let bottomless = format!("{}1e999{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(read(&format!(r#"{{"a":{bottomless},"b":1}}"#), 2).expect("an object")["b"], 1);
    }
}
