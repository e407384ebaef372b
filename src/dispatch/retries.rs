//! When a failed delivery is tried again, and when it is given up.

use std::time::Duration;

use crate::clock;

/// The most that the first retry waits.
const FIRST: Duration = Duration::from_secs(5);
/// The most that any retry waits.
const LONGEST: Duration = Duration::from_secs(4 * 60 * 60);
/// How long a delivery is tried, from its first attempt on.
const GIVE_UP: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// When to try again after the attempt number `attempts` failed at `now`; `None` gives it up.
///
/// The wait is a random part of a span that doubles ("full jitter"), so that what failed together
/// does not come back together. What the sink itself asked for is waited out. Times are in Unix
/// milliseconds.
pub(super) fn next(
    attempts: i32,
    first_attempt_at: i64,
    asked: Option<Duration>,
    now: i64,
) -> Option<i64> {
    next_by(attempts, first_attempt_at, asked, now, u64::from_ne_bytes(clock::random_bytes()))
}

pub(super) fn next_by(
    attempts: i32,
    first_attempt_at: i64,
    asked: Option<Duration>,
    now: i64,
    random: u64,
) -> Option<i64> {
    if now.saturating_sub(first_attempt_at) >= millis(GIVE_UP) {
        return None;
    }
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(20);
    let span = millis(FIRST).saturating_mul(1 << doublings).min(millis(LONGEST));
    let jittered = i64::try_from(random % u64::try_from(span).unwrap_or(1)).unwrap_or(span);
    let asked = asked.map_or(0, |asked| millis(asked.min(LONGEST)));
    Some(now.saturating_add(jittered.max(asked)))
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
