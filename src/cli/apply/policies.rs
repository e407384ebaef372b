//! What is to be logged by itself on interactions, as the file has it.
//!
//! A key that an entry leaves out follows the default, also where the database says something: the
//! entry is the whole word about its table.

use super::changes::{Changes, differs};
use crate::{
    audit::{self, Author, Subject},
    cli::{Exit, fault},
    db::Tx,
    tasks::related::{self, Policy},
};

/// Stores policies.
pub(super) async fn put(
    tx: &mut Tx,
    desired: Vec<Policy>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    let stored = related::policies(tx).await?;
    let tables = stored.iter().map(|policy| policy.table.as_str());
    changes.leave_alone("policy of", tables, |table| {
        desired.iter().any(|policy| policy.table == table)
    });
    for policy in desired {
        let what = format!("policy of {}", policy.table);
        let before = related::policy(tx, &policy.table).await?;
        let details = differences(&before, &policy);
        if before.version > 0 && details.is_empty() {
            changes.unchanged += 1;
            continue;
        }
        let after = Policy { version: before.version + 1, ..policy };
        if !related::save_policy(tx, &after, now).await? {
            let message = format!("{what} was changed at the same moment; apply again");
            return Err(fault(Exit::Failed, message));
        }
        let subject = Subject::new("related_policy", &after.table);
        let told = audit::differences(&before, &after);
        audit::record(tx, &Author::command("apply"), subject, "change", told, now).await?;
        if before.version == 0 {
            changes.created(what);
        } else {
            changes.changed(what, details);
        }
    }
    Ok(())
}

fn differences(before: &Policy, after: &Policy) -> Vec<String> {
    let mut details = Vec::new();
    let operations =
        |policy: &Policy| serde_json::to_string(&policy.operations).unwrap_or_default();
    differs(&mut details, "operations", operations(before), operations(after));
    let one = |policy: &Policy| {
        policy.one_per_interaction.map_or_else(|| "—".to_owned(), |one| one.to_string())
    };
    differs(&mut details, "one_per_interaction", one(before), one(after));
    details
}
