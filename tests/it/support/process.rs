//! The real program as a child of ours, which may be killed.
//!
//! A shell between us and the program sends it the signal we name, or kills it when we are gone.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use tempfile::TempDir;

use super::{
    gateway::{PUBLIC_URL, SECRETS_KEY},
    http::{client, until},
};

const SCRIPT: &str = r#"
"$1" serve &
read -r signal || signal=KILL
kill -s "$signal" $!
wait $!
"#;

/// How to start the program. Each start listens at the same address.
pub struct Program {
    /// Where it listens.
    pub address: SocketAddr,
    database_url: String,
    variables: Vec<(&'static str, String)>,
    folder: TempDir,
}

/// The program, running. It is killed when this is dropped.
pub struct Running {
    child: Child,
    readers: Vec<JoinHandle<()>>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Program {
    /// The program over a database, at a port of its own.
    pub fn new(database_url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let folder = TempDir::new().expect("a temporary folder");
        let database_url = database_url.to_owned();
        Self { address, database_url, variables: Vec::new(), folder }
    }

    /// With another setting.
    pub fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.variables.push((variable, value.to_owned()));
        self
    }

    /// Runs another command of the program to its end: exit code, stdout, stderr.
    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_frontdesk"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("FRONTDESK__DATABASE__URL", &self.database_url)
            .env("FRONTDESK__SECRETS__KEY", SECRETS_KEY)
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Starts the program and waits until it answers.
    pub async fn start(&self) -> Running {
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "sh", env!("CARGO_BIN_EXE_frontdesk")])
            .current_dir(self.folder.path())
            .env("FRONTDESK__DATABASE__URL", &self.database_url)
            .env("FRONTDESK__HTTP__LISTEN", self.address.to_string())
            .env("FRONTDESK__HTTP__PUBLIC_URL", PUBLIC_URL)
            .env("FRONTDESK__SECRETS__KEY", SECRETS_KEY)
            .env("FRONTDESK__LOG__FILTER", "debug,frontdesk=trace")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a child");
        let said = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![
            listen(child.stdout.take().expect("a pipe"), &said),
            listen(child.stderr.take().expect("a pipe"), &said),
        ];
        let running = Running { child, readers, said };
        let (client, url) = (client(), format!("http://{}/livez", self.address));
        let answers = until(async || client.get(&url).send().await.is_ok()).await;
        assert!(answers, "it does not answer:\n{}", running.said().join("\n"));
        running
    }
}

impl Running {
    /// Ends it without a word of warning, and says what it said.
    pub fn kill(mut self) -> Vec<String> {
        self.end();
        self.said()
    }

    /// Asks it to end, waits until it has, and says what it said.
    pub fn stop(mut self) -> Vec<String> {
        let pipe = self.child.stdin.as_mut().expect("a pipe");
        pipe.write_all(b"TERM\n").expect("somebody reads");
        let status = self.child.wait().expect("a status");
        self.end();
        assert!(status.success(), "{status}\n{}", self.said().join("\n"));
        self.said()
    }

    fn end(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().expect("no reader panics").clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn listen(pipe: impl Read + Send + 'static, said: &Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let said = Arc::clone(said);
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            said.lock().expect("no reader panics").push(line);
        }
    })
}
