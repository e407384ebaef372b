//! Tasks that come out of interactions, and what belongs to an interaction.
//!
//! Whoever creates, changes or looks at a task while on an interaction has that logged by itself,
//! where the policies do not say otherwise. Logging is a write of our own, so it never asks for a
//! short description; associating by hand does. Every change is audited, and the interaction's
//! listeners learn when what belongs to it changed.

use serde_json::{Value, json};
use uuid::Uuid;

use super::tell;
use crate::{
    audit::{self, Author, Change, Subject},
    clock,
    db::{StoreError, Tx},
    interactions::{self, Interaction},
    outbox::EventType,
    profiles::{PersonKind, PersonRef, Profile},
    tasks::{
        self, IllegalMove, Kind, State, Task,
        related::{self, Document, Operation, Related},
    },
};

/// How often a row is read again after somebody else was quicker.
const ATTEMPTS: usize = 4;
/// A text mentions no more tasks than somebody can have meant.
const MOST_MENTIONS: usize = 20;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The table of states does not have it.
    #[error(transparent)]
    Illegal(#[from] IllegalMove),
    /// What is done changes no more.
    #[error("a {} task changes no more; open another one", .0.as_str())]
    Final(State),
    /// The interaction has one of this kind, and may have one only.
    #[error("this interaction has {0} already, and may have one of the kind; change that one")]
    OneAlready(String),
    /// Nobody said what the interaction is about.
    #[error("say in the interaction's short_description what it is about first")]
    DescriptionNeeded,
    /// The record of another system is there already, with another address.
    #[error("this record is there already, with another address; take that one off first")]
    OtherAddress,
    /// Somebody else changed it since it was read.
    #[error("it changed at the same moment")]
    Changed,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// For whom a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    kind: String,
    person: Option<Uuid>,
    profile_id: Option<Uuid>,
    account: Option<String>,
    contact: Option<Uuid>,
    consumer: Option<Uuid>,
}

impl From<PersonRef> for Customer {
    fn from(person: PersonRef) -> Self {
        let of_kind = |kind| (person.kind == kind).then_some(person.id);
        Self {
            kind: person.kind.as_str().to_owned(),
            person: Some(person.id),
            profile_id: None,
            account: None,
            contact: of_kind(PersonKind::Contact),
            consumer: of_kind(PersonKind::Consumer),
        }
    }
}

impl From<&Profile> for Customer {
    fn from(profile: &Profile) -> Self {
        let person = profile.person();
        let of_kind = |wanted: PersonKind| {
            person.filter(|person| person.kind == wanted).map(|person| person.id)
        };
        Self {
            kind: person.map_or("guest", |person| person.kind.as_str()).to_owned(),
            person: profile.person_id,
            profile_id: Some(profile.id),
            account: None,
            contact: of_kind(PersonKind::Contact),
            consumer: of_kind(PersonKind::Consumer),
        }
    }
}

impl From<&Interaction> for Customer {
    fn from(interaction: &Interaction) -> Self {
        Self {
            kind: interaction.opened_for_kind.clone(),
            person: interaction.opened_for,
            profile_id: interaction.profile_id,
            account: interaction.account.clone(),
            contact: interaction.contact,
            consumer: interaction.consumer,
        }
    }
}

impl Customer {
    /// The task, for this customer.
    #[must_use]
    pub fn of(self, task: Task) -> Task {
        Task {
            opened_for_kind: self.kind,
            opened_for: self.person,
            profile_id: self.profile_id.or(task.profile_id),
            account: self.account.or(task.account),
            contact: self.contact,
            consumer: self.consumer,
            ..task
        }
    }
}

/// A task to be opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// What it is.
    pub kind: Kind,
    /// What it is about.
    pub short_description: String,
    /// The whole story.
    pub description: Option<String>,
    /// 1 to 5.
    pub priority: i64,
    /// The agent who is to do it.
    pub assigned_to: Option<String>,
    /// For whom.
    pub customer: Customer,
}

