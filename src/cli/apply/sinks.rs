//! Sinks, as the file has them.
//!
//! A key pair is made where the sink is made and goes nowhere: an exported sink that signs with one
//! gets another when it is applied elsewhere.

use serde::{Deserialize, Serialize};

use super::changes::{Changes, ENTERED_AGAIN, differs};
use crate::{
    audit::{self, Author, Subject},
    cli::{Exit, fault},
    db::Tx,
    deliveries, dispatch,
    egress::Egress,
    sinks::{
        self, Kind, Login, OpenSink, SaslMechanism, Secrets, Settings, Signature, SigningKey, Sink,
    },
    vault::Vault,
};

/// A sink in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub id: String,
    kind: Kind,
    url: String,
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    channels: Vec<String>,
    #[serde(default)]
    queues: Vec<String>,
    #[serde(default)]
    signature: Signature,
    subject: Option<String>,
    stream: Option<String>,
    exchange: Option<String>,
    routing_key: Option<String>,
    topic: Option<String>,
    sasl_mechanism: Option<SaslMechanism>,
    pub secret: Option<toml::Value>,
    #[serde(default)]
    pub login: toml::Table,
}

/// A sink as it is written. What is as usual is left out.
#[derive(Serialize)]
pub(super) struct Written {
    id: String,
    kind: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    types: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queues: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sasl_mechanism: Option<SaslMechanism>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<toml::Table>,
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    login: toml::Table,
}

/// A sink that the file asks for.
#[derive(Debug)]
pub(in crate::cli) struct Desired {
    sink: Sink,
    /// The shared secret it signs with, where the file has it.
    key: Option<SigningKey>,
    login: Option<Login>,
}

impl Entry {
    /// What the entry asks for; `resolve` finds the value of a secret.
    pub fn read(
        self,
        resolve: impl Fn(toml::Value) -> Result<serde_json::Value, String>,
        now: i64,
    ) -> Result<Desired, String> {
        let settings = Settings {
            types: self.types,
            channels: self.channels,
            queues: self.queues,
            signature: self.signature,
            subject: self.subject,
            stream: self.stream,
            exchange: self.exchange,
            routing_key: self.routing_key,
            topic: self.topic,
            sasl_mechanism: self.sasl_mechanism,
        };
        let sink = Sink::new(&self.id, self.kind, &self.url, settings, now);
        let sink = sink.map_err(|error| error.to_string())?;
        let secret = self.secret.map(&resolve).transpose();
        let secret = secret.map_err(|problem| format!("secret: {problem}"))?;
        let shared = (self.kind, self.signature) == (Kind::Webhook, Signature::V1);
        let key = match (shared, secret.as_ref().and_then(serde_json::Value::as_str)) {
            (true, Some(secret)) => {
                Some(SigningKey::parse(secret).map_err(|error| format!("secret: {error}"))?)
            }
            (true, None) => return Err("give `secret`, which signs its events".to_owned()),
            (false, None) => None,
            (false, Some(_)) => {
                return Err("only webhooks signed `v1` have a secret; leave it out".to_owned());
            }
        };
        let mut login = Login::default();
        for (name, value) in self.login {
            let value = resolve(value).map_err(|problem| format!("login.{name}: {problem}"))?;
            let value = value.as_str().map(str::to_owned);
            match name.as_str() {
                "user" => login.user = value,
                "password" => login.password = value,
                "token" => login.token = value,
                _ => return Err(format!("login has no `{name}`: user, password, token")),
            }
        }
        let login = Some(login).filter(|login| *login != Login::default());
        sink.check_login(login.as_ref()).map_err(|error| format!("login: {error}"))?;
        Ok(Desired { sink, key, login })
    }
}

/// Refuses sinks that could never be called from here.
pub(super) fn check(desired: &[Desired], egress: &Egress) -> Result<(), String> {
    desired.iter().try_for_each(|Desired { sink, .. }| {
        dispatch::check(egress, sink).map_err(|error| format!("sink {}: {error}", sink.id))
    })
}

impl Desired {
    pub fn id(&self) -> &String {
        &self.sink.id
    }

    /// What the file has, and a new key pair where the sink signs with one.
    fn secrets(&self) -> Secrets {
        let pair = || {
            let signs =
                (self.sink.kind, self.sink.settings.signature) == (Kind::Webhook, Signature::V1a);
            signs.then(|| SigningKey::generate(Signature::V1a))
        };
        Secrets::new(self.key.clone().or_else(pair), self.login.clone())
    }
}

