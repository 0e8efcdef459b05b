//! Files that say how tests, linters and builds are run, beyond what all tools obey: by names in lower case.

/// Such names.
const NAMES: &str = "\
    setup.py .pytest.ini noxfile.py .coveragerc codecov.yml cargo.toml nextest.toml clippy.toml \
    .clippy.toml ruff.toml .ruff.toml mypy.ini .flake8 .eslintrc .eslintignore cmakelists.txt \
    mise.toml .mise.toml .tool-versions composer.json mix.exs build.sbt ctestcustom.cmake \
    tests.cmake .nycrc biome.json biome.jsonc .pylintrc pyrightconfig.json nx.json turbo.json \
    pnpm-workspace.yaml module.bazel .bazelrc meson.build sconstruct dune-project package.swift \
    rebar.config testng.xml junit-platform.properties gradlew mvnw .codecov.yml requirements.txt \
    makefile.pl build.pl dist.ini .perlcriticrc staticcheck.conf revive.toml .revive.toml \
    magefile.go .swcrc jsconfig.json .pnp.cjs .pnp.loader.mjs .nvmrc .node-version angular.json \
    lerna.json rush.json project.json mocha.opts .taprc .oxlintrc.json oxlint.json dprint.json \
    knip.json .lintstagedrc .stylelintrc .prettierrc .commitlintrc .sucraserc .size-limit.json \
    .isort.cfg .bandit bandit.yaml bandit.yml .pydocstyle .style.yapf pytype.cfg .pyre_configuration \
    ty.toml dodo.py fabfile.py manage.py environment.yml constraints.txt .python-version nose.cfg \
    .noserc robot.toml hatch.toml configure configure.ac makefile.am makefile.in sconscript wscript \
    conanfile.py conanfile.txt vcpkg.json .clang-tidy .clang-format .clangd compile_commands.json \
    premake5.lua xmake.lua build.ninja build.zig build.zig.zon build.xml ivy.xml .sdkmanrc \
    lombok.config checkstyle.xml pmd.xml spotbugs-exclude.xml detekt.yml .editorconfig \
    libs.versions.toml project.clj deps.edn bb.edn shadow-cljs.edn build.sc build.mill \
    .scalafmt.conf .scalafix.conf packages.lock.json nuget.config global.json .globalconfig \
    stylecop.json xunit.runner.json guardfile appraisals .ruby-version .irbrc .pryrc .standard.yml \
    .reek.yml .simplecov .rspec-local .php-cs-fixer.php .php-cs-fixer.dist.php psalm.xml \
    psalm.xml.dist infection.json infection.json5 rector.php ecs.php php.ini .user.ini \
    codeception.yml behat.yml phpcs.xml phpcs.xml.dist phpmd.xml rustfmt.toml .rustfmt.toml \
    deny.toml cross.toml tarpaulin.toml .tarpaulin.toml mutants.toml insta.yaml dylint.toml \
    coveralls.json .coveralls.yml rebar.lock elvis.config stack.yaml cabal.project \
    cabal.project.local .hlint.yaml package.yaml dune dune-workspace .ocamlformat .swiftlint.yml \
    package.resolved podfile podfile.lock cartfile .swift-version pubspec.yaml pubspec.lock \
    analysis_options.yaml dart_test.yaml nim.cfg config.nims .lintr .renviron renv.lock .busted \
    .luacheckrc .luacov shard.yml dub.json .tflint.hcl .shellcheckrc shellcheckrc workspace \
    workspace.bazel build.bazel .bazelversion buck .buckconfig pants.toml flake.nix flake.lock \
    default.nix shell.nix earthfile snakefile tiltfile devbox.json moon.yml wireit.json .vale.ini \
    .yamllint .yamllint.yml .yamllint.yaml .sqlfluff .hadolint.yaml .gitlint typos.toml _typos.toml \
    .typos.toml cspell.json .cspell.json .codespellrc .jscpd.json sonar-project.properties \
    .semgrep.yml .gitleaks.toml .ls-lint.yml .mega-linter.yml lychee.toml";

/// Beginnings of such names.
const STARTS: &str = "\
    jest.config. vitest.config. playwright.config. karma.conf. .mocharc .eslintrc. eslint.config. \
    wdio.conf. ava.config. vite.config. directory.build. run-test run_test runtests. runtest. \
    cypress.config. vitest.workspace. jest.setup. phpstan. .rubocop gulpfile. gruntfile. \
    babel.config. .babelrc .golangci. tsconfig. webpack.config. rollup.config. esbuild.config. \
    rspack.config. next.config. nuxt.config. svelte.config. metro.config. tsup.config. \
    tsdown.config. astro.config. postcss.config. .lintstagedrc. lint-staged.config. .huskyrc \
    commitlint.config. .commitlintrc. .stylelintrc. stylelint.config. .prettierrc. prettier.config. \
    web-test-runner.config. .testcaferc protractor.conf. nightwatch.conf. codecept.conf. \
    stryker.conf. stryker.config. vitest.setup. setuptests. jest-setup. cspell.config. .markdownlint \
    .textlintrc .remarkrc .secretlintrc playwright-ct.config. requirements- requirements_ phpunit. \
    .c8rc .nycrc. knip.config.";

/// Endings of such names.
const ENDINGS: &str = "\
    rake csproj fsproj vbproj sln slnx props targets runsettings cabal mak cmake gemspec podspec rockspec nimble \
    opam bzl sbt";

/// Whether a file of this name, in lower case, says how tests, linters or builds are run.
pub fn is_one(name: &str) -> bool {
    let mut starts = STARTS.split(' ');
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    NAMES.split(' ').any(|known| known == name)
        || starts.any(|start| name.starts_with(start))
        || ending.is_some_and(|ending| ENDINGS.split(' ').any(|known| known == ending))
        || (name.starts_with("gradle") && ending == Some("properties"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What linters, compilers and runners of many languages obey is known, and what is their work is not.
    #[test]
    fn settings_of_tools_are_known() {
        for name in [
            ".perlcriticrc",
            ".golangci.yml",
            ".golangci.toml",
            ".babelrc",
            ".babelrc.json",
            "babel.config.mjs",
            ".swcrc",
            "tsconfig.build.json",
            "rustfmt.toml",
            "analysis_options.yaml",
            "requirements-dev.txt",
            "psalm.xml",
            "app.targets",
            "toolchain.cmake",
            "gradle-wrapper.properties",
        ] {
            assert!(is_one(name), "{name}");
        }
        for name in [
            "",
            "babel.md",
            "golang.go",
            "cmake.rs",
            "requirements.md",
            "dune.rs",
            "workspace.rs",
        ] {
            assert!(!is_one(name), "{name}");
        }
    }
}
