//! Many rows, one parameter a column, one statement.
//!
//! [`batch_row!`] declares a row; a [`Statement`] over it says `{rows}` where the rows stand. On
//! PostgreSQL each column travels as an array through `unnest`; on SQLite all rows travel as one
//! JSON text through `json_each`. Either way `{rows}` is a table named `r`, with the row's fields as
//! columns and `ord`, the row's place, from 1.

use std::{marker::PhantomData, sync::OnceLock};

use sqlx::{
    FromRow,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use super::{StoreError, Tx};

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
    /// Whether it is hexadecimal on SQLite.
    pub sqlite_hex: bool,
}

/// A value that can be a column of a batch.
pub trait Cell: Sized {
    /// What an array of it holds on PostgreSQL.
    type Postgres;
    /// The array's type on PostgreSQL.
    const POSTGRES: &'static str;
    /// A cast after it arrives on PostgreSQL.
    const POSTGRES_CAST: &'static str = "";
    /// Whether it is hexadecimal on SQLite.
    const SQLITE_HEX: bool = false;

    /// Appends the value as JSON.
    fn json(&self, out: &mut Vec<u8>);
    /// Gives the value up to an array.
    fn into_postgres(self) -> Self::Postgres;
}

/// A row declared with [`batch_row!`].
pub trait Batch: Sized {
    /// Its columns.
    const COLUMNS: &'static [Column];
    /// Appends the row as a JSON array.
    fn json(&self, out: &mut Vec<u8>);
    /// All rows, column by column.
    fn postgres(rows: Vec<Self>) -> Result<PgArguments, sqlx::error::BoxDynError>;
}

/// SQL over a batch, written once.
#[derive(Debug)]
pub struct Statement<R> {
    template: &'static str,
    locking: &'static str,
    sqlite: OnceLock<&'static str>,
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
            sqlite: OnceLock::new(),
            postgres: OnceLock::new(),
            row: PhantomData,
        }
    }

    /// Runs it and says how many rows it changed. No rows, no statement.
    pub async fn execute(&self, tx: &mut Tx, rows: Vec<R>) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        Ok(match tx {
            Tx::Sqlite(tx) => {
                let query = sqlx::query_with(self.sqlite(), sqlite_arguments(&rows)?);
                query.execute(&mut **tx).await?.rows_affected()
            }
            Tx::Postgres(tx) => {
                let arguments = R::postgres(rows).map_err(sqlx::Error::Encode)?;
                let query = sqlx::query_with(self.postgres(), arguments);
                query.execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// Runs it and returns its rows. No rows, no statement.
    pub async fn fetch<T: Record>(&self, tx: &mut Tx, rows: Vec<R>) -> Result<Vec<T>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        Ok(match tx {
            Tx::Sqlite(tx) => {
                let query = sqlx::query_as_with(self.sqlite(), sqlite_arguments(&rows)?);
                query.fetch_all(&mut **tx).await?
            }
            Tx::Postgres(tx) => {
                let arguments = R::postgres(rows).map_err(sqlx::Error::Encode)?;
                let query = sqlx::query_as_with(self.postgres(), arguments);
                query.fetch_all(&mut **tx).await?
            }
        })
    }

    fn sqlite(&self) -> &'static str {
        self.sqlite.get_or_init(|| {
            let columns = R::COLUMNS.iter().enumerate().map(|(index, column)| {
                let (open, close) = if column.sqlite_hex { ("unhex(", ")") } else { ("", "") };
                format!("{open}value->>{index}{close} as {}", column.name)
            });
            let columns = columns.collect::<Vec<_>>().join(", ");
            self.fill(&format!("(select key + 1 as ord, {columns} from jsonb_each($1)) as r"), "")
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
            self.fill(&format!(
                "(select u.ord, {columns} from unnest({arrays}) with ordinality as u({names}, ord)) as r"
            ), self.locking)
        })
    }

    /// Leaked on purpose: one text per statement and engine, for the life of the process.
    fn fill(&self, rows: &str, locking: &str) -> &'static str {
        let sql = self.template.replace("{rows}", rows) + locking;
        Box::leak(sql.into_boxed_str())
    }
}

