//! Parses `--deadline`: turns what a person writes into one moment, which is printed in full.

use isoflop_core::units::parse_duration;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Zoned};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// Hint with everything that is understood.
const UNDERSTOOD: &str = "give a time of day (07:00), a day with a time (`fri 07:00`, `tomorrow 7:00`, \
    `2031-05-05 07:00`), each with an offset if it is not of this machine's clock (07:00+05:00), or a time \
    from now (8h, `1h 30min`)";

/// The moment at which a sweep stops.
#[derive(Clone, Debug)]
pub(crate) struct Deadline(Zoned);

impl FromStr for Deadline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Deadline::parse(text, &Zoned::now())
    }
}

impl From<&Deadline> for SystemTime {
    fn from(deadline: &Deadline) -> SystemTime {
        deadline.0.timestamp().into()
    }
}

impl Deadline {
    fn parse(text: &str, now: &Zoned) -> Result<Self, String> {
        let text = text.trim();
        let at = match parse_duration(text) {
            Ok(seconds) => after(seconds, now)?,
            Err(_) => moment(text, now)?,
        };
        match at.timestamp() > now.timestamp() {
            true => Ok(Deadline(at)),
            false => Err(format!("{} is past", full(&at))),
        }
    }

    /// The deadline in words, such as `until Friday 2026-11-27 07:00 (+01:00), in 8 h 12 min`.
    pub(crate) fn in_words(&self, now: &Zoned) -> String {
        let left = self.0.timestamp().duration_since(now.timestamp());
        let seconds = left.as_secs().max(0) as u64;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        let left = match (days, hours, minutes) {
            (0, 0, 0) => format!("{seconds} s"),
            (0, 0, minutes) => format!("{minutes} min {:02} s", seconds % 60),
            (0, hours, minutes) => format!("{hours} h {minutes:02} min"),
            (days, hours, minutes) => format!("{days} d {hours} h {minutes:02} min"),
        };
        format!("until {}, in {left}", full(&self.0))
    }
}

/// A moment in full, such as `Friday 2026-11-27 07:00 (+01:00)`.
fn full(at: &Zoned) -> String {
    let time = match at.second() {
        0 => "%H:%M",
        _ => "%H:%M:%S",
    };
    at.strftime(&format!("%A %Y-%m-%d {time} (%:z)")).to_string()
}

/// The moment this many seconds from now.
fn after(seconds: f64, now: &Zoned) -> Result<Zoned, String> {
    let time = Duration::try_from_secs_f64(seconds).ok();
    let span = time.and_then(|time| SignedDuration::try_from(time).ok());
    let at = span.and_then(|span| now.checked_add(span).ok());
    at.ok_or_else(|| "that is beyond every calendar".to_owned())
}

fn moment(text: &str, now: &Zoned) -> Result<Zoned, String> {
    if let Some(at) = stamp(text, now)? {
        return Ok(at);
    }
    let words = text.to_lowercase();
    let (day, clock) = match words.split_once(char::is_whitespace) {
        Some((day, clock)) if !matches!(clock.trim(), "am" | "pm") => (Some(day), clock.trim()),
        _ => (None, words.as_str()),
    };
    let (time, zone) = clock_time(clock)?;
    let zone = zone.unwrap_or_else(|| now.time_zone().clone());
    let today = now.with_time_zone(zone.clone()).date();
    let (first, step) = match day {
        None => (today, 1),
        Some("today") => return on(today, time, &zone),
        Some("tomorrow") => return on(next(today, 1)?, time, &zone),
        Some(day) => match weekday(day) {
            Some(wanted) => (next(today, today.weekday().until(wanted).into())?, 7),
            None => {
                let hint = format!("`{day}` is no day: {UNDERSTOOD}");
                let date: Date = day.parse().map_err(|_| hint)?;
                return on(date, time, &zone);
            }
        },
    };
    // The next moment at which a clock shows this time; in the night in which clocks go back, it
    // shows it twice.
    for date in [first, next(first, step)?] {
        let shown = zone.to_ambiguous_zoned(date.to_datetime(time));
        for at in [shown.clone().compatible(), shown.later()] {
            let at = at.map_err(|error| error.to_string())?;
            if at.timestamp() > now.timestamp() {
                return Ok(at);
            }
        }
    }
    Err(UNDERSTOOD.to_owned())
}

fn next(date: Date, days: i64) -> Result<Date, String> {
    date.checked_add(Span::new().days(days)).map_err(|error| error.to_string())
}

fn on(date: Date, time: Time, zone: &TimeZone) -> Result<Zoned, String> {
    let at = date.to_datetime(time).to_zoned(zone.clone());
    at.map_err(|error| error.to_string())
}

