//! The known word that a mistyped one was most likely meant to be.

/// The nearest of `known` words to `word`, if any is near enough to be meant.
///
/// Near enough: at most a third of the letters differ, swapped neighbours counting once.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let length = word.chars().count();
    if length > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|other| (distance(word, other), other))
        .filter(|(far, other)| *far * 3 <= length.max(other.chars().count()).max(3))
        .min_by_key(|(far, _)| *far)
        .map(|(_, other)| other)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let differs = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[i - 1][j - 1] + differs);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Typos find their word; a foreign word finds none.
    #[test]
    fn typos_find_their_word() {
        let known = ["max_iterations", "max_runs_per_day", "mode", "command"];
        assert_eq!(nearest("max_iteration", known), Some("max_iterations"));
        assert_eq!(nearest("mdoe", known), Some("mode"));
        assert_eq!(nearest("Comand", known), Some("command"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }
}
