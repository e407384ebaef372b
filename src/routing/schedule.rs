//! When a queue is open: hours of the week in its own time zone, and holidays.
//!
//! Hours that end before they begin go over midnight and belong to the day they begin on, also
//! where that day is a holiday. Whoever asks says what time it is.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

/// The hours of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// A zone of the IANA database, such as `America/Sao_Paulo`.
    pub time_zone: String,
    /// When it is open.
    pub hours: Vec<Hours>,
    /// Days on which it does not open, such as `2026-12-25`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub holidays: Vec<Day>,
}

/// The same hours on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// The days, such as `mon`.
    pub days: Vec<DayOfWeek>,
    /// From when, such as `09:00`.
    #[schema(value_type = String)]
    pub from: TimeOfDay,
    /// Until when, such as `18:00`; `24:00` is the end of the day.
    #[schema(value_type = String)]
    pub to: TimeOfDay,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DayOfWeek {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A day of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

/// Minutes since midnight, up to and with 24:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

/// Why a schedule was refused.
///
/// Of what is refused while it is read, whoever wrote it is told what follows `, expected`, as with
/// serde's own errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// No such zone.
    #[error("this is no time zone of the IANA database; write one such as Europe/Lisbon")]
    TimeZone,
    /// Nothing is ever open.
    #[error("say when it is open: days, from and to")]
    NoHours,
    /// Hours that end as they begin.
    #[error("these hours are never open; write from 00:00 to 24:00 for a whole day")]
    Never,
    /// Not a day.
    #[error("not a day, expected one of the calendar, such as 2026-12-25")]
    Day,
    /// Not a time.
    #[error("not a time, expected one such as 09:00, up to 24:00")]
    Time,
}

/// A schedule with its zone at hand.
#[derive(Clone, Debug)]
pub struct Opening {
    schedule: Schedule,
    zone: TimeZone,
}

impl Schedule {
    /// Checks it; the answer has a JSON pointer to what is wrong.
    pub fn check(&self) -> Result<(), (String, ScheduleError)> {
        Opening::new(self).map_err(|error| ("/time_zone".to_owned(), error))?;
        if self.hours.is_empty() {
            return Err(("/hours".to_owned(), ScheduleError::NoHours));
        }
        for (index, hours) in self.hours.iter().enumerate() {
            if hours.days.is_empty() {
                return Err((format!("/hours/{index}/days"), ScheduleError::NoHours));
            }
            if hours.are_never() {
                return Err((format!("/hours/{index}"), ScheduleError::Never));
            }
        }
        Ok(())
    }
}

impl Hours {
    /// Whether no moment is within them: 24:00 is the 00:00 of the next day.
    fn are_never(&self) -> bool {
        self.from == self.to || (self.from, self.to) == (TimeOfDay::END, TimeOfDay(0))
    }
}

impl Opening {
    /// Looks the zone up.
    pub fn new(schedule: &Schedule) -> Result<Self, ScheduleError> {
        let zone = TimeZone::get(&schedule.time_zone).map_err(|_| ScheduleError::TimeZone)?;
        Ok(Self { schedule: schedule.clone(), zone })
    }

    /// Whether it is open at `at`, in Unix milliseconds.
    #[must_use]
    pub fn is_open(&self, at: i64) -> bool {
        let Ok(at) = Timestamp::from_millisecond(at) else { return false };
        let local = self.zone.to_datetime(at);
        let yesterday = local.date().yesterday().ok();
        self.schedule.hours.iter().any(|hours| {
            let over_midnight = hours.to < hours.from;
            let now = TimeOfDay::of(local);
            let today = hours.from <= now && (over_midnight || now < hours.to);
            let since_yesterday = over_midnight && now < hours.to;
            today && self.opens(hours, local.date())
                || since_yesterday && yesterday.is_some_and(|day| self.opens(hours, day))
        })
    }

    fn opens(&self, hours: &Hours, day: Date) -> bool {
        hours.days.contains(&DayOfWeek::of(day)) && !self.schedule.holidays.contains(&Day(day))
    }
}

