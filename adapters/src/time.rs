//! A point in time, handed in by the caller: nothing in this crate reads a clock.

use std::fmt;

use jiff::fmt::temporal::Pieces;
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

    /// Reads a time in any of the forms providers use; without a zone it is UTC.
    ///
    /// RFC 3339 (a space for `T`, an offset without colon, a lost `+`), RFC 1123, and Unix seconds
    /// or milliseconds.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > 64 {
            return None;
        }
        if let Ok(unix) = text.parse::<i64>() {
            return if text.len() > 11 {
                Self::from_millis(unix)
            } else {
                Self::from_seconds(unix)
            };
        }
        if let Some(time) = Self::parse_iso(text, &Offset::UTC) {
            return Some(time);
        }
        if let Some((time, offset)) = text.rsplit_once(' ') {
            let sign = if offset.starts_with(['+', '-']) { "" } else { "+" };
            if let Some(time) = Self::parse_rfc3339(&format!("{time}{sign}{offset}")) {
                return Some(time);
            }
        }
        let time = jiff::fmt::rfc2822::parse(text).ok()?;
        Self::from_millis(time.timestamp().as_millisecond())
    }

    /// Reads a time in any of the forms providers use; without a zone it is `offset` from UTC.
    pub(crate) fn parse_at(text: &str, offset: Offset) -> Option<Self> {
        Self::parse_iso(text.trim(), &offset).or_else(|| Self::parse(text))
    }

    /// Reads RFC 3339, with or without a zone, in one go: a failed attempt costs more than success.
    fn parse_iso(text: &str, home: &Offset) -> Option<Self> {
        let pieces = Pieces::parse(text).ok()?;
        let time = pieces.date().to_datetime(pieces.time().unwrap_or_default());
        match pieces.to_numeric_offset() {
            Some(offset) => Self::from_millis(offset.to_timestamp(time).ok()?.as_millisecond()),
            None => Self::of_civil(time, home),
        }
    }

    /// Reads a time by a pattern such as `%d/%m/%Y %H:%M`; without a zone it is `offset` from UTC.
    pub(crate) fn parse_as(text: &str, pattern: &str, offset: Offset) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let time = jiff::fmt::strtime::parse(pattern, text.trim()).ok()?;
        match time.to_timestamp() {
            Ok(time) => Self::from_millis(time.as_millisecond()),
            Err(_) => Self::of_civil(time.to_datetime().ok()?, &offset),
        }
    }

    /// Writes the time by a pattern; `None` where there is no such pattern.
    pub(crate) fn format_as(self, pattern: &str, offset: Offset) -> Option<String> {
        let time = jiff::Timestamp::from_millisecond(self.0).ok()?.to_zoned(offset.0);
        jiff::fmt::strtime::format(pattern, &time).ok()
    }

    fn of_civil(time: jiff::civil::DateTime, home: &Offset) -> Option<Self> {
        let time = time.to_zoned(home.0.clone()).ok()?;
        Self::from_millis(time.timestamp().as_millisecond())
    }

    /// Reads a carrier's `YYMMDDhhmm`, in UTC.
    pub fn parse_minute(text: &str) -> Option<Self> {
        if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let [year, month, day, hour, minute] = [0, 2, 4, 6, 8].map(|start| &text[start..start + 2]);
        Self::parse_rfc3339(&format!("20{year}-{month}-{day}T{hour}:{minute}:00Z"))
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

/// A zone without rules of its own, such as `+02:00`.
#[derive(Clone, Debug)]
pub(crate) struct Offset(jiff::tz::TimeZone);

impl Offset {
    /// Coordinated universal time.
    pub(crate) const UTC: Self = Self(jiff::tz::TimeZone::UTC);

    /// Reads `+02:00`, `-0330`, `+5` or `Z`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if matches!(text, "Z" | "UTC" | "GMT") {
            return Some(Self::UTC);
        }
        let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
        let is_number =
            (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        let number: i32 = digits.parse().ok().filter(|_| is_number)?;
        let (hours, minutes) =
            if digits.len() > 2 { (number / 100, number % 100) } else { (number, 0) };
        let seconds = hours * 3600 + minutes * 60;
        let seconds = match text.as_bytes()[0] {
            b'+' => seconds,
            b'-' => -seconds,
            _ => return None,
        };
        let offset = jiff::tz::Offset::from_seconds(seconds).ok().filter(|_| minutes < 60)?;
        Some(Self(jiff::tz::TimeZone::fixed(offset)))
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
    fn every_form_of_a_time_is_read() {
        for text in [
            "2024-05-01T12:00:00Z",
            "2024-05-01T12:00:00.000+0000",
            "2024-05-01T14:00:00+02:00",
            "2024-05-01T12:00:00 00:00",
            "2024-05-01 12:00:00 +0000",
            "2024-05-01T12:00:00",
            "2024-05-01 12:00:00",
            "2024-05-01 12:00:00.000000",
            "2024-05-01T12:00:00.000000001",
            "Wed, 01 May 2024 12:00:00 GMT",
            "1714564800",
            "1714564800000",
        ] {
            let time = Timestamp::parse(text).map(|time| time.to_string());
            assert_eq!(time.as_deref(), Some("2024-05-01T12:00:00.000Z"), "{text}");
        }
        for text in ["", "yesterday", "12:00", "99999999999999999999", "T", " "] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn times_without_a_zone_are_at_home_somewhere() {
        let offset = Offset::parse("+02:00").expect("an offset");
        let show = |time: Option<Timestamp>| time.map(|time| time.to_string());
        for text in ["2024-05-01 14:00:00", "2024-05-01T14:00:00", "2024-05-01T12:00:00Z"] {
            let time = show(Timestamp::parse_at(text, offset.clone()));
            assert_eq!(time.as_deref(), Some("2024-05-01T12:00:00.000Z"), "{text}");
        }
        for (text, pattern) in [
            ("01/05/2024 14:00", "%d/%m/%Y %H:%M"),
            ("20240501140000", "%Y%m%d%H%M%S"),
            ("May 1 2024 02:00:00 PM", "%B %d %Y %I:%M:%S %p"),
            ("2024-05-01 13:00:00 +0100", "%Y-%m-%d %H:%M:%S %z"),
        ] {
            let time = show(Timestamp::parse_as(text, pattern, offset.clone()));
            assert_eq!(time.as_deref(), Some("2024-05-01T12:00:00.000Z"), "{text}");
            assert_eq!(show(Timestamp::parse_as("", pattern, offset.clone())), None);
        }
        for text in ["", "+", "2", "+99", "+02:75", "East", "+2é"] {
            assert!(Offset::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_carriers_time_is_read_only_if_it_is_one() {
        let read = |text| Timestamp::parse_minute(text).map(|time| time.to_string());
        assert_eq!(read("2601312359").as_deref(), Some("2026-01-31T23:59:00.000Z"));
        for text in ["", "260131235", "26013123590", "2602301200", "2601312400", "２60131"] {
            assert_eq!(read(text), None, "{text}");
        }
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
