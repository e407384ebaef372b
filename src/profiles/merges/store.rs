//! SQL of merges, and of the interactions and tasks they hand over.

use sqlx::types::Json;
use uuid::Uuid;

use super::{Changes, Merge, Reason, State, new_id, pair};
use crate::db::{JsonText, Statement, StoreError, Tx, batch_row, fetch_filtered, on_engine};

batch_row! {
    /// A merge to be proposed.
    pub struct NewMerge {
        /// Opaque id.
        id: Uuid,
        /// The profile that is to stand for both.
        kept_id: Uuid,
        /// The profile that is to be given up.
        given_up_id: Uuid,
        /// The smaller id of the two.
        first_id: Uuid,
        /// The greater id of the two.
        second_id: Uuid,
        /// Why they may be one sender.
        reason: &'static str,
        /// When.
        proposed_at: i64,
        /// Who proposes it.
        proposed_by: String,
        /// What it changes: nothing yet.
        changes: JsonText,
    }
}

impl NewMerge {
    /// A proposal.
    pub(super) fn of(kept: Uuid, given_up: Uuid, reason: Reason, by: &str, now: i64) -> Self {
        let (first_id, second_id) = pair(kept, given_up);
        let reason = match reason {
            Reason::Twin => "twin",
            Reason::Moved => "moved",
            Reason::Chosen => "chosen",
        };
        Self {
            id: new_id(),
            kept_id: kept,
            given_up_id: given_up,
            first_id,
            second_id,
            reason,
            proposed_at: now,
            proposed_by: by.to_owned(),
            changes: JsonText::of(&Changes::default()),
        }
    }

    pub(super) fn pair(&self) -> (Uuid, Uuid) {
        (self.first_id, self.second_id)
    }
}

/// Proposes merges; a pair that was proposed before is left as it is.
pub async fn propose(tx: &mut Tx, rows: Vec<NewMerge>) -> Result<(), StoreError> {
    static INSERT: Statement<NewMerge> = Statement::new(
        "insert into profile_merges (id, kept_id, given_up_id, first_id, second_id, reason, state, \
         proposed_at, proposed_by, changes, version) select r.id, r.kept_id, r.given_up_id, r.first_id, \
         r.second_id, r.reason, 'proposed', r.proposed_at, r.proposed_by, r.changes, 1 \
         from {rows} where r.first_id <> r.second_id order by r.ord \
         on conflict (first_id, second_id) where state <> 'undone' do nothing",
    );
    INSERT.execute(tx, rows).await?;
    Ok(())
}

const COLUMNS: &str = "select id, kept_id, given_up_id, reason, state, proposed_at, proposed_by, decided_at, \
    decided_by, undone_at, undone_by, changes, version from profile_merges where id < ";

/// Which merges to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those that stand so.
    pub state: Option<State>,
    /// Those of this profile, kept or given up.
    pub profile: Option<Uuid>,
    /// Those before this one: newest first.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Merges, newest first.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<Merge>, StoreError> {
    Ok(fetch_filtered!(tx, COLUMNS, query => {
        query.push_bind(filter.before.unwrap_or(Uuid::max()));
        if let Some(state) = filter.state {
            query.push(" and state = ").push_bind(state);
        }
        if let Some(profile) = filter.profile {
            query.push(" and (kept_id = ").push_bind(profile);
            query.push(" or given_up_id = ").push_bind(profile).push(")");
        }
        query.push(" order by id desc limit ").push_bind(filter.limit);
    })?)
}

/// One merge.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Merge>, StoreError> {
    one(tx, id, "").await
}

/// One merge, which nobody else decides until the transaction ends.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Merge>, StoreError> {
    let locking = match tx {
        Tx::Sqlite(_) => "",
        Tx::Postgres(_) => " for update",
    };
    one(tx, id, locking).await
}

async fn one(tx: &mut Tx, id: Uuid, locking: &str) -> Result<Option<Merge>, StoreError> {
    let found: Vec<Merge> = fetch_filtered!(tx, COLUMNS, query => {
        query.push_bind(Uuid::max()).push(" and id = ").push_bind(id).push(locking);
    })?;
    Ok(found.into_iter().next())
}

/// The merge of a pair that was not undone.
pub async fn find_pair(tx: &mut Tx, one: Uuid, other: Uuid) -> Result<Option<Merge>, StoreError> {
    let (first, second) = pair(one, other);
    let found: Vec<Merge> = fetch_filtered!(tx, COLUMNS, query => {
        query.push_bind(Uuid::max());
        query.push(" and first_id = ").push_bind(first);
        query.push(" and second_id = ").push_bind(second).push(" and state <> 'undone'");
    })?;
    Ok(found.into_iter().next())
}

