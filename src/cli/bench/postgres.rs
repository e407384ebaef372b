//! A PostgreSQL server of our own: fresh, and as durable as a real one.
//!
//! Gateways reach it through its Unix socket, as they do on the same machine; the port is only there
//! to be asked whether it is ready.

use std::{
    fs,
    net::SocketAddr,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};

use super::servers::free_address;

/// Where distributions put it.
const DISTRIBUTIONS: &str = "/usr/lib/postgresql";

/// How long it may take to start.
const START: Duration = Duration::from_secs(30);

/// Beyond these it runs as it comes, with `fsync` and `synchronous_commit` on.
pub(super) const SETTINGS: [&str; 3] =
    ["shared_buffers=512MB", "max_wal_size=4GB", "max_connections=100"];

/// The server; it stops when it is dropped.
#[derive(Debug)]
pub(super) struct Postgres {
    programs: Programs,
    data: PathBuf,
    address: SocketAddr,
    child: Child,
}

/// The server's programs and whom they run as.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    /// PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
}

impl Programs {
    /// Those in `folder`, or else the newest that are installed.
    pub fn find(folder: Option<&Path>) -> Option<Self> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => {
                let versions = fs::read_dir(DISTRIBUTIONS).ok()?.flatten();
                let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
                versions.map(|entry| entry.path()).max_by_key(version)?.join("bin")
            }
        };
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let user = if is_root { Some(user("postgres")?) } else { None };
        folder.join("initdb").exists().then_some(Self { folder, user })
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Postgres {
    /// Makes a server in `folder` and waits until it answers.
    pub async fn start(programs: Programs, folder: &Path) -> anyhow::Result<Self> {
        let data = folder.join("postgres");
        fs::create_dir(&data)?;
        if let Some((user, group)) = programs.user {
            std::os::unix::fs::chown(&data, Some(user), Some(group))?;
        }
        let made = programs
            .command("initdb")
            .args(["--username=bench", "--auth=trust", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .status()
            .context("initdb cannot be started")?;
        if !made.success() {
            bail!("initdb failed");
        }
        let address = free_address()?;
        let mut command = programs.command("postgres");
        command.arg("-D").arg(&data).stderr(fs::File::create(folder.join("postgres.log"))?);
        let port = format!("port={}", address.port());
        let listen = "listen_addresses=127.0.0.1";
        let socket = format!("unix_socket_directories={}", data.display());
        for setting in [&port, listen, &socket].into_iter().chain(SETTINGS) {
            command.args(["-c", setting]);
        }
        let child = command.spawn().context("postgres cannot be started")?;
        let server = Self { programs, data, address, child };
        server.wait().await?;
        Ok(server)
    }

    async fn wait(&self) -> anyhow::Result<()> {
        let ready = async {
            let port = self.address.port().to_string();
            let mut command = self.programs.command("pg_isready");
            command.args(["-h", "127.0.0.1", "-p", &port]);
            while !command.status()?.success() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok::<_, anyhow::Error>(())
        };
        tokio::time::timeout(START, ready).await.context("postgres did not start")?
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The address of a database, which need not exist yet.
    pub fn url(&self, database: &str) -> String {
        let (port, socket) = (self.address.port(), self.data.display());
        format!("postgres://bench@localhost:{port}/{database}?host={socket}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once and without a last checkpoint: nothing of it is kept.
        let _ = self
            .programs
            .command("pg_ctl")
            .args(["stop", "-m", "immediate", "-D"])
            .arg(&self.data)
            .status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A user's numbers.
fn user(name: &str) -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.into_iter().find(|fields| fields.first() == Some(&name))?;
    Some((found.get(2)?.parse().ok()?, found.get(3)?.parse().ok()?))
}
