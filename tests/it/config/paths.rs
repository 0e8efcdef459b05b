//! Where things live, for real folders.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use checkride::config::Paths;
use checkride::config::paths::Environment;
use tempfile::TempDir;

fn environment(root: &Path) -> Environment {
    Environment {
        state_dir: Some(root.join("state").into()),
        config_dir: Some(root.join("config").into()),
        temp_dir: root.join("tmp"),
        uid: fs::metadata(root).unwrap().uid(),
    }
}

fn folder_with(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    folder
}

/// Two projects of one name have a state folder each, for the owner alone, named to be found.
#[test]
fn each_project_has_its_own_state() {
    let folder = folder_with(&["a/site", "b/site"]);
    let root = folder.path();
    let at = |project: &str| Paths::new(&root.join(project), &environment(root)).unwrap();
    let (a, b) = (at("a/site"), at("b/site"));
    assert_ne!(a.state(), b.state());
    assert_eq!(a, at("a/../a/site"));
    assert!(
        a.state()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("site-")
    );

    a.prepare().unwrap();
    assert_eq!(
        fs::metadata(a.state()).unwrap().permissions().mode() & 0o777,
        0o700
    );
    fs::set_permissions(a.state(), fs::Permissions::from_mode(0o755)).unwrap();
    a.prepare().unwrap();
    assert_eq!(
        fs::metadata(a.state()).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

/// A socket path longer than the system allows moves to a short folder of the user's own.
#[test]
fn a_long_state_path_has_a_short_socket() {
    let folder = folder_with(&["site", "tmp"]);
    let root = folder.path();
    let mut environment = environment(root);
    environment.state_dir = Some(root.join("x".repeat(120)).into());
    let paths = Paths::new(&root.join("site"), &environment).unwrap();
    assert!(paths.socket().as_os_str().len() < 104);
    assert!(paths.socket().starts_with(root.join("tmp")));
    paths.prepare().unwrap();
    let parent = paths.socket().parent().unwrap();
    assert_eq!(
        fs::metadata(parent).unwrap().permissions().mode() & 0o777,
        0o700
    );
    std::os::unix::net::UnixListener::bind(paths.socket()).unwrap();
}

/// A folder that is another's, or a link planted in its place, is never used.
#[test]
fn a_planted_folder_is_refused() {
    let folder = folder_with(&["site", "elsewhere", "state"]);
    let root = folder.path();
    let paths = Paths::new(&root.join("site"), &environment(root)).unwrap();
    std::os::unix::fs::symlink(root.join("elsewhere"), paths.state()).unwrap();
    assert!(
        paths
            .prepare()
            .unwrap_err()
            .contains("is not this user's own")
    );
    fs::remove_file(paths.state()).unwrap();
    let mut other = environment(root);
    other.uid += 1;
    let paths = Paths::new(&root.join("site"), &other).unwrap();
    assert!(
        paths
            .prepare()
            .unwrap_err()
            .contains("is not this user's own")
    );
}

/// State inside the project, and a project that is none, are refused with one line.
#[test]
fn impossible_places_are_refused() {
    let folder = folder_with(&["site"]);
    let root = folder.path();
    let mut inside = environment(root);
    inside.state_dir = Some(root.join("site/.state").into());
    let refusal = Paths::new(&root.join("site"), &inside).unwrap_err();
    assert!(refusal.contains("lies inside the project"), "{refusal}");
    let refusal = Paths::new(&root.join("absent"), &environment(root)).unwrap_err();
    assert!(
        refusal.ends_with("absent cannot be entered: no such file or directory"),
        "{refusal}"
    );
}
