//! Matrix: the homeserver's own token, as bearer or, from older servers, in the query.
//!
//! Some servers send both; then both must be right.

use super::{MISMATCH, Scheme, any_matches, same, signing_secret};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// The `hs_token` of an application service.
#[derive(Debug)]
pub struct Matrix {
    /// The account's field with the token.
    pub secret: &'static str,
}

const HEADER: &str = "authorization";
const PARAMETER: &str = "access_token";

impl Scheme for Matrix {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        HEADER
    }

    fn secret_header(&self) -> Option<&'static str> {
        Some(HEADER)
    }

    fn secret_parameter<'a>(&self, _account: &'a Account) -> Option<&'a str> {
        Some(PARAMETER)
    }

    fn signs(&self) -> bool {
        false
    }

    fn is_signed(&self, request: &Request) -> bool {
        let has_header = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(HEADER));
        has_header || request.query().any(|(name, _)| name == PARAMETER)
    }

    fn describe(&self) -> String {
        format!("shared secret in {HEADER} or in the query")
    }

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        let check = |given: &str| {
            any_matches(account.secrets(self.secret), |secret| {
                same(secret.expose().as_bytes(), given.as_bytes())
            })
        };
        let mut parameters = request.query().filter(|(name, _)| name == PARAMETER);
        match (parameters.next(), parameters.next()) {
            (_, Some(_)) => return Err(Refusal::BadSignature("the token is repeated")),
            (Some((_, token)), None) => {
                check(&token)?;
                if request.header(HEADER).is_none() {
                    return Ok(());
                }
            }
            (None, None) => {}
        }
        let (scheme, token) = request.single_header(HEADER)?.split_once(' ').ok_or(MISMATCH)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(MISMATCH);
        }
        check(token.trim())
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        _now: Timestamp,
    ) -> Result<(), AccountError> {
        let token = signing_secret(account, self.secret)?.expose().to_owned();
        request.set_header(HEADER, format!("Bearer {token}"));
        Ok(())
    }
}
