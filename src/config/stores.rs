//! Stores of git objects and those that they borrow from. A repository names these itself, so what it names is
//! looked at before it is shown to anybody: read as files, git is not started.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::project;

/// Most stores of git objects that are borrowed from.
const MOST_STORES: usize = 8;

/// Most lines of a list of stores that are read.
const MOST_NAMED: usize = 64;

/// Stores, with all that they borrow from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Borrowed {
    /// The stores that are ones.
    pub stores: Vec<PathBuf>,
    /// What is named as one, is there, and is something else or one too many; a list of them that cannot be read to its
    /// end.
    pub refused: Vec<PathBuf>,
}

/// This store and all that it borrows from, as git itself follows them. It is taken as it is, the others are
/// looked at.
pub fn borrowed(own: &Path) -> Borrowed {
    let mut found = Borrowed::default();
    let mut open = vec![own.to_owned()];
    while let Some(store) = open.pop() {
        if found.stores.contains(&store) || found.refused.contains(&store) {
            continue;
        }
        let room = found.stores.len() < MOST_STORES;
        if store == own || room && is_store(&store) {
            let (named, whole) = named(&store);
            open.extend(named);
            if !whole {
                found.refused.push(store.join(LIST));
            }
            found.stores.push(store);
        } else if fs::symlink_metadata(&store).is_ok() {
            found.refused.push(store);
        }
    }
    found
}

/// Where a store lists those that it borrows from.
const LIST: &str = "info/alternates";

/// What this store says that it borrows from, and whether that is all of it.
fn named(store: &Path) -> (Vec<PathBuf>, bool) {
    let list = store.join(LIST);
    let Ok(bytes) = project::read_bytes(&list) else {
        return (Vec::new(), fs::symlink_metadata(&list).is_err());
    };
    let lines = bytes.split(|&b| b == b'\n');
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    let named = lines.by_ref().take(MOST_NAMED);
    let named = named.map(|line| store.join(OsString::from_vec(unquoted(line))));
    (named.collect(), lines.next().is_none())
}

/// Whether a folder is a store of git objects and nothing else: by its name, and by all that lies in it.
fn is_store(folder: &Path) -> bool {
    let Ok(real) = fs::canonicalize(folder) else {
        return false;
    };
    let Ok(entries) = fs::read_dir(&real) else {
        return false;
    };
    let mut some = false;
    let all = entries.into_iter().all(|entry| {
        let Ok((kind, name)) = entry.and_then(|e| Ok((e.file_type()?, e.file_name()))) else {
            return false;
        };
        let kept = kind.is_dir() && is_kept(&name);
        some |= kept;
        kept || is_passing(&name)
    });
    real.file_name() == Some(OsStr::new("objects")) && some && all
}

/// `pack`, `info`, and the folders of loose objects.
fn is_kept(name: &OsStr) -> bool {
    let name = name.as_bytes();
    matches!(name, b"pack" | b"info") || name.len() == 2 && name.iter().all(u8::is_ascii_hexdigit)
}

/// What git leaves there while it writes, and what systems put everywhere.
fn is_passing(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"tmp_") || name.ends_with(b".lock") || name == b".DS_Store"
}

/// The path that a line of `info/alternates` names; a line that is not quoted is the path itself.
pub fn unquoted(line: &[u8]) -> Vec<u8> {
    let quoted = line.strip_prefix(b"\"").and_then(|l| l.strip_suffix(b"\""));
    let Some(mut rest) = quoted else {
        return line.to_vec();
    };
    let mut path = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after
            .get(..3)
            .and_then(|code| std::str::from_utf8(code).ok());
        let octal = octal.and_then(|code| u8::from_str_radix(code, 8).ok());
        let (plain, left) = match (byte, octal, after.split_first()) {
            (b'\\', Some(code), _) => (code, after.get(3..).unwrap_or_default()),
            (b'\\', None, Some((&escaped, left))) => (escaped, left),
            _ => (byte, after),
        };
        path.push(plain);
        rest = left;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list that is a pipe keeps nobody waiting, a long one costs what its beginning costs; both are told.
    #[test]
    fn a_list_without_end_is_told() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("own");
        fs::create_dir_all(own.join("info")).unwrap();
        let list = own.join(LIST);
        rustix::fs::mkfifoat(rustix::fs::CWD, &list, 0o600.into()).unwrap();
        let told = Borrowed {
            stores: vec![own.clone()],
            refused: vec![list.clone()],
        };
        assert_eq!(borrowed(&own), told);
        fs::remove_file(&list).unwrap();
        let many: Vec<String> = (0..10_000).map(|i| format!("../{i}\n")).collect();
        fs::write(&list, many.concat()).unwrap();
        assert_eq!(borrowed(&own), told);
    }

    /// What only is named as a store is none, however it is named; stores that borrow in a circle end.
    #[test]
    fn only_stores_are_borrowed_from() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for folder in [
            "own/info",
            "far.git/objects/pack",
            "far.git/objects/ab",
            "home/.ssh",
            "home/objects/pack",
            "home/objects/notes",
            "empty/objects",
        ] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("far.git/objects/tmp_obj_x"), "").unwrap();
        std::os::unix::fs::symlink(at("home"), at("far.git/objects/cd")).unwrap();
        std::os::unix::fs::symlink(at("home"), at("objects")).unwrap();
        let far = at("far.git/objects");
        fs::write(at("far.git/objects/info"), "").unwrap();
        let names = format!(
            "# more\n\"{}\"\n../home\n../home/.ssh\n../home/objects\n../objects\n../empty/objects\n../none\n",
            far.display()
        );
        fs::write(at("own/info/alternates"), names).unwrap();
        let found = borrowed(&at("own"));
        assert_eq!(
            found.stores,
            [at("own")],
            "it has a link and a file for a folder"
        );
        assert_eq!(found.refused.len(), 6);
        fs::remove_file(at("far.git/objects/cd")).unwrap();
        fs::remove_file(at("far.git/objects/info")).unwrap();
        fs::create_dir(at("far.git/objects/info")).unwrap();
        fs::write(
            at("far.git/objects/info/alternates"),
            at("own").as_os_str().as_bytes(),
        )
        .unwrap();
        let found = borrowed(&at("own"));
        assert_eq!(found.stores, [at("own"), far]);
        assert_eq!(found.refused.len(), 5, "{:?}", found.refused);
    }
}
