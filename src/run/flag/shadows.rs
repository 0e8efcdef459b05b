//! Files that are taken for another's: what lies where an interpreter or a compiler looks before it looks where
//! the modules of its own library and of the tools that tests run with lie. Pure.

mod names;

/// Folders that are on the way of Python's imports, beside the one that a script lies in.
const ROOTS: [&str; 4] = ["", "src", "lib", "python"];

/// For what a new file of this path is taken; `first` says whether something that examines is run from a folder,
/// whose modules then are looked for there.
pub fn taken_for(path: &str, first: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let lower = path.to_ascii_lowercase();
    let (folder, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let (stem, endings) = name.split_once('.').unwrap_or((name, ""));
    let ending = endings.rsplit('.').next().unwrap_or(endings);
    match ending {
        "py" | "pyc" | "so" | "pyd" => {
            // A package stands for the folder around it.
            let (folder, module) = match folder.rsplit_once('/') {
                _ if stem != "__init__" => (folder, stem),
                Some((outer, module)) => (outer, module),
                None => ("", folder),
            };
            let looked = ROOTS.contains(&folder) || first(folder);
            python(module).filter(|_| looked)
        }
        "rb" => below_lib(&lower, ".rb").and_then(ruby),
        "pm" => below_lib(&lower, ".pm")
            .or(lower.strip_suffix(".pm"))
            .and_then(perl),
        "lua" => listed(names::LUA, stem).then_some("Lua takes it for a module that tests load"),
        "java" | "kt" | "scala" | "groovy" | "class" => {
            let whole = format!("/{}", below_sources(&lower));
            let known = |package: &&str| whole.contains(&format!("/{package}"));
            let taken = names::CLASSES.iter().any(known);
            taken.then_some("it is taken for a class that tests stand on")
        }
        _ if names::HEADERS.contains(&name) => Some("it is taken for a header that tests stand on"),
        _ => None,
    }
}

/// A path below the folder of sources that builds of Java have (`src/main/java`), where it lies in one: only from
/// there on folders are packages.
fn below_sources(path: &str) -> &str {
    let folders = ["java", "kotlin", "scala", "groovy"];
    let parts: Vec<&str> = path.split('/').collect();
    let root = parts
        .windows(3)
        .position(|three| three[0] == "src" && folders.contains(&three[2]));
    let before: usize = root.map_or(0, |at| parts[..at + 3].iter().map(|p| p.len() + 1).sum());
    path.get(before..).unwrap_or(path)
}

/// The folder that a changed file is a part of where tools install what others made, and take it from: a package in
/// it, if the file lies in one.
pub fn installed(path: &str) -> Option<&str> {
    let (folders, name) = path.rsplit_once('/')?;
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    if names::INERT.contains(&ending.to_ascii_lowercase().as_str()) {
        return None;
    }
    let mut end = 0;
    for folder in folders.split('/') {
        end += folder.len() + 1;
        let lower = folder.to_ascii_lowercase();
        if names::INSTALLED.contains(&lower.as_str()) {
            let rest = path.get(end..).unwrap_or_default();
            let parts = if rest.starts_with('@') { 2 } else { 1 };
            let package: Vec<&str> = rest.split('/').take(parts).collect();
            let package = package.join("/").len();
            return path.get(..end + package);
        }
    }
    None
}

fn listed(names: &str, name: &str) -> bool {
    names
        .split(' ')
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// What a path is required as, where it lies on the way of `-Ilib`.
fn below_lib<'a>(lower: &'a str, ending: &str) -> Option<&'a str> {
    let inside = lower.strip_suffix(ending)?;
    inside
        .strip_prefix("lib/")
        .or_else(|| inside.split_once("/lib/").map(|(_, inside)| inside))
}

fn python(module: &str) -> Option<&'static str> {
    if listed(names::LIBRARY, module) {
        Some("Python takes it for a module of its own library")
    } else {
        let tool = listed(names::PYTHON_TOOLS, module);
        tool.then_some("Python takes it for a module that tests load")
    }
}

fn ruby(file: &str) -> Option<&'static str> {
    listed(names::RUBY, file).then_some("Ruby takes it for a file of its own library")
}

fn perl(module: &str) -> Option<&'static str> {
    let tool = names::PERL_TOOLS
        .iter()
        .any(|begin| module.starts_with(begin));
    let taken = tool || listed(names::PERL, module);
    taken.then_some("Perl takes it for a module of its own library")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(path: &str) -> bool {
        taken_for(path, &|folder| folder == "ci").is_some()
    }

    /// A new module in the place of one of Python's own or of a test tool is known where Python looks first, and
    /// there alone.
    #[test]
    fn modules_of_the_library_are_known() {
        for path in [
            "subprocess/__init__.py",
            "Typing.py",
            "heapq.py",
            "cprofile.py",
            "pytest.py",
            "_pytest/__init__.py",
            "requests.py",
            "src/requests/__init__.py",
            "unittest/__init__.pyc",
            "pytest.cpython-311-x86_64-linux-gnu.so",
            "ci/yaml.py",
        ] {
            assert!(taken(path), "{path}");
        }
        for path in [
            "app/types.py",
            "answers.py",
            "json/a.py",
            "src/app/requests.py",
            "app/__init__.py",
            "requests.md",
            "tools/yaml.py",
        ] {
            assert!(!taken(path), "{path}");
        }
    }

    /// The same for other languages: what is found before the library and the tools of tests.
    #[test]
    fn other_languages_are_known() {
        for path in [
            "lib/minitest/autorun.rb",
            "gems/a/lib/set.rb",
            "lib/Test/More.pm",
            "strict.pm",
            "lib/List/Util.pm",
            "luaunit.lua",
            "src/test/java/org/junit/Assert.java",
            "org/mockito/Mockito.class",
            "include/assert.h",
            "gtest/gtest.h",
        ] {
            assert!(taken(path), "{path}");
        }
        for path in [
            "lib/app.rb",
            "app/set.rb",
            "lib/My/App.pm",
            "src/main/java/com/junit/App.java",
            "src/main/java/util/App.java",
            "core/src/test/kotlin/lang/App.kt",
            "src/assertions.h",
            "say.md",
            "lib/test.rs",
        ] {
            assert!(!taken(path), "{path}");
        }
    }

    /// What others made is told by its package, however many files it has.
    #[test]
    fn installed_packages_are_told() {
        for (path, package) in [
            ("node_modules/chai/index.js", Some("node_modules/chai")),
            ("web/node_modules/@a/b/c.js", Some("web/node_modules/@a/b")),
            ("node_modules/x.js", Some("node_modules/x.js")),
            ("vendor/github.com/a/b.go", Some("vendor/github.com")),
            (".venv/lib/x.py", Some(".venv/lib")),
            ("assets/vendor/x.css", None),
            ("src/vendors/a.js", None),
            ("vendor.js", None),
        ] {
            assert_eq!(installed(path), package, "{path}");
        }
    }
}
