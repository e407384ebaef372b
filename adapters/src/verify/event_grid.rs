//! Azure Event Grid: a secret of the subscription's, a token of the tenant's, or both.
//!
//! Nothing signs the body. The secret stands in the address's query or in a header that is sent with
//! every delivery; the token (Entra ID) is made for the application the subscription names. Of what
//! an account has, all must be right; an account with neither believes nobody.

use serde_json::Value;

use super::{
    MISMATCH, NO_SECRET, Scheme, any_matches,
    published::{self, Expected},
    same, signing_secret,
};
use crate::{Account, AccountError, Refusal, Request, Timestamp, json};

/// A secret in query or header, a bearer token, or both.
#[derive(Debug)]
pub struct EventGrid {
    /// The account's field with the secret.
    pub secret: &'static str,
    /// The account's field with the name of the query's parameter; `code` by itself.
    pub parameter: &'static str,
    /// The account's field with the name of the header that carries the secret instead.
    pub header: &'static str,
    /// The account's field with the Entra tenant.
    pub tenant: &'static str,
    /// The account's field with the application the tokens are made for.
    pub app_id: &'static str,
    /// The account's field with the resource whose events are expected.
    pub topic: &'static str,
    /// The role without which a token of the tenant's says nothing.
    pub role: &'static str,
}

const PARAMETER: &str = "code";

impl Scheme for EventGrid {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        published::HEADER
    }

    fn secret_header(&self) -> Option<&'static str> {
        Some(published::HEADER)
    }

    fn is_secret_header(&self, name: &str, account: &Account) -> bool {
        let own = account.get(self.header);
        [Some(published::HEADER), own]
            .into_iter()
            .flatten()
            .any(|secret| name.eq_ignore_ascii_case(secret))
    }

    fn secret_parameter<'a>(&self, account: &'a Account) -> Option<&'a str> {
        Some(self.parameter(account))
    }

    fn signs(&self) -> bool {
        false
    }

    fn is_signed(&self, request: &Request) -> bool {
        has_token(request) || !request.raw_query().is_empty()
    }

    fn documents(&self, request: &Request, account: &Account) -> Vec<String> {
        let issuers = self.issuers(account);
        let issuers: Vec<_> = issuers.iter().map(String::as_str).collect();
        let needed = published::needs_keys(request, account, &self.expected(account, &issuers));
        self.keys_at(account).filter(|_| needed).into_iter().collect()
    }

    fn describe(&self) -> String {
        "nothing is signed: a secret in address or header, an Entra token, or both".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        if account.secrets(self.secret).is_empty() && account.get(self.app_id).is_none() {
            return Err(AccountError::Missing {
                field: self.secret,
                help: "a channel needs the subscription's secret, an Entra application, or both",
            });
        }
        let (tenant, app_id) = (account.get(self.tenant), account.get(self.app_id));
        if tenant.is_some() != app_id.is_some() {
            let field = if tenant.is_some() { self.app_id } else { self.tenant };
            let help = "tokens are known by their tenant and by the application they are made for";
            return Err(AccountError::Missing { field, help });
        }
        if tenant.is_some_and(|tenant| !is_tenant(tenant)) {
            let expected = "expected the tenant's id or domain";
            return Err(AccountError::Unusable(self.tenant, expected));
        }
        published::check_account(account)
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let has_secret = !account.secrets(self.secret).is_empty();
        let wants_token = account.get(self.app_id).is_some();
        if !has_secret && !wants_token {
            return Err(NO_SECRET);
        }
        if has_secret {
            self.verify_secret(request, account)?;
        }
        if account.get(self.topic).is_some_and(|topic| !is_of_topic(&request.body, topic)) {
            return Err(Refusal::BadSignature("the events are of another resource"));
        }
        if !wants_token {
            return Ok(());
        }
        let token = published::token(request)?;
        let issuers = self.issuers(account);
        let issuers: Vec<_> = issuers.iter().map(String::as_str).collect();
        let expected = self.expected(account, &issuers);
        let keys_at = self.keys_at(account);
        published::check(&token, account, keys_at.as_deref(), &expected, now)?;
        if !token.says("roles", self.role) {
            return Err(Refusal::BadSignature("the token does not have Event Grid's role"));
        }
        Ok(())
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let wants_token = account.get(self.app_id).is_some();
        if !wants_token || !account.secrets(self.secret).is_empty() {
            let secret = signing_secret(account, self.secret)?;
            match account.get(self.header) {
                Some(header) => request.set_header(header, secret.expose().to_owned()),
                None => {
                    let name = self.parameter(account);
                    let query = form_urlencoded::Serializer::new(String::new())
                        .extend_pairs(request.query().filter(|(key, _)| key != name))
                        .append_pair(name, secret.expose())
                        .finish();
                    let path = request.url.split(['?', '#']).next().unwrap_or_default();
                    request.url = format!("{path}?{query}");
                }
            }
        }
        if !wants_token {
            return Ok(());
        }
        let issuers = self.issuers(account);
        let issuers: Vec<_> = issuers.iter().map(String::as_str).collect();
        let role = [("roles", vec![self.role].into())];
        published::sign(request, account, &self.expected(account, &issuers), &role, now)
    }
}

impl EventGrid {
    /// Checks the secret alone: what set-up checks can show.
    pub fn verify_secret(&self, request: &Request, account: &Account) -> Result<(), Refusal> {
        let given = if let Some(header) = account.get(self.header) {
            request.single_header_called(header, "with the secret")?.to_owned()
        } else {
            let name = self.parameter(account);
            let mut values = request.query().filter(|(key, _)| key == name);
            let (_, value) = values.next().ok_or(MISMATCH)?;
            if values.next().is_some() {
                return Err(Refusal::BadSignature("the secret is repeated"));
            }
            value.into_owned()
        };
        any_matches(account.secrets(self.secret), |secret| {
            same(secret.expose().as_bytes(), given.as_bytes())
        })
    }

    fn parameter<'a>(&self, account: &'a Account) -> &'a str {
        account.get(self.parameter).unwrap_or(PARAMETER)
    }

    /// A tenant's tokens are of version 1 or 2, each with an issuer of its own.
    fn issuers(&self, account: &Account) -> Vec<String> {
        let tenant = account.get(self.tenant).filter(|tenant| is_tenant(tenant));
        tenant.map_or_else(Vec::new, |tenant| {
            vec![
                format!("https://sts.windows.net/{tenant}/"),
                format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            ]
        })
    }

    fn expected<'a>(&self, account: &'a Account, issuers: &'a [&'a str]) -> Expected<'a> {
        Expected { issuers, audience: account.get(self.app_id).unwrap_or_default() }
    }

    fn keys_at(&self, account: &Account) -> Option<String> {
        let tenant = account.get(self.tenant).filter(|tenant| is_tenant(tenant))?;
        Some(format!("https://login.microsoftonline.com/{tenant}/discovery/v2.0/keys"))
    }
}

fn has_token(request: &Request) -> bool {
    request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(published::HEADER))
}

/// Whether nothing that a body brings names another resource, however its id is capitalized.
fn is_of_topic(body: &[u8], topic: &str) -> bool {
    let is_of_it = |event: &Value| {
        let named = event.get("topic").or_else(|| event.get("source")).and_then(Value::as_str);
        named.is_none_or(|named| named.eq_ignore_ascii_case(topic))
    };
    match json::peek(body) {
        Value::Array(events) => events.iter().all(is_of_it),
        single @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => is_of_it(&single),
    }
}

fn is_tenant(tenant: &str) -> bool {
    let well_formed =
        tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    !tenant.starts_with('.') && well_formed
}
