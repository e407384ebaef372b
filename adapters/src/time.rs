//! A point in time, handed in by the caller: nothing in this crate reads a clock.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since the Unix epoch, UTC. Shown as RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The years 0001 to 9999: what RFC 3339 can show.
const SHOWABLE_MILLIS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_207_199_999;

impl Timestamp {
    /// From Unix milliseconds; times RFC 3339 cannot show are `None`.
    pub fn from_millis(millis: i64) -> Option<Self> {
        SHOWABLE_MILLIS.contains(&millis).then_some(Self(millis))
    }

    /// From Unix seconds, as most providers send them.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        Self::from_millis(seconds.checked_mul(1000)?)
    }

    /// Reads RFC 3339, any offset, up to nanoseconds (cut to milliseconds).
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed: jiff::Timestamp = text.trim().parse().ok()?;
        Self::from_millis(parsed.as_millisecond())
    }

    /// Unix milliseconds.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole Unix seconds, rounded down.
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_millisecond(self.0)
            .expect("every way in checks the showable range");
        write!(f, "{time:.3}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).ok_or_else(|| {
            serde::de::Error::custom("expected an RFC 3339 time, such as 2026-01-01T00:00:00Z")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_show_milliseconds_in_utc() {
        let show = |text| Timestamp::parse_rfc3339(text).map(|time| time.to_string());
        assert_eq!(show("2026-01-01T01:00:00+01:00").as_deref(), Some("2026-01-01T00:00:00.000Z"));
        assert_eq!(
            show("2026-01-01T00:00:00.123456789Z").as_deref(),
            Some("2026-01-01T00:00:00.123Z")
        );
        assert_eq!(show("yesterday"), None);
    }

    #[test]
    fn times_beyond_the_calendar_are_refused() {
        assert_eq!(Timestamp::from_seconds(i64::MAX), None);
        assert_eq!(Timestamp::from_millis(*SHOWABLE_MILLIS.end() + 1), None);
        assert!(
            Timestamp::from_millis(*SHOWABLE_MILLIS.end())
                .is_some_and(|end| !end.to_string().is_empty())
        );
    }
}