/// Stores what was decided about a merge if its row still has the version before it; returns
/// whether it did.
pub async fn decide(tx: &mut Tx, merge: &Merge) -> Result<bool, StoreError> {
    const SQL: &str = "update profile_merges set kept_id = $3, given_up_id = $4, state = $5, \
        decided_at = $6, decided_by = $7, undone_at = $8, undone_by = $9, changes = $10, version = $2 \
        where id = $1 and version = $2 - 1";
    let done = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(merge.id)
        .bind(merge.version)
        .bind(merge.kept_id)
        .bind(merge.given_up_id)
        .bind(merge.state)
        .bind(merge.decided_at)
        .bind(&merge.decided_by)
        .bind(merge.undone_at)
        .bind(&merge.undone_by)
        .bind(Json(&merge.changes.0))
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Writes down which interactions and tasks the profile that is given up has; to be called before
/// they are handed over.
pub async fn note(tx: &mut Tx, merge: Uuid, given_up: Uuid) -> Result<(), StoreError> {
    const INTERACTIONS: &str = "insert into profile_merge_rows (merge_id, kind, row_id) \
        select $1, 'interaction', id from interactions where profile_id = $2 on conflict do nothing";
    const TASKS: &str = "insert into profile_merge_rows (merge_id, kind, row_id) \
        select $1, 'task', id from tasks where profile_id = $2 on conflict do nothing";
    for sql in [INTERACTIONS, TASKS] {
        on_engine!(tx, conn => sqlx::query(sql)
            .bind(merge)
            .bind(given_up)
            .execute(conn)
            .await
            .map(drop))?;
    }
    Ok(())
}

/// Hands the interactions and tasks of one profile over to another.
pub async fn hand_over(tx: &mut Tx, from: Uuid, to: Uuid) -> Result<(), StoreError> {
    const INTERACTIONS: &str = "update interactions set profile_id = $2, version = version + 1 \
        where profile_id = $1";
    const TASKS: &str =
        "update tasks set profile_id = $2, version = version + 1 where profile_id = $1";
    for sql in [INTERACTIONS, TASKS] {
        on_engine!(tx, conn => sqlx::query(sql).bind(from).bind(to).execute(conn).await.map(drop))?;
    }
    Ok(())
}

/// Gives back what a merge handed over at `merged_at`, and what came of it `since`: interactions,
/// and the tasks opened on them.
pub async fn take_back(
    tx: &mut Tx,
    merge: &Merge,
    merged_at: i64,
    since: &[Uuid],
) -> Result<(), StoreError> {
    const NOTE: &str = "insert into profile_merge_rows (merge_id, kind, row_id) \
        values ($1, 'interaction', $2) on conflict (merge_id, kind, row_id) do nothing";
    const INTERACTIONS: &str = "update interactions set profile_id = $3, version = version + 1 \
        where profile_id = $2 and id in (select row_id from profile_merge_rows \
        where merge_id = $1 and kind = 'interaction')";
    const TASKS: &str = "update tasks set profile_id = $3, version = version + 1 \
        where profile_id = $2 and id in (select row_id from profile_merge_rows \
        where merge_id = $1 and kind = 'task')";
    const TASKS_SINCE: &str = "update tasks set profile_id = $3, version = version + 1 \
        where profile_id = $2 and opened_at >= $4 and interaction_id in (select row_id \
        from profile_merge_rows where merge_id = $1 and kind = 'interaction')";
    for interaction in since {
        on_engine!(tx, conn => sqlx::query(NOTE)
            .bind(merge.id)
            .bind(interaction)
            .execute(conn)
            .await
            .map(drop))?;
    }
    for sql in [INTERACTIONS, TASKS] {
        on_engine!(tx, conn => sqlx::query(sql)
            .bind(merge.id)
            .bind(merge.kept_id)
            .bind(merge.given_up_id)
            .execute(conn)
            .await
            .map(drop))?;
    }
    on_engine!(tx, conn => sqlx::query(TASKS_SINCE)
        .bind(merge.id)
        .bind(merge.kept_id)
        .bind(merge.given_up_id)
        .bind(merged_at)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Two open interactions of two profiles on one address of ours, by their places: a single profile
/// cannot have both.
pub async fn both_open(
    tx: &mut Tx,
    one: Uuid,
    other: Uuid,
) -> Result<Option<(i64, i64)>, StoreError> {
    const SQL: &str = "select a.seq, b.seq from interactions a join interactions b \
        on b.profile_id = $2 and b.our_address = a.our_address and b.active \
        where a.profile_id = $1 and a.active order by a.seq limit 1";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(one)
        .bind(other)
        .fetch_optional(conn)
        .await)?)
}
