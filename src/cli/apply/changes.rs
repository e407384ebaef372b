//! Making the database say what a file says, and telling what that took.

use super::{agents, file::Desired, people, policies, queues, sinks, timed};
use crate::{
    audit::{self, Author, Subject},
    channels::{self, Channel, ChannelStoreError, Settings},
    cli::{Exit, fault},
    db::Tx,
    routing::{
        self, Route,
        names::{Coming, missing_from_route},
    },
    vault::Vault,
};

/// What is told where secrets do not open with the key there is, so that the file's take their place.
pub(super) const ENTERED_AGAIN: &str =
    "secrets entered again, since those stored were sealed with another key";

/// What applying took.
#[derive(Debug, Default)]
pub(in crate::cli) struct Changes {
    pub made: Vec<Change>,
    pub unchanged: usize,
    /// What the database has and the file does not name.
    pub left_alone: Vec<String>,
}

/// One thing made or changed.
#[derive(Debug)]
pub(in crate::cli) struct Change {
    pub kind: Kind,
    /// Such as `channel support-sms`.
    pub what: String,
    /// What is different. Never a secret.
    pub details: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    Created,
    Changed,
}

impl Changes {
    pub(super) fn created(&mut self, what: String) {
        self.made.push(Change { kind: Kind::Created, what, details: Vec::new() });
    }

    pub(super) fn changed(&mut self, what: String, details: Vec<String>) {
        self.made.push(Change { kind: Kind::Changed, what, details });
    }

    /// Whether secrets take the place of those that do not open.
    pub(super) fn enters_secrets_again(&self) -> bool {
        self.made.iter().any(|change| change.details.iter().any(|detail| detail == ENTERED_AGAIN))
    }

    pub(super) fn leave_alone<'a>(
        &mut self,
        noun: &str,
        stored: impl Iterator<Item = &'a str>,
        named: impl Fn(&str) -> bool,
    ) {
        self.left_alone.extend(stored.filter(|id| !named(id)).map(|id| format!("{noun} {id}")));
    }
}

/// Writes what `desired` says and the database does not. The caller commits.
pub(in crate::cli) async fn make(
    tx: &mut Tx,
    vault: &Vault,
    desired: Desired,
    now: i64,
) -> anyhow::Result<Changes> {
    let mut changes = Changes::default();
    put_channels(tx, vault, desired.channels, now, &mut changes).await?;
    let coming = Coming {
        queues: desired.queues.iter().map(|queue| queue.id.clone()).collect(),
        agents: desired.agents.iter().map(|agent| agent.id.clone()).collect(),
    };
    queues::put(tx, desired.queues, &coming, now, &mut changes).await?;
    put_routes(tx, desired.routes, &mut changes).await?;
    agents::put(tx, desired.agents, now, &mut changes).await?;
    people::put(tx, desired.people, now, &mut changes).await?;
    policies::put(tx, desired.related_policies, now, &mut changes).await?;
    timed::put_wrap_up(tx, desired.wrap_up_configurations, now, &mut changes).await?;
    timed::put_actions(tx, desired.messaging_actions, now, &mut changes).await?;
    sinks::put(tx, vault, desired.sinks, now, &mut changes).await?;
    Ok(changes)
}

async fn put_channels(
    tx: &mut Tx,
    vault: &Vault,
    desired: Vec<Channel>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    let stored = channels::list(tx, vault).await?;
    let ids = stored.iter().map(|(id, _)| id.as_str());
    changes.leave_alone("channel", ids, |id| desired.iter().any(|channel| channel.id == id));
    let mut stored: std::collections::HashMap<String, Result<Channel, ChannelStoreError>> =
        stored.into_iter().collect();
    for channel in desired {
        let what = format!("channel {}", channel.id);
        let (before, sealed) = match stored.remove(&channel.id) {
            Some(Err(ChannelStoreError::Vault(..))) => {
                (channels::without_account(tx, &channel.id).await?, true)
            }
            stored => (stored.transpose()?, false),
        };
        let Some(before) = before else {
            channels::insert(tx, vault, &channel).await?;
            remember(tx, None, &channel, "create", now).await?;
            changes.created(format!("{what} ({}, {})", channel.adapter.provider, channel.address));
            continue;
        };
        let details = if sealed {
            // The account is not known, so that nothing can be different about it.
            let known = Channel { account: channel.account.clone(), ..before.clone() };
            let others = channel_differences(&known, &channel);
            [vec![ENTERED_AGAIN.to_owned()], others].concat()
        } else {
            channel_differences(&before, &channel)
        };
        if details.is_empty() {
            changes.unchanged += 1;
            continue;
        }
        let channel = Channel {
            created_at: before.created_at,
            changed_at: now,
            version: before.version + 1,
            ..channel
        };
        if !channels::save(tx, vault, &channel).await? {
            let message = format!("{what} was changed at the same moment; apply again");
            return Err(fault(Exit::Failed, message));
        }
        let action = if sealed { "reenter_secrets" } else { "change" };
        remember(tx, Some(&before), &channel, action, now).await?;
        changes.changed(what, details);
    }
    Ok(())
}

