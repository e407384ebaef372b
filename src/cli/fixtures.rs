//! Requests on file: the ones compiled in, and the ones in `fixtures/` where there is such a folder.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use frontdesk_adapters::{Adapter, fixture, providers};
use serde::Deserialize;
use serde_json::Value;

/// `<provider>/<file>` and its bytes.
const EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));

/// A provider's fictional channel and the requests to it.
#[derive(Debug)]
pub(super) struct Folder {
    /// The provider's, or where it has several channels, the channel's.
    pub name: String,
    pub adapter: &'static Adapter,
    pub channel: FictionalChannel,
    pub cases: Vec<Case>,
}

/// `account.json`.
#[derive(Debug, Deserialize)]
pub(super) struct FictionalChannel {
    pub id: String,
    pub address: String,
    pub account: Value,
}

/// A request and what its provider's documents say it means.
#[derive(Debug)]
pub(super) struct Case {
    /// Such as `twilio/01-sms`.
    pub name: String,
    pub request: Vec<u8>,
    pub expected: Value,
}

/// Every fixture, by provider in the registry's order.
pub(super) fn all() -> anyhow::Result<Vec<Folder>> {
    let files = files(Path::new("fixtures"))?;
    let mut folders = Vec::new();
    for adapter in providers::ALL {
        let prefix = format!("{}/", adapter.provider);
        let Some(account) = files.get(&format!("{prefix}account.json")) else { continue };
        let channels: Value = serde_json::from_slice(account)
            .with_context(|| format!("fixtures/{prefix}account.json"))?;
        let start = folders.len();
        for channel in fixture::channels(&channels) {
            let channel: FictionalChannel = serde_json::from_value(channel.clone())
                .with_context(|| format!("fixtures/{prefix}account.json"))?;
            let is_only = !channels.is_array();
            let name = if is_only { adapter.provider.to_owned() } else { channel.id.clone() };
            folders.push(Folder { name, adapter, channel, cases: Vec::new() });
        }
        for (name, request) in files.range(prefix.clone()..) {
            if !name.starts_with(&prefix) {
                break;
            }
            let Some(name) = name.strip_suffix(".http") else { continue };
            let expected = files
                .get(&format!("{name}.expected.json"))
                .with_context(|| format!("fixtures/{name}.http lacks its expected.json"))?;
            let expected = serde_json::from_slice(expected)
                .with_context(|| format!("fixtures/{name}.expected.json"))?;
            let read =
                fixture::read(request, "").with_context(|| format!("fixtures/{name}.http"))?;
            let id = &fixture::channel(&channels, &read.url)["id"];
            let of = folders[start..].iter_mut().find(|folder| *id == folder.channel.id);
            let of = of.with_context(|| format!("fixtures/{prefix}account.json has no channel"))?;
            of.cases.push(Case { name: name.to_owned(), request: request.clone(), expected });
        }
    }
    Ok(folders)
}

fn files(root: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let on_disk = |adapter: &&Adapter| root.join(adapter.provider).join("account.json").exists();
    if !providers::ALL.iter().any(on_disk) {
        let embedded = EMBEDDED.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()));
        return Ok(embedded.collect());
    }
    let mut files = BTreeMap::new();
    for adapter in providers::ALL.iter().filter(|adapter| on_disk(adapter)) {
        let folder = root.join(adapter.provider);
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if let (true, Some(name)) = (path.is_file(), path.file_name()) {
                let name = format!("{}/{}", adapter.provider, name.to_string_lossy());
                files.insert(name, fs::read(&path).with_context(|| path.display().to_string())?);
            }
        }
    }
    Ok(files)
}
