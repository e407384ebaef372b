//! What a request would do, without doing it.

use std::sync::Arc;

use frontdesk_adapters::{Accepted, Outcome, Recorded, Refusal, Request, Timestamp, Verdict};

use uuid::Uuid;

use super::{IngestError, Inner, Receipt, accept, commit::Arrived};
use crate::{
    clock,
    db::{Store, StoreError},
    messages::{self, RequestOutcome},
};

/// What a request would do, and what is recorded of it already.
pub(super) struct Preview {
    pub receipt: Receipt,
    /// The events that are recorded, or would be.
    pub arrived: Vec<Arrived>,
    /// For each of them our id of what is recorded.
    pub recorded: Vec<Option<Uuid>>,
}

impl From<Receipt> for Preview {
    fn from(receipt: Receipt) -> Self {
        Self { receipt, arrived: Vec::new(), recorded: Vec::new() }
    }
}

pub(super) async fn preview(
    inner: &Inner,
    channel_id: &str,
    request: Request,
    now: Timestamp,
) -> Result<Preview, IngestError> {
    let (catalog, channel) = accept::find(inner, channel_id)?;
    let adapter = channel.adapter;
    match inner.keys.accept(&channel, request, now).await.0 {
        Accepted::Handshake(answer) => Ok(Receipt::of_handshake(answer).into()),
        Accepted::Refused(_, Refusal::NoDocument(_)) => Err(IngestError::NoKeys),
        Accepted::Refused(_, refusal) => Err(IngestError::Refused(refusal)),
        Accepted::NotUnderstood(_, malformed) => {
            let answer =
                (adapter.acknowledge)(Recorded::NotUnderstood(&malformed, &channel.account));
            Ok(Receipt {
                answer,
                outcome: Some(RequestOutcome::Malformed),
                events: 0,
                duplicates: 0,
            }
            .into())
        }
        Accepted::Understood(request, mut parsed) => {
            if accept::asks_nothing(&request) {
                parsed.events.clear();
            }
            let parsed = Arc::new(parsed);
            let digest = accept::digest_if_needed(&request, &parsed);
            let id = clock::new_id();
            let arrived =
                accept::arrivals(&catalog, &channel, id, now.as_millis(), &digest, &parsed);
            let keys = arrived.iter().map(|it| (it.channel.id.clone(), it.key.clone())).collect();
            let recorded =
                recorded(&inner.store, keys).await.map_err(|_| IngestError::Unavailable)?;
            let duplicates = recorded.iter().flatten().count();
            let mut outcomes =
                vec![Outcome { id: None, verdict: Verdict::Accepted }; parsed.events.len()];
            for (arrived, recorded) in arrived.iter().zip(&recorded) {
                if recorded.is_some() {
                    outcomes[arrived.place].verdict = Verdict::Duplicate;
                }
            }
            let all_known = !arrived.is_empty() && duplicates == arrived.len();
            let outcome =
                if all_known { RequestOutcome::Duplicate } else { RequestOutcome::Accepted };
            let answer =
                (adapter.acknowledge)(Recorded::Understood(&parsed, &outcomes, &channel.account));
            let events = arrived.len();
            let receipt = Receipt { answer, outcome: Some(outcome), events, duplicates };
            Ok(Preview { receipt, arrived, recorded })
        }
    }
}

async fn recorded(
    store: &Store,
    keys: Vec<(String, String)>,
) -> Result<Vec<Option<Uuid>>, StoreError> {
    let mut tx = store.begin_read().await?;
    let ids = messages::record_ids(&mut tx, keys).await?;
    tx.rollback().await?;
    Ok(ids)
}
