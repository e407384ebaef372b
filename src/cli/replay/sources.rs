//! Where replayed requests come from: files, and the gateway's own archive.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use frontdesk_adapters::{Request, Timestamp, fixture, providers};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Filter, RESTS, give_way};
use crate::{
    cli::{Exit, fault},
    clock,
    db::{Store, StoreError},
    ingest::{self, Again, Proof},
    messages::{self, RequestFilter, RequestOutcome, RequestRecord},
};

/// A request to replay.
#[derive(Debug)]
pub(super) struct Source {
    /// The file, or the archived request's id.
    pub name: String,
    /// The channel its address names.
    pub channel: Option<String>,
    pub request: Request,
    pub proof: Proof,
    /// When it came; a file comes now.
    pub at: Option<Timestamp>,
}

/// Every `.http` file among `paths` and in folders among them, by name.
pub(super) fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.exists() {
            return Err(fault(Exit::NotFound, format!("there is no {}", path.display())));
        }
        gather(path, &mut files).with_context(|| path.display().to_string())?;
    }
    if files.is_empty() {
        return Err(fault(Exit::NotFound, "there is no .http file there"));
    }
    Ok(files)
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "http") {
            entries.push(path);
        }
    }
    entries.sort();
    entries.iter().try_for_each(|entry| gather(entry, files))
}

/// Reads a file; `public_url` stands before its path.
pub(super) fn file(path: &Path, public_url: &str) -> anyhow::Result<Source> {
    let name = path.display().to_string();
    let bytes = fs::read(path).with_context(|| name.clone())?;
    let request = fixture::read(&bytes, public_url).with_context(|| name.clone())?;
    let channel = ingest::channel_at(&request.url).map(str::to_owned);
    Ok(Source { name, channel, request, proof: Proof::NewIfMissing, at: None })
}

/// The ids of archived requests, oldest first, each content once.
///
/// What was refused was never verified, so it is only replayed when asked for by name.
pub(super) async fn archived(store: &Store, filter: &Filter) -> Result<Vec<Uuid>, StoreError> {
    const PAGE: usize = 1_000;
    let [refused, unknown, duplicate] =
        [RequestOutcome::Refused, RequestOutcome::UnknownChannel, RequestOutcome::Duplicate]
            .map(RequestOutcome::as_str);
    let by_itself = |request: &RequestRecord| {
        ![refused, unknown, duplicate].contains(&request.outcome.as_str())
    };
    let mut ids = Vec::new();
    let mut before = None;
    loop {
        let began = clock::instant();
        let filter = RequestFilter {
            channel: filter.channel.clone(),
            outcome: filter.outcome.clone(),
            since: filter.since.map(Timestamp::as_millis),
            until: filter.until.map(Timestamp::as_millis),
            before,
        };
        let mut tx = store.begin_read().await?;
        let page = messages::requests(&mut tx, &filter, PAGE).await?;
        tx.rollback().await?;
        let all = filter.outcome.is_some();
        let wanted = page.rows.iter().filter(|request| all || by_itself(request));
        ids.extend(wanted.map(|request| request.id));
        before = page.next;
        if before.is_none() {
            break;
        }
        give_way(began, RESTS).await;
    }
    ids.reverse();
    Ok(ids)
}

/// Whether any archived request came for this channel, there though it may be no longer.
pub(super) async fn has_any(store: &Store, channel: &str) -> Result<bool, StoreError> {
    let filter = RequestFilter { channel: Some(channel.to_owned()), ..RequestFilter::default() };
    let mut tx = store.begin_read().await?;
    let found = messages::requests(&mut tx, &filter, 1).await?;
    tx.rollback().await?;
    Ok(!found.rows.is_empty())
}

/// One archived request; `None` when it is gone by now or its like was among `seen`.
pub(super) async fn stored(
    store: &Store,
    id: Uuid,
    public_url: &str,
    seen: &mut HashSet<[u8; 32]>,
) -> anyhow::Result<Option<Source>> {
    let mut tx = store.begin_read().await?;
    let stored = messages::find_request(&mut tx, id).await?;
    tx.rollback().await?;
    let Some(stored) = stored else { return Ok(None) };
    let content = Sha256::new().chain_update(&stored.record.target).chain_update([0]);
    if !seen.insert(content.chain_update(&stored.body).finalize().into()) {
        return Ok(None);
    }
    let name = stored.record.id.to_string();
    let again = Again::of(stored, public_url).context("the archive holds an unknown method")?;
    let Again { channel, request, proof, at } = again;
    Ok(Some(Source { name, channel, request, proof, at: Some(at) }))
}

/// How to make the channel a file is for, as far as the `account.json` beside it says.
pub(super) fn how_to_make(channel: &str, file: &Path) -> String {
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    let described = fs::read(folder.join("account.json")).ok();
    let described: Value =
        described.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let described = fixture::channel(&described, &format!("/webhooks/{channel}"));
    let provider = folder.file_name().and_then(|name| providers::find(name.to_str()?));
    let Some(adapter) = provider else {
        return "`frontdesk apply` makes channels; `frontdesk providers` lists what each needs"
            .to_owned();
    };
    let mut fields = Vec::new();
    for field in adapter.account {
        let value = described["account"].get(field.name);
        if field.secret && (value.is_some() || field.required) {
            let variable =
                format!("{channel}_{}", field.name).replace('-', "_").to_ascii_uppercase();
            fields.push(format!("{} = {{ env = \"{variable}\" }}", field.name));
        } else if let Some(value) = value.and_then(Value::as_str) {
            fields.push(format!("{} = {value:?}", field.name));
        }
    }
    format!(
        "put this into a file and `frontdesk apply` it:\n\n[[channels]]\nid = {channel:?}\nprovider = {:?}\naddress = {:?}\naccount = {{ {} }}\n",
        adapter.provider,
        described["address"].as_str().unwrap_or("…"),
        fields.join(", ")
    )
}
