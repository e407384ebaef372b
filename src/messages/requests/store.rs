//! SQL of lists of requests.

use uuid::Uuid;

use super::RequestFilter;
use crate::{
    db::{LOOKED_AT, Listed, StoreError, Tx, fetch_filtered, id_at, id_until, one_more},
    messages::{RequestOutcome, RequestRecord},
};

/// At most `limit` requests, newest first.
pub async fn requests(
    tx: &mut Tx,
    filter: &RequestFilter,
    limit: usize,
) -> Result<Listed<RequestRecord, Uuid>, StoreError> {
    const COLUMNS: &str = "select id, channel_id, method, target, received_at, outcome, reason, events, \
        duplicates from requests";
    const TIME: &str = "select received_at from requests where id >= $1 order by id limit 1";
    let mut before = filter.before.unwrap_or(Uuid::max());
    if let Some(until) = filter.until {
        before = before.min(id_until(tx, TIME, until).await?);
    }
    let mut from = match filter.since {
        Some(since) => id_at(tx, TIME, since).await?,
        None => Uuid::nil(),
    };
    // Indexes have a channel's and the unusual ones, alone and together. Where the usual ones are
    // asked for, the others are passed over.
    let is_usual = filter.outcome.as_deref() == Some(RequestOutcome::Accepted.as_str());
    let mut looked_at = None;
    if is_usual {
        let rows: Vec<(Uuid,)> = fetch_filtered!(tx, "select id from requests", query => {
            query.push(" where id < ").push_bind(before).push(" and id >= ").push_bind(from);
            if let Some(channel) = &filter.channel {
                query.push(" and channel_id = ").push_bind(channel);
            }
            query.push(" order by id desc limit 1 offset ").push_bind(LOOKED_AT);
        })?;
        looked_at = rows.first().map(|(id,)| *id);
        from = looked_at.unwrap_or(from);
    }
    let rows = fetch_filtered!(tx, COLUMNS, query => {
        query.push(" where id < ").push_bind(before).push(" and id >= ").push_bind(from);
        if let Some(channel) = &filter.channel {
            query.push(" and channel_id = ").push_bind(channel);
        }
        if let Some(outcome) = &filter.outcome {
            query.push(if is_usual { " and outcome = " } else { " and outcome <> 'accepted' and outcome = " });
            query.push_bind(outcome);
        }
        if let Some(since) = filter.since {
            query.push(" and received_at >= ").push_bind(since);
        }
        if let Some(until) = filter.until {
            query.push(" and received_at < ").push_bind(until);
        }
        query.push(" order by id desc limit ").push_bind(one_more(limit));
    })?;
    Ok(Listed::of(rows, limit, |request: &RequestRecord| request.id, looked_at))
}
