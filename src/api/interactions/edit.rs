//! What an interaction says, and notes beside it.

use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Details, details, find, find_person};
use crate::{
    api::{
        Context,
        agents::By,
        input::{Body, IfMatch, MayMatch, Path, present},
        output::{Created, Versioned},
        problem::{Code, Problem},
        profiles::VerificationForm,
    },
    audit::{self, Author, Subject},
    db::Tx,
    desk::{self, identity},
    interactions::{
        Interaction,
        history::{self, Note},
        number, work,
    },
    profiles::{CHOSEN, PersonRef, people::NewPerson},
};

/// No text of an agent's is longer, in characters.
const LONGEST_NOTE: usize = 10_000;
const LONGEST_DESCRIPTION: usize = 500;

/// What is to be changed about an interaction. Absent fields stay as they are, `null` empties.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub(super) struct InteractionChange {
    /// What it is about. Saving without one is refused.
    short_description: Option<String>,
    /// The person it is for, by id. The profile is linked to the same person, if it is open.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>)]
    opened_for: Option<Option<Uuid>>,
    /// The agents it is meant for.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    assignment_group: Option<Option<String>>,
    /// The customer's account, as your own systems name it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    account: Option<Option<String>>,
    /// What it is about elsewhere, such as `{"table": "order", "id": "4711"}`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Object>)]
    context: Option<Option<serde_json::Map<String, Value>>>,
    /// The customer's language.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<String>>,
    /// Where the customer is.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    location: Option<Option<String>>,
    /// The customer's mood.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    sentiment: Option<Option<String>>,
    /// Whether the agent asks for help with it.
    help_requested: Option<bool>,
    /// The session on the customer's side.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    client_session_id: Option<Option<String>>,
    /// What it was about, in codes of the wrap-up configuration that holds for it.
    wrap_up_codes: Option<Vec<String>>,
}

impl InteractionChange {
    fn of(self, before: &Interaction) -> Result<Interaction, Problem> {
        let mut after = before.clone();
        if let Some(text) = self.short_description {
            after.short_description = Some(description(&text)?);
            after.description_generated = false;
        }
        if !after.is_described() {
            let detail = "say in short_description what it is about; without one nothing is saved";
            return Err(Problem::new(Code::ShortDescriptionNeeded, detail));
        }
        after.context = match self.context {
            Some(context) => context.map(|context| Json(context.into())),
            None => after.context,
        };
        let texts = [
            (&mut after.assignment_group, self.assignment_group, "/assignment_group"),
            (&mut after.account, self.account, "/account"),
            (&mut after.language, self.language, "/language"),
            (&mut after.location, self.location, "/location"),
            (&mut after.sentiment, self.sentiment, "/sentiment"),
            (&mut after.client_session_id, self.client_session_id, "/client_session_id"),
        ];
        for (field, change, pointer) in texts {
            let Some(change) = change else { continue };
            let text = change.map(|text| plain(pointer, &text, LONGEST_DESCRIPTION)).transpose()?;
            *field = text;
        }
        after.help_requested = self.help_requested.unwrap_or(after.help_requested);
        Ok(after)
    }
}

/// Codes of the wrap-up configuration that holds for an interaction, each once.
pub(super) async fn codes(
    tx: &mut Tx,
    interaction: &Interaction,
    codes: &[String],
    pointer: &str,
) -> Result<Json<Vec<String>>, Problem> {
    let Some(configuration) = desk::configuration_of(tx, interaction).await? else {
        let detail = "no wrap-up configuration holds for it, so there are no codes; leave it out";
        return Err(Problem::body(pointer, detail));
    };
    let mut known: Vec<String> = Vec::with_capacity(codes.len());
    for (index, code) in codes.iter().enumerate() {
        if !configuration.has(code) {
            let detail = format!(
                "use codes of /v1/wrap-up-configurations/{}, which holds for it",
                configuration.id
            );
            return Err(Problem::body(format!("{pointer}/{index}"), detail));
        }
        if !known.contains(code) {
            known.push(code.clone());
        }
    }
    Ok(Json(known))
}

/// A note to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNote {
    /// What colleagues should know; the customer never sees it.
    text: String,
}

/// A description that says something.
pub(super) fn description(text: &str) -> Result<String, Problem> {
    plain("/short_description", text, LONGEST_DESCRIPTION)
}

/// A text that says something, without what a database cannot keep.
pub(in crate::api) fn plain(pointer: &str, text: &str, longest: usize) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Problem::body(pointer, "say something, or leave it out"));
    }
    if text.chars().count() > longest {
        return Err(Problem::body(pointer, format!("use at most {longest} characters")));
    }
    if text.contains('\0') {
        return Err(Problem::body(pointer, "leave out the character NUL"));
    }
    Ok(text.to_owned())
}

/// Changes what an interaction says.
#[utoipa::path(patch, path = "/v1/interactions/{number}", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")),
    request_body = InteractionChange,
    responses((status = 200, body = Details, description = "The changed interaction.")))]
