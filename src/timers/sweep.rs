//! Looking for what is due, and doing it.

use std::{collections::HashSet, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Action, Firing, Outcome,
    rules::{Kind, Rules, Timer, agenda},
    store,
};
use crate::{
    audit::Author,
    clock::{self, Clock},
    db::{self, Store, StoreError, Tx},
    desk::{self, DeskError},
    interactions::{self, Interaction, State},
    outbox::{self, EventType, NewEvent},
    profiles,
};

/// Interactions looked at in one statement.
const AT_ONCE: i64 = 200;
/// Where it is remembered which rules every open interaction has been looked at with.
const RULES: &str = "timers.rules";

/// The limits that are settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// How long a conversation may be silent; `None` for ever.
    pub idle: Option<Duration>,
    /// How long a wrap-up lasts at most; `None` is no limit.
    pub wrap_up: Option<Duration>,
}

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Interactions looked at.
    pub looked_at: usize,
    /// Timers that fired, whatever became of it.
    pub fired: usize,
}

/// Looks for what is due.
#[derive(Debug)]
pub struct Sweeper {
    store: Store,
    limits: Limits,
    /// Whether the settings are known to have been applied to all open interactions.
    settled: bool,
}

/// Sweeps until told to stop.
pub fn start(
    store: Store,
    clock: Clock,
    limits: Limits,
    every: Duration,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let mut sweeper = Sweeper::new(store, limits);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            match db::in_time(sweeper.sweep(clock.now().as_millis())).await {
                Ok(swept) if swept.fired > 0 => {
                    metrics::counter!("frontdesk_timers_fired_total").increment(swept.fired as u64);
                }
                Ok(_) => {}
                Err(error) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::warn!(error = cause, "timers could not be looked at");
                }
            }
        }
    })
}

impl Sweeper {
    /// A sweeper that has not looked yet.
    #[must_use]
    pub fn new(store: Store, limits: Limits) -> Self {
        Self { store, limits, settled: false }
    }

    /// Does everything that is due at `now`.
    pub async fn sweep(&mut self, now: i64) -> Result<Swept, StoreError> {
        let rules = self.rules(now).await?;
        let mut swept = Swept::default();
        let mut left: HashSet<Uuid> = HashSet::new();
        loop {
            let limit = AT_ONCE + i64::try_from(left.len()).unwrap_or(i64::MAX);
            let mut tx = self.store.begin_read().await?;
            let mut due = store::due(&mut tx, now, limit).await?;
            due.retain(|interaction| !left.contains(&interaction.id));
            let conversations = store::conversations(&mut tx, &due).await?;
            let ids = due.iter().map(|interaction| interaction.id);
            let fired = store::fired(&mut tx, ids).await?;
            tx.rollback().await?;
            if due.is_empty() {
                return Ok(swept);
            }
            let mut later = Vec::new();
            for interaction in &due {
                let conversation = conversations.get(&interaction.id).copied().unwrap_or_default();
                let timers = agenda(interaction, &conversation, &rules);
                let timers = timers.iter().filter(|timer| !fired.contains(&timer.key()));
                let next = timers.map(|timer| timer.due_at).min();
                if next.is_some_and(|at| at <= now) {
                    match self.fire(interaction.id, &rules, now).await? {
                        Some(count) => swept.fired += count,
                        None => drop(left.insert(interaction.id)),
                    }
                } else {
                    let due_at = rules.look_again(interaction, next, now);
                    later.push(store::Look { id: interaction.id, due_at });
                }
            }
            swept.looked_at += due.len();
            let put_off: Vec<Uuid> = later.iter().map(|look| look.id).collect();
            let mut tx = self.store.begin().await?;
            let done = store::put_off(&mut tx, later).await?;
            tx.commit().await?;
            if usize::try_from(done).is_ok_and(|done| done < put_off.len()) {
                left.extend(put_off);
            }
        }
    }

