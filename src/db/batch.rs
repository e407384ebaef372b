//! Many rows, one parameter a column, one statement.
//!
//! [`batch_row!`] declares a row; a [`Statement`] over it says `{rows}` where the rows stand. On
//! PostgreSQL each column travels as an array through `unnest`; on SQLite each value is bound by
//! itself, in one `values` of up to [`SQLITE_ROWS`] rows. Either way `{rows}` is a table named `r`, with the row's fields as
//! columns and `ord`, the row's place, from 1.

use std::{marker::PhantomData, sync::OnceLock};

use sqlx::{
    FromRow,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use super::{StoreError, Tx};

/// Rows of one statement on SQLite, a power of two: more gains little, and each takes memory in
/// every prepared statement.
const SQLITE_ROWS: usize = 64;

/// Bytes, as opposed to a list of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

/// Text that is JSON already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(pub String);

impl JsonText {
    /// Writes `value` as JSON.
    ///
    /// # Panics
    ///
    /// When a map has keys that are not text, which none of ours has.
    pub fn of(value: &impl serde::Serialize) -> Self {
        let json = serde_json::to_string(value).expect("our types have text keys");
        if !json.contains("\\u0000") {
            return Self(json);
        }
        let mut value: serde_json::Value = serde_json::from_str(&json).expect("just written");
        replace_nul(&mut value);
        Self(value.to_string())
    }
}

/// PostgreSQL stores no NUL, neither in text nor in JSON, and none of it says anything.
fn replace_nul(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::String(text) => *text = without_nul(std::mem::take(text)),
        Value::Array(values) => values.iter_mut().for_each(replace_nul),
        Value::Object(members) => {
            for (key, mut value) in std::mem::take(members) {
                replace_nul(&mut value);
                members.insert(without_nul(key), value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// A row read from either engine.
pub trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// How a column travels.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// The type of an element of the array on PostgreSQL.
    pub postgres: &'static str,
    /// A cast after it arrives on PostgreSQL.
    pub postgres_cast: &'static str,
}

/// A value that can be a column of a batch.
pub trait Cell: Sized {
    /// What the driver is given.
    type Bound;
    /// The array's type on PostgreSQL.
    const POSTGRES: &'static str;
    /// A cast after it arrives on PostgreSQL.
    const POSTGRES_CAST: &'static str = "";

    /// Gives the value up to the driver.
    fn into_bound(self) -> Self::Bound;
}

/// A row declared with [`batch_row!`].
pub trait Batch: Sized {
    /// Its columns.
    const COLUMNS: &'static [Column];
    /// Adds the row's values to the arguments.
    fn sqlite(self, arguments: &mut SqliteArguments) -> Result<(), sqlx::error::BoxDynError>;
    /// All rows, column by column.
    fn postgres(rows: Vec<Self>) -> Result<PgArguments, sqlx::error::BoxDynError>;
}

/// SQL over a batch, written once.
#[derive(Debug)]
pub struct Statement<R> {
    template: &'static str,
    locking: &'static str,
    /// A text for 1, 2, 4, … and [`SQLITE_ROWS`] rows.
    sqlite: [OnceLock<&'static str>; 7],
    postgres: OnceLock<&'static str>,
    row: PhantomData<fn(R)>,
}

impl<R: Batch> Statement<R> {
    /// A statement whose `{rows}` stands for the rows it is given.
    #[must_use]
    pub const fn new(template: &'static str) -> Self {
        Self::locking(template, "")
    }

    /// A query that locks what it finds until the transaction ends, in PostgreSQL's words. SQLite
    /// has one writer, so there is nothing to lock.
    #[must_use]
    pub const fn locking(template: &'static str, locking: &'static str) -> Self {
        Self {
            template,
            locking,
            sqlite: [const { OnceLock::new() }; 7],
            postgres: OnceLock::new(),
            row: PhantomData,
        }
    }

    /// Runs it and says how many rows it changed. No rows, no statement.
    pub async fn execute(&self, tx: &mut Tx, rows: Vec<R>) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        match tx {
            Tx::Sqlite(tx) => {
                let mut changed = 0;
                for (sql, arguments) in self.sqlite_chunks(rows)? {
                    let query = sqlx::query_with(sql, arguments);
                    changed += query.execute(&mut **tx).await?.rows_affected();
                }
                Ok(changed)
            }
            Tx::Postgres(tx) => {
                let arguments = R::postgres(rows).map_err(sqlx::Error::Encode)?;
                let query = sqlx::query_with(self.postgres(), arguments);
                Ok(query.execute(&mut **tx).await?.rows_affected())
            }
        }
    }

    /// Runs it and returns its rows. No rows, no statement.
    pub async fn fetch<T: Record>(&self, tx: &mut Tx, rows: Vec<R>) -> Result<Vec<T>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        match tx {
            Tx::Sqlite(tx) => {
                let mut fetched = Vec::new();
                for (sql, arguments) in self.sqlite_chunks(rows)? {
                    let query = sqlx::query_as_with(sql, arguments);
                    fetched.extend(query.fetch_all(&mut **tx).await?);
                }
                Ok(fetched)
            }
            Tx::Postgres(tx) => {
                let arguments = R::postgres(rows).map_err(sqlx::Error::Encode)?;
                let query = sqlx::query_as_with(self.postgres(), arguments);
                Ok(query.fetch_all(&mut **tx).await?)
            }
        }
    }

    /// The statements that bring the rows, in order.
    fn sqlite_chunks(
        &self,
        rows: Vec<R>,
    ) -> Result<Vec<(&'static str, SqliteArguments)>, StoreError> {
        let mut chunks = Vec::with_capacity(rows.len().div_ceil(SQLITE_ROWS));
        let mut left = rows.len();
        let mut rows = (1_i64..).zip(rows);
        while left > 0 {
            let count = left.min(SQLITE_ROWS);
            let mut arguments = SqliteArguments::default();
            sqlx::Arguments::reserve(&mut arguments, count * (R::COLUMNS.len() + 1), 0);
            for (ord, row) in rows.by_ref().take(count) {
                let added = sqlx::Arguments::add(&mut arguments, ord);
                added.and_then(|()| row.sqlite(&mut arguments)).map_err(sqlx::Error::Encode)?;
            }
            chunks.push((self.sqlite(count), arguments));
            left -= count;
        }
        Ok(chunks)
    }

    /// The text for `count` rows or somewhat more: SQLite takes what is not bound for null, and a
    /// row without a place is none.
    fn sqlite(&self, count: usize) -> &'static str {
        let capacity = count.next_power_of_two();
        let text = &self.sqlite[capacity.ilog2() as usize];
        text.get_or_init(|| {
            let names = R::COLUMNS.iter().enumerate();
            let names = names.map(|(index, column)| format!("column{} as {}", index + 2, column.name));
            let names = names.collect::<Vec<_>>().join(", ");
            // Only a text that has the rows twice must say which value is meant: it costs time.
            let repeated = self.template.matches("{rows}").count() > 1;
            let width = R::COLUMNS.len() + 1;
            let value = |place| if repeated { format!("?{}", place + 1) } else { "?".to_owned() };
            let row = |row| (row * width..(row + 1) * width).map(value).collect::<Vec<_>>().join(", ");
            let rows = (0..capacity).map(|place| format!("({})", row(place)));
            let rows = rows.collect::<Vec<_>>().join(", ");
            let table = format!(
                "(select column1 as ord, {names} from (values {rows}) where column1 is not null) as r"
            );
            // What fails is rolled back as a whole, so nothing is noted down to take back one statement;
            // and the rows are in order without being sorted.
            let template = self.template.replacen("insert into", "insert or fail into", 1);
            let template = template
                .replace("from {rows} order by r.ord", "from {rows}")
                .replace("from {rows} where true order by r.ord", "from {rows} where true");
            leak(template.replace("{rows}", &table))
        })
    }

    fn postgres(&self) -> &'static str {
        self.postgres.get_or_init(|| {
            let join = |part: &dyn Fn(usize, &Column) -> String| {
                let parts = R::COLUMNS.iter().enumerate().map(|(index, column)| part(index, column));
                parts.collect::<Vec<_>>().join(", ")
            };
            let arrays = join(&|index, column| format!("${}::{}[]", index + 1, column.postgres));
            let names = join(&|_, column| column.name.to_owned());
            let columns = join(&|_, column| format!("u.{0}{1} as {0}", column.name, column.postgres_cast));
            let table = format!(
                "(select u.ord, {columns} from unnest({arrays}) with ordinality as u({names}, ord)) as r"
            );
            leak(self.template.replace("{rows}", &table) + self.locking)
        })
    }
}

/// One text per statement and engine, for the life of the process.
fn leak(sql: String) -> &'static str {
    Box::leak(sql.into_boxed_str())
}