pub(super) async fn change(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    if_match: IfMatch,
    Body(change): Body<InteractionChange>,
) -> Result<Versioned<Details>, Problem> {
    let now = api.clock.now();
    let mut tx = api.store.begin().await?;
    let mut before = find(&mut tx, &number).await?;
    if_match.check(before.version)?;
    if let Some(person) = change.opened_for {
        // Nothing is saved without a description, also not this.
        change.clone().of(&before)?;
        let person = find_person(&mut tx, person).await?;
        before = identify(&mut tx, &before, person, &author, now.as_millis()).await?;
    }
    let wanted = change.wrap_up_codes.clone();
    let mut after = change.of(&before)?;
    if let Some(wanted) = wanted {
        after.wrap_up_codes = codes(&mut tx, &before, &wanted, "/wrap_up_codes").await?;
    }
    let after = desk::edit(&mut tx, &before, after, &author, now.as_millis()).await?;
    let details = details(&mut tx, after, now).await?;
    tx.commit().await?;
    Ok(details)
}

/// Creates the person an interaction is for.
///
/// The profile is linked to the person, and so is whoever else waits with one of the numbers.
#[utoipa::path(post, path = "/v1/interactions/{number}/person", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")), request_body = NewPerson,
    responses((status = 201, body = Details, description = "The interaction, for the new person.")))]
pub(super) async fn create_person(
    State(api): Context,
    By(author): By,
    Path(given): Path<String>,
    if_match: MayMatch,
    Body(new): Body<NewPerson>,
) -> Result<Created<Details>, Problem> {
    let new = new.normalized()?;
    let now = api.clock.now();
    let mut tx = api.store.begin().await?;
    let before = find(&mut tx, &given).await?;
    if_match.check(before.version)?;
    let person = desk::directory::enter(&mut tx, &new, &author, now.as_millis()).await?;
    let place = format!("/v1/people/{}", person.id);
    let person = Some(PersonRef { kind: person.kind, id: person.id });
    // Entering the person may have linked the interaction already.
    let before = find(&mut tx, &given).await?;
    let after = identify(&mut tx, &before, person, &author, now.as_millis()).await?;
    let details = details(&mut tx, after, now).await?;
    tx.commit().await?;
    Ok(Created(place, details))
}

/// Confirms whom an interaction is for; `confirm` lets the profile remember it.
#[utoipa::path(post, path = "/v1/interactions/{number}/verify", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")),
    request_body = VerificationForm,
    responses((status = 200, body = Details, description = "The interaction.")))]
pub(super) async fn verify(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    if_match: MayMatch,
    Body(form): Body<VerificationForm>,
) -> Result<Versioned<Details>, Problem> {
    let now = api.clock.now();
    let mut tx = api.store.begin().await?;
    let before = find(&mut tx, &number).await?;
    if_match.check(before.version)?;
    let known = find_person(&mut tx, before.opened_for).await?;
    let verification = form.read(&mut tx).await?;
    let millis = now.as_millis();
    let after =
        identity::verify_on(&mut tx, &before, known, &verification, &author, millis).await?;
    let details = details(&mut tx, after, now).await?;
    tx.commit().await?;
    Ok(details)
}

/// Corrects whom an interaction is for, and its profile with it. Closed history stays as it was.
async fn identify(
    tx: &mut Tx,
    before: &Interaction,
    person: Option<PersonRef>,
    author: &Author,
    now: i64,
) -> Result<Interaction, Problem> {
    if before.opened_for == person.map(|person| person.id) {
        return Ok(before.clone());
    }
    if !before.active {
        let detail = "it is closed and stays as it was; link the profile for what comes next";
        return Err(Problem::new(Code::IllegalTransition, detail));
    }
    if let Some(profile) = identity::profile_of(tx, before).await?
        && profile.active
    {
        identity::correct(tx, &profile, person, author, now).await?;
    }
    let current = work::by_id(tx, before.id).await?.ok_or_else(Problem::conflict)?;
    let linked = current.opened_for(person, CHOSEN);
    Ok(desk::edit(tx, &current, linked, author, now).await?)
}

/// Adds a note that only colleagues see.
#[utoipa::path(post, path = "/v1/interactions/{number}/notes", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")), request_body = NewNote,
    responses((status = 201, body = Note, description = "The new note.")))]
pub(super) async fn add_note(
    State(api): Context,
    By(author): By,
    Path(given): Path<String>,
    Body(new): Body<NewNote>,
) -> Result<Created<Note>, Problem> {
    let text = plain("/text", &new.text, LONGEST_NOTE)?;
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let interaction = find(&mut tx, &given).await?;
    let note = history::insert_note(&mut tx, interaction.id, &author, &text, now).await?;
    desk::tasks::mentioned(&mut tx, &interaction, &text, &author, now).await?;
    let number = number(interaction.number.0);
    let subject = Subject::new("interaction", &number);
    // The note itself stands in one place, where erasure finds it.
    audit::record(&mut tx, &author, subject, "note", Vec::new(), now).await?;
    tx.commit().await?;
    Ok(Created(format!("/v1/interactions/{number}/timeline"), Versioned(note, 1)))
}
