//! A form, decoded once.
//!
//! Where the signature covers the decoded parameters, verifier and adapter read the same form: it
//! is decoded into one text, and a parameter is two ranges of it.

use std::ops::Range;

/// The decoded parameters of a form, in order, repeated ones kept.
#[derive(Debug, Default)]
pub(crate) struct Form {
    text: String,
    pairs: Vec<(Range<usize>, Range<usize>)>,
}

impl Form {
    /// Decodes `body`. Whatever it holds, it is a form: bytes that are no text are replaced.
    pub fn decode(body: &[u8]) -> Self {
        let mut form = Self { text: String::with_capacity(body.len()), pairs: Vec::new() };
        form.pairs.reserve(32);
        for (name, value) in form_urlencoded::parse(body) {
            let start = form.text.len();
            form.text.push_str(&name);
            let middle = form.text.len();
            form.text.push_str(&value);
            form.pairs.push((start..middle, middle..form.text.len()));
        }
        form
    }

    /// The parameters, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&self.text[name.clone()], &self.text[value.clone()]))
    }
}
