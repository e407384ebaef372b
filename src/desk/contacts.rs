//! Contacts that begin on our side: entered by an agent, or an agent who writes first.

use frontdesk_adapters::{Address, phone::Region};
use uuid::Uuid;

use super::{
    DeskError, Reply, act,
    identity::{self, IdentityError},
    remember, reply, tell,
};
use crate::{
    audit::Author,
    channels::Channel,
    clock,
    db::Tx,
    interactions::{self, Action, ContactType, Interaction, Opening, State, StateReason, work},
    outbox::EventType,
    profiles::{self, CHOSEN, Key, PersonRef, Profile, Resolved, Sender, store},
};

/// A contact without a channel: at the counter, on the telephone, in person.
#[derive(Clone, Debug)]
pub struct Contact {
    /// The kind of contact.
    pub contact_type: ContactType,
    /// The person it is for; `None` is a guest.
    pub person: Option<PersonRef>,
    /// What it is about.
    pub description: Option<String>,
}

/// An agent's first message to a customer.
#[derive(Clone, Debug)]
pub struct Outreach<'a> {
    /// The channel it goes out by.
    pub channel: &'a Channel,
    /// The customer's address.
    pub to: Address,
    /// The person it is meant for, where the agent says so.
    pub person: Option<PersonRef>,
    /// Whether the address is that person's from now on, if it was somebody else's.
    pub take_over: bool,
    /// What it is about.
    pub description: Option<String>,
    /// The text.
    pub text: &'a str,
}

/// Enters a contact; whoever enters it works on it.
pub async fn enter(
    tx: &mut Tx,
    contact: Contact,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let opening = Opening {
        contact_type: contact.contact_type,
        subtype: contact.contact_type.as_str(),
        direction: "inbound",
        person: contact.person,
        match_outcome: "chosen",
        candidates: Vec::new(),
        profile_id: None,
        channel_id: None,
        our_address: None,
        description: contact.description,
        country: None,
        parent_id: None,
    };
    let opened = open(tx, opening, author, now).await?;
    tell(tx, EventType::InteractionOpened, Some(opened.id), opened.id, now).await?;
    Ok(opened)
}

/// Writes to a customer first, or joins the conversation that is open.
///
/// An open conversation with an agent goes on with its agent; one with a bot is closed, and the
/// agent has a new one; one that waits is taken.
pub async fn write_first(
    tx: &mut Tx,
    outreach: Outreach<'_>,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let channel = outreach.channel;
    let medium = channel.adapter.medium;
    let sender = Sender {
        key: Key::new(medium, &outreach.to, &channel.id),
        address: outreach.to.clone(),
        aliases: Vec::new(),
        name: None,
        language: None,
        phones: phones(&outreach.to),
        emails: Vec::new(),
        may_create: true,
    };
    let mut resolved = profiles::resolve(tx, std::slice::from_ref(&sender), now).await?;
    let resolved = resolved.pop().flatten().ok_or(DeskError::Changed)?;
    if resolved.blocked {
        return Err(DeskError::Blocked);
    }
    if !sender.address.answerable() {
        return Err(DeskError::NotAnswerable);
    }
    if resolved.created {
        tell(tx, EventType::ProfileCreated, None, resolved.profile_id, now).await?;
    }
    let profile = known(tx, &resolved, &outreach, author, now).await?;
    let decision = resolved.decision;
    let (person, match_outcome, candidates) = match outreach.person {
        Some(person) => (Some(person), CHOSEN, Vec::new()),
        None => (decision.opened_for, decision.outcome.as_str(), decision.candidates),
    };
    let reply = Reply { text: outreach.text, by_bot: false, opens: false };
    let mut parent = None;
    if let Some(current) = work::open_of(tx, profile.id, &channel.address).await? {
        if !current.is_with_bot() {
            return Ok(super::reply(tx, &current, reply, author, now).await?.0);
        }
        parent = Some(current.id);
        let superseded = Action::Close(Some(StateReason::Superseded));
        act(tx, &current, &superseded, &Author::system("superseded"), now).await?;
    }
    let opening = Opening {
        contact_type: interactions::contact_type(medium),
        subtype: medium.as_str(),
        direction: "outbound",
        person,
        match_outcome,
        candidates,
        profile_id: Some(profile.id),
        channel_id: Some(channel.id.clone()),
        our_address: Some(channel.address.clone()),
        description: outreach.description,
        country: phones(&outreach.to).first().and_then(|number| interactions::country(number)),
        parent_id: parent,
    };
    // Its first message tells of the opening.
    let opened = open(tx, opening, author, now).await?;
    Ok(self::reply(tx, &opened, Reply { opens: true, ..reply }, author, now).await?.0)
}

/// The profile to write to, of the person the agent names.
///
/// A guest becomes that person. Where the address is somebody else's, it is handed over if the
/// agent says so: what is open with them is closed first.
async fn known(
    tx: &mut Tx,
    resolved: &Resolved,
    outreach: &Outreach<'_>,
    author: &Author,
    now: i64,
) -> Result<Profile, DeskError> {
    let profile = store::lock(tx, resolved.profile_id).await?.filter(|profile| profile.active);
    let profile = profile.ok_or(DeskError::Changed)?;
    let Some(person) = outreach.person else { return Ok(profile) };
    match profile.person() {
        Some(holder) if holder.id == person.id => return Ok(profile),
        Some(_) if !outreach.take_over => return Err(DeskError::HeldByOther),
        Some(_) => {
            for theirs in work::open_of_profile(tx, profile.id).await? {
                let superseded = Action::Close(Some(StateReason::Superseded));
                act(tx, &theirs, &superseded, &Author::system("superseded"), now).await?;
            }
        }
        None => {}
    }
    match identity::reassociate(tx, &profile, person, author, now).await {
        Ok(profile) => Ok(profile),
        Err(IdentityError::Desk(error)) => Err(error),
        // It is active, and somebody is named.
        Err(
            IdentityError::GivenUp
            | IdentityError::OtherPerson
            | IdentityError::Nobody
            | IdentityError::Closed,
        ) => Err(DeskError::Changed),
    }
}

async fn open(
    tx: &mut Tx,
    opening: Opening,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let id: Uuid = clock::new_id();
    let agent = author.as_agent().ok_or(DeskError::NotAnAgent)?;
    let opened = work::open(tx, id, &opening, agent, &author.to_string(), now).await?;
    let opened = opened.ok_or(DeskError::Changed)?;
    debug_assert_eq!(opened.state, State::WorkInProgress);
    remember(tx, &None::<Interaction>, &opened, "open", author, now).await?;
    Ok(opened)
}

fn phones(address: &Address) -> Vec<String> {
    Region::of(&address.value).map(|_| address.value.clone()).into_iter().collect()
}
