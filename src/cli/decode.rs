//! `frontdesk decode`: what would this request become? No database, no network.

use std::{
    fs,
    io::{self, BufRead, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use frontdesk_adapters::{
    Account, Adapter, Arrival, Decoded, Timestamp, decode, decode_line, decode_undated, fixture,
    providers,
};
use serde_json::Value;

use super::{Exit, fault, terminal::print};
use crate::clock::Clock;

/// What would this request become? Reads `.http` files, or `-`.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk decode fixtures/twilio/01-sms.http
  frontdesk decode --provider telegram --account account.json - < update.http
  frontdesk decode --jsonl < requests.jsonl")]
pub(super) struct Decode {
    /// Files with one request each; `-` is standard input.
    files: Vec<PathBuf>,
    /// Read one JSON request a line and write one answer a line, in order.
    #[arg(long)]
    jsonl: bool,
    /// The provider; by itself the name of the file's folder.
    #[arg(long)]
    provider: Option<String>,
    /// The account, as a JSON file; by itself `account.json` beside the request.
    #[arg(long)]
    account: Option<PathBuf>,
    /// The receiver's time (RFC 3339); by itself that of the account file, else when the
    /// request was signed.
    #[arg(long)]
    now: Option<String>,
    /// Take the request as it is, instead of signing one that carries no signature.
    #[arg(long)]
    unsigned: bool,
}

impl Decode {
    pub fn run(&self) -> anyhow::Result<Exit> {
        if self.jsonl {
            return self.lines();
        }
        if self.files.is_empty() {
            return Err(fault(Exit::Usage, "name a file to decode, or - for standard input"));
        }
        let mut exit = Exit::Done;
        for file in &self.files {
            let decoded = self.file(file).with_context(|| file.display().to_string())?;
            if matches!(decoded, Decoded::Refused { .. }) {
                exit = Exit::Findings;
            }
            print(serde_json::to_string_pretty(&decoded)?)?;
        }
        Ok(exit)
    }

    fn lines(&self) -> anyhow::Result<Exit> {
        let arrival = match self.now()? {
            Some(now) => Arrival::At(now),
            None => Arrival::Unknown(Clock::system().now()),
        };
        let mut out = BufWriter::new(io::stdout().lock());
        let mut answer = |line: &str| -> io::Result<()> {
            if line.trim().is_empty() {
                return Ok(());
            }
            serde_json::to_writer(&mut out, &decode_line(line, arrival))?;
            out.write_all(b"\n")
        };
        if self.files.is_empty() {
            return each_line(io::stdin().lock(), &mut answer).map(|()| Exit::Done);
        }
        for file in &self.files {
            if file.as_os_str() == "-" {
                each_line(io::stdin().lock(), &mut answer)?;
            } else {
                let opened = fs::File::open(file).with_context(|| file.display().to_string())?;
                each_line(io::BufReader::new(opened), &mut answer)?;
            }
        }
        Ok(Exit::Done)
    }

    fn file(&self, file: &Path) -> anyhow::Result<Decoded> {
        let bytes = if file.as_os_str() == "-" {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes)?;
            bytes
        } else {
            fs::read(file)?
        };
        let adapter = self.adapter(file)?;
        let beside = file.with_file_name("account.json");
        let account_file =
            self.account.clone().or_else(|| Some(beside).filter(|path| path.exists()));
        let account_json: Value = match &account_file {
            Some(path) => serde_json::from_slice(&fs::read(path)?)
                .with_context(|| format!("{} is not JSON", path.display()))?,
            None => {
                bail!("name the account's file with --account: nothing can be verified without")
            }
        };
        let account_json = fixture::channel(&account_json, &fixture::read(&bytes, "")?.url);
        let account = Account::read(adapter, account_json.get("account").unwrap_or(account_json))?;
        let text = |name: &str| account_json.get(name).and_then(Value::as_str);
        let recorded = text("now").and_then(Timestamp::parse_rfc3339);
        let arrived = self.now()?.or(recorded);
        let now = arrived.unwrap_or_else(|| Clock::system().now());
        let mut request =
            fixture::read(&bytes, text("public_url").unwrap_or("http://127.0.0.1:8080"))?;
        if !self.unsigned {
            request = fixture::signed(request, adapter, &account, now)?;
        }
        Ok(match arrived {
            Some(now) => decode(adapter, &account, request, now),
            None => decode_undated(adapter, &account, request, now),
        })
    }

    fn adapter(&self, file: &Path) -> anyhow::Result<&'static Adapter> {
        let folder = file.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let name = self.provider.as_deref().or(folder);
        name.and_then(providers::find)
            .context("name the provider with --provider; `frontdesk providers` lists them")
    }

    fn now(&self) -> anyhow::Result<Option<Timestamp>> {
        let parse = |text: &String| {
            Timestamp::parse_rfc3339(text)
                .context("--now takes a time such as 2026-01-01T00:00:00Z")
        };
        self.now.as_ref().map(parse).transpose()
    }
}

/// Calls `answer` for each line, as they come, so that a pipe can be answered line by line.
fn each_line(
    mut input: impl BufRead,
    answer: &mut impl FnMut(&str) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        answer(&String::from_utf8_lossy(&line))?;
    }
}
