//! Reading any body as one tree.

use serde_json::{Map, Value};

use super::config::Format;
use crate::{Malformed, Method, Request, Verified, json, xml};

pub(super) fn read(request: &Request<Verified>, format: Format) -> Result<Value, Malformed> {
    match format {
        Format::Query => Ok(parameters(request.query())),
        Format::Form => Ok(parameters(request.decoded_form().pairs())),
        Format::Json => json::any(request),
        Format::Xml => Ok(xml::document(request)?.content),
        Format::Auto => read(request, told(request)),
    }
}

/// What the request itself says it is.
fn told(request: &Request<Verified>) -> Format {
    let is_xml = request.is_of_type("text/xml") || request.is_of_type("application/xml");
    match request.method {
        Method::Get | Method::Options => Format::Query,
        Method::Post | Method::Put if request.is_form() => Format::Form,
        Method::Post | Method::Put if is_xml => Format::Xml,
        Method::Post | Method::Put if request.body.is_empty() => Format::Query,
        Method::Post | Method::Put => Format::Json,
    }
}

/// Parameters as an object; one that comes several times is a list.
fn parameters<T: Into<String>>(pairs: impl Iterator<Item = (T, T)>) -> Value {
    let mut object: Map<String, Value> = Map::new();
    for (name, value) in pairs {
        let (name, value) = (name.into(), Value::from(value.into()));
        match object.get_mut(&name) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = vec![first.take(), value].into(),
            None => drop(object.insert(name, value)),
        }
    }
    object.into()
}
