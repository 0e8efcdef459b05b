//! The shipped starters, as they lie under `loops/`. A test holds this table and those folders equal.

/// One starter: its files by their place in its folder, with their text.
#[derive(Debug)]
pub(super) struct Starter {
    /// Its name, which becomes the loop's.
    pub(super) name: &'static str,
    /// Place below `loops/<name>/`, text.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// The files of a starter, read when the program is built.
macro_rules! files {
    ($name:literal: $($file:literal),+ $(,)?) => {
        &[$((
            $file,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/loops/", $name, "/", $file)),
        )),+]
    };
}

/// Every starter, the one to begin with first.
pub(super) const STARTERS: &[Starter] = &[Starter {
    name: "research-and-draft",
    files: files!("research-and-draft":
        "loop.toml",
        "skill/SKILL.md",
        "scripts/count-sources",
        "scripts/links-resolve",
        "scripts/none-of",
        "scripts/words",
    ),
}];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Every shipped skill, script and loop file is in the table; fixtures stay where they are.
    #[test]
    fn the_table_is_complete() {
        let loops = Path::new(env!("CARGO_MANIFEST_DIR")).join("loops");
        for starter in STARTERS {
            let folder = loops.join(starter.name);
            let mut there = vec!["loop.toml".to_owned(), "skill/SKILL.md".to_owned()];
            for script in std::fs::read_dir(folder.join("scripts")).unwrap() {
                let name = script.unwrap().file_name().into_string().unwrap();
                there.push(format!("scripts/{name}"));
            }
            there.sort();
            let mut here: Vec<&str> = starter.files.iter().map(|f| f.0).collect();
            here.sort_unstable();
            assert_eq!(here, there);
        }
    }
}
