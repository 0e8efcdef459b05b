//! The files of the workspace, served to the agent, which may be at work in it: nothing outside it, neither
//! by `..` nor by a link, is read or written here.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::supervisor::workspace::beneath::Beneath;

/// Most bytes of a file that are read or handed out at once.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Where the agent works, under both of its names.
#[derive(Debug, Clone)]
pub(super) struct Place {
    given: PathBuf,
    real: PathBuf,
}

/// The part of a file that is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    /// The first line, counted from 1.
    pub line: Option<u32>,
    /// Most lines.
    pub limit: Option<u32>,
}

impl Place {
    /// The workspace in this folder.
    pub(super) fn new(folder: &Path) -> Self {
        let real = fs::canonicalize(folder);
        Self {
            given: folder.to_owned(),
            real: real.unwrap_or_else(|_| folder.to_owned()),
        }
    }

    /// The path as seen from the workspace, `..` resolved by its letters; `None` outside.
    pub(super) fn relative(&self, path: &Path) -> Option<PathBuf> {
        let inner = if path.is_absolute() {
            let below = |root: &Path| path.strip_prefix(root).ok().map(Path::to_owned);
            below(&self.given).or_else(|| below(&self.real))?
        } else {
            path.to_owned()
        };
        let mut plain = PathBuf::new();
        for part in inner.components() {
            match part {
                Component::Normal(name) => plain.push(name),
                Component::CurDir => {}
                Component::ParentDir if plain.pop() => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        Some(plain)
    }

    /// How a path is shown and how rules see it: from the workspace where it lies in it.
    pub(super) fn shown(&self, path: &Path) -> String {
        match self.relative(path) {
            Some(inner) if inner.as_os_str().is_empty() => ".".to_owned(),
            Some(inner) => inner.display().to_string(),
            None => path.display().to_string(),
        }
    }

    /// A file's text; the error says in words why there is none.
    pub(super) fn read(&self, path: &Path, part: Part) -> io::Result<String> {
        let file = self.followed(path)?;
        let bytes = Beneath::new(&self.real)?.read(&file, LARGEST)?;
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let text = String::from_utf8(bytes).map_err(|_| refused("it is no UTF-8 text"))?;
        Ok(cut_out(text, part))
    }

    /// Writes a whole file; folders on the way are made.
    pub(super) fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        let file = self.followed(path)?;
        Beneath::new(&self.real)?.write(&file, text.as_bytes())
    }

    /// The folder that a command starts in: the workspace, or one inside it.
    pub(super) fn folder(&self, path: Option<&Path>) -> io::Result<PathBuf> {
        let Some(path) = path else {
            return Ok(self.given.clone());
        };
        let folder = self.followed(path)?;
        Beneath::new(&self.real)?.folder(&folder)?;
        Ok(self.real.join(folder))
    }

    /// The path below the workspace with the links followed that stay in it: agents work through those of
    /// packages. What becomes a link after this look is not followed any more.
    fn followed(&self, path: &Path) -> io::Result<PathBuf> {
        let inner = self.relative(path).ok_or_else(outside)?;
        let mut at = self.real.clone();
        for part in inner.components() {
            at.push(part);
            match fs::canonicalize(&at) {
                Ok(real) if real.starts_with(&self.real) => at = real,
                Ok(_) => return Err(outside()),
                // What is not there is a name; a link to nothing is refused where it is opened.
                Err(_) => {}
            }
        }
        let below = at.strip_prefix(&self.real).map_err(|_| outside())?;
        Ok(below.to_owned())
    }
}

fn outside() -> io::Error {
    refused("it lies outside the workspace")
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_owned())
}

fn cut_out(text: String, part: Part) -> String {
    if part.line.is_none() && part.limit.is_none() {
        return text;
    }
    let before = part.line.unwrap_or(1).saturating_sub(1) as usize;
    let most = part.limit.map_or(usize::MAX, |limit| limit as usize);
    text.split_inclusive('\n').skip(before).take(most).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// R39: only what lies in the workspace is read or written, whatever the path looks like.
    #[test]
    fn nothing_outside_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let root = folder.path();
        let place = Place::new(root);
        fs::write(outside.path().join("secret"), "s").unwrap();
        fs::write(root.join("a.txt"), "one\ntwo\nthree\n").unwrap();
        symlink(outside.path(), root.join("way")).unwrap();
        symlink(outside.path().join("new"), root.join("dangling")).unwrap();
        symlink("a.txt", root.join("inner")).unwrap();

        let read = |path: &Path| place.read(path, Part::default());
        assert_eq!(read(&root.join("inner")).unwrap(), "one\ntwo\nthree\n");
        assert_eq!(read(Path::new("x/../a.txt")).unwrap().len(), 14);
        let second = Part {
            line: Some(2),
            limit: Some(1),
        };
        assert_eq!(place.read(Path::new("a.txt"), second).unwrap(), "two\n");
        for path in ["../secret", "/etc/hostname", "way/secret", ".", "none"] {
            assert!(read(Path::new(path)).is_err(), "{path}");
        }
        let secret = outside.path().join("secret");
        assert!(read(&secret).is_err());

        place.write(Path::new("b/c/d.txt"), "new").unwrap();
        assert_eq!(fs::read_to_string(root.join("b/c/d.txt")).unwrap(), "new");
        place.write(&root.join("inner"), "changed").unwrap();
        assert_eq!(fs::read_to_string(root.join("a.txt")).unwrap(), "changed");
        for path in ["way/new", "dangling", "../x", "b", "dangling/x", "."] {
            assert!(place.write(Path::new(path), "no").is_err(), "{path}");
        }
        assert_eq!(fs::read_to_string(secret).unwrap(), "s");
        assert!(!outside.path().join("new").exists());
    }
}