/// Parses a date with a time in the form of RFC 3339, RFC 9557 or RFC 2822; without an offset it is
/// a local time. `None` where the text has another form.
fn stamp(text: &str, now: &Zoned) -> Result<Option<Zoned>, String> {
    if let Ok(at) = jiff::fmt::rfc2822::parse(text) {
        return Ok(Some(at.with_time_zone(now.time_zone().clone())));
    }
    let Ok(pieces) = Pieces::parse(text) else {
        return Ok(None);
    };
    let Some(time) = pieces.time() else {
        return Err(format!("at which time of that day? {UNDERSTOOD}"));
    };
    let here = now.time_zone().clone();
    let wrong = |error: jiff::Error| error.to_string();
    if pieces.time_zone_annotation().is_some() {
        // An offset that the named zone does not have is refused.
        let at: Zoned = text.parse().map_err(wrong)?;
        return Ok(Some(at.with_time_zone(here)));
    }
    let at = DateTime::from_parts(pieces.date(), time);
    let at = match pieces.offset() {
        None => at.to_zoned(here).map_err(wrong)?,
        Some(offset) => {
            let offset = match offset {
                PiecesOffset::Numeric(offset) => offset.offset(),
                _ => jiff::tz::Offset::UTC,
            };
            let at: Timestamp = offset.to_timestamp(at).map_err(wrong)?;
            at.to_zoned(here)
        }
    };
    Ok(Some(at))
}

/// Parses `07:00`, `7:00:30`, `7am`, `7:30 pm` or `noon`, with an optional `Z`, `+05:00` or
/// `[Europe/Berlin]` after it.
fn clock_time(text: &str) -> Result<(Time, Option<TimeZone>), String> {
    let refused = || format!("`{text}` is no time of day: {UNDERSTOOD}");
    let at = text.find(['+', '-', '[', 'z', '\u{2212}']);
    let (clock, zone) = text.split_at(at.unwrap_or(text.len()));
    let zone = match zone {
        "" => None,
        zone => Some(self::zone(zone).ok_or_else(refused)?),
    };
    Ok((time_of_day(clock.trim()).ok_or_else(refused)?, zone))
}

fn time_of_day(text: &str) -> Option<Time> {
    match text {
        "noon" => return Time::new(12, 0, 0, 0).ok(),
        "midnight" => return Time::new(0, 0, 0, 0).ok(),
        _ => {}
    }
    let (clock, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(clock), _) => (clock.trim_end(), Some(0)),
        (_, Some(clock)) => (clock.trim_end(), Some(12)),
        _ => (text, None),
    };
    let mut numbers = Vec::new();
    for (place, digits) in clock.split(':').enumerate() {
        let widths = if place == 0 { 1..=2 } else { 2..=2 };
        if !widths.contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        numbers.push(digits.parse::<i8>().ok()?);
    }
    let (hour, rest) = numbers.split_first()?;
    let hour = match half {
        Some(half) => (1..=12).contains(hour).then(|| hour % 12 + half)?,
        // A number alone could mean anything.
        None if rest.is_empty() => return None,
        None => *hour,
    };
    match rest {
        [] => Time::new(hour, 0, 0, 0).ok(),
        [minute] => Time::new(hour, *minute, 0, 0).ok(),
        [minute, second] => Time::new(hour, *minute, *second, 0).ok(),
        _ => None,
    }
}

