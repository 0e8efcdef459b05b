//! How many of something, as people say it. Words of our own alone: each makes its plural with an s.

/// `1 file`, `2 files`, `0 files`.
pub fn counted(n: u64, one: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One is one.
    #[test]
    fn one_is_no_plural() {
        let said = [0, 1, 2].map(|n| counted(n, "minute"));
        assert_eq!(said, ["0 minutes", "1 minute", "2 minutes"]);
    }
}
