//! Which files examine the work, by their paths alone: tests, how tests are run, what tells agents and
//! programs what to do. Rules for paths of every language; what a loop's own checks name is added by its caller.

use super::{Sign, runners};
use crate::run::obeyed;

/// Folders that hold tests and what they compare with.
const TEST_FOLDERS: [&str; 19] = [
    "tests",
    "test",
    "__tests__",
    "spec",
    "specs",
    "fixtures",
    "fixture",
    "__fixtures__",
    "testdata",
    "test-data",
    "test_data",
    "__snapshots__",
    "snapshots",
    "golden",
    "goldens",
    "e2e",
    "cypress",
    "__mocks__",
    "acceptance",
];

/// Files that agents read as orders, the judge's agent among them.
const ORDERS: [&str; 20] = [
    "claude.md",
    "claude.local.md",
    "agents.md",
    "agent.md",
    "agents.override.md",
    "gemini.md",
    "qwen.md",
    ".cursorrules",
    ".windsurfrules",
    ".clinerules",
    "opencode.json",
    ".aider.conf.yml",
    "copilot-instructions.md",
    "opencode.jsonc",
    ".opencode.json",
    "context.md",
    "crush.md",
    "warp.md",
    ".roorules",
    ".goosehints",
];

/// Folders of agents.
const AGENT_FOLDERS: [&str; 14] = [
    ".cursor",
    ".gemini",
    ".opencode",
    ".qwen",
    ".windsurf",
    ".agents",
    ".continue",
    ".pi",
    ".kiro",
    ".junie",
    ".roo",
    ".kilocode",
    ".amazonq",
    ".crush",
];

/// Files that programs run by themselves.
const HOOKS: [&str; 20] = [
    ".pre-commit-config.yaml",
    "lefthook.yml",
    ".lefthook.yml",
    ".gitlab-ci.yml",
    ".travis.yml",
    ".drone.yml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "appveyor.yml",
    "jenkinsfile",
    ".woodpecker.yml",
    ".woodpecker.yaml",
    ".rprofile",
    ".gdbinit",
    ".lldbinit",
    ".dir-locals.el",
    "codeowners",
    ".gitpod.yml",
    ".devcontainer.json",
    "checkride.toml",
];

/// Folders of such files.
const HOOK_FOLDERS: [&str; 12] = [
    ".githooks",
    "githooks",
    ".hooks",
    ".circleci",
    ".buildkite",
    ".gitea",
    ".forgejo",
    ".vscode",
    ".idea",
    ".zed",
    ".woodpecker",
    ".devcontainer",
];

/// Files that say what git shows and keeps, beside those whose names end so: `.gitignore`.
const HIDES: [&str; 3] = [".gitattributes", ".git-blame-ignore-revs", ".lfsconfig"];

/// Why a change of this file is flagged by its path, if it is.
pub fn sign(path: &str) -> Option<Sign> {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let own_name = path.rsplit('/').next().unwrap_or(path);
    let mut folders = lower.split('/').rev().skip(1);
    let own_folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let under = |known: &[&str]| lower.split('/').rev().skip(1).any(|f| known.contains(&f));
    if folders.any(|folder| TEST_FOLDERS.contains(&folder))
        || own_folders.split('/').any(holds_tests)
        || is_test(name, own_name)
    {
        Some(Sign::Test)
    } else if obeyed::is_obeyed(&lower)
        || runners::is_one(name)
        || under(&[".cargo", ".yarn", ".moon", ".trunk"])
    {
        Some(Sign::Check)
    } else if ORDERS.contains(&name) || under(&AGENT_FOLDERS) {
        Some(Sign::Orders)
    } else if HOOKS.contains(&name)
        || lower.starts_with("inbox/")
        || under(&HOOK_FOLDERS)
        || has_ending(name, &["code-workspace"])
    {
        Some(Sign::Hook)
    } else if HIDES.contains(&name) || (name.starts_with('.') && name.ends_with("ignore")) {
        Some(Sign::Hides)
    } else {
        None
    }
}

/// Whether a folder holds tests by the end of its name: `App.Tests`, `commonTest`, `unit-tests`.
fn holds_tests(folder: &str) -> bool {
    let word = folder.strip_suffix('s').unwrap_or(folder);
    let apart = |before: &str| before.ends_with(['.', '-', '_']);
    let lower = word.strip_suffix("test").is_some_and(apart);
    let camel = word.strip_suffix("Test");
    lower || camel.is_some_and(|before| !before.is_empty())
}

fn has_ending(name: &str, known: &[&str]) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| known.contains(&ending))
}

/// Whether a file is a test by its name: `lower` is the name in lower case.
fn is_test(lower: &str, own: &str) -> bool {
    let stem = lower.split('.').next().unwrap_or(lower);
    let own_stem = own.split('.').next().unwrap_or(own);
    lower == "conftest.py"
        || has_ending(lower, &["snap", "t", "bats", "feature", "robot"])
        || (stem.starts_with("test") && has_ending(lower, &["py"]))
        || stem == "test"
        || stem == "tests"
        || stem.starts_with("test_")
        || stem.starts_with("test-")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || stem.ends_with("_spec")
        || stem.ends_with("-test")
        || stem.ends_with("_unittest")
        || lower.contains(".test.")
        || lower.contains(".spec.")
        || lower.contains(".cy.")
        || own_stem.ends_with("Test")
        || own_stem.ends_with("Tests")
        || own_stem.ends_with("Spec")
        || own_stem.ends_with("TestCase")
        || is_integration_test(own_stem)
}

