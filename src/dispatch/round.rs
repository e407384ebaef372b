//! One round: what became of calls is written down, the outbox dealt out, and what is due leased.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use frontdesk_adapters::Timestamp;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    Dispatch, Event, Outcome,
    bodies::{self, About},
    events, retries,
    send::Told,
};
use crate::{
    clock,
    db::{self, JsonText, StoreError, Tx},
    deliveries::{self, Attempt, Due, Leased, NewDelivery, Settled, State},
    interactions,
    outbox::{self, Horizon},
    routing,
    sinks::{self, OpenSink, Secrets, Sink},
};

/// Rows of the outbox that are dealt out in one round.
const DEALT: i64 = 1_000;
/// Rows of the outbox that are passed over in one round where nobody wants them.
const PASSED: i64 = 100_000;
/// A sink that accepted nothing for so long, in milliseconds, was down: once it accepts something,
/// whatever failed meanwhile is tried at once. A shorter while may be one bad event among good ones.
const DOWN: i64 = 60_000;
/// How often the outbox is passed over while there is no sink.
const PASS_OVER: Duration = Duration::from_secs(2);
/// Lanes of one sink that one instance works on at once.
const LANES: usize = 100;

/// What became of a lane that was leased: of the events that were tried, in order.
#[derive(Debug)]
pub(super) struct Worked {
    sink: Arc<Target>,
    lease: Uuid,
    holder: Uuid,
    tried: Vec<(Leased, Outcome, Attempt)>,
}

/// What was leased of a sink in one round.
struct Claimed {
    target: Arc<Target>,
    lease: Uuid,
    /// When the lease runs out, in Unix milliseconds.
    until: i64,
    events: Vec<Leased>,
}

/// A sink that can be called.
#[derive(Debug)]
struct Target {
    sink: Sink,
    secrets: Secrets,
}

/// What goes from round to round.
pub(super) struct Rounds {
    dispatch: Dispatch,
    done: mpsc::Sender<Worked>,
    horizon: Horizon,
    /// Lanes under way, by sink.
    under_way: HashMap<String, usize>,
    /// When the outbox was last passed over because there is no sink.
    passed_over: Option<std::time::Instant>,
}

impl Rounds {
    pub fn new(dispatch: Dispatch, done: mpsc::Sender<Worked>) -> Self {
        let (horizon, under_way) = (Horizon::default(), HashMap::new());
        Self { dispatch, done, horizon, under_way, passed_over: None }
    }

    /// Whether any call is under way.
    pub fn under_way(&self) -> bool {
        self.under_way.values().any(|lanes| *lanes > 0)
    }

