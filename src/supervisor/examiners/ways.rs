//! The names that a file of the project has by way of links.

use std::fs;
use std::path::Path;

use crate::config::loops::sourced;

/// Most names that one path has.
const MOST: usize = 40;

/// A path and all that it leads to: every link on the way, and where that points, what is really read the last.
pub(super) fn of(project: &Path, path: &str) -> Vec<String> {
    let mut ways = vec![path.to_owned()];
    let mut at = path.to_owned();
    while ways.len() < MOST {
        let cuts = at.match_indices('/').map(|(cut, _)| cut).chain([at.len()]);
        let mut links = cuts.filter_map(|cut| {
            let (link, rest) = at.split_at_checked(cut)?;
            let target = fs::read_link(project.join(link)).ok()?;
            Some((link.to_owned(), target, rest.to_owned()))
        });
        let Some((link, target, rest)) = links.next() else {
            break;
        };
        let led = match target.strip_prefix(project) {
            Ok(within) => sourced::inside(&format!("{}{rest}", within.display())),
            Err(_) if target.is_absolute() => None,
            Err(_) => {
                let folder = link.rsplit_once('/').map_or(".", |(folder, _)| folder);
                sourced::inside(&format!("{folder}/{}{rest}", target.display()))
            }
        };
        ways.push(link);
        let Some(led) = led else { break };
        ways.push(led.clone());
        at = led;
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Links of files and of folders are followed one by one, a circle and what leads out end.
    #[test]
    fn links_are_followed() {
        let project = tempfile::tempdir().unwrap();
        let link = |to: &str, at: &str| {
            std::os::unix::fs::symlink(to, project.path().join(at)).unwrap();
        };
        fs::create_dir_all(project.path().join("impl")).unwrap();
        fs::create_dir_all(project.path().join("lib")).unwrap();
        link("../also/a.sh", "lib/a.sh");
        link("impl", "also");
        link("round", "round");
        link("/etc", "out");
        let whole = project.path().join("impl");
        link(whole.to_str().unwrap(), "lib/whole");
        let ways = |path| of(project.path(), path);
        let all = ["lib/a.sh", "lib/a.sh", "also/a.sh", "also", "impl/a.sh"];
        assert_eq!(ways("lib/a.sh"), all);
        assert_eq!(ways("plain/a.sh"), ["plain/a.sh"]);
        assert_eq!(ways("out/a.sh"), ["out/a.sh", "out"]);
        let whole = ["lib/whole/a.sh", "lib/whole", "impl/a.sh"];
        assert_eq!(ways("lib/whole/a.sh"), whole);
        assert!(ways("round").len() <= MOST + 1);
    }
}
