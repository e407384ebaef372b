//! SQL of lists of interactions.

use uuid::Uuid;

use super::Filter;
use crate::{
    db::{
        Fewest, LOOKED_AT, Listed, StoreError, Tx, fetch_filtered, fewest, id_at, id_until,
        on_engine, one_more,
    },
    interactions::{ContactType, Interaction, State, store::COLUMNS},
};

/// What a list is read along: where conditions could each be found by an index, the one that the
/// fewest fulfil. The others are written so that no index can be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Along {
    Agent,
    Channel,
    State,
    Type,
    Open,
    /// Few rows, whose places are known or which are looked up by whose they are.
    Whose,
    /// Everything.
    Places,
}

/// A condition that an index answers, and its value.
type Way<'a> = (Along, &'static str, &'a str);

/// The rows that are looked at.
#[derive(Clone, Copy, Debug)]
struct Walk {
    along: Along,
    from: i64,
    before: i64,
    /// Whether nothing more is behind them.
    ends: bool,
}

impl Filter {
    fn ways(&self) -> Vec<Way<'_>> {
        let unusual = self.contact_type.filter(|it| *it != ContactType::Messaging);
        let ways = [
            (Along::Agent, "assigned_to = ", self.agent.as_deref()),
            (Along::Channel, "channel_id = ", self.channel.as_deref()),
            (Along::State, "state = ", self.state.map(State::as_str)),
            (Along::Type, "type <> 'messaging' and type = ", unusual.map(ContactType::as_str)),
            (Along::Open, "active and state <> ", self.is_open().then_some("")),
        ];
        ways.into_iter().filter_map(|(along, sql, value)| Some((along, sql, value?))).collect()
    }

    fn is_open(&self) -> bool {
        self.active == Some(true) || self.queue.is_some()
    }

    fn is_narrow(&self) -> bool {
        self.profile.is_some()
            || self.person.is_some()
            || self.seqs.is_some()
            || !self.parties.is_empty()
    }

    /// Whether everything along this way fits.
    fn is_only(&self, along: Along) -> bool {
        let conditions = [
            self.active.is_some(),
            self.state.is_some(),
            self.contact_type.is_some(),
            self.channel.is_some(),
            self.agent.is_some(),
        ];
        let count = conditions.into_iter().filter(|it| *it).count();
        self.queue.is_none() && count == usize::from(along != Along::Places)
    }
}

impl Walk {
    async fn of(tx: &mut Tx, filter: &Filter) -> Result<Option<Self>, StoreError> {
        let from = match filter.since {
            Some(since) => {
                let id = id_at(tx, TIME, since).await?;
                seq_from(tx, id).await?
            }
            None => Some(0),
        };
        let Some(from) = from else { return Ok(None) };
        let mut before = filter.before.unwrap_or(i64::MAX);
        if let Some(until) = filter.until {
            let id = id_until(tx, TIME, until).await?;
            before = before.min(seq_from(tx, id).await?.unwrap_or(i64::MAX));
        }
        let mut walk = Self { along: Along::Whose, from, before, ends: true };
        if filter.is_narrow() {
            return Ok(Some(walk));
        }
        let ways = filter.ways();
        let (mut way, mut many) = (ways.first(), true);
        if ways.len() > 1 {
            let conditions: Vec<_> = ways.iter().map(|(_, sql, value)| (*sql, *value)).collect();
            let Fewest { index, is_few } = fewest(tx, "interactions", &conditions).await?;
            (way, many) = (ways.get(index), !is_few);
        }
        walk.along = way.map_or(Along::Places, |(along, ..)| *along);
        if many && !filter.is_only(walk.along) {
            let rows: Vec<(i64,)> = fetch_filtered!(tx, "select seq from interactions", query => {
                query.push(" where seq < ").push_bind(before).push(" and seq >= ").push_bind(from);
                if let Some((_, sql, value)) = way {
                    query.push(" and ").push(sql).push_bind(*value);
                }
                query.push(" order by seq desc limit 1 offset ").push_bind(LOOKED_AT);
            })?;
            if let Some((last,)) = rows.first() {
                (walk.from, walk.ends) = (*last, false);
            }
        }
        Ok(Some(walk))
    }
}

