//! Channels. Their secrets go in and never come out: only whether and how many there are is shown.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use frontdesk_adapters::{AccountError, Handshake};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context, announce,
    input::{Body, IfMatch, Path, Query},
    interactions::Paging,
    output::{Created, Page, Range, Versioned},
    problem::{Code, Problem},
};
use crate::{
    channels::{self, Channel, ChannelError, ChannelStoreError, Settings},
    db::Tx,
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change))
        .routes(routes!(test))
        .routes(routes!(rotate_secret))
}

/// A channel, without what its secrets are. Where they do not open, only `id` and `unusable` are
/// there.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Channel)]
struct Shown {
    /// Its name in configuration and in the webhook's address.
    id: String,
    /// Why it cannot be used; `null` when it can.
    unusable: Option<String>,
    /// The provider.
    provider: Option<&'static str>,
    /// Our address there, as agents know it.
    address: Option<String>,
    /// The fields of its account that are no secrets.
    account: BTreeMap<String, String>,
    /// The fields of its account that are.
    secrets: BTreeMap<&'static str, SecretShown>,
    /// How it behaves.
    settings: Settings,
    /// Whether it takes requests.
    active: bool,
    /// The address to give to the provider.
    webhook_url: String,
    /// When it was made.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<i64>,
    /// When it last changed.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    changed_at: Option<i64>,
    /// Counts changes.
    version: i64,
}

/// What may be known of a secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SecretField)]
struct SecretShown {
    /// Whether it has a value.
    set: bool,
    /// How many values it has: during a rotation several verify.
    count: usize,
}

/// A channel to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewChannel {
    /// Its name: lower-case letters, digits, hyphens and underscores.
    id: String,
    /// The provider, such as `twilio`.
    provider: String,
    /// Our address there: the number, page or bot that people write to.
    address: String,
    /// What the provider gave us: the fields `frontdesk providers` lists, secrets included.
    #[schema(value_type = Object)]
    account: Value,
    /// How it behaves.
    #[serde(default)]
    settings: Settings,
    /// Whether it takes requests; by itself it does.
    active: Option<bool>,
}

/// What is to be changed about a channel. Absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChannelChange {
    /// Our address there.
    address: Option<String>,
    /// Fields of the account with new values; `null` takes one away, others stay.
    #[schema(value_type = Option<Object>)]
    account: Option<serde_json::Map<String, Value>>,
    /// All settings.
    settings: Option<Settings>,
    /// Whether it takes requests.
    active: Option<bool>,
}

/// A new value of a secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// The secret field; by itself the one that verifies requests.
    field: Option<String>,
    /// The new value. May be absent where `keep_old` is `false`: then only the newest stays.
    value: Option<String>,
    /// Whether the values there are stay valid beside the new one; by itself they do.
    keep_old: Option<bool>,
}

/// Whether a channel can be used, and what to tell its provider.
#[derive(Debug, Serialize, ToSchema)]
struct ChannelTest {
    /// Whether requests for it can be verified.
    ok: bool,
    /// What was found, and what to do.
    detail: String,
    /// The address to give to the provider.
    webhook_url: String,
    /// How requests are verified.
    verification: Option<String>,
    /// The header in which a request carries its proof.
    signature_header: Option<&'static str>,
    /// Whether the provider checks the address when it is set up, which is answered by itself.
    handshake: Option<bool>,
}

impl Shown {
    fn of(api: &Api, channel: &Channel) -> Self {
        let fields = channel.adapter.account.iter().filter(|field| field.secret);
        let secrets = fields.map(|field| {
            let count = channel.account.secrets(field.name).len();
            (field.name, SecretShown { set: count > 0, count })
        });
        Self {
            id: channel.id.clone(),
            unusable: None,
            provider: Some(channel.adapter.provider),
            address: Some(channel.address.clone()),
            account: channel.account.plain().clone(),
            secrets: secrets.collect(),
            settings: channel.settings.clone(),
            active: channel.active,
            webhook_url: webhook_url(api, &channel.id),
            created_at: Some(channel.created_at),
            changed_at: Some(channel.changed_at),
            version: channel.version,
        }
    }

    fn unusable(api: &Api, id: String, error: &ChannelStoreError) -> Self {
        let webhook_url = webhook_url(api, &id);
        Self { id, unusable: Some(why(error)), webhook_url, ..Self::default() }
    }
}

fn webhook_url(api: &Api, id: &str) -> String {
    format!("{}/webhooks/{id}", api.public_url)
}

