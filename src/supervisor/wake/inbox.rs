//! The inbox of a loop: `inbox/<loop>/*.json`, each file claimed once by a rename, and what is no
//! payload set aside with the reason beside it. A claim outlives a crash: the next look finds it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::payload::LONGEST;
use crate::durable;

/// Where claimed files lie until their firing is in the journal.
const CLAIMED: &str = ".claimed";

/// Where files lie that are no payload.
pub const BAD: &str = "bad";

/// A file that is no JSON yet may still be written: it is left alone until it is so old.
const YOUNG_MS: u64 = 2_000;

/// Files of an inbox that are looked at in one go.
const MOST: usize = 4_096;

/// What an inbox held.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A file that may still be written; look again soon.
    Young,
    /// A payload, claimed.
    Claimed(Claim),
}

/// A file that is no payload and was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Its name in the folder of those: no other file there ever has it.
    pub name: String,
    /// Why it is none.
    pub why: String,
}

/// A claimed file.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name while it is claimed: no other file of this inbox ever has it.
    pub key: String,
    /// Its JSON text.
    pub text: String,
    path: PathBuf,
}

impl Claim {
    /// Its firing is in the journal: the file goes.
    pub fn done(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

/// Where a loop's inbox lies, below the project.
pub fn below(name: &str) -> PathBuf {
    Path::new("inbox").join(name)
}

/// Makes a loop's inbox, where there is none.
///
/// # Errors
/// One line: it cannot be made, or is no folder of the project.
pub fn make(project: &Path, name: &str) -> Result<PathBuf, String> {
    // A link could lead anywhere; what lies there is not ours to move about.
    let below = below(name);
    durable::make_real_folder(project, &below)
        .map_err(|e| format!("{} cannot be made: {e}", below.display()))
}

/// Claims the oldest file of this inbox; what was claimed before a crash comes first. What is no
/// payload is set aside on the way, and told in `aside`.
pub fn claim(inbox: &Path, now: i64, aside: &mut Vec<Aside>) -> io::Result<Found> {
    let claimed = inbox.join(CLAIMED);
    for below in [CLAIMED, BAD] {
        if let Some(link) = durable::link_on_the_way(inbox, Path::new(below)) {
            let why = format!(
                "{} is a link, which is not followed: take it away",
                link.display()
            );
            return Err(io::Error::new(io::ErrorKind::NotADirectory, why));
        }
    }
    for path in files(&claimed)? {
        if let Some(claim) = take(inbox, (path, now), aside)? {
            return Ok(Found::Claimed(claim));
        }
    }
    let mut young = false;
    for path in files(inbox)? {
        if path.extension().is_none_or(|end| end != "json") {
            continue;
        }
        match read(&path) {
            Ok(_) => {}
            // Whoever writes it has a moment to finish.
            Err(Unfit::Unfinished(_)) if age(&path, now) < YOUNG_MS => {
                young = true;
                continue;
            }
            Err(Unfit::Unfinished(why) | Unfit::Never(why)) => {
                aside.extend(set_aside(inbox, (&path, now), why)?);
                continue;
            }
            // Somebody else took it away.
            Err(Unfit::Gone) => continue,
        }
        durable::make_real_folder(inbox, Path::new(CLAIMED))?;
        let to = free(&claimed, &path, now);
        // Before its firing is written down, or a power cut would let it fire once more.
        match durable::rename(&path, &to) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        }
        if let Some(claim) = take(inbox, (to, now), aside)? {
            return Ok(Found::Claimed(claim));
        }
    }
    Ok(if young { Found::Young } else { Found::Nothing })
}

/// Reads a claimed file: only now is it certain that nobody else renames it.
fn take(
    inbox: &Path,
    (path, now): (PathBuf, i64),
    aside: &mut Vec<Aside>,
) -> io::Result<Option<Claim>> {
    match read(&path) {
        Ok(text) => {
            let key = path.file_name().unwrap_or_default().to_string_lossy();
            let key = format!("inbox:{key}");
            Ok(Some(Claim { key, text, path }))
        }
        Err(Unfit::Unfinished(why) | Unfit::Never(why)) => {
            aside.extend(set_aside(inbox, (&path, now), why)?);
            Ok(None)
        }
        Err(Unfit::Gone) => Ok(None),
    }
}

/// Why a file is no payload.
enum Unfit {
    /// As it stands now; it may still be written.
    Unfinished(String),
    /// Whatever is written to it.
    Never(String),
    /// It is not there any more.
    Gone,
}

fn read(path: &Path) -> Result<String, Unfit> {
    let unreadable = |e: io::Error| {
        if e.kind() == io::ErrorKind::NotFound {
            Unfit::Gone
        } else {
            Unfit::Never(format!("it cannot be read: {e}"))
        }
    };
    let meta = fs::symlink_metadata(path).map_err(unreadable)?;
    if !meta.is_file() {
        return Err(Unfit::Never("it is no plain file".to_owned()));
    }
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(unreadable)?;
    let mut bytes = Vec::new();
    let most = LONGEST as u64 + 1;
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > LONGEST {
        return Err(Unfit::Never(format!("it has more than {LONGEST} bytes")));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| Unfit::Unfinished("it is not UTF-8".to_owned()))?;
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(text),
        Err(e) => Err(Unfit::Unfinished(format!("it is no JSON: {e}"))),
    }
}

