//! Microsoft's Bot Framework: a token of the connector, for one bot and one place to answer to.
//!
//! The token does not cover the body, only `serviceUrl`: answers carry our own token, so an address
//! somebody else chose would hand it to them.

use serde_json::Value;

use super::{
    Scheme,
    published::{self, Expected},
};
use crate::{Account, AccountError, Refusal, Request, Timestamp, json};

/// A bearer token for the account's bot.
#[derive(Debug)]
pub struct BotFramework {
    /// The account's field with the bot's application id.
    pub app_id: &'static str,
    /// The account's field that says in which of Microsoft's clouds the bot lives.
    pub cloud: &'static str,
}

/// One of Microsoft's clouds.
struct Cloud {
    issuer: &'static str,
    host: &'static str,
}

const PUBLIC: Cloud =
    Cloud { issuer: "https://api.botframework.com", host: "https://login.botframework.com/" };
const US_GOVERNMENT: Cloud =
    Cloud { issuer: "https://api.botframework.us", host: "https://login.botframework.azure.us/" };

impl Scheme for BotFramework {
    fn secret_field(&self) -> &'static str {
        published::PRIVATE_KEY
    }

    fn signature_header(&self) -> &'static str {
        published::HEADER
    }

    fn documents(&self, request: &Request, account: &Account) -> Vec<String> {
        let cloud = self.cloud(account);
        let expected = [cloud.issuer];
        if !published::needs_keys(request, account, &self.expected(account, &expected)) {
            return Vec::new();
        }
        let keys = self.keys_at(account);
        std::iter::once(cloud.configuration()).chain(keys).collect()
    }

    fn describe(&self) -> String {
        "RS256 token with Microsoft's published keys".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        match account.get(self.cloud) {
            None | Some("public" | "us_government") => published::check_account(account),
            Some(_) => Err(AccountError::Unusable(self.cloud, "expected public or us_government")),
        }
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let token = published::token(request)?;
        let issuers = [self.cloud(account).issuer];
        let expected = self.expected(account, &issuers);
        let keys_at = self.keys_at(account).unwrap_or_else(|| self.cloud(account).configuration());
        let key = published::check(&token, account, Some(&keys_at), &expected, now)?;
        let activity = json::peek(&request.body);
        let says = |name: &str| activity.get(name).and_then(Value::as_str);
        if token.text("serviceurl").or(token.text("serviceUrl")) != says("serviceUrl") {
            return Err(Refusal::BadSignature("the token is for answers to another address"));
        }
        let endorsed = key.as_ref().and_then(|key| key.get("endorsements")?.as_array());
        if let Some(endorsed) = endorsed
            && !says("channelId").is_some_and(|channel| endorsed.iter().any(|one| one == channel))
        {
            return Err(Refusal::BadSignature("the key does not speak for this channel"));
        }
        Ok(())
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let activity = json::peek(&request.body);
        let address = activity.get("serviceUrl").filter(|address| address.is_string());
        let more: Vec<_> =
            address.map(|address| ("serviceurl", address.clone())).into_iter().collect();
        let issuers = [self.cloud(account).issuer];
        published::sign(request, account, &self.expected(account, &issuers), &more, now)
    }
}

impl BotFramework {
    fn cloud(&self, account: &Account) -> Cloud {
        match account.get(self.cloud) {
            Some("us_government") => US_GOVERNMENT,
            Some(_) | None => PUBLIC,
        }
    }

    fn expected<'a>(&self, account: &'a Account, issuers: &'a [&'a str]) -> Expected<'a> {
        Expected { issuers, audience: account.get(self.app_id).unwrap_or_default() }
    }

    /// Where the keys are, as far as the configuration says and it is on the same host.
    fn keys_at(&self, account: &Account) -> Option<String> {
        let cloud = self.cloud(account);
        let configuration = account.document(&cloud.configuration())?;
        let configuration: Value = serde_json::from_str(configuration).ok()?;
        let keys = configuration.get("jwks_uri")?.as_str()?;
        keys.starts_with(cloud.host).then(|| keys.to_owned())
    }
}

impl Cloud {
    fn configuration(&self) -> String {
        format!("{}v1/.well-known/openidconfiguration", self.host)
    }
}
