//! The OpenAPI document as the tests read it: which operation a request is, and whether an answer
//! is one that the document allows. Stricter than OpenAPI: what is not described must not appear.

use std::collections::BTreeSet;

use serde_json::Value;

pub struct Document(Value);

impl Document {
    pub fn new() -> Self {
        Self(serde_json::to_value(frontdesk::app::document()).expect("JSON"))
    }

    /// Every operation, as `GET /v1/queues`.
    pub fn operations(&self) -> BTreeSet<String> {
        let paths = self.0["paths"].as_object().expect("paths");
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("an item").keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        operations.collect()
    }

    /// The operation a request is for: a path without a parameter comes before one with.
    pub fn operation(&self, method: &str, path: &str) -> Option<String> {
        let fits = |template: &str| {
            let parts: Vec<_> = path.split('/').collect();
            let template: Vec<_> = template.split('/').collect();
            parts.len() == template.len()
                && parts.iter().zip(&template).all(|(part, of)| part == of || of.starts_with('{'))
        };
        let operations = self.operations();
        let fitting = operations.into_iter().filter(|operation| {
            let (its_method, template) = operation.split_once(' ').expect("two words");
            its_method == method && fits(template)
        });
        fitting.min_by_key(|operation| operation.matches('{').count())
    }

    /// Says what an answer has that the document does not allow.
    pub fn complaint(
        &self,
        operation: &str,
        status: u16,
        content_type: &str,
        body: &[u8],
    ) -> Option<String> {
        let (method, path) = operation.split_once(' ').expect("two words");
        let responses = &self.0["paths"][path][method.to_lowercase()]["responses"];
        let response = &responses[status.to_string()];
        if response.is_null() {
            return Some(format!("status {status} is not documented"));
        }
        let essence = content_type.split(';').next().unwrap_or_default();
        let Some(content) = response["content"].as_object() else {
            return (!body.is_empty()).then(|| "a body is not documented".to_owned());
        };
        let Some(media) = content.get(essence) else {
            return Some(format!("content type `{essence}` is not documented"));
        };
        if !essence.ends_with("json") {
            return None;
        }
        match serde_json::from_slice(body) {
            Ok(value) => self.check(&media["schema"], &value, "", true).err(),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Says what an event has, as sinks are told it, that the document does not allow.
    pub fn complaint_of_event(&self, body: &Value) -> Option<String> {
        let event_type = body["type"].as_str().unwrap_or_default();
        let webhook = &self.0["webhooks"][event_type]["post"]["requestBody"];
        let schema = &webhook["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Some(format!("{event_type} is not documented"));
        }
        self.check(schema, body, "", true).err()
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, closed: bool) -> Result<(), String> {
        let schema = self.resolved(schema);
        if let Some(parts) = schema["allOf"].as_array() {
            parts.iter().try_for_each(|part| self.check(part, value, at, false))?;
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[choice].as_array()
                && !choices.iter().any(|schema| self.check(schema, value, at, true).is_ok())
            {
                return Err(format!("{at}: {value} is none of the choices"));
            }
        }
        if let Some(choices) = schema["enum"].as_array()
            && !choices.contains(value)
        {
            return Err(format!("{at}: {value} is not listed"));
        }
        if !has_type(&schema["type"], value) {
            return Err(format!("{at}: {value} is not {}", schema["type"]));
        }
        if let Some(values) = value.as_array()
            && !schema["items"].is_null()
        {
            for (index, value) in values.iter().enumerate() {
                self.check(&schema["items"], value, &format!("{at}/{index}"), true)?;
            }
        }
        let Some(object) = value.as_object() else {
            return Ok(());
        };
        for name in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(name.as_str().expect("a name")) {
                return Err(format!("{at}: {name} is missing"));
            }
        }
        for (name, value) in object {
            let property = &schema["properties"][name];
            let property =
                if property.is_null() { &schema["additionalProperties"] } else { property };
            if property.is_object() {
                self.check(property, value, &format!("{at}/{name}"), true)?;
            }
        }
        let described = self.described(schema);
        let surplus = object.keys().find(|name| !described.contains(*name));
        match surplus {
            Some(name) if closed && !described.is_empty() => Err(format!("{at}: {name} is new")),
            Some(_) | None => Ok(()),
        }
    }

    /// The names an object of this schema may have; none means any.
    fn described(&self, schema: &Value) -> BTreeSet<String> {
        let schema = self.resolved(schema);
        let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name);
        let parts = schema["allOf"].as_array().into_iter().flatten();
        own.cloned().chain(parts.flat_map(|part| self.described(part))).collect()
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let Some(reference) = schema["$ref"].as_str() else {
            return schema;
        };
        let pointer = reference.strip_prefix('#').expect("a local reference");
        let found = self.0.pointer(pointer);
        found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    /// Every reference in the document leads somewhere, and no operation has another's name.
    pub fn is_sound(&self) {
        let mut names = BTreeSet::new();
        self.walk(&self.0, &mut |key, value| {
            if key == "$ref" {
                let pointer = value.as_str().and_then(|text| text.strip_prefix('#'));
                let target = pointer.and_then(|pointer| self.0.pointer(pointer));
                assert!(target.is_some(), "{value} leads nowhere");
            } else if key == "operationId" {
                assert!(names.insert(value.to_string()), "{value} is there twice");
            }
        });
    }

    fn walk(&self, value: &Value, see: &mut impl FnMut(&str, &Value)) {
        for (key, value) in value.as_object().into_iter().flatten() {
            see(key, value);
            self.walk(value, see);
        }
        for value in value.as_array().into_iter().flatten() {
            self.walk(value, see);
        }
    }
}

fn has_type(schema: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        Some(_) | None => true,
    };
    match schema.as_array() {
        Some(names) => names.iter().any(is),
        None => is(schema),
    }
}