/// Opens a task; `on` is the interaction somebody is on.
pub async fn open(
    tx: &mut Tx,
    opening: Opening,
    on: Option<&Interaction>,
    author: &Author,
    now: i64,
) -> Result<Task, TaskError> {
    let kind = opening.kind;
    let sole = match on {
        Some(interaction) => {
            let sole = related::holds_for(tx, kind.as_str()).await?.one_per_interaction;
            if sole && let Some(number) = tasks::sole(tx, interaction.id, kind).await? {
                return Err(TaskError::OneAlready(number));
            }
            sole
        }
        None => false,
    };
    let task = Task {
        number: tasks::next_number(tx, kind).await?,
        id: clock::new_id(),
        kind,
        short_description: opening.short_description,
        description: opening.description,
        state: State::New,
        priority: opening.priority,
        opened_for_kind: String::new(),
        opened_for: None,
        profile_id: None,
        account: None,
        contact: None,
        consumer: None,
        assigned_to: opening.assigned_to,
        interaction: on.map(|interaction| interaction.number.0).into(),
        interaction_id: on.map(|interaction| interaction.id),
        sole,
        opened_at: now,
        opened_by: author.to_string(),
        resolved_at: None,
        closed_at: None,
        closed_by: None,
        changed_at: now,
        version: 1,
    };
    let task = opening.customer.of(task);
    if !tasks::insert(tx, &task).await? {
        // Somebody else's was first, in the moment since we looked.
        let interaction = task.interaction_id.unwrap_or_default();
        let number = tasks::sole(tx, interaction, kind).await?;
        return Err(number.map_or(TaskError::Changed, TaskError::OneAlready));
    }
    remember(tx, &None::<Task>, &task, "create", author, now).await?;
    if let Some(interaction) = on {
        log(tx, interaction, &Document::from(&task), Operation::Insert, author, now).await?;
    }
    Ok(task)
}

/// Stores a changed task; `on` is the interaction somebody is on.
pub async fn change(
    tx: &mut Tx,
    before: &Task,
    mut after: Task,
    on: Option<&Interaction>,
    author: &Author,
    now: i64,
) -> Result<Task, TaskError> {
    if *before == after {
        return Ok(after);
    }
    if before.state.is_final() {
        return Err(TaskError::Final(before.state));
    }
    before.state.permit(after.state)?;
    let to = std::mem::replace(&mut after.state, before.state);
    let mut after = tasks::carry(after, to, &author.to_string(), now);
    after.changed_at = now;
    after.version = before.version + 1;
    if !tasks::update(tx, &after).await? {
        return Err(TaskError::Changed);
    }
    remember(tx, before, &after, "change", author, now).await?;
    if let Some(interaction) = on {
        log(tx, interaction, &Document::from(&after), Operation::Update, author, now).await?;
    }
    Ok(after)
}

/// Whether logging this would change what belongs to the interaction.
pub async fn is_news(
    tx: &mut Tx,
    interaction: &Interaction,
    document: &Document,
    operation: Operation,
) -> Result<bool, StoreError> {
    if !related::switch(tx).await?.enabled
        || !related::holds_for(tx, &document.table).await?.logs(operation)
    {
        return Ok(false);
    }
    let known = related::find(tx, interaction.id, document).await?;
    let strength = Operation::strength(Some(operation));
    Ok(known.is_none_or(|known| Operation::strength(known.operation) < strength))
}

/// Logs by itself what was done to a document on an interaction, if it is to be logged and is news.
pub async fn log(
    tx: &mut Tx,
    interaction: &Interaction,
    document: &Document,
    operation: Operation,
    author: &Author,
    now: i64,
) -> Result<(), TaskError> {
    if is_news(tx, interaction, document, operation).await? {
        relate(tx, interaction, document, Some(operation), author, now).await?;
    }
    Ok(())
}

