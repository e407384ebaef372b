//! Bearer tokens signed with keys that their issuer publishes (OpenID Connect).
//!
//! The key set comes with the account: pinned in its field, or fetched by whoever calls. A key pair
//! of the account's own signs as well, under a name of ours, for trying a channel without its
//! provider.

use serde_json::{Value, json};

use super::{fresh, jwt, jwt::Token, rsa::PublicKey};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

pub(super) const HEADER: &str = "authorization";

/// The account's field with a key set that is used instead of the published one.
pub(super) const KEY_SET: &str = "jwks";

/// The account's field with a private key of its own.
pub(super) const PRIVATE_KEY: &str = "private_key";

/// How far a token's times may be from ours, in seconds.
const TOLERANCE_SECONDS: u32 = 300;

/// The name under which the account's own key signs.
const OWN_KEY: &str = "frontdesk";

/// More keys than any issuer publishes at once.
const MAX_KEYS: usize = 100;

/// Whose tokens count, and for whom.
pub(super) struct Expected<'a> {
    pub issuers: &'a [&'a str],
    pub audience: &'a str,
}

/// The token of a request, of which nothing is checked yet.
pub(super) fn token(request: &Request) -> Result<Token<'_>, Refusal> {
    let header = request.single_header(HEADER)?;
    let token = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = token.and_then(|(_, token)| Token::read_published(token.trim()));
    token.ok_or(Refusal::BadSignature("the request must bear a token signed with RSA"))
}

/// Whether keys must be fetched to check this request: not if the account has them, and not for what
/// is no token for it at all.
pub(super) fn needs_keys(request: &Request, account: &Account, expected: &Expected<'_>) -> bool {
    let ours = |token: Token<'_>| {
        is_for(&token, expected) && token.key_id().is_some_and(|id| id != OWN_KEY)
    };
    account.get(KEY_SET).is_none() && token(request).is_ok_and(ours)
}

/// Checks all but what the claims must say beyond issuer, audience and time; the key, where it is a
/// published one.
pub(super) fn check(
    token: &Token<'_>,
    account: &Account,
    keys_at: Option<&str>,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Option<Value>, Refusal> {
    if !is_for(token, expected) {
        return Err(Refusal::BadSignature("the token is of another issuer, or for somebody else"));
    }
    let key_id = token.key_id().ok_or(Refusal::BadSignature("the token does not name its key"))?;
    let own = account.secrets(PRIVATE_KEY);
    let key = if key_id == OWN_KEY && !own.is_empty() {
        let mut own = own.iter().filter_map(|pem| PublicKey::of_private(pem.expose()));
        own.any(|key| token.is_signed_by(&key)).then_some(None)
    } else {
        let keys = match (account.get(KEY_SET), keys_at) {
            (Some(pinned), _) => pinned,
            (None, Some(address)) => {
                account.document(address).ok_or_else(|| Refusal::NoDocument(address.to_owned()))?
            }
            (None, None) => return Err(Refusal::NoDocument("the token's issuer".to_owned())),
        };
        let key = find(keys, key_id).ok_or(Refusal::UnknownKey)?;
        public(&key).is_some_and(|public| token.is_signed_by(&public)).then_some(Some(key))
    };
    let key = key.ok_or(super::MISMATCH)?;
    within(token, now)?;
    Ok(key)
}

/// Bears a token made with the account's own key. `more` is what it says beside the usual.
pub(super) fn sign(
    request: &mut Request,
    account: &Account,
    expected: &Expected<'_>,
    more: &[(&str, Value)],
    now: Timestamp,
) -> Result<(), AccountError> {
    let key = account.secrets(PRIVATE_KEY).first().ok_or(AccountError::Missing {
        field: PRIVATE_KEY,
        help: "only the provider can sign with its own keys; to try the channel, add a private key \
               made for that",
    })?;
    let now = now.as_seconds();
    let mut claims = json!({
        "iss": expected.issuers.first(),
        "aud": expected.audience,
        "nbf": now - 60,
        "exp": now + 3600,
    });
    for (claim, value) in more {
        claims[*claim] = value.clone();
    }
    let token = jwt::write_published(key.expose(), OWN_KEY, &claims);
    let token = token.ok_or(AccountError::Unusable(PRIVATE_KEY, NOT_A_KEY))?;
    request.set_header(HEADER, format!("Bearer {token}"));
    Ok(())
}

const NOT_A_KEY: &str = "expected an RSA key of 2048 to 4096 bits, PKCS #8 in PEM";

/// Checks what an account has of the fields above.
pub(super) fn check_account(account: &Account) -> Result<(), AccountError> {
    let mut own = account.secrets(PRIVATE_KEY).iter();
    if own.any(|pem| PublicKey::of_private(pem.expose()).is_none()) {
        return Err(AccountError::Unusable(PRIVATE_KEY, NOT_A_KEY));
    }
    match account.get(KEY_SET) {
        Some(keys) if !keys_of(keys).iter().any(|key| public(key).is_some()) => {
            Err(AccountError::Unusable(KEY_SET, "expected a key set with an RSA key"))
        }
        Some(_) | None => Ok(()),
    }
}

fn is_for(token: &Token<'_>, expected: &Expected<'_>) -> bool {
    let issuer = token.text("iss").is_some_and(|issuer| expected.issuers.contains(&issuer));
    issuer && !expected.audience.is_empty() && token.says("aud", expected.audience)
}

fn within(token: &Token<'_>, now: Timestamp) -> Result<(), Refusal> {
    const ENDLESS: Refusal = Refusal::BadSignature("the token does not say until when it counts");
    let (now_seconds, expires) = (now.as_seconds(), token.seconds("exp").ok_or(ENDLESS)?);
    if now_seconds > expires {
        fresh(expires, now, TOLERANCE_SECONDS)?;
    }
    match token.seconds("nbf") {
        Some(begins) if now_seconds < begins => fresh(begins, now, TOLERANCE_SECONDS),
        Some(_) | None => Ok(()),
    }
}

fn keys_of(set: &str) -> Vec<Value> {
    let set: Value = serde_json::from_str(set).unwrap_or_default();
    let keys = set.get("keys").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    keys.iter().take(MAX_KEYS).cloned().collect()
}

fn find(set: &str, key_id: &str) -> Option<Value> {
    keys_of(set).into_iter().find(|key| key.get("kid").is_some_and(|id| id == key_id))
}

/// An RSA key that is meant for signatures.
fn public(key: &Value) -> Option<PublicKey> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let for_signatures = text("use").is_none_or(|usage| usage == "sig");
    if text("kty") != Some("RSA") || !for_signatures {
        return None;
    }
    PublicKey::of_components(text("n")?, text("e")?)
}
