//! What a request would do, without doing it.

use std::sync::Arc;

use frontdesk_adapters::{Accepted, Outcome, Recorded, Request, Timestamp, Verdict};

use super::{IngestError, Inner, Receipt, accept};
use crate::{
    clock,
    db::{Store, StoreError},
    messages::{self, RequestOutcome},
};

pub(super) async fn preview(
    inner: &Inner,
    channel_id: &str,
    request: Request,
    now: Timestamp,
) -> Result<Receipt, IngestError> {
    let (catalog, channel) = accept::find(inner, channel_id)?;
    let adapter = channel.adapter;
    match adapter.accept(request, &channel.account, now) {
        Accepted::Handshake(answer) => Ok(Receipt::of_handshake(answer)),
        Accepted::Refused(_, refusal) => Err(IngestError::Refused(refusal)),
        Accepted::NotUnderstood(_, malformed) => {
            let answer =
                (adapter.acknowledge)(Recorded::NotUnderstood(&malformed, &channel.account));
            Ok(Receipt {
                answer,
                outcome: Some(RequestOutcome::Malformed),
                events: 0,
                duplicates: 0,
            })
        }
        Accepted::Understood(request, parsed) => {
            let parsed = Arc::new(parsed);
            let digest = accept::digest_if_needed(&request, &parsed);
            let id = clock::new_id();
            let arrived =
                accept::arrivals(&catalog, &channel, id, now.as_millis(), &digest, &parsed);
            let keys = arrived.iter().map(|it| (it.channel.id.clone(), it.key.clone())).collect();
            let known = known(&inner.store, keys).await.map_err(|_| IngestError::Unavailable)?;
            let duplicates = known.iter().filter(|known| **known).count();
            let mut outcomes =
                vec![Outcome { id: None, verdict: Verdict::Accepted }; parsed.events.len()];
            for (arrived, known) in arrived.iter().zip(known) {
                if known {
                    outcomes[arrived.place].verdict = Verdict::Duplicate;
                }
            }
            let all_known = !arrived.is_empty() && duplicates == arrived.len();
            let outcome =
                if all_known { RequestOutcome::Duplicate } else { RequestOutcome::Accepted };
            let answer =
                (adapter.acknowledge)(Recorded::Understood(&parsed, &outcomes, &channel.account));
            Ok(Receipt { answer, outcome: Some(outcome), events: arrived.len(), duplicates })
        }
    }
}

async fn known(store: &Store, keys: Vec<(String, String)>) -> Result<Vec<bool>, StoreError> {
    let mut tx = store.begin_read().await?;
    let ids = messages::record_ids(&mut tx, keys).await?;
    tx.rollback().await?;
    Ok(ids.into_iter().map(|id| id.is_some()).collect())
}
