//! SQL of opt-outs of senders who were erased.

use crate::{
    db::{Bytes, Statement, StoreError, Tx, batch_row, on_engine},
    profiles::consents::{Consent, Pair},
    vault::Vault,
};

batch_row! {
    struct DigestRow {
        digest: Bytes,
        scheme: String,
        value: String,
        our_address: String,
        state: &'static str,
        now: i64,
    }
}

impl DigestRow {
    fn of(vault: &Vault, pair: &Pair, now: i64) -> Self {
        let Pair { scheme, value, our_address } = pair.clone();
        let digest = Bytes(vault.digest(&["consent", &scheme, &value, &our_address]));
        Self { digest, scheme, value, our_address, state: Consent::OptedOut.as_str(), now }
    }
}

/// Whether anybody who opted out was ever erased.
pub async fn any(tx: &mut Tx) -> Result<bool, StoreError> {
    const SQL: &str = "select 1 from forgotten_consents limit 1";
    let row: Option<(i32,)> =
        on_engine!(tx, conn => sqlx::query_as(SQL).fetch_optional(conn).await)?;
    Ok(row.is_some())
}

/// Forgets who sent what `addresses` sent by way of consent; opt-outs stay as digests. Returns how
/// many decisions are gone.
pub async fn forget(
    tx: &mut Tx,
    vault: &Vault,
    addresses: &[String],
    now: i64,
) -> Result<u64, StoreError> {
    batch_row! {
        struct ValueRow {
            value: String,
        }
    }
    static OUT: Statement<ValueRow> = Statement::new(
        "select c.scheme, c.value, c.our_address from {rows} join consents c on c.value = r.value \
         where c.state = 'opted_out'",
    );
    static KEEP: Statement<DigestRow> = Statement::new(
        "insert into forgotten_consents (digest, state, changed_at) select r.digest, r.state, r.now \
         from {rows} where true on conflict (digest) do nothing",
    );
    static FORGET: Statement<ValueRow> =
        Statement::new("delete from consents where value in (select r.value from {rows})");
    static HISTORY: Statement<ValueRow> =
        Statement::new("delete from consent_changes where value in (select r.value from {rows})");
    let rows: Vec<ValueRow> =
        addresses.iter().map(|value| ValueRow { value: value.clone() }).collect();
    let out: Vec<(String, String, String)> = OUT.fetch(tx, rows.clone()).await?;
    let pairs =
        out.into_iter().map(|(scheme, value, our_address)| Pair { scheme, value, our_address });
    let digests = pairs.map(|pair| DigestRow::of(vault, &pair, now)).collect();
    KEEP.execute(tx, digests).await?;
    HISTORY.execute(tx, rows.clone()).await?;
    FORGET.execute(tx, rows).await
}

/// Puts the opt-outs of senders who turned up again in force again.
pub async fn revive(
    tx: &mut Tx,
    vault: &Vault,
    mut pairs: Vec<Pair>,
    now: i64,
) -> Result<(), StoreError> {
    static REVIVE: Statement<DigestRow> = Statement::new(
        "insert into consents (scheme, value, our_address, state, source, changed_at) \
         select r.scheme, r.value, r.our_address, f.state, 'kept when erased', f.changed_at from {rows} \
         join forgotten_consents f on f.digest = r.digest where true \
         on conflict (scheme, value, our_address) do nothing",
    );
    static DONE: Statement<DigestRow> = Statement::new(
        "delete from forgotten_consents where digest in (select r.digest from {rows})",
    );
    let key = |pair: &Pair| (pair.scheme.clone(), pair.value.clone(), pair.our_address.clone());
    pairs.sort_by_key(key);
    pairs.dedup_by_key(|pair| key(pair));
    let rows: Vec<DigestRow> = pairs.iter().map(|pair| DigestRow::of(vault, pair, now)).collect();
    REVIVE.execute(tx, rows.clone()).await?;
    DONE.execute(tx, rows).await?;
    Ok(())
}
