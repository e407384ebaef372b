//! What a provider that signs nothing can still show: a secret in the address, and Basic
//! credentials.
//!
//! Both prove that the sender knows the address we gave to the provider, not what was sent. Of what
//! an account has, all must be right; an account with neither believes nobody.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{MISMATCH, NO_SECRET, Scheme, any_matches, same};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// A secret at the end of the address's path, Basic credentials, or both.
#[derive(Debug)]
pub struct Endpoint {
    /// The account's field with the secret in the path.
    pub token: &'static str,
    /// The account's fields with user name and password; the first pair is what we would send.
    pub credentials: &'static [(&'static str, &'static str)],
    /// The field that `secret` stands for.
    pub main: &'static str,
}

const HEADER: &str = "authorization";

/// 128 bits, in base64 without padding.
pub(super) const MIN_TOKEN_CHARS: usize = 22;

impl Scheme for Endpoint {
    fn secret_field(&self) -> &'static str {
        self.main
    }

    fn signature_header(&self) -> &'static str {
        HEADER
    }

    fn secret_header(&self) -> Option<&'static str> {
        Some(HEADER)
    }

    fn secret_in_address(&self) -> bool {
        true
    }

    fn signs(&self) -> bool {
        false
    }

    fn is_signed(&self, request: &Request) -> bool {
        let has_header = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(HEADER));
        has_header || last_segment(request).len() >= MIN_TOKEN_CHARS
    }

    fn describe(&self) -> String {
        "nothing is signed: a secret address, Basic, or both".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        let tokens = account.secrets(self.token);
        if tokens.iter().any(|token| token.expose().len() < MIN_TOKEN_CHARS) {
            let expected = "expected at least 22 random letters and digits";
            return Err(AccountError::Unusable(self.token, expected));
        }
        for (username, password) in self.credentials {
            let has_password = !account.secrets(password).is_empty();
            if has_password != account.get(username).is_some() {
                let field = if has_password { username } else { password };
                return Err(AccountError::Missing {
                    field,
                    help: "Basic credentials are a user name and a password",
                });
            }
        }
        if !self.is_configured(account) {
            return Err(AccountError::Missing {
                field: self.main,
                help: "a channel needs a token in its address, Basic credentials, or both",
            });
        }
        Ok(())
    }

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        if !self.is_configured(account) {
            return Err(NO_SECRET);
        }
        let tokens = account.secrets(self.token);
        if !tokens.is_empty() {
            let given = last_segment(request);
            any_matches(tokens, |token| same(token.expose().as_bytes(), given.as_bytes()))?;
        }
        if self.credentials(account).next().is_none() {
            return Ok(());
        }
        let header = request.single_header(HEADER)?;
        let (scheme, given) = header.split_once(' ').ok_or(MISMATCH)?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(MISMATCH);
        }
        let given = BASE64.decode(given.trim()).map_err(|_| MISMATCH)?;
        let matches = |matched, expected: String| matched | same(expected.as_bytes(), &given);
        match self.credentials(account).fold(false, matches) {
            true => Ok(()),
            false => Err(Refusal::BadSignature("the Basic credentials are not this channel's")),
        }
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        _now: Timestamp,
    ) -> Result<(), AccountError> {
        self.check(account)?;
        if let Some(token) = account.secrets(self.token).first()
            && last_segment(request) != token.expose()
        {
            let end = request.url.find(['?', '#']).unwrap_or(request.url.len());
            let (path, rest) = request.url.split_at(end);
            request.url = format!("{}/{}{rest}", path.trim_end_matches('/'), token.expose());
        }
        if let Some(credentials) = self.credentials(account).next() {
            request.set_header(HEADER, format!("Basic {}", BASE64.encode(credentials)));
        }
        Ok(())
    }
}

impl Endpoint {
    /// Over the fields `TOKEN`, `USERNAME` and `PASSWORD` of [`crate::Field`].
    pub(crate) const USUAL: Self =
        Self { token: "token", credentials: &[("username", "password")], main: "token" };

    pub(super) fn is_configured(&self, account: &Account) -> bool {
        !account.secrets(self.token).is_empty() || self.credentials(account).next().is_some()
    }

    /// `user:password` of every pair the account has, and of every password being rotated.
    fn credentials<'a>(&self, account: &'a Account) -> impl Iterator<Item = String> + 'a {
        self.credentials.iter().flat_map(move |(username, password)| {
            let username = account.get(username);
            let passwords = account.secrets(password).iter();
            passwords
                .filter_map(move |password| Some(format!("{}:{}", username?, password.expose())))
        })
    }
}

fn last_segment(request: &Request) -> &str {
    let path = request.url.split(['?', '#']).next().unwrap_or_default();
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}
