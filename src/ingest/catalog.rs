//! The channels and routes in force, kept in memory and taken up within a second of a change.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, RwLock},
    time::Duration,
};

use frontdesk_adapters::{Address, AddressKind, Medium};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    channels::{self, Channel},
    db::{self, Store, StoreError, Tx, on_engine},
    profiles::forgotten,
    routing::{self, Table},
    vault::Vault,
};

/// How often other instances' changes are looked for.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// What intake needs to know beside the request.
#[derive(Debug)]
pub struct Catalog {
    channels: HashMap<String, Entry>,
    /// Our addresses in the telephone network or by mail, each in its own spelling.
    ours: HashSet<String>,
    /// The routes, ready to be tried.
    pub routes: Table,
    /// What opens kept opt-outs of senders who were erased; `None` where there are none.
    pub(super) forgotten: Option<Vault>,
    stamp: Stamp,
}

/// A channel that can be used, or one whose secrets do not open.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Usable(Arc<Channel>),
    Sealed,
}

/// Changes whenever a channel, route or queue does.
type Stamp = Vec<(i64, i64, i64)>;

impl Catalog {
    async fn load(tx: &mut Tx, vault: &Vault) -> Result<Self, StoreError> {
        let stamp = stamp(tx).await?;
        let mut channels = HashMap::new();
        for (id, channel) in channels::list(tx, vault).await? {
            let entry = match channel {
                Ok(channel) if !channel.active => continue,
                Ok(channel) => {
                    if !channel.settings.verification.is_enforced() {
                        tracing::warn!(channel.id = %id,
                            "verification only watches: anybody can write into this channel");
                    }
                    Entry::Usable(Arc::new(channel))
                }
                Err(error) => {
                    tracing::error!(channel.id = %id, error = &error as &dyn std::error::Error,
                        "channel cannot be used");
                    Entry::Sealed
                }
            };
            channels.insert(id, entry);
        }
        let queues = routing::store::queues(tx).await?;
        let routes = Table::new(routing::store::routes(tx).await?, &queues);
        let ours = channels.values().filter_map(|entry| match entry {
            Entry::Usable(channel) if is_public(channel) => Some(channel.address.clone()),
            Entry::Usable(_) | Entry::Sealed => None,
        });
        let ours = ours.collect();
        let forgotten = forgotten::any(tx).await?.then(|| vault.clone());
        Ok(Self { channels, ours, routes, forgotten, stamp })
    }

    pub(super) fn entry(&self, id: &str) -> Option<&Entry> {
        self.channels.get(id)
    }

    /// A channel by its id.
    #[must_use]
    pub fn channel(&self, id: &str) -> Option<&Arc<Channel>> {
        match self.channels.get(id)? {
            Entry::Usable(channel) => Some(channel),
            Entry::Sealed => None,
        }
    }

    /// The channel that an event for `our_address` means, when it came by `channel`.
    ///
    /// Another channel only counts when the same secret signs for it.
    pub(super) fn addressed<'a>(
        &'a self,
        channel: &'a Arc<Channel>,
        our_address: &str,
    ) -> &'a Arc<Channel> {
        if channel.answers_at(our_address) {
            return channel;
        }
        let sibling = self.channels.values().find_map(|entry| match entry {
            Entry::Usable(other)
                if other.answers_at(our_address) && other.shares_secret_with(channel) =>
            {
                Some(other)
            }
            Entry::Usable(_) | Entry::Sealed => None,
        });
        sibling.unwrap_or(channel)
    }

    /// Whether an address is one of ours, so that a message from it would be a loop.
    ///
    /// A provider's opaque id says nothing outside its channel: there, `our_address` is the only one
    /// that is ours.
    pub(super) fn is_ours(&self, address: &Address, our_address: &str) -> bool {
        match address.kind {
            AddressKind::User => address.value == our_address,
            AddressKind::Phone
            | AddressKind::ShortCode
            | AddressKind::Alphanumeric
            | AddressKind::Email => {
                address.value == our_address || self.ours.contains(&address.value)
            }
        }
    }
}

/// Whether a channel's address means the same everywhere, as numbers and e-mail addresses do;
/// pages, bots and sites have ids that mean something to their provider only.
fn is_public(channel: &Channel) -> bool {
    channel.adapter.medium == Medium::Sms
        || channel.address.starts_with('+')
        || channel.address.contains('@')
}

async fn stamp(tx: &mut Tx) -> Result<Stamp, StoreError> {
    const SQL: &str = "select count(*), coalesce(max(changed_at), 0), cast(coalesce(sum(version), 0) as bigint) \
        from channels union all \
        select count(*), coalesce(max(changed_at), 0), cast(coalesce(sum(version), 0) as bigint) from routes \
        union all select count(*), coalesce(max(changed_at), 0), 0 from forgotten_consents \
        union all \
        select count(*), coalesce(max(changed_at), 0), cast(coalesce(sum(version), 0) as bigint) from queues";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?)
}

/// The catalog in force.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<RwLock<Arc<Catalog>>>);

impl Shared {
    pub async fn load(store: &Store, vault: &Vault) -> Result<Self, StoreError> {
        let mut tx = store.begin_read().await?;
        let catalog = Catalog::load(&mut tx, vault).await?;
        tx.rollback().await?;
        Ok(Self(Arc::new(RwLock::new(Arc::new(catalog)))))
    }

    pub fn get(&self) -> Arc<Catalog> {
        let guard = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&guard)
    }

    /// Loads the catalog again if anything changed.
    pub async fn refresh(&self, store: &Store, vault: &Vault) -> Result<(), StoreError> {
        let mut tx = store.begin_read().await?;
        let before = self.get().stamp.clone();
        if stamp(&mut tx).await? != before {
            let catalog = Arc::new(Catalog::load(&mut tx, vault).await?);
            *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = catalog;
        }
        tx.rollback().await
    }
}

/// Looks for changes until told to stop.
pub(super) fn watch(
    store: Store,
    vault: Vault,
    shared: Shared,
    stop: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut failing = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(WATCH_EVERY) => {}
            }
            match db::in_time(shared.refresh(&store, &vault)).await {
                Ok(()) => failing = false,
                // Said once: the last known catalog stays in force.
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot look for changed channels"
                    );
                }
                Err(_) => {}
            }
        }
    })
}
