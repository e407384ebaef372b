//! The only file that reads the system's clock and random source.
//!
//! Everything below the edges takes the time as an argument, so tests and replays choose it.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use frontdesk_adapters::Timestamp;
use uuid::Uuid;

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(|| {
            #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
            let since_epoch =
                SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
            let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
            Timestamp::from_millis(millis).expect("the clock is set within the next 8,000 years")
        }))
    }

    /// A clock that stands still.
    #[must_use]
    pub fn fixed(now: Timestamp) -> Self {
        Self::told_by(move || now)
    }

    /// A clock that somebody else moves.
    #[must_use]
    pub fn told_by(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A moment, for measuring how long something takes; it tells no time of day.
#[must_use]
pub fn instant() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    Instant::now()
}

/// A new id (UUID v7). Ids made by one process sort in the order they were made.
#[must_use]
pub fn new_id() -> Uuid {
    #[expect(clippy::disallowed_methods, reason = "ids sort by when they were made")]
    Uuid::now_v7()
}

/// An id that sorts behind every id made within `span` of `id`.
#[must_use]
pub fn id_after(id: Uuid, span: Duration) -> Uuid {
    // The first 48 bits of a UUID v7 are Unix milliseconds (RFC 9562, section 5.7).
    let millis = (id.as_u128() >> 80).saturating_add(span.as_millis());
    Uuid::from_u128(millis << 80)
}

/// An id that sorts before every id made within `span` before `id`.
#[must_use]
pub fn id_before(id: Uuid, span: Duration) -> Uuid {
    let millis = (id.as_u128() >> 80).saturating_sub(span.as_millis());
    Uuid::from_u128(millis << 80)
}

/// How much later `to` was made than `from`; nothing if it was earlier.
#[must_use]
pub fn between(from: Uuid, to: Uuid) -> Duration {
    let millis = |id: Uuid| u64::try_from(id.as_u128() >> 80).unwrap_or(u64::MAX);
    Duration::from_millis(millis(to).saturating_sub(millis(from)))
}

/// Random bytes for keys and tokens.
///
/// # Panics
///
/// When the operating system has no randomness to give.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}
