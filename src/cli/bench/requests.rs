//! What the load generator sends: Twilio requests of some 500 bytes, signed beforehand.
//!
//! A set is used once by each gateway, since a second time it would be all repeats. Message ids are
//! spread like a provider's, not counted up: an index that is only appended to would flatter us.

use std::fmt::Write;

use anyhow::Context;
use frontdesk_adapters::{Adapter, Method, Request, Timestamp, providers};
use serde_json::{Value, json};

use crate::channels::{Channel, Settings};

/// The senders whom every gateway knows from the start.
pub(super) const KNOWN: u64 = 10_000;

/// The address that signatures are over, whatever port a gateway listens on.
pub(super) const PUBLIC_URL: &str = "https://bench.example";

pub(super) const CHANNEL: &str = "bench";
pub(super) const OUR_ADDRESS: &str = "+15005550006";

/// The path requests go to.
const PATH: &str = "/webhooks/bench";

/// Area codes of North America; `555` follows, so that nobody's number is made.
pub(super) const AREAS: &str = "201202203205206207208209210212213214215216217218219224225228229231\
    234239240248251252253254256260262267269270272276281301302303304305307308309310312313314315316317\
    318319320321323325330331334336337339346347351352360361364380385386401402404405406407408409410412";

/// Strangers begin here, after whomever a large database knows.
const FIRST_STRANGER: u64 = 2_000_000;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Senders {
    /// Some of [`KNOWN`].
    Known,
    /// Somebody else each time.
    New,
    /// 30 % new senders, 5 % requests sent before.
    Mixed,
}

impl Senders {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::New => "new",
            Self::Mixed => "mixed",
        }
    }
}

/// Requests as on the wire, one after the other.
#[derive(Debug)]
pub(super) struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Requests {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}

/// Makes sets of requests; no two sets have a message in common.
#[derive(Debug)]
pub(super) struct Signer {
    channel: Channel,
    made: u64,
    strangers: u64,
}

impl Signer {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { channel: channel()?, made: 0, strangers: FIRST_STRANGER })
    }

    pub fn sign(&mut self, senders: Senders, count: usize) -> anyhow::Result<Requests> {
        let mut requests = Requests { bytes: Vec::new(), ends: Vec::with_capacity(count) };
        for index in 0..count {
            let dice = scattered(self.made);
            let (percent, pick) = (dice % 100, dice >> 32);
            let (is_new, is_repeat) = match senders {
                Senders::Known => (false, false),
                Senders::New => (true, false),
                Senders::Mixed => (percent < 30, (30..35).contains(&percent) && index > 0),
            };
            self.made += 1;
            if is_repeat {
                let before = usize::try_from(pick)? % index;
                let again = requests.get(before).to_vec();
                requests.bytes.extend_from_slice(&again);
            } else {
                let sender = if is_new { self.strangers } else { pick % KNOWN };
                self.strangers += u64::from(is_new);
                self.write(&mut requests.bytes, sender)?;
            }
            requests.ends.push(requests.bytes.len());
        }
        Ok(requests)
    }

    fn write(&self, out: &mut Vec<u8>, sender: u64) -> anyhow::Result<()> {
        let (high, low) = (scattered(self.made << 1), scattered(self.made << 1 | 1));
        let sid = format!("SM{high:016x}{low:016x}");
        let from = number(sender);
        let body = format!(
            "ToCountry=US&ToState=&SmsMessageSid={sid}&NumMedia=0&ToCity=&FromZip=&SmsSid={sid}&FromState=NY\
             &SmsStatus=received&FromCity=&Body=My+order+{high}+has+not+come%2C+where+is+it+by+now%3F+It+was+to+be+here+on+Monday.&\
             FromCountry=US&To=%2B15005550006&ToZip=&NumSegments=1&MessageSid={sid}\
             &AccountSid=AC00000000000000000000000000000001&From=%2B{from}&ApiVersion=2010-04-01"
        );
        let headers =
            vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        let url = format!("{PUBLIC_URL}{PATH}");
        let mut request = Request::new(Method::Post, url, headers, body.into_bytes());
        let now = Timestamp::from_millis(0).context("the epoch is a time")?;
        self.channel.adapter.verifier.sign(&mut request, &self.channel.account, now)?;
        let mut head = format!("POST {PATH} HTTP/1.1\r\nhost: bench.example\r\n");
        for (name, value) in &request.headers {
            write!(head, "{name}: {value}\r\n")?;
        }
        write!(head, "content-length: {}\r\n\r\n", request.body.len())?;
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&request.body);
        Ok(())
    }
}

/// The channel every request is for.
pub(super) fn channel() -> anyhow::Result<Channel> {
    let settings = Settings::default();
    Ok(Channel::new(CHANNEL, adapter()?.provider, OUR_ADDRESS, &account(), settings, 0)?)
}

fn adapter() -> anyhow::Result<&'static Adapter> {
    providers::find("twilio").context("the twilio adapter is part of every build")
}

fn account() -> Value {
    json!({
        "account_sid": "AC00000000000000000000000000000001",
        "auth_token": "0123456789abcdef0123456789abcdef",
    })
}

/// The number of a sender, without its `+`.
pub(super) fn number(sender: u64) -> String {
    let areas = AREAS.len() as u64 / 3;
    let (area, line) = (sender / 10_000, sender % 10_000);
    let at = usize::try_from(area % areas).expect("a remainder of a usize") * 3;
    format!("1{}{:03}{line:04}", &AREAS[at..at + 3], 555 + area / areas % 400)
}

/// Numbers in no order, each once (splitmix64).
pub(super) fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_senders_have_the_numbers_the_stored_messages_have() {
        assert_eq!(number(0), "12015550000");
        assert_eq!(number(KNOWN - 1), "12015559999");
        assert_eq!(number(KNOWN), "12025550000");
    }

    #[test]
    fn a_request_is_about_five_hundred_bytes_and_sets_have_nothing_in_common() {
        let mut signer = Signer::new().expect("an account");
        let first = signer.sign(Senders::Known, 10).expect("signs");
        let second = signer.sign(Senders::Known, 10).expect("signs");
        let text = std::str::from_utf8(first.get(3)).expect("text");
        let (_, body) = text.split_once("\r\n\r\n").expect("a body");
        assert!((450..600).contains(&body.len()), "{}", body.len());
        assert!((0..10).all(|index| second.get(index) != first.get(index)));
    }
}
