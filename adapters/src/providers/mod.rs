//! The registry: one `mod` line and one entry a provider.

use crate::Adapter;

pub mod africas_talking;
pub mod apple_messages;
pub mod aws_sns;
pub mod azure_acs;
pub mod bandwidth;
pub mod botframework;
pub mod burst_sms;
pub mod chat;
pub mod clickatell;
pub mod clicksend;
pub mod discord;
pub mod elks;
pub mod freshchat;
pub mod google_rbm;
pub mod http;
pub mod infobip;
pub mod jasmin;
pub mod kakaotalk;
pub mod kaleyra;
pub mod kannel;
pub mod line;
pub mod matrix;
pub mod messagebird;
pub mod meta;
pub mod plivo;
pub mod rocketchat;
pub mod signalwire;
pub mod sinch;
pub mod slack;
pub mod sunshine_conversations;
pub mod telegram;
pub mod telesign;
pub mod telnyx;
pub mod textmagic;
pub mod twilio;
pub mod viber;
pub mod vk;
pub mod vonage;
pub mod wechat;
pub mod zalo;
pub mod zenvia;

/// Every adapter, in the order people meet them.
pub const ALL: &[&Adapter] = &[
    &twilio::ADAPTER,
    &meta::whatsapp::ADAPTER,
    &telegram::ADAPTER,
    &chat::ADAPTER,
    &vonage::ADAPTER,
    &plivo::ADAPTER,
    &telnyx::ADAPTER,
    &sinch::ADAPTER,
    &messagebird::ADAPTER,
    &bandwidth::ADAPTER,
    &signalwire::ADAPTER,
    &infobip::ADAPTER,
    &telesign::ADAPTER,
    &aws_sns::ADAPTER,
    &azure_acs::ADAPTER,
    &botframework::ADAPTER,
    &africas_talking::ADAPTER,
    &clickatell::ADAPTER,
    &clicksend::ADAPTER,
    &elks::ADAPTER,
    &kaleyra::ADAPTER,
    &textmagic::ADAPTER,
    &zenvia::ADAPTER,
    &kannel::ADAPTER,
    &jasmin::ADAPTER,
    &burst_sms::ADAPTER,
    &http::ADAPTER,
    &meta::messenger::ADAPTER,
    &meta::instagram::ADAPTER,
    &meta::turn::ADAPTER,
    &meta::dialog360::ADAPTER,
    &line::ADAPTER,
    &viber::ADAPTER,
    &vk::ADAPTER,
    &zalo::ADAPTER,
    &kakaotalk::ADAPTER,
    &wechat::ADAPTER,
    &wechat::jiochat::ADAPTER,
    &slack::ADAPTER,
    &discord::ADAPTER,
    &rocketchat::ADAPTER,
    &matrix::ADAPTER,
    &google_rbm::ADAPTER,
    &apple_messages::ADAPTER,
    &twilio::conversations::ADAPTER,
    &sunshine_conversations::ADAPTER,
    &freshchat::ADAPTER,
];

/// Finds an adapter by its provider's name or one of its aliases.
pub fn find(name: &str) -> Option<&'static Adapter> {
    ALL.iter().copied().find(|adapter| adapter.provider == name || adapter.aliases.contains(&name))
}