/// Stores sinks. What waits for one that was changed is tried now.
pub(super) async fn put(
    tx: &mut Tx,
    vault: &Vault,
    desired: Vec<Desired>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    if !desired.is_empty() {
        // Held before any sink, as those who hand on do.
        deliveries::lock(tx).await?;
    }
    let stored = sinks::list(tx).await?;
    let ids = stored.iter().map(|sink| sink.id.as_str());
    changes.leave_alone("sink", ids, |id| desired.iter().any(|sink| sink.id() == id));
    for desired in desired {
        let what = format!("sink {}", desired.id());
        let Some(OpenSink { sink: before, secrets }) = sinks::get(tx, vault, desired.id()).await?
        else {
            check_names(tx, &desired.sink).await?;
            make(tx, vault, &desired, now).await?;
            changes.created(format!("{what} ({})", desired.sink.kind.as_str()));
            continue;
        };
        let mut details = differences(&before, &desired.sink);
        let secrets = match secrets {
            Ok(secrets) => renewed(secrets, &desired, now, &mut details),
            Err(_) => {
                details.insert(0, ENTERED_AGAIN.to_owned());
                desired.secrets()
            }
        };
        if details.is_empty() {
            changes.unchanged += 1;
            continue;
        }
        if before.settings != desired.sink.settings {
            check_names(tx, &desired.sink).await?;
        }
        if before.settings.signature != desired.sink.settings.signature {
            let message = format!("{what}: how events are signed stays; make another sink");
            return Err(fault(Exit::Configuration, message));
        }
        let after = Sink {
            state: before.state,
            state_reason: before.state_reason.clone(),
            failing_since: before.failing_since,
            created_at: before.created_at,
            changed_at: now,
            version: before.version + 1,
            ..desired.sink
        };
        if !sinks::save(tx, vault, &after, &secrets).await? {
            let message = format!("{what} was changed at the same moment; apply again");
            return Err(fault(Exit::Failed, message));
        }
        deliveries::hasten(tx, &after.id, now).await?;
        let subject = Subject::new("sink", &after.id);
        let told = audit::differences(&before, &after);
        audit::record(tx, &Author::command("apply"), subject, "change", told, now).await?;
        changes.changed(what, details);
    }
    Ok(())
}

/// The secrets of a sink with what the file says of them.
fn renewed(
    mut secrets: Secrets,
    desired: &Desired,
    now: i64,
    details: &mut Vec<String>,
) -> Secrets {
    if let Some(key) = &desired.key
        && secrets.signing.as_ref() != Some(key)
    {
        details.push("secret changed".to_owned());
        secrets.rotate(key.clone(), now);
    }
    if secrets.login != desired.login {
        details.push("login changed".to_owned());
        secrets.login.clone_from(&desired.login);
    }
    secrets
}

/// Refuses names of channels and queues that are neither stored nor in the file, whose own are stored
/// before its sinks.
async fn check_names(tx: &mut Tx, sink: &Sink) -> anyhow::Result<()> {
    let checked = sink.check_names(tx).await?;
    checked.map_err(|error| fault(Exit::Configuration, format!("sink {}: {error}", sink.id)))
}

async fn make(tx: &mut Tx, vault: &Vault, desired: &Desired, now: i64) -> anyhow::Result<()> {
    let sink = &desired.sink;
    dispatch::add(tx, vault, sink, &desired.secrets()).await?;
    let told = audit::differences(&None::<Sink>, sink);
    let subject = Subject::new("sink", &sink.id);
    audit::record(tx, &Author::command("apply"), subject, "create", told, now).await?;
    Ok(())
}

fn differences(before: &Sink, after: &Sink) -> Vec<String> {
    let mut details = Vec::new();
    differs(&mut details, "kind", before.kind.as_str(), after.kind.as_str());
    differs(&mut details, "url", &before.url, &after.url);
    if before.settings != after.settings {
        let text = |sink: &Sink| serde_json::to_string(&sink.settings).unwrap_or_default();
        details.push(format!("settings {} → {}", text(before), text(after)));
    }
    details
}

/// Every sink, with the names of variables for secrets. One that does not open goes to `left_out`.
pub(super) async fn written(
    tx: &mut Tx,
    vault: &Vault,
    left_out: &mut Vec<String>,
) -> anyhow::Result<Vec<Written>> {
    let mut written = Vec::new();
    for OpenSink { sink, secrets } in sinks::open(tx, vault).await? {
        let Ok(secrets) = secrets else {
            left_out.push(format!("sink {}", sink.id));
            continue;
        };
        let variable = |field: &str| {
            let name = format!("FRONTDESK_{}_{field}", sink.id);
            let name = name.replace('-', "_").to_ascii_uppercase();
            toml::Table::from_iter([("env".to_owned(), toml::Value::String(name))])
        };
        let shared = secrets.signing.filter(|key| key.signature() == Signature::V1);
        let secret = shared.map(|_| variable("secret"));
        let mut login = toml::Table::new();
        if let Some(Login { user, password, token }) = secrets.login {
            if let Some(user) = user {
                login.insert("user".to_owned(), user.into());
            }
            for (name, value) in [("password", password), ("token", token)] {
                if value.is_some() {
                    login.insert(name.to_owned(), variable(name).into());
                }
            }
        }
        let Settings {
            types,
            channels,
            queues,
            signature,
            subject,
            stream,
            exchange,
            routing_key,
            topic,
            sasl_mechanism,
        } = sink.settings.0;
        let signature = (signature == Signature::V1a).then_some("v1a");
        let (id, kind, url) = (sink.id, sink.kind.as_str(), sink.url);
        written.push(Written {
            id,
            kind,
            url,
            types,
            channels,
            queues,
            signature,
            subject,
            stream,
            exchange,
            routing_key,
            topic,
            sasl_mechanism,
            secret,
            login,
        });
    }
    Ok(written)
}
