//! `frontdesk demo`: from nothing to conversations on screen, offline.
//!
//! Nothing is played: the real gateway on a fresh embedded database, every fixture signed with its
//! channel's secret and posted over HTTP, and a table counted from what the database says. What the
//! gateway does is held against what the fixture's author wrote down (`judge`).

mod folder;
mod judge;
mod table;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use frontdesk_adapters::{Account, Secret, fixture};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::{
    judge::Verdict,
    table::{Kept, show},
};
use super::{
    Exit,
    apply::{changes, file},
    fault,
    fixtures::{self, Folder},
    http, serve,
    terminal::{self, BOLD, DIM, print, styled},
};
use crate::{
    app::{self, App},
    channels::{Channel, Settings},
    clock::Clock,
    config::{self, Config},
    db::Store,
    keys::{self, Key, Scope},
};

const SETUP: &str = include_str!("setup.toml");

/// From nothing to conversations on screen, offline.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk demo
  frontdesk demo --exit --listen 127.0.0.1:0")]
pub(super) struct Demo {
    /// Stop after the table; exit 4 if anything came out otherwise than its fixture says.
    #[arg(long)]
    exit: bool,
    /// The folder of the demo's database: an earlier demo's, or one without a gateway in it. An
    /// earlier demo's database is replaced.
    #[arg(long, default_value = folder::USUAL)]
    dir: PathBuf,
    /// Address and port; by itself 127.0.0.1:8080, or a free port where that is taken.
    #[arg(long)]
    listen: Option<SocketAddr>,
}

impl Demo {
    pub async fn run(&self, log: config::Log, quiet: bool) -> anyhow::Result<Exit> {
        let folders = fixtures::all()?;
        let listener = self.bind().await?;
        let mut config = Config { log, ..Config::default() };
        config.http.listen = listener.local_addr()?;
        config.database.url = format!("sqlite:{}", self.dir.join("frontdesk.db").display());
        let _lock = folder::take(&self.dir).await?;
        set_up(&config, &folders).await?;

        let app = App::build(&config, Clock::system()).await?;
        let store = app.store.clone();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(app.run(listener, stop.clone().cancelled_owned()));
        let gateway = config.public_url();
        let progress = progress(&folders, quiet);
        let posting = folders.iter().map(|folder| post_all(folder, &gateway, &progress));
        let mut verdicts = futures_util::future::try_join_all(posting).await?;
        progress.finish_and_clear();
        let kept = Kept::read(&store, &folders, &verdicts).await?;
        kept.judge(&folders, &mut verdicts);
        let differences = show(&folders, &verdicts, &kept)?;

        if self.exit {
            stop.cancel();
        } else {
            self.invite(&gateway, &make_key(&store).await?)?;
            tokio::spawn(async move {
                serve::interrupted().await;
                stop.cancel();
            });
        }
        serving.await.context("the gateway broke down")??;
        Ok(if differences > 0 && self.exit { Exit::Findings } else { Exit::Done })
    }

    async fn bind(&self) -> anyhow::Result<TcpListener> {
        let wanted = self.listen.unwrap_or_else(|| config::Http::default().listen);
        match TcpListener::bind(wanted).await {
            Ok(listener) => Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && self.listen.is_none() => {
                let listener = TcpListener::bind(SocketAddr::new(wanted.ip(), 0)).await?;
                let free = listener.local_addr()?;
                anstream::eprintln!("{wanted} is taken; using {free}");
                Ok(listener)
            }
            Err(error) => {
                let message =
                    format!("cannot listen on {wanted}: {error}; try --listen 127.0.0.1:0");
                Err(fault(Exit::Unreachable, message))
            }
        }
    }

    fn invite(&self, gateway: &str, key: &Secret) -> io::Result<()> {
        let database = self.dir.join("frontdesk.db");
        let line = |name, text| print(format!("{} {text}", styled(BOLD, name)));
        let key = key.expose();
        line("API      ", format!("curl -H 'Authorization: Bearer {key}' \\"))?;
        line("         ", format!("  {gateway}/v1/interactions"))?;
        line("Reference", format!("{gateway}/docs"))?;
        line(
            "Try      ",
            format!("export FRONTDESK__DATABASE__URL=sqlite:{}", database.display()),
        )?;
        line("         ", "frontdesk explain IMS0000001".to_owned())?;
        print(styled(DIM, "Serving until Ctrl-C."))
    }
}

/// Makes a key that reads the demo's API. It ends with the demo's database.
async fn make_key(store: &Store) -> anyhow::Result<Secret> {
    let (key, secret, hash) =
        Key::new("demo", Scope::Read, None, Clock::system().now().as_millis());
    let mut tx = store.begin().await?;
    keys::insert(&mut tx, &key, &hash).await?;
    tx.commit().await?;
    Ok(secret)
}

/// Makes the database and writes the fixtures' channels and [`SETUP`] into it.
async fn set_up(config: &Config, folders: &[Folder]) -> anyhow::Result<()> {
    let now = Clock::system().now().as_millis();
    let mut desired = file::read(SETUP, Path::new(""), &|_| None, None, now)?;
    for Folder { adapter, channel, .. } in folders {
        let channel = Channel::new(
            &channel.id,
            adapter.provider,
            &channel.address,
            &channel.account,
            Settings::default(),
            now,
        );
        let channel = channel.with_context(|| format!("fixtures/{}", adapter.provider))?;
        desired.channels.push(channel);
    }
    let vault = app::open_vault(config)?;
    let store = app::open_store(config).await?;
    let mut tx = store.begin().await?;
    changes::make(&mut tx, &vault, desired, now).await?;
    tx.commit().await?;
    store.close().await;
    Ok(())
}

fn progress(folders: &[Folder], quiet: bool) -> ProgressBar {
    if quiet || !terminal::shows_progress() {
        return ProgressBar::hidden();
    }
    let count: usize = folders.iter().map(|folder| folder.cases.len()).sum();
    let style =
        ProgressStyle::with_template("{bar:30.green} {pos}/{len} requests  {wide_msg:.dim}")
            .expect("the template is a constant");
    ProgressBar::new(count as u64).with_style(style)
}

/// Posts a channel's fixtures in order: later ones speak of earlier ones.
async fn post_all(
    folder: &Folder,
    gateway: &str,
    progress: &ProgressBar,
) -> anyhow::Result<Vec<Verdict>> {
    let clock = Clock::system();
    let client = http::client()?;
    let account = Account::for_channel(folder.adapter, &folder.channel.account)?;
    let mut verdicts = Vec::with_capacity(folder.cases.len());
    for case in &folder.cases {
        let request = fixture::read(&case.request, gateway)
            .with_context(|| format!("fixtures/{}.http", case.name))?;
        let (adapter, now) = (folder.adapter, clock.now());
        let mut verdict = Verdict::expect(adapter, &account, &request, &case.expected, now);
        let request = fixture::signed(request, adapter, &account, now)?;
        progress.set_message(case.name.clone());
        verdict.hear(&http::send(&client, gateway, &request).await?);
        progress.inc(1);
        verdicts.push(verdict);
    }
    Ok(verdicts)
}
