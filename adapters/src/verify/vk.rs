//! VK: the secret itself, in the body beside the event, and the community it is for.
//!
//! It proves who sent, but not what. Archives must not keep it, so it can be taken out.

use super::{Scheme, any_matches, redact::redact, same, signing_secret};
use crate::{Account, AccountError, Refusal, Request, Timestamp, json};

/// A secret in the member `secret` of the body.
#[derive(Debug)]
pub struct BodySecret {
    /// The account's field with the secret.
    pub secret: &'static str,
    /// The account's field with the community's id, which the member `group_id` must not contradict.
    pub group: &'static str,
}

const NAME: &str = "secret";

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
        redact(body, NAME);
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