fn why(error: &ChannelStoreError) -> String {
    match error {
        ChannelStoreError::Store(error) => error.to_string(),
        ChannelStoreError::Vault(..) => {
            "its secrets were sealed with another key; start with that key, or enter them again"
                .to_owned()
        }
        ChannelStoreError::Row(_) => {
            "it was stored in a form this version does not understand; use the version that did"
                .to_owned()
        }
    }
}

impl From<ChannelStoreError> for Problem {
    fn from(error: ChannelStoreError) -> Self {
        match error {
            ChannelStoreError::Store(error) => error.into(),
            ChannelStoreError::Vault(..) | ChannelStoreError::Row(_) => Self::new(
                Code::ChannelUnusable,
                format!("the channel cannot be used: {}", why(&error)),
            ),
        }
    }
}

impl From<ChannelError> for Problem {
    fn from(error: ChannelError) -> Self {
        let pointer = match &error {
            ChannelError::Id => "/id".to_owned(),
            ChannelError::UnknownProvider(_) => "/provider".to_owned(),
            ChannelError::Address => "/address".to_owned(),
            ChannelError::Region(_) => "/settings/region".to_owned(),
            ChannelError::Account(error) => match error {
                AccountError::NotATable(_) => "/account".to_owned(),
                AccountError::UnknownField { field, .. } | AccountError::NotText(field) => {
                    format!("/account/{field}")
                }
                AccountError::Missing { field, .. } | AccountError::Unusable(field, _) => {
                    format!("/account/{field}")
                }
            },
        };
        Self::body(pointer, error)
    }
}

/// Lists channels, by id.
#[utoipa::path(get, path = "/v1/channels", tag = "channels", params(Paging),
    responses((status = 200, body = Page<Shown>, description = "Channels.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Shown>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let channels = channels::list(&mut tx, &api.vault).await?;
    tx.rollback().await?;
    let page = range.cut(channels, |(id, _)| id.clone());
    Ok(Json(page.map(|(id, channel)| match channel {
        Ok(channel) => Shown::of(&api, &channel),
        Err(error) => Shown::unusable(&api, id, &error),
    })))
}

/// Shows a channel.
#[utoipa::path(get, path = "/v1/channels/{id}", tag = "channels",
    params(("id" = String, Path, description = "The channel's id.")),
    responses((status = 200, body = Shown, description = "The channel.")))]
async fn get(State(api): Context, Path(id): Path<String>) -> Result<Versioned<Shown>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let channel = find(&api, &mut tx, &id).await?;
    tx.rollback().await?;
    Ok(Versioned(Shown::of(&api, &channel), channel.version))
}

/// Makes a channel.
#[utoipa::path(post, path = "/v1/channels", tag = "channels", request_body = NewChannel,
    responses((status = 201, body = Shown, description = "The new channel.")))]
async fn create(
    State(api): Context,
    Body(new): Body<NewChannel>,
) -> Result<Created<Shown>, Problem> {
    let NewChannel { id, provider, address, account, settings, active } = new;
    let now = api.clock.now().as_millis();
    let channel = Channel::new(&id, &provider, &address, &account, settings, now)?;
    let channel = Channel { active: active.unwrap_or(true), ..channel };
    let mut tx = api.store.begin().await?;
    channels::insert(&mut tx, &api.vault, &channel).await?;
    tx.commit().await?;
    announce(&api).await;
    Ok(Created(format!("/v1/channels/{id}"), Versioned(Shown::of(&api, &channel), 1)))
}

/// Changes a channel.
#[utoipa::path(patch, path = "/v1/channels/{id}", tag = "channels",
    params(("id" = String, Path, description = "The channel's id.")), request_body = ChannelChange,
    responses((status = 200, body = Shown, description = "The changed channel.")))]
async fn change(
    State(api): Context,
    Path(id): Path<String>,
    if_match: IfMatch,
    Body(change): Body<ChannelChange>,
) -> Result<Versioned<Shown>, Problem> {
    let mut tx = api.store.begin().await?;
    let old = find(&api, &mut tx, &id).await?;
    if_match.check(old.version)?;
    let mut account = old.account.expose_json();
    for (field, value) in change.account.into_iter().flatten() {
        account[&field] = value;
    }
    let address = change.address.as_deref().unwrap_or(&old.address);
    let settings = change.settings.unwrap_or_else(|| old.settings.clone());
    let now = api.clock.now().as_millis();
    let new = Channel::new(&id, old.adapter.provider, address, &account, settings, now)?;
    let active = change.active.unwrap_or(old.active);
    save(&api, tx, &old, Channel { active, ..new }).await
}

