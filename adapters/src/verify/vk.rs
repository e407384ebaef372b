//! VK: the secret itself, in the body beside the event, and the community it is for.
//!
//! It proves who sent, but not what. Archives must not keep it, so it can be taken out.

use super::{Scheme, any_matches, same, signing_secret};
use crate::{Account, AccountError, Refusal, Request, Timestamp, json};

/// A secret in the member `secret` of the body.
#[derive(Debug)]
pub struct BodySecret {
    /// The account's field with the secret.
    pub secret: &'static str,
    /// The account's field with the community's id, which the member `group_id` must not contradict.
    pub group: &'static str,
}

const NAME: &[u8] = b"\"secret\"";

impl Scheme for BodySecret {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    /// None: the body carries the proof.
    fn signature_header(&self) -> &'static str {
        ""
    }

    fn is_signed(&self, request: &Request) -> bool {
        let [secret] = json::members(&request.body, ["secret"]);
        secret.is_some()
    }

    fn describe(&self) -> String {
        "shared secret in the body".to_owned()
    }

    fn redact(&self, body: &mut Vec<u8>) {
        let mut kept = Vec::with_capacity(body.len());
        let mut rest = body.as_slice();
        while let Some(found) = find(rest, NAME) {
            let (before, after) = rest.split_at(found + NAME.len());
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

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        let [secret, group] = json::members(&request.body, ["secret", "group_id"]);
        let given = secret.ok_or(Refusal::BadSignature("the body holds no secret"))?;
        let secrets = account.secrets(self.secret);
        any_matches(secrets, |secret| same(secret.expose().as_bytes(), given.as_bytes()))?;
        let ours = account.get(self.group);
        if ours.is_some() && group.is_some_and(|group| ours != Some(&group)) {
            return Err(Refusal::BadSignature("the event is of another community"));
        }
        Ok(())
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        if self.verify(request, account, now) != Ok(()) {
            self.redact(&mut request.body);
            let group = account.get(self.group).unwrap_or_default();
            let rest = request.body.strip_prefix(b"{").unwrap_or(&request.body);
            let comma = if rest.trim_ascii_start().starts_with(b"}") { "" } else { "," };
            let secret = serde_json::Value::from(secret.expose());
            let group = serde_json::Value::from(group);
            let head = format!("{{\"secret\":{secret},\"group_id\":{group}{comma}");
            request.body = [head.as_bytes(), rest].concat();
        }
        self.verify(request, account, now).map_err(|_| {
            AccountError::Unusable(self.secret, "expected a text that can stand in JSON")
        })
    }
}

fn find(body: &[u8], name: &[u8]) -> Option<usize> {
    body.windows(name.len()).position(|window| window == name)
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
        let scheme = BodySecret { secret: "secret", group: "group_id" };
        for (body, kept) in [
            (r#"{"a":1,"secret":"k3y","b":2}"#, r#"{"a":1,"secret":null,"b":2}"#),
            (r#"{"secret" : "k\"3\\" ,"b":2}"#, r#"{"secret" : null ,"b":2}"#),
            (r#"{"secret":"a","secret":"b"}"#, r#"{"secret":null,"secret":null}"#),
            (r#"broken "secret":"k3y"#, r#"broken "secret":null"#),
            (r#"{"text":"\"secret\":1","secret":7}"#, r#"{"text":"\"secret\":1","secret":7}"#),
            (r#"{"secret""#, r#"{"secret""#),
        ] {
            let mut body = body.as_bytes().to_vec();
            scheme.redact(&mut body);
            assert_eq!(String::from_utf8_lossy(&body), kept);
        }
    }
}