/// Declares a row that travels to the database as one of many.
macro_rules! batch_row {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $cell:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name { $($(#[$field_meta])* $vis $field: $cell,)+ }

        impl $crate::db::Batch for $name {
            const COLUMNS: &'static [$crate::db::Column] = &[$($crate::db::Column {
                name: stringify!($field),
                postgres: <$cell as $crate::db::Cell>::POSTGRES,
                postgres_cast: <$cell as $crate::db::Cell>::POSTGRES_CAST,
            },)+];

            fn sqlite(
                self,
                arguments: &mut sqlx::sqlite::SqliteArguments,
            ) -> Result<(), sqlx::error::BoxDynError> {
                $(sqlx::Arguments::add(arguments, $crate::db::Cell::into_bound(self.$field))?;)+
                Ok(())
            }

            fn postgres(
                rows: Vec<Self>,
            ) -> Result<sqlx::postgres::PgArguments, sqlx::error::BoxDynError> {
                $(let mut $field = Vec::with_capacity(rows.len());)+
                for row in rows {
                    $($field.push($crate::db::Cell::into_bound(row.$field));)+
                }
                let mut arguments = sqlx::postgres::PgArguments::default();
                $(sqlx::Arguments::add(&mut arguments, $field)?;)+
                Ok(arguments)
            }
        }
    };
}
pub(crate) use batch_row;

