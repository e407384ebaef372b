//! SQL of the audit.

use sqlx::types::Json;
use uuid::Uuid;

use super::{Author, AuthorKind, Change, Entry, Subject};
use crate::{
    clock,
    db::{JsonText, Statement, StoreError, Tx, batch_row, fetch_filtered, on_engine},
};

/// Records what `author` did to `subject`.
pub async fn record(
    tx: &mut Tx,
    author: &Author,
    subject: Subject,
    action: &str,
    changes: Vec<Change>,
    now: i64,
) -> Result<(), StoreError> {
    const SQL: &str = "insert into audit (id, author_kind, author, key_id, action, subject_kind, subject, \
        changes, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(clock::new_id())
        .bind(author.kind)
        .bind(&author.id)
        .bind(author.key)
        .bind(action)
        .bind(subject.kind)
        .bind(&subject.id)
        .bind(Json(&changes))
        .bind(now)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

batch_row! {
    struct Recorded {
        id: Uuid,
        author_kind: &'static str,
        author: String,
        key_id: Option<Uuid>,
        action: &'static str,
        subject_kind: &'static str,
        subject: String,
        changes: JsonText,
        at: i64,
    }
}

/// Records what `author` did to many things at once.
pub async fn record_all(
    tx: &mut Tx,
    author: &Author,
    changes: Vec<(Subject, &'static str, Vec<Change>)>,
    now: i64,
) -> Result<(), StoreError> {
    static INSERT: Statement<Recorded> = Statement::new(
        "insert into audit (id, author_kind, author, key_id, action, subject_kind, subject, changes, at) \
         select r.id, r.author_kind, r.author, r.key_id, r.action, r.subject_kind, r.subject, r.changes, \
         r.at from {rows} order by r.ord",
    );
    let row = |(subject, action, changes): (Subject, _, Vec<Change>)| Recorded {
        id: clock::new_id(),
        author_kind: author.kind.as_str(),
        author: author.id.clone(),
        key_id: author.key,
        action,
        subject_kind: subject.kind,
        subject: subject.id,
        changes: JsonText::of(&changes),
        at: now,
    };
    INSERT.execute(tx, changes.into_iter().map(row).collect()).await?;
    Ok(())
}

/// Which changes to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those of things of this kind.
    pub subject_kind: Option<String>,
    /// Those of this thing.
    pub subject: Option<String>,
    /// Those by authors of this kind.
    pub author_kind: Option<AuthorKind>,
    /// Those by this author.
    pub author: Option<String>,
    /// Those before this one: newest first.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Changes, newest first.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
    const SELECT: &str = "select id, author_kind, author, key_id, action, subject_kind, subject, changes, at \
        from audit where id < ";
    Ok(fetch_filtered!(tx, SELECT, query => {
        query.push_bind(filter.before.unwrap_or(Uuid::max()));
        if let Some(kind) = &filter.subject_kind {
            query.push(" and subject_kind = ").push_bind(kind);
        }
        if let Some(subject) = &filter.subject {
            query.push(" and subject = ").push_bind(subject);
        }
        if let Some(kind) = filter.author_kind {
            query.push(" and author_kind = ").push_bind(kind.as_str());
        }
        if let Some(author) = &filter.author {
            query.push(" and author = ").push_bind(author);
        }
        query.push(" order by id desc limit ").push_bind(filter.limit);
    })?)
}
