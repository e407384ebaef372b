//! People and profiles by their names: a page of the index of names, then what else is asked for.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    output::{Page, Range},
    problem::Problem,
};
use crate::{
    db::Tx,
    search::{self, Wanted},
};

/// Those of one page, newest name first, and where the next one goes on.
#[derive(Debug)]
pub(super) struct Names {
    found: Vec<(i64, Uuid)>,
    next: Option<String>,
}

impl Names {
    /// Finds those of `kind` (`person` or `profile`) who are called so.
    pub async fn find(
        tx: &mut Tx,
        kind: &'static str,
        name: &str,
        range: &Range<i64>,
    ) -> Result<Self, Problem> {
        let none = || Problem::parameter("name", "give a word to look for");
        let wanted = Wanted::of(name).ok_or_else(none)?;
        let before = range.after.unwrap_or(i64::MAX);
        let found = search::named(tx, kind, &wanted, before, range.fetch()).await?;
        let Page { data: found, next } = range.page(found, |(place, _)| *place);
        Ok(Self { found, next })
    }

    pub fn ids(&self) -> Vec<Uuid> {
        self.found.iter().map(|(_, id)| *id).collect()
    }

    /// The page of those who are left, in the order of their names' places.
    pub fn page<T>(self, left: Vec<T>, known_by: impl Fn(&T) -> Uuid) -> Page<T> {
        let mut left: HashMap<Uuid, T> = left.into_iter().map(|it| (known_by(&it), it)).collect();
        let data = self.found.iter().filter_map(|(_, id)| left.remove(id)).collect();
        Page { data, next: self.next }
    }
}
