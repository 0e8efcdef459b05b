//! Small plain files that tell whether they are whole: a value beside the digest of its bytes. One that an earlier
//! version wrote, an object or number alone, is read as it is. What a damaged file means is for its reader to say.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::durable;
use crate::run::Digest;
use crate::run::inert::spelled_line;

/// What stands in such a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    /// Of the exact bytes of `kept`.
    digest: Digest,
    kept: Box<RawValue>,
}

/// The bytes of a file that keeps this value.
///
/// # Errors
/// The value is no JSON.
pub fn seal<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    let kept = serde_json::value::to_raw_value(value)?;
    let digest = Digest::of(kept.get().as_bytes());
    let mut bytes = serde_json::to_vec(&Sealed { digest, kept })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The value that a file keeps; `None` where there is no file.
///
/// # Errors
/// One line: which file, and why it cannot be read or is not as it was written.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    let shown = || spelled_line(path.as_os_str().as_encoded_bytes());
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("{} cannot be read: {e}", shown())),
    };
    let value = open(&bytes);
    value
        .map(Some)
        .map_err(|why| format!("{} is damaged ({why})", shown()))
}

fn open<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let said = |e: serde_json::Error| spelled_line(e.to_string().as_bytes());
    let Ok(sealed) = serde_json::from_slice::<Sealed>(bytes) else {
        return serde_json::from_slice(bytes).map_err(said);
    };
    if Digest::of(sealed.kept.get().as_bytes()) != sealed.digest {
        return Err("its bytes are not those that were written".to_owned());
    }
    serde_json::from_str(sealed.kept.get()).map_err(said)
}

/// Moves a damaged file beside its place, where nothing reads it and its operator finds it; a file that was set
/// aside before gives way.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(".damaged");
    let aside = path.with_file_name(name);
    durable::rename(path, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Words = BTreeMap<String, String>;

    /// A value comes back as it was kept, also from an earlier version's file; any flipped bit and any cut is
    /// told, or harms nothing.
    #[test]
    fn a_damaged_value_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        let value = Words::from([("a \"word\"".to_owned(), "ü".to_owned())]);
        assert_eq!(read::<Words>(&path), Ok(None));
        fs::write(&path, serde_json::to_vec(&value).unwrap()).unwrap();
        assert_eq!(read(&path), Ok(Some(value.clone())));
        let whole = seal(&value).unwrap();
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[place] ^= 1 << bit;
                let read = open::<Words>(&bytes);
                assert!(read.is_err() || read == Ok(value.clone()), "{place}.{bit}");
            }
            let cut = open::<Words>(&whole[..place]);
            assert!(cut.is_err() || cut == Ok(value.clone()), "{place}");
        }
        fs::write(&path, &whole[1..]).unwrap();
        let why = read::<Words>(&path).unwrap_err();
        assert!(
            why.contains("kept is damaged") && why.lines().count() == 1,
            "{why}"
        );
        let aside = set_aside(&path).unwrap();
        assert!(aside.ends_with("kept.damaged") && !path.exists());
    }
}
