//! One event or a batch, told apart in one pass.
//!
//! A single event becomes a tree at once. The items of a batch stay bytes, since a value nobody can
//! hold (`1e999`, half a surrogate pair, two hundred brackets) fails whatever it is parsed with.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::tree::{Members, Name};
use crate::{Malformed, Request, Verified};

/// What a request brings.
pub(super) enum Body<'a> {
    /// An event; `None` where it holds a value that cannot be read.
    Single(Option<Members<'a>>),
    /// The items of `events`; `None` where that is no list.
    Batch(Option<Vec<&'a RawValue>>),
}

pub(super) fn read(request: &Request<Verified>) -> Result<Body<'_>, Malformed> {
    let Ok(mut top) = request.json::<Top>() else {
        let _: BTreeMap<String, &RawValue> = request.json()?;
        return Ok(Body::Single(None));
    };
    let Some(events) = top.events else {
        return Ok(Body::Single(Some(top.rest)));
    };
    if top.rest.get("type").is_some() {
        let events = serde_json::from_str(events.get()).ok();
        return Ok(Body::Single(events.map(|events| {
            top.rest.insert("events", events);
            top.rest
        })));
    }
    Ok(Body::Batch(serde_json::from_str(events.get()).ok()))
}

/// An object whose `events` are not looked into.
struct Top<'a> {
    events: Option<&'a RawValue>,
    rest: Members<'a>,
}

impl<'de> Deserialize<'de> for Top<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TopVisitor)
    }
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Top<'de>, A::Error> {
        let (mut events, mut rest) = (None, Vec::new());
        while let Some(Name(name)) = fields.next_key()? {
            if name == "events" {
                events = Some(fields.next_value()?);
            } else {
                rest.push((name, fields.next_value()?));
            }
        }
        Ok(Top { events, rest: Members::new(rest) })
    }
}