/// Parses a zone: `z`, `+05:00`, `-0330`, `+1`, `[europe/berlin]` or `+01:00[europe/berlin]`.
fn zone(text: &str) -> Option<TimeZone> {
    if text == "z" {
        return Some(TimeZone::UTC);
    }
    if let Some(name) = text.strip_prefix('[') {
        return TimeZone::get(name.strip_suffix(']')?).ok();
    }
    let negative = text.starts_with(['-', '\u{2212}']);
    let digits = text.trim_start_matches(['+', '-', '\u{2212}']).replace(':', "");
    if !matches!(digits.len(), 1 | 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = digits.split_at(digits.len().min(2));
    let minutes = if minutes.is_empty() { "0" } else { minutes };
    let (hours, minutes) = (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?);
    let seconds = (hours * 60 + minutes) * 60 * if negative { -1 } else { 1 };
    let offset = jiff::tz::Offset::from_seconds(seconds).ok()?;
    (minutes < 60 && hours < 24).then(|| TimeZone::fixed(offset))
}

/// Parses a weekday: `fri`, `friday`, `fri.` or `friday,`.
fn weekday(text: &str) -> Option<Weekday> {
    const NAMES: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let text = text.trim_end_matches(['.', ',']);
    let found = NAMES.into_iter().find(|(name, _)| text.len() >= 3 && name.starts_with(text));
    found.map(|(_, day)| day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Thursday evening in Berlin.
    const NOW: &str = "2026-11-26T22:48:00+01:00[Europe/Berlin]";

    fn at(text: &str, now: &str) -> Result<String, String> {
        let now: Zoned = now.parse().unwrap();
        let found = Deadline::parse(text, &now)?;
        let words = found.in_words(&now);
        Ok(words.strip_prefix("until ").unwrap().to_owned())
    }

    #[test]
    fn a_deadline_is_the_moment_that_a_person_means() {
        for (text, moment) in [
            ("07:00", "Friday 2026-11-27 07:00 (+01:00), in 8 h 12 min"),
            ("7:00", "Friday 2026-11-27 07:00 (+01:00), in 8 h 12 min"),
            ("7am", "Friday 2026-11-27 07:00 (+01:00), in 8 h 12 min"),
            ("11:30 pm", "Thursday 2026-11-26 23:30 (+01:00), in 42 min 00 s"),
            ("23:00:30", "Thursday 2026-11-26 23:00:30 (+01:00), in 12 min 30 s"),
            ("fri 07:00", "Friday 2026-11-27 07:00 (+01:00), in 8 h 12 min"),
            ("Friday 7:00", "Friday 2026-11-27 07:00 (+01:00), in 8 h 12 min"),
            ("thu 07:00", "Thursday 2026-12-03 07:00 (+01:00), in 6 d 8 h 12 min"),
            ("thu 23:00", "Thursday 2026-11-26 23:00 (+01:00), in 12 min 00 s"),
            ("tomorrow 7:00", "Friday 2026-11-27 07:00 (+01:00), in 8 h 12 min"),
            ("today 23:00", "Thursday 2026-11-26 23:00 (+01:00), in 12 min 00 s"),
            ("2031-05-05 07:00", "Monday 2031-05-05 07:00 (+02:00), in 1620 d 7 h 12 min"),
            ("2031-05-05T07:23", "Monday 2031-05-05 07:23 (+02:00), in 1620 d 7 h 35 min"),
            ("2026-11-27T07:00Z", "Friday 2026-11-27 08:00 (+01:00), in 9 h 12 min"),
            ("2026-11-27T07:00:00-05:00", "Friday 2026-11-27 13:00 (+01:00), in 14 h 12 min"),
            ("2026-11-27 07:00+05:00", "Friday 2026-11-27 03:00 (+01:00), in 4 h 12 min"),
            (
                "2026-11-27T07:00[America/New_York]",
                "Friday 2026-11-27 13:00 (+01:00), in 14 h 12 min",
            ),
            ("Fri, 27 Nov 2026 07:00:00 +0000", "Friday 2026-11-27 08:00 (+01:00), in 9 h 12 min"),
            ("07:00+05:00", "Friday 2026-11-27 07:00 (+05:00), in 4 h 12 min"),
            ("07:00Z", "Friday 2026-11-27 07:00 (+00:00), in 9 h 12 min"),
            ("fri 07:00-05", "Friday 2026-11-27 07:00 (-05:00), in 14 h 12 min"),
            ("07:00[America/New_York]", "Friday 2026-11-27 07:00 (-05:00), in 14 h 12 min"),
            ("8h", "Friday 2026-11-27 06:48 (+01:00), in 8 h 00 min"),
            ("1h 30min", "Friday 2026-11-27 00:18 (+01:00), in 1 h 30 min"),
            ("10s", "Thursday 2026-11-26 22:48:10 (+01:00), in 10 s"),
        ] {
            assert_eq!(at(text, NOW).as_deref(), Ok(moment), "{text}");
        }
    }

    #[test]
    fn what_is_past_or_not_understood_is_refused_whole() {
        for (text, why) in [
            ("2020-01-01T07:00", "2020-01-01 07:00 (+01:00) is past"),
            ("today 07:00", "2026-11-26 07:00 (+01:00) is past"),
            ("2026-11-26T22:48:00+01:00", "is past"),
            ("2031-05-05", "at which time of that day?"),
            ("2026-11-27T07:00+05:00[Europe/Berlin]", ""),
            ("fri", "is no time of day"),
            ("someday 07:00", "`someday` is no day"),
            ("2026-13-01 07:00", "`2026-13-01` is no day"),
            ("2026-02-30 07:00", "is no day"),
            ("07:00 fri", "is no time of day"),
            ("fri 07:00 sharp", "is no time of day"),
            ("25:00", "is no time of day"),
            ("07:00+99:00", "is no time of day"),
            ("07:00[Nowhere/Else]", "is no time of day"),
            ("7", "is no time of day"),
            ("-8h", "is no time of day"),
            ("1e300h", "is no time of day"),
            ("99999999d", "beyond every calendar"),
            ("", "is no time of day"),
            ("th 07:00", "is no day"),
        ] {
            let error = at(text, NOW).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn nights_in_which_clocks_change_have_their_moments() {
        // Clocks go from 02:00 to 03:00 in spring, and from 03:00 back to 02:00 in autumn.
        let spring = "2027-03-27T23:00:00+01:00[Europe/Berlin]";
        assert_eq!(
            at("02:30", spring).as_deref(),
            Ok("Sunday 2027-03-28 03:30 (+02:00), in 3 h 30 min")
        );
        let autumn = "2026-10-25T02:40:00+02:00[Europe/Berlin]";
        assert_eq!(
            at("02:30", autumn).as_deref(),
            Ok("Sunday 2026-10-25 02:30 (+01:00), in 50 min 00 s")
        );
        assert_eq!(
            at("8h", spring).as_deref(),
            Ok("Sunday 2027-03-28 08:00 (+02:00), in 8 h 00 min")
        );
    }
}
