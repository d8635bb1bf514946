//! Times as people and programs write them (RFC 3339, UTC, milliseconds).

use std::fmt;

/// A time in milliseconds since 1970, shown as `2023-11-14T22:13:20.123Z`.
#[derive(Clone, Copy, Debug)]
pub struct Timestamp(
    /// Milliseconds since 1970.
    pub u64,
);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, millis) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let (year, month, day) = date(days);
        let (seconds, millis) = (millis / 1_000, millis % 1_000);
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
    }
}

/// Year, month and day of a day that is counted from 1970, in the Gregorian calendar. The year is taken to begin in March, so that its leap day is its last; then the months'
/// lengths repeat every five (153 days), and all repeats every 400 years (146,097 days).
pub(crate) fn date(days: u64) -> (u64, u64, u64) {
    // 0000-03-01 is the first day of the count from here on.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_has_them() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_077_926_400_000, "2004-02-28T00:00:00.000Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp(unix_ms).to_string(), text);
        }
        // A clock can be as wrong as it likes.
        assert!(Timestamp(u64::MAX).to_string().ends_with('Z'));
    }
}