/// Moves a file out of the way and writes beside it why; `None` where it is gone.
fn set_aside(inbox: &Path, (path, now): (&Path, i64), why: String) -> io::Result<Option<Aside>> {
    let bad = inbox.join(BAD);
    durable::make_real_folder(inbox, Path::new(BAD))?;
    let to = free(&bad, path, now);
    match durable::rename(path, &to) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        moved => moved?,
    }
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let aside = Aside {
        name: name.into_owned(),
        why,
    };
    let mut reason = to.into_os_string();
    reason.push(".why");
    durable::replace(
        Path::new(&reason),
        format!("{}\n", aside.why).as_bytes(),
        0o644,
    )?;
    Ok(Some(aside))
}

/// A path in this folder that nothing has: the moment, and the file's own name.
fn free(folder: &Path, path: &Path, now: i64) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // What was claimed already keeps its own moment.
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    // A file of the same name that comes later is another one, even where the clock stood still.
    let own =
        fs::symlink_metadata(path).map_or(0, |meta| meta.mtime_nsec() ^ meta.ino().cast_signed());
    let name = format!("{}-{name}", own.unsigned_abs());
    let mut moment = now;
    loop {
        let free = folder.join(format!("{moment}-{name}"));
        if fs::symlink_metadata(&free).is_err() {
            return free;
        }
        moment += 1;
    }
}

/// Milliseconds since it was written, or until it will have been: clocks differ.
fn age(path: &Path, now: i64) -> u64 {
    fs::symlink_metadata(path).map_or(u64::MAX, |meta| {
        let written = meta.mtime().saturating_mul(1_000) + meta.mtime_nsec() / 1_000_000;
        now.abs_diff(written)
    })
}

/// What lies in a folder, oldest first; hidden names and folders left out.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut all = Vec::new();
    for entry in entries.take(MOST) {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden
            && let Ok(meta) = entry.metadata()
            && !meta.is_dir()
        {
            all.push((meta.modified().ok(), entry.path()));
        }
    }
    all.sort();
    Ok(all.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Long after everything that the tests write.
    const LATER: i64 = 4_000_000_000_000;

    fn claimed(inbox: &Path) -> Claim {
        match claim(inbox, LATER, &mut Vec::new()).unwrap() {
            Found::Claimed(claim) => claim,
            other @ (Found::Nothing | Found::Young) => panic!("{other:?}"),
        }
    }

    /// A file is claimed once; a claim that was not done is found again under the same key.
    #[test]
    fn a_file_is_claimed_once() {
        let project = TempDir::new().unwrap();
        let inbox = make(project.path(), "count").unwrap();
        assert_eq!(inbox, make(project.path(), "count").unwrap());
        fs::write(inbox.join("a.json"), "{\"n\": 1}").unwrap();
        let first = claimed(&inbox);
        assert_eq!(first.text, "{\"n\": 1}");
        assert!(!inbox.join("a.json").exists());
        let again = claimed(&inbox);
        assert_eq!(first, again);
        again.done().unwrap();
        assert_eq!(
            claim(&inbox, LATER, &mut Vec::new()).unwrap(),
            Found::Nothing
        );
        fs::write(inbox.join("a.json"), "{\"n\": 1}").unwrap();
        assert_ne!(claimed(&inbox).key, first.key);
    }

    /// S19: what lies behind a link is neither claimed nor set aside, wherever in the inbox the link is.
    #[test]
    fn no_link_leads_out_of_an_inbox() {
        use std::os::unix::fs::symlink;

        let outside = TempDir::new().unwrap();
        fs::write(outside.path().join("theirs.json"), "{}").unwrap();
        for at in [
            "inbox",
            "inbox/count",
            "inbox/count/bad",
            "inbox/count/.claimed",
        ] {
            let project = TempDir::new().unwrap();
            let link = project.path().join(at);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(outside.path(), &link).unwrap();
            let refused = make(project.path(), "count").and_then(|inbox| {
                fs::write(inbox.join("a.json"), "no json").unwrap();
                claim(&inbox, LATER, &mut Vec::new()).map_err(|e| e.to_string())
            });
            let why = refused.unwrap_err();
            assert!(why.contains(&format!("{at} is a link")), "{why}");
            assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
        }
    }

    /// What is no payload is set aside with the reason beside it, and does not keep others waiting;
    /// what may still be written is left alone.
    #[test]
    fn bad_files_are_set_aside() {
        let project = TempDir::new().unwrap();
        let inbox = make(project.path(), "count").unwrap();
        fs::write(inbox.join("half.json"), "{\"n\": ").unwrap();
        let written = fs::metadata(inbox.join("half.json")).unwrap().mtime() * 1_000;
        assert_eq!(
            claim(&inbox, written, &mut Vec::new()).unwrap(),
            Found::Young
        );
        assert!(inbox.join("half.json").exists());
        fs::write(inbox.join("long.json"), "1".repeat(LONGEST + 1)).unwrap();
        fs::write(inbox.join("notes.txt"), "no").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", inbox.join("link.json")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            inbox.join("pipe.json"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        fs::write(inbox.join("z.json"), "[]").unwrap();
        assert_eq!(claimed(&inbox).text, "[]");
        let mut reasons: Vec<String> = fs::read_dir(inbox.join(BAD))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "why"))
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        reasons.sort();
        assert_eq!(reasons.len(), 4, "{reasons:?}");
        assert!(reasons[0].starts_with("it has more than 65536 bytes"));
        assert!(reasons[1].starts_with("it is no JSON"));
        assert_eq!(reasons[2..], ["it is no plain file\n"; 2]);
        assert!(inbox.join("notes.txt").exists());
    }
}
