//! SQL of walking over raw texts.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    db::{Statement, StoreError, Tx, batch_row},
    erasure::store::Found,
};

/// Rows looked at in one step.
const STEP: i64 = 1_000;

/// The messages by which somebody took part in the interactions of a profile that theirs was merged
/// with once: when that was undone, they stayed there.
pub(in crate::erasure) async fn strays(
    tx: &mut Tx,
    found: &Found,
) -> Result<BTreeSet<Uuid>, StoreError> {
    batch_row! {
        struct IdRow {
            id: Uuid,
        }
    }
    // By the address, since open ones may have gone to the profile of whoever has it now.
    static FIND: Statement<IdRow> = Statement::new(
        "select m.id, m.interaction_id, m.profile_id, m.details from (select r.id, g.kept_id as other \
         from {rows} join profile_merges g on g.given_up_id = r.id where g.state = 'undone' union \
         select r.id, g.given_up_id from {rows} join profile_merges g on g.kept_id = r.id \
         where g.state = 'undone') as once join profiles o on o.id = once.other \
         join profiles p on p.value = o.value join interactions i on i.profile_id = p.id \
         join messages m on m.interaction_id = i.id",
    );
    let rows = found.profiles.iter().map(|id| IdRow { id: *id }).collect();
    let rows: Vec<(Uuid, Uuid, Uuid, Json<Value>)> = FIND.fetch(tx, rows).await?;
    let elsewhere = rows.into_iter().filter(|(_, at, ..)| !found.interactions.contains_key(at));
    let theirs =
        elsewhere.filter(|(_, _, profile, Json(details))| match details["from"].as_str() {
            Some(from) => found.addresses.contains(from),
            None => found.profiles.contains(profile),
        });
    Ok(theirs.map(|(id, ..)| id).collect())
}

/// What is walked over, in the order of its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::erasure) enum Source {
    Requests,
    Events,
    Audit,
}

impl Source {
    /// The rows of one step; its parameters come behind.
    fn rows(self) -> &'static str {
        match self {
            Self::Requests => {
                " as hit from (select id, headers, target, body from requests where id > "
            }
            Self::Events => " as hit from (select id, data from events where id > ",
            Self::Audit => " as hit from (select id, subject, changes from audit where id > ",
        }
    }

    fn texts(self) -> &'static [&'static str] {
        match self {
            Self::Requests => &["w.headers", "w.target"],
            Self::Events => &["w.data"],
            Self::Audit => &["w.subject", "w.changes"],
        }
    }
}

/// The next rows after `after`, each with whether it has one of the needles in it.
pub(in crate::erasure) async fn hits(
    tx: &mut Tx,
    source: Source,
    after: Uuid,
    needles: &[String],
) -> Result<Vec<(Uuid, bool)>, StoreError> {
    // Engines name the function differently, and look into bytes differently.
    macro_rules! asked {
        ($engine:ty, $conn:expr, $text:literal, $bytes:expr) => {{
            let mut query = sqlx::QueryBuilder::<$engine>::new("select w.id, (false");
            for needle in needles {
                for column in source.texts() {
                    query.push(" or ").push($text).push("(cast(").push(*column);
                    query.push(" as text), ").push_bind(needle).push(") > 0");
                }
                if source == Source::Requests {
                    let (before, behind) = $bytes;
                    query.push(before).push_bind(needle.as_bytes()).push(behind);
                }
            }
            query.push(")").push(source.rows()).push_bind(after);
            query.push(" order by id limit ").push_bind(STEP).push(") as w order by w.id");
            query.build_query_as().fetch_all($conn).await?
        }};
    }
    Ok(match tx {
        Tx::Sqlite(tx) => {
            asked!(sqlx::Sqlite, &mut **tx, "instr", (" or instr(w.body, ", ") > 0"))
        }
        Tx::Postgres(tx) => {
            asked!(sqlx::Postgres, &mut **tx, "strpos", (" or position(", " in w.body) > 0"))
        }
    })
}