/// Puts a new value of a secret in front of the old one: both verify, until the old one is dropped.
#[utoipa::path(post, path = "/v1/channels/{id}/rotate-secret", tag = "channels",
    params(("id" = String, Path, description = "The channel's id.")), request_body = Rotation,
    responses((status = 200, body = Shown, description = "The changed channel.")))]
async fn rotate_secret(
    State(api): Context,
    Path(id): Path<String>,
    Body(rotation): Body<Rotation>,
) -> Result<Versioned<Shown>, Problem> {
    let mut tx = api.store.begin().await?;
    let old = find(&api, &mut tx, &id).await?;
    let verifying = old.adapter.verifier.secret_field();
    let field = rotation.field.as_deref().unwrap_or(verifying);
    if !old.adapter.account.iter().any(|known| known.secret && known.name == field) {
        let detail = "name a secret field; `frontdesk providers` lists them";
        return Err(Problem::body("/field", detail));
    }
    let values = old.account.secrets(field).iter().map(|secret| secret.expose().to_owned());
    let values: Vec<_> = match (rotation.value, rotation.keep_old.unwrap_or(true)) {
        (Some(value), _) if value.is_empty() => {
            return Err(Problem::body("/value", "give the new value"));
        }
        (Some(value), true) => {
            std::iter::once(value.clone()).chain(values.filter(|old| *old != value)).collect()
        }
        (Some(value), false) => vec![value],
        (None, false) => values.take(1).collect(),
        (None, true) => {
            return Err(Problem::body(
                "/value",
                "give the new value, or drop old ones with keep_old",
            ));
        }
    };
    let mut account = old.account.expose_json();
    account[field] = values.into();
    let (settings, now) = (old.settings.clone(), api.clock.now().as_millis());
    let new = Channel::new(&id, old.adapter.provider, &old.address, &account, settings, now)?;
    save(&api, tx, &old, Channel { active: old.active, ..new }).await
}

/// Says whether a channel can be used, and what to tell its provider.
#[utoipa::path(post, path = "/v1/channels/{id}/test", tag = "channels",
    params(("id" = String, Path, description = "The channel's id.")),
    responses((status = 200, body = ChannelTest, description = "What was found.")))]
async fn test(State(api): Context, Path(id): Path<String>) -> Result<Json<ChannelTest>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let found = channels::get(&mut tx, &api.vault, &id).await;
    tx.rollback().await?;
    let webhook_url = webhook_url(&api, &id);
    let channel = match found {
        Ok(found) => found.ok_or_else(|| Problem::not_found("channel"))?,
        Err(ChannelStoreError::Store(error)) => return Err(error.into()),
        Err(error @ (ChannelStoreError::Vault(..) | ChannelStoreError::Row(_))) => {
            return Ok(Json(ChannelTest {
                ok: false,
                detail: why(&error),
                webhook_url,
                verification: None,
                signature_header: None,
                handshake: None,
            }));
        }
    };
    let detail = if channel.active {
        "its account opens; give the address to the provider".to_owned()
    } else {
        "its account opens, but it is switched off: change `active` to take requests".to_owned()
    };
    let verifier = &channel.adapter.verifier;
    Ok(Json(ChannelTest {
        ok: channel.active,
        detail,
        webhook_url,
        verification: Some(verifier.describe()),
        signature_header: Some(verifier.signature_header()),
        handshake: Some(match channel.adapter.handshake {
            Handshake::None => false,
            Handshake::Answer(_) => true,
        }),
    }))
}

async fn find(api: &Api, tx: &mut Tx, id: &str) -> Result<Channel, Problem> {
    let channel = channels::get(tx, &api.vault, id).await?;
    channel.ok_or_else(|| Problem::not_found("channel"))
}

/// Stores the channel that takes the place of `old`.
async fn save(
    api: &Api,
    mut tx: Tx,
    old: &Channel,
    new: Channel,
) -> Result<Versioned<Shown>, Problem> {
    let new = Channel { created_at: old.created_at, version: old.version + 1, ..new };
    if !channels::save(&mut tx, &api.vault, &new).await? {
        return Err(Problem::conflict());
    }
    tx.commit().await?;
    announce(api).await;
    Ok(Versioned(Shown::of(api, &new), new.version))
}
