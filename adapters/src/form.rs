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
        let Ok(text) = std::str::from_utf8(body) else {
            form.push_decoded(body);
            return form;
        };
        for pair in text.split('&') {
            // Most parameters hold nothing to decode: empty ones, codes, countries.
            let is_plain = !pair.bytes().any(|byte| matches!(byte, b'%' | b'+'));
            match pair.split_once('=') {
                Some((name, value)) if is_plain => form.push(name, value),
                Some(_) | None => form.push_decoded(pair.as_bytes()),
            }
        }
        form
    }

    fn push_decoded(&mut self, encoded: &[u8]) {
        for (name, value) in form_urlencoded::parse(encoded) {
            self.push(&name, &value);
        }
    }

    fn push(&mut self, name: &str, value: &str) {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        self.pairs.push((start..middle, middle..self.text.len()));
    }

    /// The parameters, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&self.text[name.clone()], &self.text[value.clone()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_what_the_library_says() {
        let pieces: &[&[u8]] = &[
            b"",
            b"&",
            b"=",
            b"a",
            b"B=c",
            b"+",
            b"%",
            b"%2B",
            b"%C3",
            b"\xc3\xa9",
            b"\xff",
            b"%00",
        ];
        for one in pieces {
            for two in pieces {
                for three in pieces {
                    for four in pieces {
                        let body = [*one, two, three, four].concat();
                        let expected: Vec<_> = form_urlencoded::parse(&body).collect();
                        let form = Form::decode(&body);
                        let pairs: Vec<_> =
                            form.pairs().map(|(name, value)| (name.into(), value.into())).collect();
                        assert_eq!(pairs, expected, "{body:?}");
                    }
                }
            }
        }
    }
}
