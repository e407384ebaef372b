//! The parameters we read, in one pass over the request.
//!
//! Empty is absent, and the first of several values counts. Names are Twilio's; what they mean is
//! decided elsewhere.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::event;

type Text<'a> = Option<Cow<'a, str>>;

#[derive(Default)]
pub(super) struct Parameters<'a> {
    pub message_sid: Text<'a>,
    pub service_sid: Text<'a>,
    pub from: Text<'a>,
    pub to: Text<'a>,
    pub body: Text<'a>,
    pub media: [Media<'a>; 10],
    pub opt_out: Text<'a>,
    pub profile_name: Text<'a>,
    pub wa_id: Text<'a>,
    pub external_user_id: Text<'a>,
    pub replied_sid: Text<'a>,
    pub message_type: Text<'a>,
    pub button_text: Text<'a>,
    pub button_payload: Text<'a>,
    pub list_title: Text<'a>,
    pub list_id: Text<'a>,
    pub flow_data: Text<'a>,
    pub latitude: Text<'a>,
    pub longitude: Text<'a>,
    pub address: Text<'a>,
    pub label: Text<'a>,
    pub error_code: Text<'a>,
    pub error_text: Text<'a>,
    pub done_date: Text<'a>,
    /// What happened, in products other than messaging.
    pub event: Text<'a>,
    /// What is kept as it came.
    pub metadata: Map<String, Value>,
    message_status: Text<'a>,
    sms_status: Text<'a>,
    sms_sid: Text<'a>,
    conversation_sid: Text<'a>,
    has_body: bool,
}

#[derive(Default)]
pub(super) struct Media<'a> {
    pub url: Text<'a>,
    pub content_type: Text<'a>,
}

impl<'a> Parameters<'a> {
    pub fn read(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Self {
        let mut parameters = Self::default();
        for (name, value) in pairs {
            parameters.has_body |= name == "Body";
            if value.is_empty() {
                continue;
            }
            if let Some(field) = parameters.field(&name) {
                field.get_or_insert(value);
            } else if is_kept(&name, &value)
                && let (Some(name), Some(value)) = (event::text(name), event::text(value))
            {
                parameters.metadata.entry(name).or_insert(Value::String(value));
            }
        }
        // The 2008 interface knew only `SmsSid`; since then it repeats `MessageSid`.
        parameters.message_sid = parameters.message_sid.or(parameters.sms_sid.take());
        parameters
    }

    /// The status word, if the request tells what became of a message.
    pub fn status(&self) -> Option<&str> {
        self.message_sid.as_ref()?;
        let has_content = self.has_body || self.media[0].url.is_some();
        let is_inbound = |word: &str| matches!(word, "received" | "receiving");
        match (self.message_status.as_deref(), self.sms_status.as_deref()) {
            _ if self.conversation_sid.is_some() => None,
            (Some(word), _) => (!has_content || !is_inbound(word)).then_some(word),
            (None, Some(word)) => (!has_content && !is_inbound(word)).then_some(word),
            (None, None) => None,
        }
    }

    /// Whether the request, being no status, brings a message.
    pub fn is_message(&self) -> bool {
        if self.conversation_sid.is_some() {
            return false;
        }
        // What somebody wrote is not lost for want of an id.
        self.message_sid.is_some() || (self.from.is_some() && self.body.is_some())
    }

    fn field(&mut self, name: &str) -> Option<&mut Text<'a>> {
        Some(match name {
            "MessageSid" => &mut self.message_sid,
            "SmsSid" | "SmsMessageSid" => &mut self.sms_sid,
            "MessagingServiceSid" => &mut self.service_sid,
            "From" => &mut self.from,
            "To" => &mut self.to,
            "Body" => &mut self.body,
            "MessageStatus" => &mut self.message_status,
            "SmsStatus" => &mut self.sms_status,
            "ErrorCode" => &mut self.error_code,
            "ErrorMessage" | "ChannelStatusMessage" => &mut self.error_text,
            "RawDlrDoneDate" => &mut self.done_date,
            "OptOutType" => &mut self.opt_out,
            "ProfileName" => &mut self.profile_name,
            "WaId" => &mut self.wa_id,
            "ExternalUserId" => &mut self.external_user_id,
            "OriginalRepliedMessageSid" => &mut self.replied_sid,
            "MessageType" => &mut self.message_type,
            "ButtonText" => &mut self.button_text,
            "ButtonPayload" => &mut self.button_payload,
            "ListTitle" => &mut self.list_title,
            "ListId" => &mut self.list_id,
            "FlowData" => &mut self.flow_data,
            "Latitude" => &mut self.latitude,
            "Longitude" => &mut self.longitude,
            "Address" => &mut self.address,
            "Label" => &mut self.label,
            "EventType" | "StatusCallbackEvent" | "CallStatus" => &mut self.event,
            "ConversationSid" => &mut self.conversation_sid,
            _ => return self.media_field(name),
        })
    }

    fn media_field(&mut self, name: &str) -> Option<&mut Text<'a>> {
        let (index, is_url) = match name.strip_prefix("MediaUrl") {
            Some(index) => (index, true),
            None => (name.strip_prefix("MediaContentType")?, false),
        };
        let [digit @ b'0'..=b'9'] = index.as_bytes() else {
            return None;
        };
        let media = &mut self.media[usize::from(digit - b'0')];
        Some(if is_url { &mut media.url } else { &mut media.content_type })
    }
}

/// Whether a parameter we have no field for is worth keeping.
fn is_kept(name: &str, value: &str) -> bool {
    match name {
        "AddOns"
        | "ChannelMetadata"
        | "FromCity"
        | "FromCountry"
        | "FromState"
        | "InteractiveData"
        | "ListDescription"
        | "OriginalRepliedMessageSender"
        | "ReferralBody"
        | "ReferralCtwaClid"
        | "ReferralHeadline"
        | "ReferralMediaContentType"
        | "ReferralMediaId"
        | "ReferralMediaUrl"
        | "ReferralSourceId"
        | "ReferralSourceType"
        | "ReferralSourceUrl" => true,
        "Forwarded" | "FrequentlyForwarded" => value == "true",
        _ => false,
    }
}
