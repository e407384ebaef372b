//! A made-up message in the format the account describes, for trying a channel.

use serde_json::{Map, Value};

use super::{
    config::{Config, Format, Means, Numbers},
    paths::{Path, Place},
};
use crate::{Kind, Request, Sample, digits};

pub(super) fn make(sample: &Sample<'_>) -> Request {
    let Ok(config) = Config::read(sample.account) else {
        // No channel is made with such an account.
        return sample.form(&[]);
    };
    let number = |address: &str| match config.numbers {
        Numbers::International => digits(address).to_owned(),
        Numbers::AsIs | Numbers::Ids => address.to_owned(),
    };
    let word = config.types.iter().find(|(_, means)| *means == Means::Event(Kind::Message));
    let parts = [
        ("type", word.map(|(word, _)| (*word).to_owned())),
        ("id", Some(sample.id.to_owned())),
        ("from", Some(number(sample.sender()))),
        ("to", Some(number(sample.address))),
        ("text", Some(sample.text.to_owned())),
        ("time", config.time.write(sample.now)),
    ];
    let mut draft = Draft::default();
    for (field, text) in parts {
        if let (Some(path), Some(text)) = (config.path(field), text) {
            draft.put(path, text);
        }
    }
    draft.into_request(sample, &config)
}

/// What a request is made of.
#[derive(Default)]
struct Draft {
    item: Value,
    top: Value,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Draft {
    /// Puts `text` where the first of the places is.
    fn put(&mut self, path: &Path, text: String) {
        match path.0.first() {
            Some(Place::Item(steps)) => put(&mut self.item, steps, text.into()),
            Some(Place::Top(steps)) => put(&mut self.top, steps, text.into()),
            Some(Place::Query(name)) => self.query.push((name.clone(), text)),
            Some(Place::Header(name)) => self.headers.push((name.clone(), text)),
            Some(Place::Text(_)) | None => {}
        }
    }

    fn into_request(self, sample: &Sample<'_>, config: &Config<'_>) -> Request {
        let Self { item, mut top, query, headers } = self;
        match config.path("items").and_then(|path| path.0.first()) {
            Some(Place::Item(steps) | Place::Top(steps)) => {
                put(&mut top, steps, vec![item].into());
            }
            Some(Place::Query(_) | Place::Header(_) | Place::Text(_)) | None => {
                merge(&mut top, item)
            }
        }
        let format = match (config.format == Format::Auto, is_flat(&top)) {
            (true, true) => Format::Form,
            (true, false) => Format::Json,
            (false, _) => config.format,
        };
        let mut request = match format {
            Format::Query => sample.query(&pairs(&top)),
            Format::Xml => {
                let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
                let body = format!("<request>{}</request>", xml(&top));
                Request::new(crate::Method::Post, sample.url, headers, body.into_bytes())
            }
            Format::Json => sample.json(&top),
            Format::Form | Format::Auto => sample.form(&pairs(&top)),
        };
        for (name, value) in query {
            let separator = if request.url.contains('?') { '&' } else { '?' };
            let mut pair = form_urlencoded::Serializer::new(String::new());
            let pair = pair.append_pair(&name, &value).finish();
            request.url = format!("{}{separator}{pair}", request.url);
        }
        request.headers.extend(headers);
        request
    }
}

fn put(tree: &mut Value, steps: &[String], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        merge(tree, value);
        return;
    };
    // A number is a place in a list, and ours is its only item.
    if step.parse::<usize>().is_ok() && (tree.is_array() || tree.is_null()) {
        let mut items = match tree.take() {
            Value::Array(items) => items,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => Vec::new(),
        };
        if items.is_empty() {
            items.push(Value::Null);
        }
        put(&mut items[0], rest, value);
        *tree = items.into();
        return;
    }
    if !tree.is_object() {
        *tree = Map::new().into();
    }
    put(&mut tree[step.as_str()], rest, value);
}

fn merge(tree: &mut Value, value: Value) {
    match (tree, value) {
        (Value::Object(members), Value::Object(more)) => {
            for (name, value) in more {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (tree, value) => *tree = value,
    }
}

fn is_flat(tree: &Value) -> bool {
    tree.as_object().is_some_and(|members| members.values().all(Value::is_string))
}

fn pairs(tree: &Value) -> Vec<(&str, &str)> {
    let members = tree.as_object().into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
}

fn xml(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| element(name, value)).collect()
        }
        Value::String(text) => quick_xml::escape::escape(text.as_str()).into_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => String::new(),
    }
}

fn element(name: &str, value: &Value) -> String {
    if let Some(items) = value.as_array() {
        return items.iter().map(|item| element(name, item)).collect();
    }
    match name.chars().next() {
        // Written with the element they belong to.
        Some('@') => return String::new(),
        Some('$') => return xml(value),
        Some(_) | None => {}
    }
    let members = value.as_object().into_iter().flatten();
    let attribute = |(name, value): (&String, &Value)| {
        Some(format!(" {}=\"{}\"", name.strip_prefix('@')?, xml(value)))
    };
    let attributes: String = members.filter_map(attribute).collect();
    format!("<{name}{attributes}>{}</{name}>", xml(value))
}