    /// The rules in force. Where they are new, all open interactions are looked at with them.
    async fn rules(&mut self, now: i64) -> Result<Rules, StoreError> {
        let mut tx = self.store.begin_read().await?;
        let rules = Rules {
            actions: store::list(&mut tx).await?,
            idle: store::idle_minutes(&mut tx).await?,
            limits: self.limits,
        };
        let stamp = store::stamp(&mut tx).await?;
        let applied = store::remembered(&mut tx, RULES).await?;
        tx.rollback().await?;
        // Settings change with a restart only: two instances that disagree must not take turns.
        let stamp = format!("{stamp:?}");
        let known = applied.as_deref().and_then(|applied| applied.rsplit_once(" idle "));
        let limits = format!("{:?}", self.limits.idle);
        let news = match known {
            Some((rules, idle)) => rules != stamp || !self.settled && idle != limits,
            None => true,
        };
        if news {
            loop {
                let mut tx = self.store.begin().await?;
                let hastened = store::hasten(&mut tx, now, AT_ONCE).await?;
                tx.commit().await?;
                if hastened == 0 {
                    break;
                }
            }
            let mut tx = self.store.begin().await?;
            store::remember(&mut tx, RULES, &format!("{stamp} idle {limits}"), now).await?;
            tx.commit().await?;
        }
        self.settled = true;
        Ok(rules)
    }

    /// Does what is due on one interaction; `None` where somebody else has it at this moment.
    async fn fire(&self, id: Uuid, rules: &Rules, now: i64) -> Result<Option<usize>, StoreError> {
        let mut tx = self.store.begin().await?;
        let Some(interaction) = store::lock(&mut tx, id).await? else {
            tx.rollback().await?;
            return Ok(None);
        };
        match fire(&mut tx, interaction, rules, now).await {
            Ok(count) => {
                tx.commit().await?;
                Ok(Some(count))
            }
            // Somebody was quicker; what they left is looked at in the next round.
            Err(DeskError::Changed | DeskError::Store(StoreError::Exists)) => {
                tx.rollback().await?;
                Ok(None)
            }
            Err(DeskError::Store(error)) => Err(error),
            Err(error) => {
                tracing::error!(interaction.id = %id, %error, "a timer met what it cannot meet");
                tx.rollback().await?;
                Ok(None)
            }
        }
    }
}

impl Rules {
    /// When an interaction is to be looked at again: what is known to come, or could from now on.
    fn look_again(&self, interaction: &Interaction, next: Option<i64>, now: i64) -> i64 {
        let unknown = now.saturating_add(self.shortest(interaction.contact_type));
        next.map_or(unknown, |next| next.min(unknown))
    }
}

impl Timer<'_> {
    fn key(&self) -> (String, Uuid) {
        (self.kind.name().to_owned(), self.armed.id)
    }
}

/// Does what is due on a locked interaction, in order, until it moves.
async fn fire(
    tx: &mut Tx,
    interaction: Interaction,
    rules: &Rules,
    now: i64,
) -> Result<usize, DeskError> {
    let alone = std::slice::from_ref(&interaction);
    let conversations = store::conversations(tx, alone).await?;
    let conversation = conversations.get(&interaction.id).copied().unwrap_or_default();
    let fired = store::fired(tx, std::iter::once(interaction.id)).await?;
    let mut timers = agenda(&interaction, &conversation, rules);
    timers.retain(|timer| !fired.contains(&timer.key()));
    let due = timers.iter().filter(|timer| timer.due_at <= now).count();
    let mut count = 0;
    let mut current = interaction;
    for timer in &timers[..due] {
        count += 1;
        if let Kind::WrapUp { .. } = timer.kind {
            let author = Author::system(timer.kind.name());
            current = desk::end_wrap_up(tx, &current, &author, now).await?;
            break;
        }
        let before = current.state;
        current = one(tx, current, timer, now).await?;
        if current.state != before {
            break;
        }
    }
    let rest = timers[count..].iter().map(|timer| timer.due_at).min();
    let due_at = rules.look_again(&current, rest, now);
    if current.active {
        store::put_off(tx, vec![store::Look { id: current.id, due_at }]).await?;
    }
    Ok(count)
}

