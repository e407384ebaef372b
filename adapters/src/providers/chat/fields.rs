//! Reading the fields of an object, each by itself.
//!
//! A field is taken out by name and type; what is wrong with it is noted with its place, and
//! reading goes on, so that a developer sees all mistakes at once. What nobody took is metadata.
//! Messages never repeat a value, and places name only fields of ours: both are answered.

use super::tree::{Members, Node};
use crate::{Problem, Timestamp, event};

/// Characters of an id: they are looked up by index.
const MAX_ID: usize = 255;

/// An object being read.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields<'a> {
    /// What has not been taken yet.
    pub rest: Members<'a>,
    /// What is wrong with what has been; places start at this object.
    pub problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Starts reading.
    pub fn new(rest: Members<'a>) -> Self {
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

    /// Whether a field has not been taken yet and is neither null nor an empty text or list.
    pub fn has(&self, name: &str) -> bool {
        self.rest.get(name).is_some_and(|value| !value.is_empty())
    }

    /// Reads whether something is so; the value stays where it stood.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.rest.get(name) {
            None | Some(Node::Null) => false,
            Some(Node::Bool(value)) => *value,
            Some(Node::Number(_) | Node::Text(_) | Node::List(_) | Node::Object(_)) => {
                self.problem(name, "invalid_type", "must be true or false");
                false
            }
        }
    }

    /// Takes a text of any length.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.rest.take(name) {
            Node::Null => None,
            Node::Text(text) => event::text(text),
            Node::Bool(_) | Node::Number(_) | Node::List(_) | Node::Object(_) => {
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
            Some(Node::Number(number)) => Some(number.to_string()),
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
    pub fn list(&mut self, name: &str) -> Vec<Node<'a>> {
        match self.rest.take(name) {
            Node::Null => Vec::new(),
            Node::List(values) => values,
            Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Object(_) => {
                self.problem(name, "invalid_type", "must be a list");
                Vec::new()
            }
        }
    }

    /// Takes an object and reads it with `read`; what `read` leaves is put back.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        match self.rest.take(name) {
            Node::Null => None,
            Node::Object(fields) => {
                let (result, rest) = self.nested(name, fields, read);
                if !rest.is_empty() {
                    self.rest.insert(name, Node::Object(rest));
                }
                Some(result)
            }
            Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                self.problem(name, "invalid_type", "must be an object");
                None
            }
        }
    }

    /// Reads an object that lies below this one; also returns what `read` leaves.
    pub fn nested<T>(
        &mut self,
        name: &str,
        fields: Members<'a>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> (T, Members<'a>) {
        let mut fields = Self::new(fields);
        let result = read(&mut fields);
        for mut problem in fields.problems {
            problem.path.insert_str(0, name);
            problem.path.insert(0, '/');
            self.problems.push(problem);
        }
        fields.rest.drop_nulls();
        (result, fields.rest)
    }
}