async fn remember(
    tx: &mut Tx,
    before: Option<&Channel>,
    after: &Channel,
    action: &str,
    now: i64,
) -> anyhow::Result<()> {
    let subject = Subject::new("channel", &after.id);
    let told = channels::changes(before, after);
    Ok(audit::record(tx, &Author::command("apply"), subject, action, told, now).await?)
}

fn channel_differences(before: &Channel, after: &Channel) -> Vec<String> {
    let mut details = Vec::new();
    differs(&mut details, "provider", before.adapter.provider, after.adapter.provider);
    differs(&mut details, "address", &before.address, &after.address);
    for field in after.adapter.account {
        if field.secret {
            // Both sides are ours already, so comparing them tells nobody anything.
            if before.account.secrets(field.name) != after.account.secrets(field.name) {
                details.push(format!("{} changed", field.name));
            }
        } else {
            let text =
                |channel: &Channel| channel.account.get(field.name).unwrap_or("—").to_owned();
            differs(&mut details, field.name, &text(before), &text(after));
        }
    }
    if before.settings != after.settings {
        let (before, after) = (settings(&before.settings), settings(&after.settings));
        details.push(format!("settings {before} → {after}"));
    }
    differs(&mut details, "active", before.active, after.active);
    details
}

fn settings(settings: &Settings) -> String {
    serde_json::to_string(settings).unwrap_or_default()
}

pub(super) fn differs<T: PartialEq + std::fmt::Display>(
    details: &mut Vec<String>,
    name: &str,
    before: T,
    after: T,
) {
    if before != after {
        details.push(format!("{name} {before} → {after}"));
    }
}

async fn put_routes(tx: &mut Tx, desired: Vec<Route>, changes: &mut Changes) -> anyhow::Result<()> {
    let stored = routing::store::routes(tx).await?;
    let ids = stored.iter().map(|route| route.id.as_str());
    changes.leave_alone("route", ids, |id| desired.iter().any(|route| route.id == id));
    for route in desired {
        let what = format!("route {}", route.id);
        let before = stored.iter().find(|stored| stored.id == route.id);
        if let Some(missing) = missing_from_route(tx, &route, before).await? {
            return Err(fault(Exit::Configuration, format!("{what}: {missing}")));
        }
        let version = before.map_or(1, |before| before.version + 1);
        let after = Route { version, ..route };
        let details = before.map(|before| route_differences(before, &after));
        match details {
            Some(details) if details.is_empty() => changes.unchanged += 1,
            Some(details) => {
                if !routing::store::save_route(tx, &after).await? {
                    let message = format!("{what} was changed by somebody else; apply again");
                    return Err(fault(Exit::Failed, message));
                }
                changes.changed(what, details);
            }
            None => {
                routing::store::insert_route(tx, &after).await?;
                changes.created(format!("{what} (to queue {})", after.queue));
            }
        }
    }
    Ok(())
}

fn route_differences(before: &Route, after: &Route) -> Vec<String> {
    let mut details = Vec::new();
    differs(&mut details, "queue", &before.queue, &after.queue);
    differs(&mut details, "priority", before.priority, after.priority);
    differs(&mut details, "position", before.position, after.position);
    differs(&mut details, "active", before.active, after.active);
    differs(&mut details, "skills", before.skills.join(" "), after.skills.join(" "));
    if before.when != after.when {
        let text = |route: &Route| serde_json::to_string(&route.when).unwrap_or_default();
        details.push(format!("when {} → {}", text(before), text(after)));
    }
    details
}
