//! `frontdesk config`: what is in force, and why.
//!
//! Secrets are shown by fingerprint only, the database's address without its password.

use clap::{Args, Subcommand};
use comfy_table::Table;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Exit,
    terminal::{self, print},
};
use crate::{
    app,
    config::{Loaded, Setting},
    db,
};

/// Show or check the settings in force.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk config show
  frontdesk config check --config frontdesk.toml")]
pub(super) struct Configuration {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Each setting, its value and where that comes from; secrets as fingerprints.
    Show {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Say whether the settings can be used; connects to nothing.
    Check,
}

impl Configuration {
    pub fn run(&self, loaded: &Loaded) -> anyhow::Result<Exit> {
        match self.command {
            Command::Show { json } => show(loaded, json),
            Command::Check => check(loaded),
        }
    }
}

fn show(loaded: &Loaded, as_json: bool) -> anyhow::Result<Exit> {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["setting", "value", "from"]);
    for setting in &loaded.settings {
        let value = shown(setting);
        if as_json {
            let origin = setting.origin.to_string();
            print(json!({"name": setting.name, "value": value, "origin": origin}))?;
        } else {
            let value = value.unwrap_or_else(|| "—".to_owned());
            table.add_row([setting.name, &value, &setting.origin.to_string()]);
        }
    }
    if !as_json {
        print(table)?;
    }
    Ok(Exit::Done)
}

fn check(loaded: &Loaded) -> anyhow::Result<Exit> {
    let config = &loaded.config;
    terminal::filter(&config.log.filter)?;
    let url = &config.database.url;
    if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(db::OpenError::Url.into());
    }
    // Beside a SQLite database the key is made when it is first needed, not by a check.
    app::find_vault(config)?;
    print("the configuration can be used")?;
    Ok(Exit::Done)
}

/// The value as it may be seen.
fn shown(setting: &Setting) -> Option<String> {
    let value = setting.value.as_deref()?;
    Some(if setting.name == "database.url" {
        without_password(value)
    } else if setting.secret {
        format!("sha256:{}", fingerprint(value))
    } else {
        value.to_owned()
    })
}

/// The first eight hexadecimal digits of SHA-256: enough to tell two keys apart.
fn fingerprint(secret: &str) -> String {
    Sha256::digest(secret).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// A database's address without its password, wherever that stands in it.
fn without_password(url: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(a, q)| (a, Some(q)));
    let mut shown = match address.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((user, host)) => {
                let user =
                    user.split_once(':').map_or(user.to_owned(), |(name, _)| format!("{name}:…"));
                format!("{scheme}://{user}@{host}")
            }
            None => address.to_owned(),
        },
        None => address.to_owned(),
    };
    if let Some(query) = query {
        let hidden = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.contains("password") => format!("{name}=…"),
            Some(_) | None => pair.to_owned(),
        });
        shown = format!("{shown}?{}", hidden.collect::<Vec<_>>().join("&"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        for (url, expected) in [
            ("sqlite:frontdesk.db", "sqlite:frontdesk.db"),
            ("postgres://desk:hush@db/desk", "postgres://desk:…@db/desk"),
            ("postgres://desk:hu@sh@db/desk", "postgres://desk:…@db/desk"),
            ("postgres://db/desk?user=a&password=hush", "postgres://db/desk?user=a&password=…"),
            ("postgres://db/desk", "postgres://db/desk"),
        ] {
            assert_eq!(without_password(url), expected);
        }
    }
}
