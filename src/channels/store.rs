//! SQL of channels.

use frontdesk_adapters::{Account, providers};
use serde_json::Value;
use sqlx::types::Json;

use super::{Channel, ChannelStoreError, Settings};
use crate::{
    db::{StoreError, Tx, on_engine},
    vault::Vault,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    provider: String,
    address: String,
    account: Vec<u8>,
    settings: Json<Settings>,
    active: bool,
    created_at: i64,
    changed_at: i64,
    version: i64,
}

/// All channels in the order of their ids; one that does not open leaves the others usable.
pub async fn list(
    tx: &mut Tx,
    vault: &Vault,
) -> Result<Vec<(String, Result<Channel, ChannelStoreError>)>, StoreError> {
    const SQL: &str = "select id, provider, address, account, settings, active, created_at, \
        changed_at, version from channels order by id";
    let rows: Vec<Row> = on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row.open(vault))).collect())
}

/// One channel.
pub async fn get(
    tx: &mut Tx,
    vault: &Vault,
    id: &str,
) -> Result<Option<Channel>, ChannelStoreError> {
    row(tx, id).await?.map(|row| row.open(vault)).transpose()
}

/// One channel with an empty account: for one whose account does not open.
pub async fn without_account(tx: &mut Tx, id: &str) -> Result<Option<Channel>, ChannelStoreError> {
    row(tx, id).await?.map(|row| row.with(&Value::Object(serde_json::Map::new()))).transpose()
}

async fn row(tx: &mut Tx, id: &str) -> Result<Option<Row>, StoreError> {
    const SQL: &str = "select id, provider, address, account, settings, active, created_at, \
        changed_at, version from channels where id = $1";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?)
}

/// The id and the address of every channel, also of one that does not open.
pub async fn addresses(tx: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
    const SQL: &str = "select id, address from channels order by id";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?)
}

/// Stores a new channel; [`StoreError::Exists`] when its id is taken.
pub async fn insert(tx: &mut Tx, vault: &Vault, channel: &Channel) -> Result<(), StoreError> {
    const SQL: &str = "insert into channels (id, provider, address, account, settings, active, \
        created_at, changed_at, version) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&channel.id)
        .bind(channel.adapter.provider)
        .bind(&channel.address)
        .bind(seal(vault, channel))
        .bind(Json(&channel.settings))
        .bind(channel.active)
        .bind(channel.created_at)
        .bind(channel.changed_at)
        .bind(channel.version)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Stores a changed channel if its row still has the version before it.
///
/// Returns whether it did.
pub async fn save(tx: &mut Tx, vault: &Vault, channel: &Channel) -> Result<bool, StoreError> {
    const SQL: &str = "update channels set provider = $2, address = $3, account = $4, settings = $5, \
        active = $6, changed_at = $7, version = $8 where id = $1 and version = $8 - 1";
    let changed = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&channel.id)
        .bind(channel.adapter.provider)
        .bind(&channel.address)
        .bind(seal(vault, channel))
        .bind(Json(&channel.settings))
        .bind(channel.active)
        .bind(channel.changed_at)
        .bind(channel.version)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// Forgets a channel. Its messages stay.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    const SQL: &str = "delete from channels where id = $1";
    let deleted = on_engine!(tx, conn => sqlx::query(SQL).bind(id).execute(conn).await
        .map(|done| done.rows_affected()))?;
    Ok(deleted == 1)
}

fn seal(vault: &Vault, channel: &Channel) -> Vec<u8> {
    vault.seal(&owner(&channel.id), channel.account.expose_json().to_string().as_bytes())
}

fn owner(id: &str) -> String {
    format!("channel:{id}")
}

impl Row {
    fn open(self, vault: &Vault) -> Result<Channel, ChannelStoreError> {
        let account = vault
            .open(&owner(&self.id), &self.account)
            .map_err(|error| ChannelStoreError::Vault(self.id.clone(), error))?;
        let account: Value = serde_json::from_slice(&account)
            .map_err(|_| ChannelStoreError::Row(self.id.clone()))?;
        self.with(&account)
    }

    fn with(self, account: &Value) -> Result<Channel, ChannelStoreError> {
        let unreadable = || ChannelStoreError::Row(self.id.clone());
        let adapter = providers::find(&self.provider).ok_or_else(unreadable)?;
        let account = Account::read(adapter, account).map_err(|_| unreadable())?;
        Ok(Channel {
            id: self.id,
            adapter,
            address: self.address,
            account,
            settings: self.settings.0,
            active: self.active,
            created_at: self.created_at,
            changed_at: self.changed_at,
            version: self.version,
        })
    }
}
