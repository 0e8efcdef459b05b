//! What known tools take orders from in a project: build files, settings, lock files. One list for what a
//! loop is trusted with and for what is flagged. Pure.

/// Programs, and the files at the project's root that they take orders from.
pub const BUILDS: [(&str, &[&str]); 62] = [
    ("make", MAKE),
    ("gmake", MAKE),
    ("just", &["justfile", "Justfile", ".justfile"]),
    ("task", &["Taskfile.yml", "Taskfile.yaml"]),
    ("npm", NODE),
    ("npx", NODE),
    ("pnpm", NODE),
    ("yarn", NODE),
    ("bun", NODE),
    ("node", &["package.json", ".pnp.cjs", ".pnp.loader.mjs"]),
    ("babel", BABEL),
    ("babel-node", BABEL),
    ("swc", &[".swcrc"]),
    ("tsc", &["tsconfig.json", "jsconfig.json"]),
    (
        "eslint",
        &[
            ".eslintrc",
            ".eslintrc.cjs",
            ".eslintrc.js",
            ".eslintrc.json",
            ".eslintrc.yaml",
            ".eslintrc.yml",
            "eslint.config.cjs",
            "eslint.config.js",
            "eslint.config.mjs",
            "eslint.config.ts",
        ],
    ),
    (
        "prettier",
        &[
            ".prettierrc",
            ".prettierrc.cjs",
            ".prettierrc.js",
            ".prettierrc.json",
            ".prettierrc.mjs",
            ".prettierrc.yaml",
            ".prettierrc.yml",
            ".prettierignore",
            "prettier.config.cjs",
            "prettier.config.js",
            "prettier.config.mjs",
            "prettier.config.ts",
        ],
    ),
    ("biome", &["biome.json", "biome.jsonc"]),
    ("deno", &["deno.json", "deno.jsonc", "deno.lock"]),
    ("cargo", CARGO),
    ("pytest", PYTHON),
    ("python", PYTHON),
    ("python3", PYTHON),
    ("tox", PYTHON),
    ("nox", &["noxfile.py"]),
    ("uv", PYTHON),
    ("pdm", &["pdm.toml", "pdm.lock", "pyproject.toml"]),
    ("pipenv", &["Pipfile", "Pipfile.lock"]),
    ("pixi", &["pixi.toml", "pixi.lock"]),
    ("hatch", &["hatch.toml", "pyproject.toml"]),
    ("ruff", &["ruff.toml", ".ruff.toml", "pyproject.toml"]),
    (
        "mypy",
        &["mypy.ini", ".mypy.ini", "setup.cfg", "pyproject.toml"],
    ),
    ("flake8", &[".flake8", "setup.cfg", "tox.ini"]),
    ("pylint", &[".pylintrc", "pylintrc", "pyproject.toml"]),
    ("behave", &["behave.ini", ".behaverc"]),
    ("rake", &["Rakefile"]),
    ("bundle", &["Gemfile", "Gemfile.lock", ".rspec"]),
    ("rspec", &[".rspec", ".rspec-local"]),
    ("rubocop", &[".rubocop.yml", ".rubocop_todo.yml"]),
    ("mvn", MAVEN),
    ("gradle", GRADLE),
    ("ant", &["build.xml"]),
    (
        "sbt",
        &[
            "build.sbt",
            "project/build.properties",
            "project/plugins.sbt",
        ],
    ),
    ("lein", &["project.clj"]),
    ("clojure", &["deps.edn"]),
    ("go", &["go.mod", "go.sum", "go.work"]),
    (
        "golangci-lint",
        &[
            ".golangci.yml",
            ".golangci.yaml",
            ".golangci.toml",
            ".golangci.json",
        ],
    ),
    ("prove", PERL),
    ("perlcritic", PERL),
    ("cmake", CMAKE),
    ("ctest", CMAKE),
    (
        "meson",
        &["meson.build", "meson_options.txt", "meson.options"],
    ),
    ("ninja", &["build.ninja"]),
    ("clang-tidy", &[".clang-tidy"]),
    (
        "bazel",
        &[
            "MODULE.bazel",
            "WORKSPACE",
            "WORKSPACE.bazel",
            ".bazelrc",
            ".bazelversion",
        ],
    ),
    ("composer", &["composer.json", "composer.lock"]),
    (
        "phpunit",
        &["phpunit.xml", "phpunit.xml.dist", "composer.json"],
    ),
    (
        "dotnet",
        &[
            "global.json",
            "nuget.config",
            "NuGet.Config",
            "Directory.Build.props",
            "Directory.Build.targets",
        ],
    ),
    ("swift", &["Package.swift", "Package.resolved"]),
    (
        "mix",
        &["mix.exs", "mix.lock", ".formatter.exs", ".credo.exs"],
    ),
    ("stack", &["stack.yaml", "package.yaml"]),
    ("shellcheck", &[".shellcheckrc", "shellcheckrc"]),
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
const BABEL: &[&str] = &[
    ".babelrc",
    ".babelrc.cjs",
    ".babelrc.js",
    ".babelrc.json",
    ".babelrc.mjs",
    "babel.config.js",
    "babel.config.json",
    "babel.config.cjs",
    "babel.config.mjs",
];
const PERL: &[&str] = &[".proverc", ".perlcriticrc", ".perltidyrc", "cpanfile"];
const CMAKE: &[&str] = &[
    "CMakeLists.txt",
    "CMakePresets.json",
    "CMakeUserPresets.json",
    "CTestConfig.cmake",
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
