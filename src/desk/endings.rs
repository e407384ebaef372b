//! How conversations end: with a wrap-up where a configuration matches, else at once.

use super::{DeskError, act};
use crate::{
    audit::{Author, AuthorKind},
    db::{StoreError, Tx},
    interactions::{Action, Interaction, State, StateReason, history},
    wrap_up::{self, Configuration},
};

/// Ends the conversation: into wrap-up where a configuration matches what was being worked on, else
/// into closed complete.
pub async fn end(
    tx: &mut Tx,
    before: &Interaction,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let worked_on = matches!(before.state, State::WorkInProgress | State::OnHold);
    let action = match configuration_of(tx, before).await? {
        Some(_) if worked_on => Action::WrapUp,
        Some(_) | None => Action::Close(None),
    };
    act(tx, before, &action, author, now).await
}

/// Ends a wrap-up that nobody ended, for the reason the conversation ended.
pub async fn end_wrap_up(
    tx: &mut Tx,
    before: &Interaction,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let ended_by = history::moved_into(tx, before.id, State::WrapUp).await?;
    let reason = match ended_by {
        Some(AuthorKind::Requester) => StateReason::UserEnded,
        Some(_) | None => StateReason::AgentEnded,
    };
    act(tx, before, &Action::Close(Some(reason)), author, now).await
}

/// The configuration an interaction is in wrap-up under, or would be.
pub async fn configuration_of(
    tx: &mut Tx,
    interaction: &Interaction,
) -> Result<Option<Configuration>, StoreError> {
    if let Some(id) = &interaction.wrap_up_configuration {
        return wrap_up::get(tx, id).await;
    }
    let all = wrap_up::list(tx).await?;
    Ok(wrap_up::choose(&all, interaction).cloned())
}

/// What beginning or ending a wrap-up takes along.
pub(super) async fn carry(
    tx: &mut Tx,
    before: &Interaction,
    after: &mut Interaction,
) -> Result<(), StoreError> {
    if after.state == State::WrapUp {
        let all = wrap_up::list(tx).await?;
        let chosen = wrap_up::choose(&all, before);
        after.wrap_up_configuration = chosen.map(|configuration| configuration.id.clone());
        after.wrap_up_ends_at = chosen.and_then(|configuration| {
            configuration.ends_at(before.wrap_up_ms, after.state_changed_at)
        });
        // How long it may last at most is the timers' to know.
        wrap_up::watch(tx, after.id, after.state_changed_at).await?;
    } else if before.state == State::WrapUp {
        after.wrap_up_ends_at = None;
        if let Some(configuration) = configuration_of(tx, before).await? {
            after.wrap_up_codes = configuration.recorded(&before.wrap_up_codes);
        }
    }
    Ok(())
}
