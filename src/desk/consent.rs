//! Whether we may write to somebody, and decisions that agents enter.
//!
//! One gate for everything our side writes, agents and bots alike. All spellings and further
//! addresses of a sender count as one, and the latest decision among them holds.

use frontdesk_adapters::phone;

use super::{DeskError, tell};
use crate::{
    audit::{self, Author, Change, Subject},
    clock,
    db::{StoreError, Tx},
    interactions::Interaction,
    outbox::EventType,
    profiles::{
        Profile,
        consents::{self, Consent, ConsentRecord, NewConsent, Pair},
        store,
    },
};

/// A decision that somebody enters.
#[derive(Clone, Debug)]
pub struct Entered {
    /// The medium.
    pub scheme: String,
    /// The sender's address.
    pub value: String,
    /// Our address.
    pub our_address: String,
    /// What was decided.
    pub state: Consent,
    /// Why it is entered here.
    pub reason: String,
}

/// Refuses to write to somebody who is blocked or wants no messages.
pub(super) async fn permit(tx: &mut Tx, interaction: &Interaction) -> Result<(), DeskError> {
    let Some(profile) = interaction.profile_id else { return Ok(()) };
    let Some(profile) = store::get(tx, profile).await? else { return Ok(()) };
    if profile.blocked_at.is_some() {
        return Err(DeskError::Blocked);
    }
    if is_opted_out(tx, &profile, interaction.our_address.as_deref()).await? {
        return Err(DeskError::OptedOut);
    }
    Ok(())
}

/// Whether a sender wants no messages from one of our addresses.
pub async fn is_opted_out(
    tx: &mut Tx,
    profile: &Profile,
    our_address: Option<&str>,
) -> Result<bool, StoreError> {
    let Some(our_address) = our_address else { return Ok(false) };
    let mut values = vec![profile.value.clone()];
    let further = store::aliases(tx, profile.id).await?.into_iter();
    values.extend(further.filter(|alias| alias.scheme == profile.scheme).map(|alias| alias.value));
    let twins: Vec<String> = values.iter().flat_map(|value| phone::twins(value)).collect();
    values.extend(twins);
    let pair =
        |value| Pair { scheme: profile.scheme.clone(), value, our_address: our_address.to_owned() };
    let decisions = consents::decisions(tx, values.into_iter().map(pair).collect()).await?;
    // Of two at one moment, the one that says no.
    let latest = decisions
        .iter()
        .max_by_key(|decision| (decision.changed_at, decision.state == Consent::OptedOut));
    Ok(latest.is_some_and(|decision| decision.state == Consent::OptedOut))
}

/// Enters what a sender decided elsewhere, such as on the telephone.
pub async fn enter(
    tx: &mut Tx,
    entered: Entered,
    author: &Author,
    now: i64,
) -> Result<ConsentRecord, StoreError> {
    let before = standing(tx, &entered).await?;
    let id = clock::new_id();
    let row = NewConsent {
        id,
        scheme: entered.scheme.clone(),
        value: entered.value.clone(),
        our_address: entered.our_address.clone(),
        state: entered.state.as_str(),
        source: "entered".to_owned(),
        reason: Some(entered.reason.clone()),
        author_kind: author.kind.as_str(),
        author: author.id.clone(),
        record_id: None,
        // A clock that runs behind must not leave the decision before it in force.
        now: before.as_ref().map_or(now, |before| now.max(before.changed_at)),
    };
    consents::record(tx, vec![row]).await?;
    let from = before.map(|before| before.state.as_str());
    let change = Change::new("state", from, entered.state.as_str());
    let subject = Subject::new("consent", id);
    audit::record(tx, author, subject, "enter", vec![change], now).await?;
    tell(tx, EventType::ConsentChanged, None, id, now).await?;
    standing(tx, &entered).await?.ok_or(StoreError::Exists)
}

async fn standing(tx: &mut Tx, entered: &Entered) -> Result<Option<ConsentRecord>, StoreError> {
    let Entered { scheme, value, our_address, .. } = entered.clone();
    Ok(consents::decisions(tx, vec![Pair { scheme, value, our_address }]).await?.pop())
}
