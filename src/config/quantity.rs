//! Lengths of time and money, as people write them.

pub(crate) use crate::run::spec::length as words;

use crate::run::spec::UNITS;

/// Reads `90s`, `15m`, `1h30m`: whole numbers with d, h, m or s, longest unit first.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let (_, worth) = units.find(|(letter, _)| *letter == unit)?;
        total = total.checked_add(number.checked_mul(*worth)?)?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people write for a length of time, and what is none.
    #[test]
    fn lengths_of_time() {
        let good = [
            ("90s", 90),
            ("15m", 900),
            ("1h30m", 5_400),
            ("2m", 120),
            ("30d", 2_592_000),
        ];
        for (text, wanted) in good {
            assert_eq!(seconds(text), Some(wanted), "{text}");
            assert_eq!(seconds(&words(wanted)), Some(wanted));
        }
        for text in [
            "",
            "15",
            "m",
            "15 m",
            "1.5h",
            "30m1h",
            "1h1h",
            "-5m",
            "15x",
            "99999999999999999999d",
            "5é",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