/// `OrderIT`, and no word in capitals that ends so: `AUDIT`.
fn is_integration_test(own_stem: &str) -> bool {
    let before = own_stem.strip_suffix("IT");
    before.is_some_and(|before| before.ends_with(|c: char| c.is_lowercase() || c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue of every language: what examines is told from what is examined.
    #[test]
    fn what_examines_is_told_from_what_is_examined() {
        let table: [(Sign, &[&str]); 5] = [
            (
                Sign::Test,
                &[
                    "tests/it/main.rs",
                    "src/__tests__/a.js",
                    "pkg/sum_test.go",
                    "test_sum.py",
                    "conftest.py",
                    "a/sum.spec.ts",
                    "a/SumTest.java",
                    "fixtures/in.json",
                    "Tests/X.cs",
                    "web/__snapshots__/a.snap",
                    "spec/a_spec.rb",
                    "src/run/tests.rs",
                    "web/login.cy.ts",
                    "a/OrderIT.java",
                    "acceptance/x.txt",
                ],
            ),
            (
                Sign::Check,
                &[
                    "Makefile",
                    "web/package.json",
                    "pytest.ini",
                    "jest.config.mjs",
                    ".cargo/config.toml",
                    "sitecustomize.py",
                    "lib/tasks/db.rake",
                    "biome.json",
                ],
            ),
            (
                Sign::Orders,
                &[
                    "CLAUDE.md",
                    "a/AGENTS.md",
                    ".cursor/rules/x.md",
                    "opencode.jsonc",
                ],
            ),
            (
                Sign::Hook,
                &[
                    ".githooks/pre-commit",
                    ".gitlab-ci.yml",
                    ".vscode/tasks.json",
                    "checkride.toml",
                    "inbox/tidy/x.json",
                ],
            ),
            (Sign::Hides, &[".gitignore", "a/.gitattributes"]),
        ];
        for (wanted, paths) in table {
            for path in paths {
                assert_eq!(sign(path), Some(wanted), "{path}");
            }
        }
    }

    /// What only sounds like it is examined like anything else.
    #[test]
    fn what_only_sounds_like_it_is_not_flagged() {
        for path in [
            "src/main.rs",
            "README.md",
            "drafts/latest.md",
            "contest.py",
            "attestation.rs",
            "src/inspect.rs",
            "protest/a.txt",
            "greatest.js",
            "AUDIT.md",
            "docs/EDIT.txt",
            "src/integration/chat.ts",
        ] {
            assert_eq!(sign(path), None, "{path}");
        }
    }

    /// Folders that end in a word for tests, and what less known runners and editors take: each is flagged, and
    /// names that only sound alike are not.
    #[test]
    fn names_of_fewer_tools_are_known() {
        let tests = [
            "App.Tests/SumShould.cs",
            "src/commonTest/kotlin/Helpers.kt",
            "unit-tests/a.c",
            "t/01-sq.t",
            "testsum.py",
            "sq.bats",
            "a/sums.feature",
            "sums.robot",
        ];
        let checks = [
            "vite.config.ts",
            "CMakeLists.txt",
            "run-tests.sh",
            "gradle.properties",
            "gradle/wrapper/gradle-wrapper.properties",
            ".yarn/releases/yarn-4.cjs",
            "mise.toml",
            "Directory.Build.props",
            "composer.json",
            "mix.exs",
            "build.sbt",
        ];
        let hooks = [
            "x.code-workspace",
            ".Rprofile",
            ".gdbinit",
            "a/.dir-locals.el",
        ];
        let plain = [
            "latest/a.rs",
            "contests/a.rs",
            "features.md",
            "src/feature.rs",
            "robot.py",
            "src/vite.ts",
            "runtime.sh",
            "properties/gradle.rs",
            "src/Latest/A.kt",
        ];
        let all = [
            (Some(Sign::Test), &tests[..]),
            (Some(Sign::Check), &checks),
            (Some(Sign::Hook), &hooks),
            (None, &plain),
        ];
        for (wanted, paths) in all {
            for path in paths {
                assert_eq!(sign(path), wanted, "{path}");
            }
        }
    }

    /// What known tools obey is flagged wherever it lies.
    #[test]
    fn what_tools_obey_is_flagged() {
        for path in [
            "rust-toolchain.toml",
            "Gemfile",
            "deno.json",
            "web/bunfig.toml",
            ".pnpmfile.cjs",
            "Taskfile.yaml",
            ".justfile",
            "app/build.gradle.kts",
            ".mvn/wrapper/maven-wrapper.properties",
            "x-1.0.dist-info/entry_points.txt",
            "x.pth",
            "Cargo.lock",
            "web/package-lock.json",
            ".npmrc",
            ".golangci.yaml",
            ".perlcriticrc",
            "CMakePresets.json",
            "CMakeUserPresets.json",
            "web/.babelrc.json",
            ".swcrc",
            ".proverc",
        ] {
            assert_eq!(sign(path), Some(Sign::Check), "{path}");
        }
        for path in [
            "AGENT.md",
            ".kiro/steering/x.md",
            ".junie/guidelines.md",
            ".roo/rules/x.md",
        ] {
            assert_eq!(sign(path), Some(Sign::Orders), "{path}");
        }
        for path in [".lfsconfig", ".dockerignore", "a/.ignore"] {
            assert_eq!(sign(path), Some(Sign::Hides), "{path}");
        }
        for path in [".zed/tasks.json", ".woodpecker.yml"] {
            assert_eq!(sign(path), Some(Sign::Hook), "{path}");
        }
    }
}
