//! What the tests want of a broker, whatever its kind.

use std::{
    env,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// A server that may be killed and started again where it was.
pub trait Broker {
    /// What makes a sink of it, as the API takes it; its id is `broker`.
    fn sink(&self) -> Value;
    /// Starts it again.
    async fn go_on(&mut self);
    /// Kills it.
    async fn kill(&mut self);
    /// Everything it has, repeats too, in the order in which consumers are given it.
    async fn stored(&self) -> Vec<Stored>;
}

/// An event in a broker.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: String,
    pub event_type: String,
    pub body: Value,
}

pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

/// The program that `variable` names, else Debian's, else what the PATH has.
pub fn program(name: &str, variable: &str) -> PathBuf {
    let named = env::var_os(variable).filter(|named| !named.is_empty()).map(PathBuf::from);
    let debian = ["/usr/sbin", "/usr/bin"].map(|folder| PathBuf::from(folder).join(name));
    named
        .or_else(|| debian.into_iter().find(|path| path.is_file()))
        .unwrap_or_else(|| PathBuf::from(name))
}

/// # Panics
///
/// When there is no such program; says what to install.
pub fn quietly(mut command: Command, package: &str) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap_or_else(|error| {
        panic!("{error}: install {package} (on Debian: apt-get install {package})")
    })
}