fn sqlite_arguments<R: Batch>(rows: &[R]) -> Result<SqliteArguments, sqlx::Error> {
    let mut json = Vec::with_capacity(rows.len() * 256);
    json.push(b'[');
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        row.json(&mut json);
    }
    json.push(b']');
    let json = String::from_utf8(json).expect("cells write UTF-8");
    let mut arguments = SqliteArguments::default();
    sqlx::Arguments::add(&mut arguments, json).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
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
                sqlite_hex: <$cell as $crate::db::Cell>::SQLITE_HEX,
            },)+];

            fn json(&self, out: &mut Vec<u8>) {
                let mut separator = b'[';
                $(
                    out.push(std::mem::replace(&mut separator, b','));
                    $crate::db::Cell::json(&self.$field, out);
                )+
                let _ = separator;
                out.push(b']');
            }

            fn postgres(
                rows: Vec<Self>,
            ) -> Result<sqlx::postgres::PgArguments, sqlx::error::BoxDynError> {
                $(let mut $field = Vec::with_capacity(rows.len());)+
                for row in rows {
                    $($field.push($crate::db::Cell::into_postgres(row.$field));)+
                }
                let mut arguments = sqlx::postgres::PgArguments::default();
                $(sqlx::Arguments::add(&mut arguments, $field)?;)+
                Ok(arguments)
            }
        }
    };
}
pub(crate) use batch_row;

fn write_json(value: &(impl serde::Serialize + ?Sized), out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("writing to memory cannot fail");
}

fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() * 2 + 2);
    out.push(b'"');
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

impl Cell for String {
    type Postgres = Self;
    const POSTGRES: &'static str = "text";

    fn json(&self, out: &mut Vec<u8>) {
        if self.contains('\0') {
            write_json(&without_nul(self.clone()), out);
        } else {
            write_json(self, out);
        }
    }

    fn into_postgres(self) -> Self {
        without_nul(self)
    }
}

impl Cell for &'static str {
    type Postgres = Self;
    const POSTGRES: &'static str = "text";

    fn json(&self, out: &mut Vec<u8>) {
        write_json(self, out);
    }

    fn into_postgres(self) -> Self {
        self
    }
}

impl Cell for i64 {
    type Postgres = Self;
    const POSTGRES: &'static str = "bigint";

    fn json(&self, out: &mut Vec<u8>) {
        write_json(self, out);
    }

    fn into_postgres(self) -> Self {
        self
    }
}

impl Cell for i32 {
    type Postgres = Self;
    const POSTGRES: &'static str = "integer";

    fn json(&self, out: &mut Vec<u8>) {
        write_json(self, out);
    }

    fn into_postgres(self) -> Self {
        self
    }
}

impl Cell for bool {
    type Postgres = Self;
    const POSTGRES: &'static str = "boolean";

    fn json(&self, out: &mut Vec<u8>) {
        write_json(self, out);
    }

    fn into_postgres(self) -> Self {
        self
    }
}

impl Cell for Uuid {
    type Postgres = Self;
    const POSTGRES: &'static str = "uuid";
    const SQLITE_HEX: bool = true;

    fn json(&self, out: &mut Vec<u8>) {
        write_hex(self.as_bytes(), out);
    }

    fn into_postgres(self) -> Self {
        self
    }
}

impl Cell for Bytes {
    type Postgres = Vec<u8>;
    const POSTGRES: &'static str = "bytea";
    const SQLITE_HEX: bool = true;

    fn json(&self, out: &mut Vec<u8>) {
        write_hex(&self.0, out);
    }

    fn into_postgres(self) -> Vec<u8> {
        self.0
    }
}

impl Cell for JsonText {
    type Postgres = String;
    const POSTGRES: &'static str = "text";
    const POSTGRES_CAST: &'static str = "::jsonb";

    fn json(&self, out: &mut Vec<u8>) {
        write_json(&self.0, out);
    }

    fn into_postgres(self) -> String {
        self.0
    }
}

impl<T: Cell> Cell for Option<T> {
    type Postgres = Option<T::Postgres>;
    const POSTGRES: &'static str = T::POSTGRES;
    const POSTGRES_CAST: &'static str = T::POSTGRES_CAST;
    const SQLITE_HEX: bool = T::SQLITE_HEX;

    fn json(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.json(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn into_postgres(self) -> Self::Postgres {
        self.map(T::into_postgres)
    }
}
