//! Which changed lines of a Rust source stand in its tests: modules and functions that are built for tests
//! alone. Reads a whole file with its changes, line by line. Pure.

/// What a change makes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It stays.
    Same,
    /// It comes.
    Added,
    /// It goes.
    Removed,
}

/// A reader of one file.
#[derive(Debug, Default)]
pub struct Tests {
    /// How far in the attribute stands whose item is still to come.
    awaited: Option<usize>,
    /// How far in the item stands that is read now.
    within: Option<usize>,
}

impl Tests {
    /// Takes the next line in; whether it is a changed line of tests.
    pub fn changed(&mut self, mark: Mark, line: &str) -> bool {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        let marks_tests = self.within.is_none() && is_of_tests(text);
        if marks_tests {
            self.awaited = Some(indent);
        }
        let stands_in = self.awaited.is_some() || self.within.is_some();
        self.follow(mark, text, indent);
        stands_in && mark != Mark::Same && !text.is_empty()
    }

    fn follow(&mut self, mark: Mark, text: &str, indent: usize) {
        if let Some(outer) = self.within {
            // A brace that goes ends nothing: what it ended is still there.
            if mark != Mark::Removed && indent <= outer && text.starts_with('}') {
                self.within = None;
            }
        } else if let Some(outer) = self.awaited {
            let plain = !text.starts_with("#[") && !text.starts_with("//");
            if plain && text.ends_with(['}', ';']) {
                self.awaited = None;
            } else if plain && text.contains('{') {
                self.awaited = None;
                self.within = Some(outer);
            }
        }
    }
}

/// Whether an attribute says that what follows is built for tests alone.
fn is_of_tests(text: &str) -> bool {
    let Some(attribute) = text.strip_prefix("#[") else {
        return false;
    };
    if let Some(condition) = attribute.strip_prefix("cfg(") {
        let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
        return words.any(|word| word == "test") && !condition.starts_with("not(");
    }
    let name = attribute.split([']', '(']).next().unwrap_or_default();
    let last = name.rsplit("::").next().unwrap_or_default();
    ["test", "rstest", "test_case", "bench"].contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The changed lines of a file, marked as a diff marks them.
    fn changed(diff: &str) -> Vec<&str> {
        let mut tests = Tests::default();
        let marked = diff.lines().map(|line| match line.split_at(1) {
            ("+", rest) => (Mark::Added, rest),
            ("-", rest) => (Mark::Removed, rest),
            (_, rest) => (Mark::Same, rest),
        });
        marked
            .filter(|(mark, line)| tests.changed(*mark, line))
            .map(|(_, line)| line.trim())
            .collect()
    }

    /// Lines of a test module and of a lone test count, wherever the change is; the code around does not.
    #[test]
    fn lines_of_tests_are_told_from_others() {
        let module = "-pub fn sq(n: i64) -> i64 { n * n }\n+pub fn sq(n: i64) -> i64 { n * 4 }\n \
                      #[cfg(test)]\n mod tests {\n     use super::*;\n     #[test]\n+    #[should_panic]\n \
                          fn squares() {\n+        return;\n         assert_eq!(\n             sq(3),\n\
                      -            9,\n+            12,\n         );\n     }\n }\n+fn other() {}\n";
        let wanted = ["#[should_panic]", "return;", "9,", "12,"];
        assert_eq!(changed(module), wanted);
        let lone = " #[tokio::test(start_paused = true)]\n async fn a() {\n-    b();\n }\n-c\n";
        assert_eq!(changed(lone), ["b();"]);
        let taken = "-#[cfg(all(test, unix))]\n+#[cfg(any())]\n mod tests;\n+mod other;\n";
        assert_eq!(changed(taken), ["#[cfg(all(test, unix))]", "#[cfg(any())]"]);
        let plain = "+#[cfg(not(test))]\n+fn a() {\n+    b();\n+}\n+#[inline]\n+fn test() {}\n";
        assert!(changed(plain).is_empty(), "{:?}", changed(plain));
    }
}
