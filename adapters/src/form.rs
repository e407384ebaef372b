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
        let mut decoded = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let middle = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let name = form.push(&pair[..middle], &mut decoded);
            let value = form.push(pair.get(middle + 1..).unwrap_or_default(), &mut decoded);
            form.pairs.push((name, value));
        }
        form
    }

    /// Appends what `encoded` stands for; `decoded` is room to work in.
    fn push(&mut self, encoded: &[u8], decoded: &mut Vec<u8>) -> Range<usize> {
        let start = self.text.len();
        // Most hold nothing to decode: names, empty values, codes, countries.
        let plain = match encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
            true => {
                decode_into(decoded, encoded);
                decoded.as_slice()
            }
            false => encoded,
        };
        self.text.push_str(&String::from_utf8_lossy(plain));
        start..self.text.len()
    }

    /// The parameters, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&self.text[name.clone()], &self.text[value.clone()]))
    }
}

/// Reads `+` and `%` with two hexadecimal digits; any other `%` stands for itself.
fn decode_into(decoded: &mut Vec<u8>, mut encoded: &[u8]) {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    decoded.clear();
    while let [byte, rest @ ..] = encoded {
        encoded = rest;
        decoded.push(match (byte, rest) {
            (b'+', _) => b' ',
            (b'%', [high, low, behind @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    encoded = behind;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => *byte,
        });
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
            b"%a",
            b"9",
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
