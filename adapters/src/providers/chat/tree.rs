//! JSON that borrows its texts from the body.
//!
//! Most of an event is taken out by name or dropped, so nothing is copied before it is known to
//! stay. Members are sorted, for lookups and for the digest, and of several with the same name the
//! last counts. What is taken leaves null, which means the same as absent.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Node<'a> {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object(Members<'a>),
}

/// The members of an object by name, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, Node<'a>)>);

impl<'a> Node<'a> {
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it says nothing: null, or a text or list without anything in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(values) => values.is_empty(),
            Self::Bool(_) | Self::Number(_) | Self::Object(_) => false,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Object(_) => None,
        }
    }
}

impl<'a> Members<'a> {
    /// Sorts members that stand in order of arrival.
    pub fn new(mut members: Vec<(Cow<'a, str>, Node<'a>)>) -> Self {
        members.sort_by(|(one, _), (other, _)| {
            // Nearly always the first byte settles it.
            let first = one.as_bytes().first().cmp(&other.as_bytes().first());
            first.then_with(|| one.cmp(other))
        });
        members.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self(members)
    }

    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Takes a value out; what is absent is null.
    pub fn take(&mut self, name: &str) -> Node<'a> {
        let member = self.0.iter_mut().find(|(other, _)| other == name);
        member.map(|(_, value)| std::mem::take(value)).unwrap_or_default()
    }

    pub fn insert(&mut self, name: &str, value: Node<'a>) {
        match self.0.binary_search_by(|(other, _)| (**other).cmp(name)) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (name.to_owned().into(), value)),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    pub fn drop_nulls(&mut self) {
        self.0.retain(|(_, value)| !value.is_null());
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for Members<'a> {
    type Item = (Cow<'a, str>, Node<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Members<'_>> for Map<String, Value> {
    fn from(members: Members<'_>) -> Self {
        members.into_iter().map(|(name, value)| (name.into_owned(), value.into())).collect()
    }
}

impl From<Node<'_>> for Value {
    fn from(node: Node<'_>) -> Self {
        match node {
            Node::Null => Self::Null,
            Node::Bool(value) => Self::Bool(value),
            Node::Number(number) => Self::Number(number),
            Node::Text(text) => Self::String(text.into_owned()),
            Node::List(values) => values.into_iter().map(Self::from).collect(),
            Node::Object(members) => Self::Object(members.into()),
        }
    }
}

/// A member's name.
pub(super) struct Name<'a>(pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(name.into()))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(name.to_owned().into()))
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Node::deserialize(deserializer)? {
            Node::Object(members) => Ok(members),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                Err(Error::custom("not an object"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(text.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = fields.next_entry()? {
            members.push((name, value));
        }
        Ok(Node::Object(Members::new(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_the_library_reads() {
        for json in [
            r#"{"b": 1, "a": -2, "b": [1.5, null, {"": "é\n"}], "c": true, "b": {"z": 1e3}}"#,
            r#"{"\u0061b": "x", "ab": "y", "a": "z", "": false}"#,
            "{}",
        ] {
            let members: Members<'_> = serde_json::from_str(json).expect("an object");
            let expected: Map<String, Value> = serde_json::from_str(json).expect("an object");
            assert!(members.iter().map(|(name, _)| name).eq(expected.keys()), "{json}");
            assert_eq!(Map::from(members), expected);
        }
        for json in ["[]", "null", r#"{"a": 1e999}"#, r#"{"a": "\ud83d"}"#] {
            assert!(serde_json::from_str::<Members<'_>>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn what_is_taken_is_gone_and_what_is_put_is_there() {
        let mut members: Members<'_> = serde_json::from_str(r#"{"b": 1, "a": 2}"#).expect("JSON");
        assert_eq!(members.take("b"), Node::Number(1.into()));
        assert_eq!(members.take("b"), Node::Null);
        assert_eq!(members.take("c"), Node::Null);
        members.insert("b", Node::Bool(true));
        members.insert("0", Node::Null);
        members.insert("ab", Node::Bool(false));
        members.drop_nulls();
        assert!(members.iter().map(|(name, _)| name).eq(["a", "ab", "b"]));
        assert_eq!(members.get("b"), Some(&Node::Bool(true)));
    }
}
