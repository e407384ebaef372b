//! What is measured: gateways and the endpoint beside them, each a process of its own.
//!
//! A process ends with its [`Server`], and its files with the [`Folder`].

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::net::TcpStream;

use super::requests::PUBLIC_URL;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(30);

/// A folder that is gone when it is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub fn new(parent: &Path) -> anyhow::Result<Self> {
        let path = parent.join(format!("frontdesk-bench-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            anstream::eprintln!("frontdesk: {} could not be removed: {error}", self.0.display());
        }
    }
}

/// A process that listens on loopback.
#[derive(Debug)]
pub(super) struct Server {
    pub address: SocketAddr,
    child: Child,
}

/// Memory of a process in MiB.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Memory {
    pub resident: f64,
    pub peak: f64,
}

/// How a gateway commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commit {
    /// As it always does.
    Groups,
    /// One transaction a request, as many at once as PostgreSQL gains from.
    PerRequest,
}

/// Connections to PostgreSQL of a gateway without groups; 10 and 32 came out the same.
const AT_ONCE: &str = "16";

impl Server {
    /// A gateway on the database at `url`.
    pub async fn gateway(
        folder: &Path,
        url: &str,
        key: &str,
        commit: Commit,
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = on_database(folder, url, key)?;
        command.arg("serve").env("FRONTDESK__HTTP__LISTEN", address.to_string());
        match commit {
            Commit::Groups => {}
            Commit::PerRequest => {
                command.env("FRONTDESK__INGEST__GROUP", "1");
                command.env("FRONTDESK__INGEST__COMMITTERS", AT_ONCE);
            }
        }
        Self::start(command, address).await
    }

    /// A NATS server with JetStream.
    pub async fn nats(folder: &Path, program: &Path) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(program);
        command.args(["-js", "-a", "127.0.0.1", "-p", &address.port().to_string(), "-sd"]);
        command.arg(folder.join("nats")).stderr(Stdio::null());
        Self::start(command, address).await
    }

    /// The endpoint that does nothing.
    pub async fn noop(folder: &Path) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = this_program(folder)?;
        command.args(["bench", "--noop", &address.to_string()]);
        Self::start(command, address).await
    }

    async fn start(mut command: Command, address: SocketAddr) -> anyhow::Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("a server cannot be started")?;
        let mut server = Self { address, child };
        let listening = async {
            loop {
                if let Some(status) = server.child.try_wait()? {
                    bail!("a server ended before it was ready: {status}");
                }
                if TcpStream::connect(address).await.is_ok() {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(START, listening).await.context("a server did not start")??;
        Ok(server)
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What the process occupies; only Linux tells.
    pub fn memory(&self) -> Option<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let mebibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
            Some(kibibytes / 1024.0)
        };
        Some(Memory { resident: mebibytes("VmRSS:")?, peak: mebibytes("VmHWM:")? })
    }
}

/// Seconds of processor time that a process and those it started have taken; only Linux tells.
pub(super) fn processor_seconds(process: u32) -> Option<f64> {
    let own = Ticks::of(process)?;
    let children = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let ticks = Ticks::of(entry.file_name().to_str()?.parse().ok()?)?;
        (ticks.parent == process).then_some(ticks.spent)
    });
    #[expect(clippy::cast_precision_loss, reason = "hundredths of seconds")]
    let spent = (own.spent + children.sum::<u64>()) as f64;
    Some(spent / TICKS_PER_SECOND)
}

/// Whatever the kernel counts in, it tells in these.
const TICKS_PER_SECOND: f64 = 100.0;

struct Ticks {
    parent: u32,
    /// By itself and by children that have ended.
    spent: u64,
}

impl Ticks {
    fn of(process: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // A program's name may hold spaces: fields are counted from behind it.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let spent = fields.get(11..15)?.iter().map(|ticks| ticks.parse::<u64>());
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            spent: spent.sum::<Result<_, _>>().ok()?,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing of it is kept, so it need not finish anything.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `frontdesk replay --requests`, until it is dropped.
#[derive(Debug)]
pub(super) struct Replay {
    child: Child,
    told: PathBuf,
}

impl Replay {
    /// Replays what is archived in the database at `url`, all of it.
    pub fn start(folder: &Path, url: &str, key: &str) -> anyhow::Result<Self> {
        let told = folder.join("replayed.jsonl");
        let mut command = on_database(folder, url, key)?;
        command.args(["replay", "--requests", "--json"]);
        command.stdin(Stdio::null()).stdout(fs::File::create(&told)?).stderr(Stdio::null());
        let child = command.spawn().context("a replay cannot be started")?;
        Ok(Self { child, told })
    }

    /// How many requests it has come to, and whether it is still at it.
    pub fn progress(&mut self) -> anyhow::Result<(usize, bool)> {
        let told = fs::read(&self.told)?.into_iter().filter(|byte| *byte == b'\n').count();
        Ok((told, self.child.try_wait()?.is_none()))
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program on the database at `url`, as every gateway here has it.
fn on_database(folder: &Path, url: &str, key: &str) -> anyhow::Result<Command> {
    let mut command = this_program(folder)?;
    command
        .env("FRONTDESK__DATABASE__URL", url)
        .env("FRONTDESK__DATABASE__MAX_CONNECTIONS", "20")
        .env("FRONTDESK__HTTP__PUBLIC_URL", PUBLIC_URL)
        .env("FRONTDESK__SECRETS__KEY", key)
        // Sinks are on loopback, too.
        .env("FRONTDESK__EGRESS__ALLOW", "127.0.0.0/8")
        // What is measured is intake.
        .env("FRONTDESK__TIMERS__EVERY_SECONDS", "0")
        .env("FRONTDESK__LOG__FILTER", "warn");
    Ok(command)
}

/// This very program, in `folder` and without the caller's settings.
fn this_program(folder: &Path) -> anyhow::Result<Command> {
    let mut command =
        Command::new(std::env::current_exe().context("this program's file cannot be found")?);
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FRONTDESK_") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// A port nobody listens on at the moment.
pub(super) fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?)
}
