//! What is logged by itself on interactions: per table, and the one switch for all.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        Api, Context,
        agents::By,
        input::{Body, IfMatch, Paging, Path, Query},
        output::{Page, Range, Versioned},
        problem::Problem,
    },
    audit::{self, Subject},
    db::Tx,
    tasks::{
        Kind,
        related::{self, Effective, LINK, Operation, Policy, Switch, TASK},
    },
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_policies))
        .routes(routes!(get_policy, put_policy))
        .routes(routes!(get_switch, put_switch))
}

/// What somebody said about a table, and what holds for it.
#[derive(Debug, Serialize, ToSchema)]
struct RelatedPolicy {
    /// `incident`, `case`, `request` or a kind of link; `task` and `link` are the defaults.
    table: String,
    /// What is logged by itself; `null` follows the default.
    operations: Option<Vec<Operation>>,
    /// Whether at most one is created per interaction; `null` follows the default.
    one_per_interaction: Option<bool>,
    /// What holds.
    effective: Effective,
    /// Counts changes; 0 where nobody said anything.
    version: i64,
}

impl RelatedPolicy {
    fn new(own: Policy, default: &Policy) -> Self {
        let effective = related::effective(&own, default);
        let Policy { table, operations, one_per_interaction, version } = own;
        Self { table, operations, one_per_interaction, effective, version }
    }
}

/// What is to hold for a table. What is absent or `null` follows the default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PolicyChange {
    /// What is logged by itself; an empty list is nothing.
    operations: Option<Vec<Operation>>,
    /// Whether at most one is created per interaction. Only for our own tasks.
    one_per_interaction: Option<bool>,
}

/// Whether anything is logged by itself.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RelatedRecordsSetting {
    /// Off: tasks come to an interaction by hand only.
    enabled: bool,
}

/// Lists policies by table: the tables there always are, and those somebody said something about.
#[utoipa::path(get, path = "/v1/related-policies", tag = "tasks", params(Paging),
    responses((status = 200, body = Page<RelatedPolicy>, description = "Policies.")))]
async fn list_policies(
    State(api): Context,
    Query(query): Query<Paging>,
) -> Result<Json<Page<RelatedPolicy>>, Problem> {
    let range: Range<String> = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let stored = related::policies(&mut tx).await?;
    tx.rollback().await?;
    let always = Kind::ALL.into_iter().map(Kind::as_str).chain([TASK, LINK]).map(Policy::unset);
    let all = always.chain(stored).map(|policy| (policy.table.clone(), policy));
    // Where a table comes twice, the stored one is the later.
    let all: BTreeMap<String, Policy> = all.collect();
    let shown = |policy: &Policy| {
        let default = &all[related::family(&policy.table)];
        RelatedPolicy::new(policy.clone(), default)
    };
    let shown = all.values().map(shown).collect();
    Ok(Json(range.cut(shown, |policy: &RelatedPolicy| policy.table.clone())))
}

/// Shows what holds for a table.
#[utoipa::path(get, path = "/v1/related-policies/{table}", tag = "tasks",
    params(("table" = String, Path, description = "Such as `incident`, or `task` for all tasks.")),
    responses((status = 200, body = RelatedPolicy, description = "The policy.")))]
async fn get_policy(
    State(api): Context,
    Path(table): Path<String>,
) -> Result<Versioned<RelatedPolicy>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let own = find(&mut tx, &table).await?;
    let policy = shown(&mut tx, own).await?;
    tx.rollback().await?;
    Ok(policy)
}

/// Says what is to hold for a table.
#[utoipa::path(put, path = "/v1/related-policies/{table}", tag = "tasks",
    params(("table" = String, Path, description = "Such as `incident`, or `task` for all tasks.")),
    request_body = PolicyChange,
    responses((status = 200, body = RelatedPolicy, description = "The policy.")))]
async fn put_policy(
    State(api): Context,
    By(author): By,
    Path(table): Path<String>,
    if_match: IfMatch,
    Body(change): Body<PolicyChange>,
) -> Result<Versioned<RelatedPolicy>, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let before = find(&mut tx, &table).await?;
    if_match.check(before.version)?;
    if change.one_per_interaction.is_some() && related::family(&table) == LINK {
        let detail = "records of other systems are not created here; leave it out";
        return Err(Problem::body("/one_per_interaction", detail));
    }
    let operations = change.operations.map(related::in_order);
    let one_per_interaction = change.one_per_interaction;
    let version = before.version + 1;
    let after = Policy { table, operations, one_per_interaction, version };
    if !related::save_policy(&mut tx, &after, now).await? {
        return Err(Problem::conflict());
    }
    let subject = Subject::new("related_policy", &after.table);
    let changes = audit::differences(&before, &after);
    audit::record(&mut tx, &author, subject, "change", changes, now).await?;
    let policy = shown(&mut tx, after).await?;
    tx.commit().await?;
    Ok(policy)
}

async fn find(tx: &mut Tx, table: &str) -> Result<Policy, Problem> {
    if !related::is_table(table) {
        return Err(Problem::not_found("table"));
    }
    Ok(related::policy(tx, table).await?)
}

async fn shown(tx: &mut Tx, own: Policy) -> Result<Versioned<RelatedPolicy>, Problem> {
    let default = related::policy(tx, related::family(&own.table)).await?;
    let version = own.version;
    Ok(Versioned(RelatedPolicy::new(own, &default), version))
}

/// Shows whether anything is logged by itself.
#[utoipa::path(get, path = "/v1/settings/related-records", tag = "tasks",
    responses((status = 200, body = RelatedRecordsSetting, description = "The switch.")))]
async fn get_switch(State(api): Context) -> Result<Versioned<RelatedRecordsSetting>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let Switch { enabled, version } = related::switch(&mut tx).await?;
    tx.rollback().await?;
    Ok(Versioned(RelatedRecordsSetting { enabled }, version))
}

/// Switches on or off that anything is logged by itself.
#[utoipa::path(put, path = "/v1/settings/related-records", tag = "tasks",
    request_body = RelatedRecordsSetting,
    responses((status = 200, body = RelatedRecordsSetting, description = "The switch.")))]
async fn put_switch(
    State(api): Context,
    By(author): By,
    if_match: IfMatch,
    Body(change): Body<RelatedRecordsSetting>,
) -> Result<Versioned<RelatedRecordsSetting>, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let before = related::switch(&mut tx).await?;
    if_match.check(before.version)?;
    let after = Switch { enabled: change.enabled, version: before.version + 1 };
    if !related::save_switch(&mut tx, after, now).await? {
        return Err(Problem::conflict());
    }
    let subject = Subject::new("setting", "related-records");
    let changes = audit::differences(&before, &after);
    audit::record(&mut tx, &author, subject, "change", changes, now).await?;
    tx.commit().await?;
    Ok(Versioned(change, after.version))
}