    /// Makes a round. What it could not write down stays in `results`, for the next one.
    pub async fn turn(&mut self, results: &mut Vec<Worked>, go_on: bool) {
        let turned = match db::in_time(self.try_turn(results, go_on)).await {
            Ok(leased) => {
                for worked in results.drain(..) {
                    if let Some(lanes) = self.under_way.get_mut(&worked.sink.sink.id) {
                        *lanes = lanes.saturating_sub(1);
                    }
                }
                db::in_time(self.call(leased)).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = turned {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(error = cause, "events are handed on later");
        }
    }

    async fn try_turn(
        &mut self,
        results: &[Worked],
        go_on: bool,
    ) -> Result<Vec<Claimed>, StoreError> {
        let inner = Arc::clone(&self.dispatch.0);
        let now = inner.clock.now().as_millis();
        let mut tx = inner.store.begin_read().await?;
        let sinks = sinks::open(&mut tx, &inner.vault).await?;
        let idle = results.is_empty() && !self.has_work(&mut tx, &sinks, now).await?;
        tx.rollback().await?;
        if idle {
            return Ok(Vec::new());
        }
        let mut tx = inner.store.begin().await?;
        let position = deliveries::lock(&mut tx).await?;
        settle(&mut tx, &sinks, results, now).await?;
        let mut leased = Vec::new();
        if go_on {
            // Read again under the lock: a sink may have been paused, or have switched itself off.
            let sinks = sinks::open(&mut tx, &inner.vault).await?;
            self.deal_out(&mut tx, &sinks, position, now).await?;
            leased = self.lease(&mut tx, sinks, results, now).await?;
        }
        tx.commit().await?;
        Ok(leased)
    }

    async fn has_work(
        &mut self,
        tx: &mut Tx,
        sinks: &[OpenSink],
        now: i64,
    ) -> Result<bool, StoreError> {
        if !sinks.iter().any(|open| open.sink.gathers()) {
            let then = self.passed_over.get_or_insert_with(clock::instant);
            if clock::instant().saturating_duration_since(*then) < PASS_OVER {
                return Ok(false);
            }
            self.passed_over = None;
        }
        let position = deliveries::position(tx).await?;
        if outbox::is_past(tx, position).await? {
            return Ok(true);
        }
        for open in sinks.iter().filter(|open| open.sink.state == sinks::State::Active) {
            if self.room(&open.sink.id, &[]) > 0
                && deliveries::is_due(tx, &open.sink.id, now).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How many more lanes of a sink may be worked on, once `results` are written down.
    fn room(&self, sink: &str, results: &[Worked]) -> usize {
        let done = results.iter().filter(|worked| worked.sink.sink.id == sink).count();
        let under_way = self.under_way.get(sink).copied().unwrap_or(0);
        LANES.saturating_sub(under_way.saturating_sub(done))
    }

    /// Makes deliveries of what is in the outbox.
    async fn deal_out(
        &mut self,
        tx: &mut Tx,
        sinks: &[OpenSink],
        position: i64,
        now: i64,
    ) -> Result<(), StoreError> {
        let sinks: Vec<&Sink> =
            sinks.iter().map(|open| &open.sink).filter(|sink| sink.gathers()).collect();
        if sinks.is_empty() {
            let last = self.horizon.pass_over(tx, position, PASSED).await?;
            return deliveries::advance(tx, last).await;
        }
        let rows = self.horizon.read(tx, position, DEALT).await?;
        let Some(last) = rows.last().map(|row| row.seq) else {
            return Ok(());
        };
        let mut events = events::of(tx, rows).await?;
        if sinks.iter().any(|sink| !sink.settings.channels.is_empty()) {
            events::look_for_channels(tx, &mut events).await?;
        }
        let rows = deliveries_of(tx, &sinks, &events, now).await?;
        deliveries::deal(tx, rows).await?;
        deliveries::advance(tx, last).await
    }

    /// Leases lanes that are due, as many as there is room for.
    async fn lease(
        &self,
        tx: &mut Tx,
        sinks: Vec<OpenSink>,
        results: &[Worked],
        now: i64,
    ) -> Result<Vec<Claimed>, StoreError> {
        let until = now.saturating_add(2 * retries::millis(self.dispatch.0.limits.timeout));
        let mut leased = Vec::new();
        for OpenSink { sink, secrets } in sinks {
            let room = self.room(&sink.id, results);
            if sink.state != sinks::State::Active || room == 0 {
                continue;
            }
            let secrets = match secrets {
                Ok(secrets) => secrets,
                Err(error) => {
                    tracing::error!(sink.id = %sink.id, %error, "a sink gets nothing");
                    continue;
                }
            };
            let lease = clock::new_id();
            let events = deliveries::claim(tx, &sink.id, (lease, now, until), room).await?;
            if !events.is_empty() {
                let target = Arc::new(Target { sink, secrets });
                leased.push(Claimed { target, lease, until, events });
            }
        }
        Ok(leased)
    }

    /// Starts to call, a task per lane.
    async fn call(&mut self, leased: Vec<Claimed>) -> Result<(), StoreError> {
        for Claimed { target, lease, until, events } in leased {
            let about: Vec<_> = events.iter().map(about).collect();
            let mut tx = self.dispatch.0.store.begin_read().await?;
            let bodies = bodies::of(&mut tx, &about).await?;
            tx.rollback().await?;
            let mut lanes: Vec<Vec<(Leased, Vec<u8>)>> = Vec::new();
            for (event, body) in events.into_iter().zip(bodies) {
                match lanes.last_mut().filter(|lane| lane[0].0.lane == event.lane) {
                    Some(lane) => lane.push((event, body)),
                    None => lanes.push(vec![(event, body)]),
                }
            }
            *self.under_way.entry(target.sink.id.clone()).or_default() += lanes.len();
            for lane in lanes {
                let (dispatch, done) = (self.dispatch.clone(), self.done.clone());
                let target = Arc::clone(&target);
                tokio::spawn(async move {
                    let worked = work(&dispatch, target, lease, until, lane).await;
                    // Nobody listens once we have stopped: the lease runs out.
                    let _ = done.send(worked).await;
                });
            }
        }
        Ok(())
    }
}

/// Tells the events of a lane one after the other, until one fails or the lease would not last.
async fn work(
    dispatch: &Dispatch,
    target: Arc<Target>,
    lease: Uuid,
    until: i64,
    lane: Vec<(Leased, Vec<u8>)>,
) -> Worked {
    let inner = &dispatch.0;
    let holder = lane[0].0.holder;
    let mut tried = Vec::with_capacity(lane.len());
    for (event, body) in lane {
        let now = inner.clock.now().as_millis();
        let lasts = until.saturating_sub(now) >= retries::millis(inner.limits.timeout);
        if !lasts && !tried.is_empty() {
            break;
        }
        let began = clock::instant();
        let (id, lane, event_type) = (event.event_id, event.lane, event.event_type.as_str());
        let told = Told { id, lane, event_type, body: &body };
        let outcome = inner.senders.tell(&target.sink, &target.secrets, told, now).await;
        let attempt = attempt(&outcome, now, began);
        let accepted = matches!(outcome, Outcome::Accepted { .. });
        if accepted {
            let took = inner.clock.now().as_millis().saturating_sub(event.created_at).max(0);
            #[expect(clippy::cast_precision_loss, reason = "ages are far below 2^52")]
            metrics::histogram!("frontdesk_handoff_seconds", "kind" => target.sink.kind.as_str())
                .record(took as f64 / 1000.0);
        }
        tried.push((event, outcome, attempt));
        if !accepted {
            break;
        }
    }
    Worked { sink: target, lease, holder, tried }
}

fn attempt(outcome: &Outcome, now: i64, began: std::time::Instant) -> Attempt {
    let (status, error) = match outcome {
        Outcome::Accepted { status } => (*status, None),
        Outcome::Gone => (Some(410), Some("answered 410: it wants nothing any more".to_owned())),
        Outcome::Failed { status, error, .. } => (*status, Some(error.clone())),
    };
    let took = clock::instant().saturating_duration_since(began).as_millis();
    Attempt {
        at: Timestamp::from_millis(now).map_or_else(String::new, |at| at.to_string()),
        status,
        error,
        took_ms: u64::try_from(took).unwrap_or(u64::MAX),
    }
}

fn about(event: &Leased) -> About<'_> {
    About {
        id: event.event_id,
        event_type: &event.event_type,
        interaction_id: event.interaction_id,
        record_id: event.record_id,
        created_at: event.created_at,
    }
}

/// The deliveries of `events` to those of `sinks` that want them.
async fn deliveries_of(
    tx: &mut Tx,
    sinks: &[&Sink],
    events: &[Event],
    now: i64,
) -> Result<Vec<NewDelivery>, StoreError> {
    let (mut channels, mut queues) = (HashMap::new(), HashMap::new());
    if sinks.iter().any(|sink| sink.settings.look_closer()) {
        let ids: HashSet<_> = events.iter().filter_map(|event| event.interaction_id).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        channels = interactions::store::channels_of(tx, &ids).await?;
        queues = routing::store::queues_of(tx, &ids).await?;
    }
    let mut rows = Vec::with_capacity(events.len() * sinks.len());
    let mut seen = HashSet::new();
    for event in events {
        let of_interaction = event.interaction_id.and_then(|id| channels.get(&id)?.as_deref());
        let channel = event.channel_id.as_deref().or(of_interaction);
        let queue = event.interaction_id.and_then(|id| queues.get(&id)).map(String::as_str);
        let lane = event.lane();
        for sink in sinks.iter().filter(|sink| sink.settings.want(event.event_type, channel, queue))
        {
            rows.push(NewDelivery {
                id: clock::new_id(),
                sink_id: sink.id.clone(),
                position: event.position,
                event_id: event.id,
                event_type: event.event_type,
                lane,
                interaction_id: event.interaction_id,
                record_id: event.record_id,
                created_at: event.created_at,
                is_first: seen.insert((&sink.id, lane)),
                due_at: now,
            });
        }
    }
    Ok(rows)
}

/// Writes down what became of lanes whose lease is still ours; the others are somebody else's now.
async fn settle(
    tx: &mut Tx,
    sinks: &[OpenSink],
    results: &[Worked],
    now: i64,
) -> Result<(), StoreError> {
    let holders = results.iter().map(|worked| (worked.holder, worked.lease)).collect();
    let held = deliveries::held(tx, holders).await?;
    let mut rows = Vec::new();
    let mut lanes = Vec::new();
    let mut untried = held.clone();
    let (mut working, mut failing, mut gone) = (HashSet::new(), HashSet::new(), HashSet::new());
    for worked in results.iter().filter(|worked| held.contains(&worked.holder)) {
        let sink = worked.sink.sink.id.as_str();
        let mut comes_again = false;
        for (event, outcome, attempt) in &worked.tried {
            match outcome {
                Outcome::Accepted { .. } => working.insert(sink),
                Outcome::Gone => gone.insert(sink),
                Outcome::Failed { .. } => failing.insert(sink),
            };
            let row = row(event, outcome, attempt, now);
            if row.state == State::Dead.as_str() {
                tracing::error!(
                    sink.id = sink, delivery.id = %row.id, event.kind = event.event_type,
                    "an event was given up; look at /v1/deliveries?state=dead"
                );
            }
            untried.remove(&row.id);
            comes_again |= row.due_at.is_some();
            rows.push(row);
        }
        let lane = worked.tried.first().map(|(event, _, _)| event.lane);
        lanes.extend(lane.filter(|_| !comes_again).map(|lane| (sink.to_owned(), lane)));
    }
    deliveries::release(tx, untried.into_iter().collect()).await?;
    deliveries::settle(tx, rows).await?;
    deliveries::promote(tx, lanes, now, Due::None).await?;
    for OpenSink { sink, .. } in sinks {
        let id = sink.id.as_str();
        match (working.contains(id), failing.contains(id), sink.failing_since) {
            (true, _, Some(since)) => {
                sinks::mark_working(tx, id).await?;
                if now.saturating_sub(since) >= DOWN {
                    deliveries::hasten(tx, id, now).await?;
                }
            }
            (false, true, None) => sinks::mark_failing(tx, id, now).await?,
            _ => {}
        }
        if gone.contains(id) {
            sinks::switch_off(tx, &sink.id, "it answered 410", now).await?;
            let buried = deliveries::bury(tx, &sink.id, now).await?;
            tracing::error!(
                sink.id = %sink.id, buried,
                "a sink answered 410 and is switched off; resume it once it wants events again"
            );
        }
    }
    Ok(())
}

fn row(event: &Leased, outcome: &Outcome, attempt: &Attempt, now: i64) -> Settled {
    let mut log = event.log.0.clone();
    deliveries::remember(&mut log, attempt.clone());
    let attempts = event.attempts + 1;
    let first_attempt_at = event.first_attempt_at.unwrap_or(now);
    let (state, due_at) = match outcome {
        Outcome::Accepted { .. } => (State::Delivered, None),
        Outcome::Gone => (State::Dead, None),
        Outcome::Failed { retry_after, .. } => {
            match retries::next(attempts, first_attempt_at, *retry_after, now) {
                Some(due_at) => (State::Waiting, Some(due_at)),
                None => (State::Dead, None),
            }
        }
    };
    Settled {
        id: event.id,
        state: state.as_str(),
        due_at,
        attempts,
        first_attempt_at: Some(first_attempt_at),
        log: JsonText::of(&log),
        settled_at: (state != State::Waiting).then_some(now),
    }
}