/// Writes down what must hold, on either engine's query.
macro_rules! conditions {
    ($query:expr, $filter:expr, $walk:expr) => {{
        let (query, filter, walk): (_, &Filter, Walk) = ($query, $filter, $walk);
        let is = |way| walk.along == way;
        // Few are found otherwise, and put in order then.
        let seq = if is(Along::Whose) { "+seq" } else { "seq" };
        query.push(" where ").push(seq).push(" < ").push_bind(walk.before);
        query.push(" and ").push(seq).push(" >= ").push_bind(walk.from);
        if filter.is_open() {
            let plain = is(Along::Open) || is(Along::Agent);
            query.push(if plain { " and active" } else { " and case when active then 1 else 0 end = 1" });
        }
        if filter.active == Some(false) {
            query.push(" and not active");
        }
        if let Some(state) = filter.state {
            query.push(if is(Along::State) { " and state = " } else { " and state || '' = " });
            query.push_bind(state.as_str());
        }
        if let Some(profile) = filter.profile {
            query.push(" and profile_id = ").push_bind(profile);
        }
        if let Some(person) = filter.person {
            query.push(" and opened_for = ").push_bind(person);
        }
        if let Some(channel) = &filter.channel {
            query.push(if is(Along::Channel) { " and channel_id = " } else { " and channel_id || '' = " });
            query.push_bind(channel);
        }
        if let Some(contact_type) = filter.contact_type {
            let along = " and type <> 'messaging' and type = ";
            query.push(if is(Along::Type) { along } else { " and type || '' = " });
            query.push_bind(contact_type);
        }
        if let Some(agent) = &filter.agent {
            query.push(if is(Along::Agent) { " and assigned_to = " } else { " and assigned_to || '' = " });
            query.push_bind(agent);
        }
        if let Some(queue) = &filter.queue {
            query.push(" and exists (select 1 from work_items w where w.interaction_id = \
                interactions.id and w.state in ('queued', 'pending_accept', 'accepted') and w.queue_id || '' = ");
            // The offset keeps the engine from starting with all that is open in every queue.
            query.push_bind(queue).push(" limit 1 offset 0)");
        }
        if let Some(since) = filter.since {
            query.push(" and opened_at >= ").push_bind(since);
        }
        if let Some(until) = filter.until {
            query.push(" and opened_at < ").push_bind(until);
        }
        if let Some(seqs) = &filter.seqs {
            query.push(" and seq in (null");
            // A power of two of them, so that there are few texts to prepare.
            let padding = seqs.len().next_power_of_two() - seqs.len();
            let padding = std::iter::repeat_n(seqs.last(), padding).flatten();
            seqs.iter().chain(padding).for_each(|seq| { query.push(", ").push_bind(*seq); });
            query.push(")");
        }
        for parties in &filter.parties {
            for (before, party) in [(" and (opened_for in (null", true), (") or profile_id in (null", false)] {
                query.push(before);
                for id in parties.iter().filter(|it| it.is_person == party).map(|it| it.id) {
                    query.push(", ").push_bind(id);
                }
            }
            query.push("))");
        }
        query.push(" order by ").push(seq).push(" desc limit ");
    }};
}

/// At most `limit` interactions, newest first.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    limit: usize,
) -> Result<Listed<Interaction, i64>, StoreError> {
    let Some(walk) = Walk::of(tx, filter).await? else {
        return Ok(Listed::nothing());
    };
    let fetched = fetch_filtered!(tx, COLUMNS, query => {
        conditions!(&mut query, filter, walk);
        query.push_bind(one_more(limit));
    })?;
    let looked_at = (!walk.ends).then_some(walk.from);
    Ok(Listed::of(fetched, limit, |it: &Interaction| it.number.0, looked_at))
}

/// The places of all that fit, unless they are more than `limit` or hard to find.
pub async fn few(
    tx: &mut Tx,
    filter: &Filter,
    limit: usize,
) -> Result<Option<Vec<i64>>, StoreError> {
    let Some(walk) = Walk::of(tx, filter).await? else {
        return Ok(Some(Vec::new()));
    };
    if !walk.ends {
        return Ok(None);
    }
    let seqs: Vec<(i64,)> = fetch_filtered!(tx, "select seq from interactions", query => {
        conditions!(&mut query, filter, walk);
        query.push_bind(one_more(limit));
    })?;
    let seqs = seqs.into_iter().map(|(seq,)| seq);
    Ok(Some(seqs.collect()).filter(|seqs: &Vec<i64>| seqs.len() <= limit))
}

/// The time of the first one from an id on.
const TIME: &str = "select opened_at from interactions where id >= $1 order by id limit 1";

/// The first place from an id on, if there is one.
async fn seq_from(tx: &mut Tx, id: Uuid) -> Result<Option<i64>, StoreError> {
    const SQL: &str = "select seq from interactions where id >= $1 order by id limit 1";
    let row: Option<(i64,)> =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?;
    Ok(row.map(|(seq,)| seq))
}