/// Does one thing that is due, and writes down what became of it.
async fn one(
    tx: &mut Tx,
    interaction: Interaction,
    timer: &Timer<'_>,
    now: i64,
) -> Result<Interaction, DeskError> {
    let action = timer.kind.action();
    let author = Author::system(timer.kind.name());
    let (after, outcome) = if timer.kind.holds(&interaction) {
        perform(tx, &interaction, &action, &author, now).await?
    } else {
        (None, Outcome::Unmet)
    };
    let firing = Firing {
        id: clock::new_id(),
        rule: timer.kind.name().to_owned(),
        armed_by: timer.armed.id,
        armed_at: timer.armed.at,
        due_at: timer.due_at,
        outcome,
        what: action.words(),
        at: now,
    };
    store::record(tx, interaction.id, &firing).await?;
    if outcome == Outcome::Done && action == Action::PromptAgent {
        let told =
            NewEvent::new(EventType::InteractionChanged, Some(interaction.id), firing.id, now);
        outbox::enqueue(tx, vec![told]).await?;
    }
    Ok(after.unwrap_or(interaction))
}

/// Does what an action says; also the interaction afterwards, where it moved.
async fn perform(
    tx: &mut Tx,
    interaction: &Interaction,
    action: &Action,
    author: &Author,
    now: i64,
) -> Result<(Option<Interaction>, Outcome), DeskError> {
    let moved = match action {
        Action::PromptAgent => return Ok((None, Outcome::Done)),
        Action::PromptRequester { text } => {
            let outcome = prompt(tx, interaction, text, author, now).await?;
            return Ok((None, outcome));
        }
        Action::Reassign { .. } if interaction.assigned_to.is_none() => {
            return Ok((None, Outcome::Refused));
        }
        Action::Reassign { queue: Some(queue) } => {
            desk::requeue(tx, interaction, queue, author, now).await
        }
        Action::Reassign { queue: None } => {
            let reason = format!("messaging action {}", author.id);
            desk::reassign(tx, interaction, &reason, author, now).await
        }
        Action::SetState { state, reason } => {
            let action = match state {
                State::OnHold => interactions::Action::Hold(Some(*reason)),
                State::ClosedComplete => interactions::Action::Close(Some(*reason)),
                State::New
                | State::WorkInProgress
                | State::WrapUp
                | State::ClosedAbandoned
                | State::Faulted => interactions::Action::Abandon(Some(*reason)),
            };
            desk::act(tx, interaction, &action, author, now).await
        }
    };
    match moved {
        Ok(after) => Ok((Some(after), Outcome::Done)),
        // It is refused before anything is written.
        Err(DeskError::Refused(_)) => Ok((None, Outcome::Refused)),
        Err(error) => Err(error),
    }
}

/// Writes to the customer, where that can and may be done.
async fn prompt(
    tx: &mut Tx,
    interaction: &Interaction,
    text: &str,
    author: &Author,
    now: i64,
) -> Result<Outcome, DeskError> {
    let profile = match interaction.profile_id {
        Some(id) => profiles::store::get(tx, id).await?,
        None => None,
    };
    let Some(profile) = profile else { return Ok(Outcome::Refused) };
    if !profile.answerable || !profile.active {
        return Ok(Outcome::NotAnswerable);
    }
    match desk::prompt(tx, interaction, text, author, now).await {
        Ok(_) => Ok(Outcome::Done),
        Err(DeskError::OptedOut) => Ok(Outcome::OptedOut),
        Err(DeskError::Blocked) => Ok(Outcome::NotAnswerable),
        Err(DeskError::NoChannel) => Ok(Outcome::Refused),
        Err(error) => Err(error),
    }
}
