//! Channels. Their secrets go in and never come out: only whether and how many there are is shown.

mod forms;

use axum::{Json, extract::State};
use frontdesk_adapters::Handshake;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use self::forms::why;
use self::forms::{ChannelChange, ChannelTest, NewChannel, Rotation, Shown, webhook_url};
use super::{
    Api, Context,
    agents::By,
    announce,
    input::{Body, IfMatch, Paging, Path, Query},
    output::{Created, Page, Range, Versioned},
    problem::Problem,
};
use crate::{
    audit::{self, Author, Subject},
    channels::{self, Channel, ChannelStoreError},
    db::Tx,
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change))
        .routes(routes!(test))
        .routes(routes!(rotate_secret))
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
    let mut shown = Vec::new();
    for (id, channel) in channels::list(&mut tx, &api.vault).await? {
        shown.push(show(&api, &mut tx, id, channel).await?);
    }
    tx.rollback().await?;
    Ok(Json(range.cut(shown, |channel| channel.id.clone())))
}

/// Shows a channel, also one whose account does not open.
#[utoipa::path(get, path = "/v1/channels/{id}", tag = "channels",
    params(("id" = String, Path, description = "The channel's id.")),
    responses((status = 200, body = Shown, description = "The channel.")))]
async fn get(State(api): Context, Path(id): Path<String>) -> Result<Versioned<Shown>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let found = channels::get(&mut tx, &api.vault, &id).await.transpose();
    let found = found.ok_or_else(|| Problem::not_found("channel"))?;
    let shown = show(&api, &mut tx, id, found).await?;
    tx.rollback().await?;
    let version = shown.version;
    Ok(Versioned(shown, version))
}

/// Makes a channel.
#[utoipa::path(post, path = "/v1/channels", tag = "channels", request_body = NewChannel,
    responses((status = 201, body = Shown, description = "The new channel.")))]
async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewChannel>,
) -> Result<Created<Shown>, Problem> {
    let NewChannel { id, provider, address, account, settings, active } = new;
    let now = api.clock.now().as_millis();
    let channel = Channel::new(&id, &provider, &address, &account, settings, now)?;
    let channel = Channel { active: active.unwrap_or(true), ..channel };
    let mut tx = api.store.begin().await?;
    channels::insert(&mut tx, &api.vault, &channel).await?;
    let changes = channels::changes(None, &channel);
    audit::record(&mut tx, &author, Subject::new("channel", &id), "create", changes, now).await?;
    tx.commit().await?;
    announce(&api).await;
    Ok(Created(format!("/v1/channels/{id}"), Versioned(Shown::of(&api, &channel), 1)))
}

/// Changes a channel. Where its account does not open, a whole new `account` takes its place.
#[utoipa::path(patch, path = "/v1/channels/{id}", tag = "channels",
    params(("id" = String, Path, description = "The channel's id.")), request_body = ChannelChange,
    responses((status = 200, body = Shown, description = "The changed channel.")))]
async fn change(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
    if_match: IfMatch,
    Body(change): Body<ChannelChange>,
) -> Result<Versioned<Shown>, Problem> {
    let mut tx = api.store.begin().await?;
    let (old, action) = match channels::get(&mut tx, &api.vault, &id).await {
        // What is given must be complete by itself, as for a new channel.
        Err(ChannelStoreError::Vault(..)) if change.account.is_some() => {
            (channels::without_account(&mut tx, &id).await?, "reenter_secrets")
        }
        found => (found?, "change"),
    };
    let old = old.ok_or_else(|| Problem::not_found("channel"))?;
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
    save(&api, tx, &old, Channel { active, ..new }, &author, action).await
}

/// Puts a new value of a secret in front of the old one: both verify, until the old one is dropped.
#[utoipa::path(post, path = "/v1/channels/{id}/rotate-secret", tag = "channels",
    params(("id" = String, Path, description = "The channel's id.")), request_body = Rotation,
    responses((status = 200, body = Shown, description = "The changed channel.")))]
async fn rotate_secret(
    State(api): Context,
    By(author): By,
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
    let new = Channel { active: old.active, ..new };
    save(&api, tx, &old, new, &author, "rotate_secret").await
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
    let detail = if channel.active && !channel.settings.verification.is_enforced() {
        "its account opens, but verification only watches: anybody can write into it; set \
         `verification` to `enforce` once nothing is marked any more"
            .to_owned()
    } else if channel.active {
        "its account opens; give the address to the provider".to_owned()
    } else {
        "its account opens, but it is switched off: change `active` to take requests".to_owned()
    };
    let verifier = channel.adapter.verifier;
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

/// What is told of a channel; of one that does not open, all but its account.
async fn show(
    api: &Api,
    tx: &mut Tx,
    id: String,
    channel: Result<Channel, ChannelStoreError>,
) -> Result<Shown, Problem> {
    let error = match channel {
        Ok(channel) => return Ok(Shown::of(api, &channel)),
        Err(ChannelStoreError::Store(error)) => return Err(error.into()),
        Err(error @ (ChannelStoreError::Vault(..) | ChannelStoreError::Row(_))) => error,
    };
    match channels::without_account(tx, &id).await {
        Ok(Some(channel)) => Ok(Shown::sealed(api, &channel, &error)),
        Ok(None) | Err(ChannelStoreError::Vault(..) | ChannelStoreError::Row(_)) => {
            Ok(Shown::unusable(api, id, &error))
        }
        Err(ChannelStoreError::Store(error)) => Err(error.into()),
    }
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
    author: &Author,
    action: &str,
) -> Result<Versioned<Shown>, Problem> {
    let new = Channel { created_at: old.created_at, version: old.version + 1, ..new };
    if !channels::save(&mut tx, &api.vault, &new).await? {
        return Err(Problem::conflict());
    }
    let subject = Subject::new("channel", &new.id);
    let changes = channels::changes(Some(old), &new);
    audit::record(&mut tx, author, subject, action, changes, new.changed_at).await?;
    tx.commit().await?;
    announce(api).await;
    Ok(Versioned(Shown::of(api, &new), new.version))
}