impl Cell for String {
    type Bound = Self;
    const POSTGRES: &'static str = "text";

    fn into_bound(self) -> Self {
        without_nul(self)
    }
}

impl Cell for Bytes {
    type Bound = Vec<u8>;
    const POSTGRES: &'static str = "bytea";

    fn into_bound(self) -> Vec<u8> {
        self.0
    }
}

impl Cell for JsonText {
    type Bound = String;
    const POSTGRES: &'static str = "text";
    const POSTGRES_CAST: &'static str = "::json";

    fn into_bound(self) -> String {
        self.0
    }
}

impl<T: Cell> Cell for Option<T> {
    type Bound = Option<T::Bound>;
    const POSTGRES: &'static str = T::POSTGRES;
    const POSTGRES_CAST: &'static str = T::POSTGRES_CAST;

    fn into_bound(self) -> Self::Bound {
        self.map(T::into_bound)
    }
}

/// Cells that the driver takes as they are.
macro_rules! plain_cells {
    ($($cell:ty => $postgres:literal,)+) => {$(
        impl Cell for $cell {
            type Bound = Self;
            const POSTGRES: &'static str = $postgres;

            fn into_bound(self) -> Self {
                self
            }
        }
    )+};
}

plain_cells! {
    &'static str => "text",
    i64 => "bigint",
    i32 => "integer",
    bool => "boolean",
    Uuid => "uuid",
}
