//! Wrap-up configurations and messaging actions, as the file has them.
//!
//! An entry is the whole word about what it names: a key that it leaves out is as usual.

use serde::{Deserialize, Serialize};

use super::changes::{Changes, differs};
use crate::{
    audit::{self, Author, Subject},
    cli::{Exit, fault},
    conditions::Conditions,
    db::Tx,
    routing::{self, RouteError},
    timers::{self, Action, Event, MessagingAction},
    wrap_up::{self, Code, Configuration},
};

/// A wrap-up configuration in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrapUpEntry {
    pub id: String,
    #[serde(default = "usual_order")]
    order: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    when: Conditions,
    #[serde(default, skip_serializing_if = "is_default")]
    enforced: bool,
    #[serde(default = "usual_duration")]
    duration_seconds: i64,
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    show_timer: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    codes: Vec<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_code: Option<String>,
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    active: bool,
}

/// A messaging action in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActionEntry {
    pub id: String,
    event: Event,
    after_seconds: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    when: Conditions,
    action: Action,
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    active: bool,
}

fn yes() -> bool {
    true
}

fn usual_order() -> i64 {
    wrap_up::DEFAULT_ORDER
}

fn usual_duration() -> i64 {
    wrap_up::DEFAULT_SECONDS
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl WrapUpEntry {
    pub fn configuration(self, now: i64) -> Configuration {
        Configuration {
            order: self.order,
            when: self.when,
            enforced: self.enforced,
            duration_seconds: self.duration_seconds,
            show_timer: self.show_timer,
            codes: self.codes,
            default_code: self.default_code,
            active: self.active,
            ..Configuration::new(&self.id, now)
        }
    }
}

impl From<Configuration> for WrapUpEntry {
    fn from(stored: Configuration) -> Self {
        Self {
            id: stored.id,
            order: stored.order,
            when: stored.when,
            enforced: stored.enforced,
            duration_seconds: stored.duration_seconds,
            show_timer: stored.show_timer,
            codes: stored.codes,
            default_code: stored.default_code,
            active: stored.active,
        }
    }
}

impl ActionEntry {
    pub fn action(self, now: i64) -> MessagingAction {
        MessagingAction {
            id: self.id,
            event: self.event,
            after_seconds: self.after_seconds,
            when: self.when,
            action: self.action,
            active: self.active,
            created_at: now,
            changed_at: now,
            version: 1,
        }
    }
}

impl From<MessagingAction> for ActionEntry {
    fn from(stored: MessagingAction) -> Self {
        Self {
            id: stored.id,
            event: stored.event,
            after_seconds: stored.after_seconds,
            when: stored.when,
            action: stored.action,
            active: stored.active,
        }
    }
}

/// Stores wrap-up configurations.
pub(super) async fn put_wrap_up(
    tx: &mut Tx,
    desired: Vec<Configuration>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    let stored = wrap_up::list(tx).await?;
    let ids = stored.iter().map(|one| one.id.as_str());
    changes.leave_alone("wrap-up configuration", ids, |id| desired.iter().any(|one| one.id == id));
    for after in desired {
        let what = format!("wrap-up configuration {}", after.id);
        let subject = Subject::new("wrap_up_configuration", &after.id);
        let Some(before) = stored.iter().find(|before| before.id == after.id) else {
            wrap_up::insert(tx, &after).await?;
            remember(tx, subject, &None::<Configuration>, &after, now).await?;
            changes.created(what);
            continue;
        };
        let after = Configuration {
            created_at: before.created_at,
            changed_at: now,
            version: before.version + 1,
            ..after
        };
        let details = differences(before, &after);
        if details.is_empty() {
            changes.unchanged += 1;
            continue;
        }
        if !wrap_up::save(tx, &after).await? {
            return Err(at_the_same_moment(&what));
        }
        remember(tx, subject, before, &after, now).await?;
        changes.changed(what, details);
    }
    Ok(())
}

/// Stores messaging actions.
pub(super) async fn put_actions(
    tx: &mut Tx,
    desired: Vec<MessagingAction>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    let stored = timers::store::list(tx).await?;
    let ids = stored.iter().map(|one| one.id.as_str());
    changes.leave_alone("messaging action", ids, |id| desired.iter().any(|one| one.id == id));
    let queues = routing::store::queues(tx).await?;
    for after in desired {
        let what = format!("messaging action {}", after.id);
        if let Action::Reassign { queue: Some(queue) } = &after.action
            && !queues.iter().any(|known| known.id == *queue)
        {
            let error = RouteError::UnknownQueue(queue.clone());
            return Err(fault(Exit::Configuration, format!("{what}: {error}")));
        }
        let subject = Subject::new("messaging_action", &after.id);
        let Some(before) = stored.iter().find(|before| before.id == after.id) else {
            timers::store::insert(tx, &after).await?;
            remember(tx, subject, &None::<MessagingAction>, &after, now).await?;
            changes.created(what);
            continue;
        };
        let after = MessagingAction {
            created_at: before.created_at,
            changed_at: now,
            version: before.version + 1,
            ..after
        };
        let details = differences(before, &after);
        if details.is_empty() {
            changes.unchanged += 1;
            continue;
        }
        if !timers::store::save(tx, &after).await? {
            return Err(at_the_same_moment(&what));
        }
        remember(tx, subject, before, &after, now).await?;
        changes.changed(what, details);
    }
    Ok(())
}

fn at_the_same_moment(what: &str) -> anyhow::Error {
    fault(Exit::Failed, format!("{what} was changed at the same moment; apply again"))
}

async fn remember(
    tx: &mut Tx,
    subject: Subject,
    before: &impl Serialize,
    after: &impl Serialize,
    now: i64,
) -> anyhow::Result<()> {
    let told = audit::differences(before, after);
    let action = if told.iter().all(|change| change.from.is_null()) { "create" } else { "change" };
    Ok(audit::record(tx, &Author::command("apply"), subject, action, told, now).await?)
}

fn differences(before: &impl Serialize, after: &impl Serialize) -> Vec<String> {
    let mut details = Vec::new();
    for change in audit::differences(before, after) {
        differs(&mut details, &change.field, &change.from, &change.to);
    }
    details
}
