//! A secret in a header whose name the account chooses, where the provider signs nothing but sends
//! headers of its customer's own; beside it or instead, what the address knows.
//!
//! Of what an account has, all must be right; an account with nothing believes nobody.

use super::{Endpoint, NO_SECRET, Scheme, any_matches, same};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// A secret in a chosen header, in the address, or both.
#[derive(Debug)]
pub struct ChosenHeader {
    /// The account's field with the secret.
    pub secret: &'static str,
    /// The account's field with the name of the header.
    pub header: &'static str,
    /// The header's name where the account says none.
    pub usual_header: &'static str,
    /// What else may be asked of a request.
    pub endpoint: Endpoint,
}

const SHOWN: &str = "with the secret";

impl Scheme for ChosenHeader {
    fn secret_field(&self) -> &'static str {
        self.endpoint.secret_field()
    }

    fn signature_header(&self) -> &'static str {
        self.endpoint.signature_header()
    }

    fn secret_header(&self) -> Option<&'static str> {
        self.endpoint.secret_header()
    }

    fn is_secret_header(&self, name: &str, account: &Account) -> bool {
        let is_chosen = name.eq_ignore_ascii_case(self.header_in(account));
        is_chosen || self.endpoint.is_secret_header(name, account)
    }

    fn secret_in_address(&self) -> bool {
        true
    }

    /// The header's name is the account's to know; those in use say what they are.
    fn is_signed(&self, request: &Request) -> bool {
        let names = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
        let mut names =
            names.filter(|name| ["secret", "token", "key"].iter().any(|it| name.contains(it)));
        names.next().is_some() || self.endpoint.is_signed(request)
    }

    fn describe(&self) -> String {
        "nothing is signed: a secret header, a secret address, Basic, or several".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        let header = self.header_in(account);
        if !is_header_name(header) {
            return Err(AccountError::Unusable(self.header, "expected the name of a header"));
        }
        match self.endpoint.is_configured(account) || account.secrets(self.secret).is_empty() {
            true => self.endpoint.check(account),
            false => Ok(()),
        }
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        if !self.is_configured(account) {
            return Err(NO_SECRET);
        }
        let secrets = account.secrets(self.secret);
        if !secrets.is_empty() {
            let given = request.single_header_called(self.header_in(account), SHOWN)?;
            any_matches(secrets, |secret| same(secret.expose().as_bytes(), given.as_bytes()))?;
        }
        match self.endpoint.is_configured(account) {
            true => self.endpoint.verify(request, account, now),
            false => Ok(()),
        }
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.check(account)?;
        if let Some(secret) = account.secrets(self.secret).first() {
            request.set_header(self.header_in(account), secret.expose().to_owned());
        }
        match self.endpoint.is_configured(account) {
            true => self.endpoint.sign(request, account, now),
            false => Ok(()),
        }
    }
}

impl ChosenHeader {
    pub(super) fn is_configured(&self, account: &Account) -> bool {
        !account.secrets(self.secret).is_empty() || self.endpoint.is_configured(account)
    }

    fn header_in<'a>(&'a self, account: &'a Account) -> &'a str {
        account.get(self.header).unwrap_or(self.usual_header)
    }
}

pub(super) fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}
