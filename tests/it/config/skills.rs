//! Skill folders as people have them.

use checkride::config::skills;

use super::{project, write};

/// A skill is its body, without the front matter; its digest moves with any file of the folder.
#[test]
fn a_skill_folder_reads_as_it_is() {
    let folder = project();
    let root = folder.path();
    write(
        root,
        "skills/tidy/SKILL.md",
        "---\nname: \"tidy\"\ndescription: >\n  Tidies\n  notes.\nlicense: MIT\n---\n\n# Tidy\n",
    );
    let first = skills::read(root, "skills/tidy").unwrap();
    assert_eq!(
        (first.name.as_str(), first.description.as_str()),
        ("tidy", "Tidies notes.")
    );
    assert_eq!(first.body, "\n# Tidy\n");
    assert_eq!(
        skills::read(root, "./skills/tidy/").unwrap().digest,
        first.digest
    );
    write(root, "skills/tidy/references/a.md", "more");
    assert_ne!(
        skills::read(root, "skills/tidy").unwrap().digest,
        first.digest
    );
}

/// Each way to be no skill has one line of its own.
#[test]
fn what_is_no_skill() {
    let folder = project();
    let root = folder.path();
    write(root, "skills/bare/SKILL.md", "# No front matter\n");
    write(
        root,
        "skills/nameless/SKILL.md",
        "---\ndescription: x\n---\nx\n",
    );
    write(root, "skills/empty/SKILL.md", "---\nname: empty\n---\n\n");
    write(root, "skills/none/README.md", "x");
    std::fs::create_dir(root.join("skills/link")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("skills/link/SKILL.md")).unwrap();
    std::os::unix::fs::symlink("/etc", root.join("skills/etc")).unwrap();
    let wrong = [
        (
            "skills/bare",
            "`skills/bare/SKILL.md` does not begin with front matter between two `---` lines",
        ),
        (
            "skills/nameless",
            "`skills/nameless/SKILL.md` has no `name`",
        ),
        (
            "skills/empty",
            "`skills/empty/SKILL.md` has no instructions below its front matter",
        ),
        (
            "skills/none",
            "`skills/none/SKILL.md` cannot be read: no such file or directory",
        ),
        ("skills/absent", "there is no folder `skills/absent`"),
        (
            "skills/misnamed",
            "the skill in `skills/misnamed` is named `other`, and a skill has its folder's name",
        ),
        (
            "skills/link",
            "`skills/link/SKILL.md` is a link that leaves the project",
        ),
        (
            "skills/etc",
            "the skill folder `skills/etc` is a link that leaves the project",
        ),
        ("scripts/plain", "`scripts/plain` is not a folder"),
    ];
    for (path, why) in wrong {
        assert_eq!(skills::read(root, path), Err(why.to_owned()));
    }
}
