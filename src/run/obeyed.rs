//! What known tools take orders from in a project: build files, settings, lock files. One list for what a
//! loop is trusted with and for what is flagged. Pure.

/// Programs, and the files at the project's root that they take orders from.
pub const BUILDS: [(&str, &[&str]); 22] = [
    ("make", MAKE),
    ("gmake", MAKE),
    ("just", &["justfile", "Justfile", ".justfile"]),
    ("task", &["Taskfile.yml", "Taskfile.yaml"]),
    ("npm", NODE),
    ("npx", NODE),
    ("pnpm", NODE),
    ("yarn", NODE),
    ("bun", NODE),
    ("deno", &["deno.json", "deno.jsonc", "deno.lock"]),
    ("cargo", CARGO),
    ("pytest", PYTHON),
    ("python", PYTHON),
    ("python3", PYTHON),
    ("tox", PYTHON),
    ("uv", PYTHON),
    ("rake", &["Rakefile"]),
    ("bundle", &["Gemfile", "Gemfile.lock", ".rspec"]),
    ("mvn", MAVEN),
    ("gradle", GRADLE),
    ("go", &["go.mod", "go.sum", "go.work"]),
    ("pre-commit", &[".pre-commit-config.yaml"]),
];

const MAKE: &[&str] = &["Makefile", "makefile", "GNUmakefile"];
const NODE: &[&str] = &[
    "package.json",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pnpmfile.cjs",
    "bunfig.toml",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
];
const CARGO: &[&str] = &[
    "build.rs",
    ".cargo/config.toml",
    ".cargo/config",
    "rust-toolchain",
    "rust-toolchain.toml",
    "Cargo.lock",
];
const PYTHON: &[&str] = &[
    "conftest.py",
    "pytest.ini",
    "tox.ini",
    "setup.cfg",
    "pyproject.toml",
    "sitecustomize.py",
    "usercustomize.py",
    "uv.lock",
    "poetry.lock",
];
const MAVEN: &[&str] = &[
    "pom.xml",
    ".mvn/extensions.xml",
    ".mvn/jvm.config",
    ".mvn/maven.config",
];
const GRADLE: &[&str] = &[
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
];

/// Whether some tool takes orders from a file of this path, at the root or in a folder that is a root of
/// its own; `lower` is in lower case.
pub fn is_obeyed(lower: &str) -> bool {
    let mut files = BUILDS.iter().flat_map(|(_, files)| files.iter());
    let listed = files.any(|file| {
        let file = file.to_ascii_lowercase();
        lower
            .strip_suffix(file.as_str())
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
    });
    let ends = [".gradle", ".gradle.kts", ".pth", ".mk"];
    listed
        || ends.iter().any(|end| lower.ends_with(end))
        || lower.ends_with(".dist-info/entry_points.txt")
        || lower.starts_with(".mvn/")
        || lower.contains("/.mvn/")
}