/// Logs the tasks whose numbers stand in a text written on an interaction.
pub async fn mentioned(
    tx: &mut Tx,
    interaction: &Interaction,
    text: &str,
    author: &Author,
    now: i64,
) -> Result<(), TaskError> {
    for number in tasks::mentions(text).into_iter().take(MOST_MENTIONS) {
        if let Some(task) = tasks::get(tx, &number).await? {
            log(tx, interaction, &Document::from(&task), Operation::Mention, author, now).await?;
        }
    }
    Ok(())
}

/// Associates a document with an interaction by hand; also tells whether it was not there before.
pub async fn associate(
    tx: &mut Tx,
    interaction: &Interaction,
    document: &Document,
    author: &Author,
    now: i64,
) -> Result<(Related, bool), TaskError> {
    if !interaction.is_described() {
        return Err(TaskError::DescriptionNeeded);
    }
    let (related, new) = relate(tx, interaction, document, None, author, now).await?;
    if related.url != document.url {
        return Err(TaskError::OtherAddress);
    }
    Ok((related, new))
}

/// Takes a document off an interaction.
pub async fn dissociate(
    tx: &mut Tx,
    interaction: &Interaction,
    related: &Related,
    author: &Author,
    now: i64,
) -> Result<(), TaskError> {
    if !related::delete(tx, related.id).await? {
        return Err(TaskError::Changed);
    }
    changed(
        tx,
        interaction,
        Change::new("related_tasks", shown(related), Value::Null),
        author,
        now,
    )
    .await?;
    Ok(())
}

/// Adds a document or makes what is known of it stronger; also tells whether that changed anything.
async fn relate(
    tx: &mut Tx,
    interaction: &Interaction,
    document: &Document,
    operation: Option<Operation>,
    author: &Author,
    now: i64,
) -> Result<(Related, bool), TaskError> {
    for _ in 0..ATTEMPTS {
        let before = related::find(tx, interaction.id, document).await?;
        let done = match (&before, operation) {
            (Some(known), Some(operation))
                if Operation::strength(known.operation) < Operation::strength(Some(operation)) =>
            {
                related::strengthen(tx, known, operation, author, now).await?
            }
            (Some(known), _) => return Ok((known.clone(), false)),
            (None, _) => {
                related::insert(tx, interaction.id, document, operation, author, now).await?
            }
        };
        if !done {
            continue;
        }
        let after = related::find(tx, interaction.id, document).await?;
        let after = after.ok_or(TaskError::Changed)?;
        let from = before.as_ref().map_or(Value::Null, shown);
        let change = Change::new("related_tasks", from, shown(&after));
        changed(tx, interaction, change, author, now).await?;
        return Ok((after, true));
    }
    Err(TaskError::Changed)
}

/// A row of the list as the audit remembers it.
fn shown(related: &Related) -> Value {
    let Related { kind, document, url, operation, .. } = related;
    json!({"kind": kind, "document": document, "url": url, "operation": operation})
}

/// What belongs to an interaction changed: the audit remembers it and its listeners are told.
async fn changed(
    tx: &mut Tx,
    interaction: &Interaction,
    change: Change,
    author: &Author,
    now: i64,
) -> Result<(), StoreError> {
    tell(tx, EventType::InteractionChanged, Some(interaction.id), interaction.id, now).await?;
    let action = if change.to.is_null() { "dissociate" } else { "associate" };
    let subject = Subject::new("interaction", interactions::number(interaction.number.0));
    audit::record(tx, author, subject, action, vec![change], now).await
}

async fn remember(
    tx: &mut Tx,
    before: &impl serde::Serialize,
    after: &Task,
    action: &str,
    author: &Author,
    now: i64,
) -> Result<(), StoreError> {
    let subject = Subject::new("task", &after.number);
    audit::record(tx, author, subject, action, audit::differences(before, after), now).await
}
