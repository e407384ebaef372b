//! Reading any body as one tree.

use serde_json::{Map, Value};

use super::config::Format;
use crate::{Malformed, Method, Request, Verified, json, xml};

pub(super) fn read(request: &Request<Verified>, format: Format) -> Result<Value, Malformed> {
    match format {
        Format::Query => Ok(parameters(request.query())),
        Format::Form => Ok(parameters(request.form())),
        Format::Json => json::any(request),
        Format::Xml => Ok(xml::document(request)?.content),
        Format::Auto => read(request, told(request)),
    }
}

/// What the request itself says it is.
fn told(request: &Request<Verified>) -> Format {
    let is_xml = |media_type: &&str| request.is_of_type(media_type);
    match request.method {
        Method::Get => Format::Query,
        Method::Post | Method::Put if request.is_form() => Format::Form,
        Method::Post | Method::Put
            if ["text/xml", "application/xml"].iter().any(|it| is_xml(&it)) =>
        {
            Format::Xml
        }
        Method::Post | Method::Put if request.body.is_empty() => Format::Query,
        Method::Post | Method::Put => Format::Json,
    }
}

/// Parameters as an object; one that comes several times is a list.
fn parameters<'a>(
    pairs: impl Iterator<Item = (std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>,
) -> Value {
    let mut object: Map<String, Value> = Map::new();
    for (name, value) in pairs {
        let value = Value::from(value.into_owned());
        match object.get_mut(name.as_ref()) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = vec![first.take(), value].into(),
            None => drop(object.insert(name.into_owned(), value)),
        }
    }
    object.into()
}
