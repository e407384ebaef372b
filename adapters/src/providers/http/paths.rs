//! Where a value is.
//!
//! | Path | Means |
//! |---|---|
//! | `from`, `sender/number` | within the item, from member to member |
//! | `/account/id` | from the top of the body, also where it holds a list of items |
//! | `recipients/0/id` | the first of a list; without the number, the first that has the member |
//! | `query:to`, `header:X-To` | a parameter of the address, a header |
//! | `=+15005550006` | the text itself |
//! | `text \| body` | the first of several that says something |
//!
//! `~1` is a slash and `~0` a tilde within a name, as in a JSON pointer. In XML, `@name` is an
//! attribute.

use serde_json::Value;

use crate::{Request, Verified, event};

/// Deeper than anybody nests; a walk branches only at lists.
const MAX_STEPS: usize = 16;

/// One or several places, the first of which counts that says something.
#[derive(Debug, Default)]
pub(super) struct Path(pub Vec<Place>);

/// One place.
#[derive(Debug)]
pub(super) enum Place {
    Item(Vec<String>),
    Top(Vec<String>),
    Query(String),
    Header(String),
    Text(String),
}

impl Path {
    /// Reads a path; an error says what is expected.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        // A bar within a constant belongs to it.
        if let Some(constant) = text.trim().strip_prefix('=') {
            return Ok(Self(vec![Place::Text(constant.to_owned())]));
        }
        text.split('|').map(|place| Place::parse(place.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl Place {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(constant) = text.strip_prefix('=') {
            return Ok(Self::Text(constant.to_owned()));
        }
        for (prefix, make) in
            [("query:", Self::Query as fn(String) -> Self), ("header:", Self::Header)]
        {
            if let Some(name) = text.strip_prefix(prefix) {
                let name = name.trim();
                return match name.is_empty() {
                    true => Err("expected a name behind the colon"),
                    false => Ok(make(name.to_owned())),
                };
            }
        }
        match text.strip_prefix('/') {
            Some("") => Ok(Self::Top(Vec::new())),
            Some(steps) => Ok(Self::Top(parse_steps(steps)?)),
            None => Ok(Self::Item(parse_steps(text)?)),
        }
    }
}

fn parse_steps(text: &str) -> Result<Vec<String>, &'static str> {
    let unescaped = |step: &str| step.replace("~1", "/").replace("~0", "~");
    let steps: Vec<String> = text.split('/').map(unescaped).collect();
    if steps.iter().any(String::is_empty) {
        return Err("expected names with a slash between them, such as message/text");
    }
    if steps.len() > MAX_STEPS {
        return Err("expected at most 16 names");
    }
    Ok(steps)
}

/// Every value at the end of `steps`, in order: a list on the way stands for each of its items, unless
/// the step is a number.
pub(super) fn walk<'v>(
    value: &'v Value,
    steps: &[String],
    found: &mut dyn FnMut(&'v Value) -> bool,
) -> bool {
    match (value, steps.split_first()) {
        (value, None) => found(value),
        (Value::Array(items), Some((step, rest))) => match step.parse::<usize>() {
            Ok(index) => items.get(index).is_some_and(|item| walk(item, rest, found)),
            Err(_) => items.iter().any(|item| walk(item, steps, found)),
        },
        (Value::Object(members), Some((step, rest))) => {
            members.get(step).is_some_and(|member| walk(member, rest, found))
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), Some(_)) => false,
    }
}

/// The text of a value: of a list the first, of an XML element beside its attributes.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => event::text(text.as_str()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Array(items) => items.iter().find_map(text_of),
        Value::Object(members) => text_of(members.get("$text")?),
        Value::Null => None,
    }
}

/// Looks a path up for item after item. What lies outside of the items is looked up once.
#[derive(Debug, Default)]
pub(super) struct Lookup<'p>(Vec<Known<'p>>);

#[derive(Debug)]
enum Known<'p> {
    Outside(Option<String>),
    Item(&'p [String]),
}

impl<'p> Lookup<'p> {
    pub fn new(path: &'p Path, request: &Request<Verified>, top: &Value) -> Self {
        let known = |place: &'p Place| match place {
            Place::Item(steps) => Known::Item(steps),
            Place::Top(steps) => Known::Outside(first_text(top, steps)),
            Place::Query(name) => {
                let mut pairs = request.query();
                let value = pairs.find(|(given, _)| given == name).map(|(_, value)| value);
                Known::Outside(value.and_then(event::text))
            }
            Place::Header(name) => Known::Outside(request.header(name).and_then(event::text)),
            Place::Text(text) => Known::Outside(event::text(text.as_str())),
        };
        Self(path.0.iter().map(known).collect())
    }

    pub fn text(&self, item: &Value) -> Option<String> {
        self.0.iter().find_map(|known| match known {
            Known::Outside(text) => text.clone(),
            Known::Item(steps) => first_text(item, steps),
        })
    }
}

fn first_text(value: &Value, steps: &[String]) -> Option<String> {
    let mut text = None;
    walk(value, steps, &mut |value| {
        text = text_of(value);
        text.is_some()
    });
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(path: &str, item: &Value) -> Option<String> {
        let path = Path::parse(path).expect("a path");
        let [Place::Item(steps)] = path.0.as_slice() else { panic!("{path:?}") };
        first_text(item, steps)
    }

    #[test]
    fn a_path_finds_what_it_names() {
        let item = json!({
            "id": 12345678901234567890_u64,
            "a/b~c": "odd",
            "to": [{"id": null}, {"id": "x"}, {"id": "y"}],
            "text": {"@lang": "pt", "$text": "olá"},
            "empty": "",
            "list": ["", "first"],
        });
        for (path, text) in [
            ("id", Some("12345678901234567890")),
            ("a~1b~0c", Some("odd")),
            ("to/id", Some("x")),
            ("to/2/id", Some("y")),
            ("to/0/id", None),
            ("to/7/id", None),
            ("text", Some("olá")),
            ("text/@lang", Some("pt")),
            ("empty", None),
            ("list", Some("first")),
            ("id/deeper", None),
            ("none", None),
        ] {
            assert_eq!(at(path, &item).as_deref(), text, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_says_what_is_expected() {
        for text in ["", " ", "a//b", "a/", "//", "a||b", "query:", "header: ", &"a/".repeat(20)] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        let places = Path::parse("a/b | /c | query:d|header:E | =f").expect("a path").0;
        assert!(matches!(
            places.as_slice(),
            [Place::Item(_), Place::Top(_), Place::Query(_), Place::Header(_), Place::Text(_)]
        ));
        assert!(
            matches!(Path::parse("=a|b").expect("a path").0.as_slice(), [Place::Text(text)] if text == "a|b")
        );
    }
}