impl DayOfWeek {
    fn of(day: Date) -> Self {
        match day.weekday() {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

impl TimeOfDay {
    /// 24:00.
    const END: Self = Self(24 * 60);

    fn of(time: DateTime) -> Self {
        let (hour, minute) = (time.hour().unsigned_abs(), time.minute().unsigned_abs());
        Self(u16::from(hour) * 60 + u16::from(minute))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        let digits = |text: &str| {
            (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| text.parse::<u16>().ok())
                .flatten()
        };
        let (hour, minute) = text.split_once(':').ok_or(ScheduleError::Time)?;
        match (digits(hour), digits(minute)) {
            (Some(hour), Some(minute)) if hour < 24 && minute < 60 || (hour, minute) == (24, 0) => {
                Ok(Self(hour * 60 + minute))
            }
            (_, _) => Err(ScheduleError::Time),
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(TimeOfDay(minutes): TimeOfDay) -> Self {
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl TryFrom<String> for Day {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        let day = text.parse::<Date>().map_err(|_| ScheduleError::Day)?;
        // The library reads more than one spelling; ours is one.
        if day.to_string() == text { Ok(Self(day)) } else { Err(ScheduleError::Day) }
    }
}

impl From<Day> for String {
    fn from(Day(day): Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(json: &str) -> Opening {
        Opening::new(&serde_json::from_str(json).expect("a schedule")).expect("hours")
    }

    fn at(time: &str) -> i64 {
        time.parse::<Timestamp>().expect("a time").as_millisecond()
    }

    #[test]
    fn hours_are_those_of_the_zone_also_where_its_clocks_change() {
        let opening = opening(
            r#"{"time_zone": "America/New_York", "hours": [
                {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}]}"#,
        );
        // A Friday before and a Monday after New York's clocks went forward on 8 March 2026.
        for (time, open) in [
            ("2026-03-06T13:59:59Z", false),
            ("2026-03-06T14:00:00Z", true),
            ("2026-03-06T21:59:59Z", true),
            ("2026-03-06T22:00:00Z", false),
            ("2026-03-07T15:00:00Z", false),
            ("2026-03-09T12:59:00Z", false),
            ("2026-03-09T13:00:00Z", true),
            ("2026-03-09T21:00:00Z", false),
        ] {
            assert_eq!(opening.is_open(at(time)), open, "{time}");
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        let opening = opening(
            r#"{"time_zone": "Asia/Tokyo", "holidays": ["2026-01-02"], "hours": [
                {"days": ["thu", "fri"], "from": "22:00", "to": "06:00"}]}"#,
        );
        // 1 January 2026 is a Thursday; Tokyo is nine hours ahead.
        for (time, open) in [
            ("2026-01-01T12:59:00Z", false),
            ("2026-01-01T13:00:00Z", true),
            ("2026-01-01T20:59:00Z", true),
            ("2026-01-01T21:00:00Z", false),
            ("2026-01-02T13:00:00Z", false),
            ("2026-01-02T20:00:00Z", false),
        ] {
            assert_eq!(opening.is_open(at(time)), open, "{time}");
        }
    }

    #[test]
    fn the_end_of_a_day_is_midnight() {
        let opening = opening(
            r#"{"time_zone": "UTC", "hours": [{"days": ["thu"], "from": "00:00", "to": "24:00"}]}"#,
        );
        assert!(opening.is_open(at("2026-01-01T00:00:00Z")));
        assert!(opening.is_open(at("2026-01-01T23:59:59.999Z")));
        assert!(!opening.is_open(at("2026-01-02T00:00:00Z")));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        let hours = r#""hours": [{"days": ["mon"], "from": "09:00", "to": "17:00"}]"#;
        let read = |json: &str| serde_json::from_str::<Schedule>(json);
        let zone = read(&format!(r#"{{"time_zone": "Mars/Base", {hours}}}"#)).expect("JSON");
        assert_eq!(zone.check(), Err(("/time_zone".to_owned(), ScheduleError::TimeZone)));
        let none = read(r#"{"time_zone": "UTC", "hours": []}"#).expect("JSON");
        assert_eq!(none.check(), Err(("/hours".to_owned(), ScheduleError::NoHours)));
        for (from, to, never) in [
            ("24:00", "00:00", true),
            ("09:00", "09:00", true),
            ("24:00", "24:00", true),
            ("24:00", "06:00", false),
            ("09:00", "00:00", false),
            ("00:00", "24:00", false),
        ] {
            let json = hours.replace("09:00", from).replace("17:00", to);
            let schedule = read(&format!(r#"{{"time_zone": "UTC", {json}}}"#)).expect("JSON");
            let refused = Err(("/hours/0".to_owned(), ScheduleError::Never));
            assert_eq!(schedule.check(), if never { refused } else { Ok(()) }, "{from} to {to}");
            let opening = Opening::new(&schedule).expect("a zone");
            // Every half hour of the Monday after New Year's Day, and of the day after it.
            let monday = at("2026-01-05T00:00:00Z");
            let opens = (0..96).any(|half| opening.is_open(monday + half * 30 * 60 * 1000));
            assert_eq!(opens, !never, "{from} to {to}");
        }
        for wrong in ["9:00", "24:01", "12:60", "noon", "+1:00", "12:00:00"] {
            let json = hours.replace("09:00", wrong);
            assert!(read(&format!(r#"{{"time_zone": "UTC", {json}}}"#)).is_err(), "{wrong}");
        }
        for wrong in ["25.12.2026", "2026-02-30", "20261225"] {
            let json = format!(r#"{{"time_zone": "UTC", {hours}, "holidays": ["{wrong}"]}}"#);
            assert!(read(&json).is_err(), "{wrong}");
        }
    }
}
