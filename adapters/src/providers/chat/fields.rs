//! Reading the fields of an object, each by itself.
//!
//! A field is taken out by name and type; what is wrong with it is noted with its place, and
//! reading goes on, so that a developer sees all mistakes at once. What nobody took is metadata.
//! Messages never repeat a value, and places name only fields of ours: both are answered.

use serde_json::{Map, Value};

use crate::{Problem, Timestamp, event};

/// Characters of an id: they are looked up by index.
const MAX_ID: usize = 255;

/// An object being read.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    /// What has not been taken yet.
    pub rest: Map<String, Value>,
    /// What is wrong with what has been; places start at this object.
    pub problems: Vec<Problem>,
}

impl Fields {
    /// Starts reading.
    pub fn new(rest: Map<String, Value>) -> Self {
        Self { rest, problems: Vec::new() }
    }

    /// Notes what is wrong with a field; the empty name means the object itself.
    pub fn problem(&mut self, name: &str, code: &'static str, message: &str) {
        let slash = if name.is_empty() { "" } else { "/" };
        self.problems.push(Problem {
            path: format!("{slash}{name}"),
            code,
            message: message.to_owned(),
        });
    }

    /// Notes a field that is absent, null or empty text.
    pub fn require(&mut self, name: &str) {
        let value = self.rest.get(name);
        if value.is_none_or(|value| value.is_null() || value.as_str() == Some("")) {
            self.problem(name, "required", "is required");
        }
    }

    /// Takes a text of any length.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.rest.remove(name)? {
            Value::Null => None,
            Value::String(text) => event::text(text),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.problem(name, "invalid_type", "must be text");
                None
            }
        }
    }

    /// Takes a text of at most `limit` characters.
    pub fn text_up_to(&mut self, name: &str, limit: usize) -> Option<String> {
        let text = self.text(name)?;
        if text.len() > limit && text.chars().count() > limit {
            let message = format!("must have at most {limit} characters");
            self.problem(name, "too_long", &message);
            return None;
        }
        Some(text)
    }

    /// Takes an id.
    pub fn id(&mut self, name: &str) -> Option<String> {
        self.text_up_to(name, MAX_ID)
    }

    /// Takes a code: text, or a number as it is written.
    pub fn code(&mut self, name: &str) -> Option<String> {
        match self.rest.get(name) {
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(_) | None => self.text(name),
        }
    }

    /// Takes a time.
    pub fn time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let time = Timestamp::parse_rfc3339(&text);
        if time.is_none() {
            let message = "must be an RFC 3339 time, such as 2026-01-01T00:00:00.000Z";
            self.problem(name, "invalid", message);
        }
        time
    }

    /// Takes a list.
    pub fn list(&mut self, name: &str) -> Vec<Value> {
        match self.rest.remove(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(values)) => values,
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                self.problem(name, "invalid_type", "must be a list");
                Vec::new()
            }
        }
    }

    /// Takes an object and reads it with `read`; what `read` leaves is put back.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        match self.rest.remove(name)? {
            Value::Null => None,
            Value::Object(fields) => {
                let (result, rest) = self.nested(name, fields, read);
                if !rest.is_empty() {
                    self.rest.insert(name.to_owned(), Value::Object(rest));
                }
                Some(result)
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.problem(name, "invalid_type", "must be an object");
                None
            }
        }
    }

    /// Reads an object that lies below this one; also returns what `read` leaves.
    pub fn nested<T>(
        &mut self,
        name: &str,
        fields: Map<String, Value>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> (T, Map<String, Value>) {
        let mut fields = Self::new(fields);
        let result = read(&mut fields);
        for mut problem in fields.problems {
            problem.path.insert_str(0, name);
            problem.path.insert(0, '/');
            self.problems.push(problem);
        }
        fields.rest.retain(|_, value| !value.is_null());
        (result, fields.rest)
    }
}
