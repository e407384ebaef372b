//! Taking a secret out of a body, which archives must not keep: also out of one that is cut off or
//! otherwise broken, and so byte by byte.

/// Puts `null` in the place of every text under `member`, wherever in the body it stands.
pub(super) fn redact(body: &mut Vec<u8>, member: &str) {
    let name = format!("\"{member}\"").into_bytes();
    let mut kept = Vec::with_capacity(body.len());
    let mut rest = body.as_slice();
    while let Some(found) = rest.windows(name.len()).position(|window| window == name) {
        let (before, after) = rest.split_at(found + name.len());
        kept.extend_from_slice(before);
        rest = after;
        if let Some((from, to)) = text_after_colon(after) {
            kept.extend_from_slice(&after[..from]);
            kept.extend_from_slice(b"null");
            rest = &after[to..];
        }
    }
    kept.extend_from_slice(rest);
    *body = kept;
}

/// Where the text behind a colon begins and ends, quotes included.
fn text_after_colon(rest: &[u8]) -> Option<(usize, usize)> {
    let is_there = |at: &usize| !rest[*at].is_ascii_whitespace();
    let mut places = (0..rest.len()).filter(is_there);
    let colon = places.next().filter(|at| rest[*at] == b':')?;
    let from = places.find(|at| *at > colon).filter(|at| rest[*at] == b'"')?;
    let mut escaped = false;
    for (at, byte) in rest.iter().enumerate().skip(from + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some((from, at + 1)),
            _ => {}
        }
    }
    // Cut off: everything that is left belongs to it.
    Some((from, rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_body_holds_no_secret() {
        for (body, kept) in [
            (r#"{"a":1,"secret":"k3y","b":2}"#, r#"{"a":1,"secret":null,"b":2}"#),
            (r#"{"secret" : "k\"3\\" ,"b":2}"#, r#"{"secret" : null ,"b":2}"#),
            (r#"{"secret":"a","secret":"b"}"#, r#"{"secret":null,"secret":null}"#),
            (r#"broken "secret":"k3y"#, r#"broken "secret":null"#),
            (r#"{"text":"\"secret\":1","secret":7}"#, r#"{"text":"\"secret\":1","secret":7}"#),
            (r#"{"secret""#, r#"{"secret""#),
            (r#"{"a":{"secret":"k"},"b":["secret"]}"#, r#"{"a":{"secret":null},"b":["secret"]}"#),
        ] {
            let mut body = body.as_bytes().to_vec();
            redact(&mut body, "secret");
            assert_eq!(String::from_utf8_lossy(&body), kept);
        }
    }
}
