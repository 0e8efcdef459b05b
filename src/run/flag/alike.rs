//! Names that look like others: letters of one script that stand for those of another. Pure.

/// Letters that are drawn as Latin ones: Cyrillic, then Greek.
const ALIKE: &str = "аеорсухіїјѕһӏԁԛԝьАВЕЅЗІЈКМНОРСТУХԌԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορικυχϲϳ";

/// The letter of a path that passes for a Latin one: beside Latin letters in one word, or of a form that
/// only copies them.
pub fn letter(path: &str) -> Option<char> {
    let copies = |c: &char| matches!(c, '\u{ff21}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}');
    let mut words = path.split(|c: char| !c.is_alphabetic());
    path.chars().find(copies).or_else(|| {
        words.find_map(|word| {
            let mixed = word.chars().any(|c| c.is_ascii_alphabetic());
            word.chars().find(|c| mixed && ALIKE.contains(*c))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter of another script in a Latin word is found; names in other languages are names.
    #[test]
    fn letters_that_pass_for_others_are_found() {
        for (path, found) in [
            ("scr\u{456}pts/check", '\u{456}'),
            ("\u{430}nswer.sh", '\u{430}'),
            ("src/n\u{3bf}tes.md", '\u{3bf}'),
            ("\u{ff53}cripts/check", '\u{ff53}'),
        ] {
            assert_eq!(letter(path), Some(found), "{path}");
        }
        for path in [
            "scripts/check",
            "заметки/сахар.md",
            "docs/λ-calculus.md",
            "größe.rs",
            "δx.py",
            "文書/メモ.txt",
        ] {
            assert_eq!(letter(path), None, "{path}");
        }
    }
}
