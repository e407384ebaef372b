//! Reading JSON whose fields may have any type: what a field cannot be is as good as absent.
//!
//! The types below never fail on a value of the wrong type, so an odd field costs itself only. What
//! does fail (half a surrogate pair, a number beyond all bounds) is confined by [`item`] to its
//! member of one item.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer,
    },
};
use serde_json::{Number, Value, value::RawValue};

use crate::{event, request};

/// Reads `raw`, without the members that cannot be read; nothing at all is the default.
pub(super) fn item<T: DeserializeOwned + Default>(raw: &RawValue) -> T {
    request::item::<Maybe<T>>(raw)
        .or_else(|| salvage(raw))
        .and_then(|item| item.0)
        .unwrap_or_default()
}

fn salvage<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).ok()?;
    let readable: Vec<_> = members
        .into_iter()
        .map(|(name, value)| format!("{}:{}", Value::from(name), value.get()))
        .filter(|member| serde_json::from_str::<T>(&format!("{{{member}}}")).is_ok())
        .collect();
    serde_json::from_str(&format!("{{{}}}", readable.join(","))).ok()
}

/// A value as it came, but for NUL, which cannot be stored everywhere.
pub(super) fn kept(raw: &RawValue) -> Option<Value> {
    serde_json::from_str(&raw.get().replace("\\u0000", "\\ufffd")).ok()
}

/// A text that is not empty. Numbers are taken as written, since ids often are digits.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Word(pub Option<String>);

/// Degrees of latitude or longitude.
#[derive(Debug, Default)]
pub(super) struct Degrees(pub Option<f64>);

/// True, or not said.
#[derive(Debug, Default)]
pub(super) struct Flag(pub bool);

/// An object.
#[derive(Debug)]
pub(super) struct Maybe<T>(pub Option<T>);

/// The items of a list.
#[derive(Debug)]
pub(super) struct Many<T>(pub Vec<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// What can be made of each type of JSON value; nothing, unless said otherwise.
pub(super) trait Lenient<'de>: Default {
    fn flag(_: bool) -> Self {
        Self::default()
    }

    fn number(_: Number) -> Self {
        Self::default()
    }

    fn text(_: String) -> Self {
        Self::default()
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl Lenient<'_> for Word {
    fn number(number: Number) -> Self {
        Self(Some(number.to_string()))
    }

    fn text(text: String) -> Self {
        Self(event::text(text))
    }
}

impl Lenient<'_> for Degrees {
    fn number(number: Number) -> Self {
        Self(number.as_f64())
    }

    fn text(text: String) -> Self {
        Self(text.parse().ok().filter(|degrees: &f64| degrees.is_finite()))
    }
}

impl Lenient<'_> for Flag {
    fn flag(flag: bool) -> Self {
        Self(flag)
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for Maybe<T> {
    fn object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|object| Self(Some(object)))
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for Many<T> {
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Self(items))
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        anything(deserializer)
    }
}

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        anything(deserializer)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        anything(deserializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        anything(deserializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        anything(deserializer)
    }
}

/// Deserializes whatever stands there.
pub(super) fn anything<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Lenient<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(Anything(PhantomData))
}

struct Anything<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for Anything<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<T, E> {
        Ok(T::flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(Number::from_f64(number).map_or_else(T::default, T::number))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::object(object)
    }
}
