//! One PostgreSQL cluster for the whole test process, in a temporary folder, on a free port.
//!
//! A shell stands between us and the server. It holds the reading end of a pipe whose writing end
//! we never close: when we end, however we end, the shell reads the end of the pipe, stops the
//! server and removes the folder.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
};

const SCRIPT: &str = r#"
"$1/initdb" --pgdata="$2/data" --username=postgres --auth=trust --no-locale --encoding=UTF8 \
    --no-sync > "$2/initdb.log" 2>&1 || { cat "$2/initdb.log"; rm -rf "$2"; echo "server ended"; exit; }
{ "$1/postgres" -D "$2/data" -c "port=$3" -c listen_addresses=127.0.0.1 -c max_connections=200 \
    -c unix_socket_directories= -c log_min_messages=log 2>&1; echo "server ended"; } &
cat > /dev/null
kill -QUIT "$(head -n 1 "$2/data/postmaster.pid")"
wait
rm -rf "$2"
"#;

/// A cluster; it ends when this is dropped.
pub struct Cluster {
    /// The address of a database from which others are created.
    pub url: String,
    /// Holds our end of the pipe; statics are never dropped.
    _guard: Option<Child>,
}

/// The address of a database from which others are created.
///
/// # Panics
///
/// When PostgreSQL cannot be started: its half of the tests fails then, and says what to install.
pub fn url() -> &'static str {
    static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
    match CLUSTER.get_or_init(start) {
        Ok(cluster) => &cluster.url,
        Err(why) => panic!(
            "{why}\nPostgreSQL could not be started, and every test runs on both databases. Install \
             PostgreSQL 15 or newer (on Debian: apt-get install postgresql), or name the folder of \
             `initdb` and `postgres` in FRONTDESK_PG_BIN, or a server in TEST_POSTGRES_URL."
        ),
    }
}

/// Whether databases are made on a server that outlives us.
pub fn is_borrowed() -> bool {
    env::var_os("TEST_POSTGRES_URL").is_some()
}

/// Starts one: of its own for a test that transactions of others would disturb.
pub fn start() -> Result<Cluster, String> {
    if let Ok(url) = env::var("TEST_POSTGRES_URL") {
        return Ok(Cluster { url, _guard: None });
    }
    let programs = programs().ok_or("there is no `initdb` here")?;
    let folder = tempfile::Builder::new().prefix("frontdesk-it-").tempdir();
    let folder = folder.map_err(|error| error.to_string())?.keep();
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|error| error.to_string())?
        .port();
    let mut command = as_anybody_but_root(&folder)?;
    command
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(programs)
        .arg(&folder)
        .arg(port.to_string())
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // An interrupt from the terminal is for us; the shell hears of it by the pipe.
        .process_group(0);
    let mut guard = command.spawn().map_err(|error| error.to_string())?;
    let output = guard.stdout.take().ok_or("the server says nothing")?;
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let mut said = Vec::new();
    for line in lines.by_ref() {
        if line.contains("ready to accept connections") {
            // Whoever writes needs a reader.
            thread::spawn(move || lines.for_each(drop));
            let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
            return Ok(Cluster { url, _guard: Some(guard) });
        }
        if line == "server ended" {
            break;
        }
        said.push(line);
    }
    Err(said.join("\n"))
}

/// The folder of the programs: the one that is named, else Debian's newest, else on the PATH.
fn programs() -> Option<PathBuf> {
    let has_both = |folder: &PathBuf| {
        ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file())
    };
    if let Some(named) = env::var_os("FRONTDESK_PG_BIN").filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named)).filter(has_both);
    }
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<_> = installed.map(|entry| entry.path()).collect();
    installed.sort_by_key(version);
    let installed = installed.into_iter().rev().map(|folder| folder.join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    installed.chain(env::split_paths(&path)).find(has_both)
}

/// PostgreSQL refuses to run as root: there, the package's user runs it.
fn as_anybody_but_root(folder: &Path) -> Result<Command, String> {
    let owner = folder.metadata().map_err(|error| error.to_string())?.uid();
    if owner != 0 {
        return Ok(Command::new("env"));
    }
    let given = Command::new("chown").arg("postgres").arg(folder).status();
    if !given.is_ok_and(|status| status.success()) {
        return Err("we are root, and there is no user `postgres` to run the server".to_owned());
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]);
    Ok(command)
}
