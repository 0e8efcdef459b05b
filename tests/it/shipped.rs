//! Everything under `loops/` is run, not only read: each check script on good and bad drafts, and
//! the scripted worker of every shipped loop against the real checks of its loop file.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use toml::{Table, Value};

const SCRIPTS: [&str; 4] = ["words", "count-sources", "links-resolve", "none-of"];

/// What a check said: exit code and the lines of its output.
struct Said {
    code: Option<i32>,
    lines: Vec<String>,
}

impl Said {
    fn figure(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }

    fn evidence(&self) -> String {
        self.lines.get(1..).unwrap_or_default().join("\n")
    }
}

fn repo(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn script(name: &str) -> PathBuf {
    repo("loops/research-and-draft/scripts").join(name)
}

fn run(mut command: Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code(),
        lines: String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect(),
    }
}

/// Runs a check in a project, as the verifier does: with no environment but a path.
fn check(project: &Path, name: &str, args: &[&str]) -> Said {
    let mut command = Command::new(script(name));
    command
        .args(args)
        .current_dir(project)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap());
    run(command)
}

/// A project with a draft of this text and one source, `sources/a page.md`.
fn project(draft: impl AsRef<[u8]>) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("drafts")).unwrap();
    fs::create_dir_all(dir.path().join("sources")).unwrap();
    fs::write(dir.path().join("sources/a page.md"), "A page.\n").unwrap();
    fs::write(dir.path().join(DRAFT), draft).unwrap();
    dir
}

const DRAFT: &str = "drafts/my draft.md";

fn table(path: &str) -> Table {
    fs::read_to_string(repo(path)).unwrap().parse().unwrap()
}

/// Copies in a process of its own: no program starts while a descriptor of its writer is open, and whatever another
/// test is just starting has copies of all of ours.
fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let copied = Command::new("cp")
        .arg("-R")
        .arg(from.join("."))
        .arg(to)
        .status();
    assert!(copied.unwrap().success());
}

/// The acts of one turn that change files, done in a project.
fn play(worker: &Table, turn: usize, project: &Path) {
    for act in worker["turn"][turn]["acts"].as_array().unwrap() {
        if let Some(write) = act.get("write") {
            let path = project.join(write["path"].as_str().unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, write["text"].as_str().unwrap()).unwrap();
        }
        if let Some(read) = act.get("read") {
            let path = project.join(read.as_str().unwrap());
            assert!(
                path.is_file(),
                "reads what is not there: {}",
                path.display()
            );
        }
    }
}

/// Name, exit code and figure of every check of a loop file, run in a project.
fn verify(spec: &Table, project: &Path) -> Vec<(String, bool, String)> {
    let artefact = spec["output"]["artefact"].as_str().unwrap();
    let checks = spec["goal"]["verify"]["checks"].as_array().unwrap();
    checks
        .iter()
        .map(|c| {
            let words: Vec<String> = c["command"]
                .as_array()
                .unwrap()
                .iter()
                .map(|w| w.as_str().unwrap().replace("{draft}", artefact))
                .collect();
            let mut command = Command::new(project.join(&words[0]));
            command.args(&words[1..]).current_dir(project);
            let said = run(command);
            assert!(matches!(said.code, Some(0 | 1)), "usage of {words:?}");
            let name = c["name"].as_str().unwrap().to_owned();
            (name, said.code == Some(0), said.figure().to_owned())
        })
        .collect()
}

/// A project as the shipped parts make it: these files, with the starter's scripts.
fn shipped_project(files: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    copy_tree(&repo(files), dir.path());
    copy_tree(
        &repo("loops/research-and-draft/scripts"),
        &dir.path().join("scripts"),
    );
    dir
}

fn failed(verdict: &[(String, bool, String)]) -> Vec<(&str, &str)> {
    verdict
        .iter()
        .filter(|(_, passed, _)| !passed)
        .map(|(name, _, figure)| (name.as_str(), figure.as_str()))
        .collect()
}

/// Every check is executable and plain POSIX shell: `sh -n` and, where it is installed, dash agree.
#[test]
fn checks_are_executable_posix_shell() {
    for name in SCRIPTS {
        let path = script(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{name}");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("#!/bin/sh\n"), "{name}");
        for bashism in [
            "[[ ",
            "<<<",
            "function ",
            "local ",
            "$'",
            "<(",
            "&>",
            "declare ",
            "pipefail",
        ] {
            let shell = text
                .lines()
                .filter(|l| !l.starts_with("function "))
                .any(|l| l.contains(bashism));
            assert!(!shell, "{name}: {bashism}");
        }
        for shell in ["sh", "dash"] {
            match Command::new(shell).arg("-n").arg(&path).status() {
                Ok(status) => assert!(status.success(), "{shell} -n {name}"),
                Err(why) => assert!(shell == "dash", "sh: {why}"),
            }
        }
    }
}

/// What two checks share is the same text in both, so that they read a draft in the same way.
#[test]
fn shared_parts_of_the_checks_are_equal() {
    let part = |name: &str, which: &str| {
        let text = fs::read_to_string(script(name)).unwrap();
        let from = text.find(&format!("# {which}: ")).unwrap();
        let to = text.find(&format!("# end of {which}\n")).unwrap();
        text[from..to].to_owned()
    };
    assert_eq!(part("words", "prose"), part("links-resolve", "prose"));
    assert_eq!(
        part("count-sources", "prose"),
        part("links-resolve", "prose")
    );
    assert_eq!(
        part("count-sources", "targets"),
        part("links-resolve", "targets")
    );
}

/// Wrong arguments are exit 2, and nothing that could be taken for a figure.
#[test]
fn wrong_arguments_are_told_from_a_failed_check() {
    let dir = project("one two three\n");
    let wrong: [(&str, &[&str]); 9] = [
        ("words", &["1", DRAFT]),
        ("words", &["one", "2", DRAFT]),
        ("words", &["3", "2", DRAFT]),
        ("words", &["1", "99999999999999999999", DRAFT]),
        ("count-sources", &[DRAFT]),
        ("count-sources", &["-1", DRAFT]),
        ("links-resolve", &[]),
        ("none-of", &[DRAFT]),
        ("none-of", &["", DRAFT]),
    ];
    for (name, args) in wrong {
        let said = check(dir.path(), name, args);
        assert_eq!((said.code, said.figure()), (Some(2), ""), "{name} {args:?}");
    }
}

/// A draft that is missing, a folder, or a symbolic link to somewhere else fails every check.
#[test]
fn no_draft_is_a_failed_check() {
    let dir = project("[a](<../sources/a page.md>)\n");
    symlink("my draft.md", dir.path().join("drafts/link.md")).unwrap();
    for file in ["drafts/none.md", "drafts", "drafts/link.md"] {
        let calls: [(&str, &[&str]); 4] = [
            ("words", &["0", "9", file]),
            ("count-sources", &["0", file]),
            ("links-resolve", &[file]),
            ("none-of", &["TODO", file]),
        ];
        for (name, args) in calls {
            let said = check(dir.path(), name, args);
            assert_eq!(
                (said.code, said.figure()),
                (Some(1), "no draft"),
                "{name} {file}"
            );
        }
    }
}

/// `words` counts prose only, and says by how much a draft misses.
#[test]
fn words_counts_prose() {
    let text = "---\ntitle: not these\n---\n# One two\n\nthree [four](not/this.md) — `five` <!-- not\n\
        this --> six\r\n```\nnot these\n```\n~~~~\n```\nnot these\n~~~~\ncaf\u{e9}\n\n## Sources\n\n- not these\n\n## Seven\n";
    let dir = project(text);
    let said = check(dir.path(), "words", &["8", "8", DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(0), "8"));
    let said = check(dir.path(), "words", &["10", "20", DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(1), "8"));
    assert_eq!(said.evidence(), "2 words too few: 10 to 20 are wanted");
    let said = check(dir.path(), "words", &["1", "5", DRAFT]);
    assert_eq!(said.code, Some(1));
    assert_eq!(said.evidence(), "3 words too many: 1 to 5 are wanted");
}

/// Drafts of odd bytes are counted, not refused and not truncated: NUL, invalid UTF-8, no newline.
#[test]
fn words_takes_odd_bytes() {
    let dir = project(b"one \0 two \xff\xfe three\0four".as_slice());
    let said = check(dir.path(), "words", &["4", "4", DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(0), "4"));
    let empty = project("");
    let said = check(empty.path(), "words", &["1", "5", DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(1), "0"));
}

/// A source counts once, however it is written, and a draft cannot cite its own folder.
#[test]
fn sources_are_counted_once() {
    let dir = project(
        "[a](../sources/a%20page.md#x) [b](<../sources/a page.md>) [c](./../sources/../sources/a%20page.md?y)\n\
         <https://arxiv.org/abs/2303.11366> https://arxiv.org/abs/2303.11366.\n\
         [own](other.md) [own](../drafts/other.md) [part](#part) [out](../..) [js](javascript:x)\n\
         ![img](../sources/i.png) `[code](../sources/b.md)` <!-- [hidden](../sources/c.md) -->\n\
         ```\n[fenced](../sources/d.md)\n```\n[r]: ../sources/e.md\n",
    );
    let said = check(dir.path(), "count-sources", &["3", DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(0), "3"));
    assert_eq!(
        said.evidence(),
        "sources/a page.md\nhttps://arxiv.org/abs/2303.11366\nsources/e.md"
    );
    let said = check(dir.path(), "count-sources", &["5", DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(1), "3"));
    assert!(
        said.evidence()
            .starts_with("2 more needed: at least 5 are wanted\n")
    );
}

/// Every kind of link that leads nowhere is named with its line and its reason.
#[test]
fn dead_links_are_named() {
    let dir = project(
        "[good](../sources/a%20page.md) [part](#part) [web](https://en.wikipedia.org/wiki/Loop_(music))\n\
         [a](../sources/none.md)\n![b](none.png)\n[c](../sources/empty.md)\n[d](../sources/link.md)\n\
         [e](../../)\n[f](../sources/out/passwd)\n[g](/etc/passwd)\n[h](javascript:alert)\n\
         [i](https://example.com/a)\n[j](https://nohost/)\n[k]()\n<a href='gone.md'>l</a>\n",
    );
    let sources = dir.path().join("sources");
    fs::write(sources.join("empty.md"), "").unwrap();
    symlink("a page.md", sources.join("link.md")).unwrap();
    symlink("/etc", sources.join("out")).unwrap();
    let said = check(dir.path(), "links-resolve", &[DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(1), "2 / 14"));
    let expected = [
        "line 2: link ../sources/none.md does not exist",
        "line 3: image none.png does not exist",
        "line 4: link ../sources/empty.md is empty",
        "line 5: link ../sources/link.md is a symbolic link",
        "line 6: link ../../ lies outside the project",
        "line 7: link ../sources/out/passwd lies outside the project",
        "line 8: link /etc/passwd starts with /: write it relative to the draft",
        "line 9: link javascript:alert is neither a web address nor a file of the project",
        "line 10: link https://example.com/a is a placeholder address",
        "line 11: link https://nohost/ is no web address",
        "line 12: link  has no target",
        "line 13: link gone.md does not exist",
        "web addresses, not fetched, checked for their form only: 3",
    ];
    assert_eq!(said.lines[1..], expected);
}

/// Links are found from an absolute draft path and from one that begins with a dash.
#[test]
fn links_resolve_takes_any_draft_path() {
    let dir = project("[a](<../sources/a page.md>)\n");
    let absolute = dir.path().canonicalize().unwrap().join(DRAFT);
    let said = check(dir.path(), "links-resolve", &[absolute.to_str().unwrap()]);
    assert_eq!((said.code, said.figure()), (Some(0), "1 / 1"));
    fs::write(dir.path().join("-d.md"), "[a](<sources/a page.md>) plain\n").unwrap();
    let said = check(dir.path(), "links-resolve", &["-d.md"]);
    assert_eq!((said.code, said.figure()), (Some(0), "1 / 1"));
    let said = check(dir.path(), "words", &["2", "2", "-d.md"]);
    assert_eq!((said.code, said.figure()), (Some(0), "2"));
}

/// A line that no person would write is not read, and fails the links instead of hiding them.
#[test]
fn an_endless_line_hides_nothing() {
    let dir = project("[a](none.md) ".repeat(100_000) + "\nfour words stand here\n");
    let said = check(dir.path(), "links-resolve", &[DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(1), "0 / 1"));
    assert_eq!(
        said.evidence(),
        "line 1: line of over 20000 bytes is not read"
    );
    let said = check(dir.path(), "words", &["4", "4", DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(0), "4"));
    let said = check(dir.path(), "count-sources", &["1", DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(1), "0"));
}

/// `none-of` finds whole words in any case and leaves longer words alone.
#[test]
fn none_of_finds_whole_words() {
    let dir = project("todo: x\n<!-- Todo --> TODOs ATK\n`TK` lorem-ipsum\n");
    let said = check(dir.path(), "none-of", &["TODO", "TK", "lorem", DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(1), "4"));
    assert_eq!(
        said.evidence(),
        "line 1: todo\nline 2: Todo\nline 3: TK\nline 3: lorem"
    );
    let said = check(dir.path(), "none-of", &["FIXME", "TO", DRAFT]);
    assert_eq!((said.code, said.figure()), (Some(0), "0"));
}

/// The demo's first draft fails on one dead link and its length; the second passes every check (R4, R12).
#[test]
fn the_demo_fails_once_and_then_passes() {
    let spec = table("loops/demo/loop.toml");
    let worker = table("loops/demo/worker.toml");
    let dir = shipped_project("loops/demo/project");

    play(&worker, 0, dir.path());
    let first = verify(&spec, dir.path());
    assert_eq!(
        failed(&first),
        [("links resolve", "6 / 7"), ("words 500–800", "485")]
    );

    play(&worker, 1, dir.path());
    let second = verify(&spec, dir.path());
    assert_eq!(failed(&second), []);
    assert_eq!(second[0].2, "7 / 7");
}

/// The demo has something to show at each step: memory from before, pauses, a claim that is wrong.
#[test]
fn the_demo_is_paced_and_remembers() {
    let worker = table("loops/demo/worker.toml");
    let mut paused_ms = 0;
    for turn in worker["turn"].as_array().unwrap() {
        let acts = turn["acts"].as_array().unwrap();
        assert_eq!(acts.last().unwrap()["exit"], Value::Integer(0));
        paused_ms += acts
            .iter()
            .filter_map(|a| a.get("sleep_ms")?.as_integer())
            .sum::<i64>();
    }
    assert!((20_000..60_000).contains(&paused_ms), "{paused_ms}");

    let memory = fs::read_to_string(repo("loops/demo/project/memory/weekly-article.md")).unwrap();
    assert!(memory.contains("## Standing rules\n"));
    assert_eq!(memory.matches("\n## 2026-").count(), 2);
}

/// Every checkpoint of the demo has a caption that fits a terminal of 80 columns.
#[test]
fn captions_cover_the_demo() {
    let captions = table("loops/demo/captions.toml");
    let rows = captions["caption"].as_array().unwrap();
    let covered: Vec<_> = rows
        .iter()
        .map(|c| {
            (
                c["checkpoint"].as_str().unwrap(),
                c["iteration"].as_integer().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("prompt", 1),
        ("work", 1),
        ("verdict", 1),
        ("prompt", 2),
        ("work", 2),
        ("verdict", 2),
        ("publish", 2),
    ];
    assert_eq!(covered, expected);
    let texts = rows
        .iter()
        .map(|c| &c["text"])
        .chain([&captions["start"], &captions["end"]]);
    for text in texts {
        assert!(text.as_str().unwrap().chars().count() <= 76, "{text}");
    }
}

/// Every scripted judge answers each rubric line once, with evidence (PRODUCT §5.11).
#[test]
fn scripted_judges_answer_the_whole_rubric() {
    for (loop_file, judge_file) in [
        ("loops/demo/loop.toml", "loops/demo/judge.toml"),
        (
            "loops/research-and-draft/fixture/loop.toml",
            "loops/research-and-draft/fixture/judge.toml",
        ),
    ] {
        let rubric = table(loop_file)["goal"]["verify"]["judge"]["rubric"].clone();
        let rubric_lines = rubric.as_array().unwrap().len();
        for answer in table(judge_file)["answer"].as_array().unwrap() {
            let lines = answer["lines"].as_array().unwrap();
            assert_eq!(lines.len(), rubric_lines, "{judge_file}");
            assert!(
                lines
                    .iter()
                    .all(|l| !l["evidence"].as_str().unwrap().is_empty())
            );
            assert!(lines.iter().all(|l| l["pass"] == Value::Boolean(true)));
        }
    }
}

/// research-and-draft runs offline on its fixture, which replaces the worker and the judge only (R61).
#[test]
fn the_starter_passes_on_its_fixture() {
    let spec = table("loops/research-and-draft/loop.toml");
    let fixture = table("loops/research-and-draft/fixture/loop.toml");
    let replaced: Vec<&str> = fixture.keys().map(String::as_str).collect();
    assert_eq!(replaced, ["worker", "goal"]);
    let in_goal = fixture["goal"].as_table().unwrap();
    let in_verify = in_goal["verify"].as_table().unwrap();
    assert_eq!((in_goal.len(), in_verify.len()), (1, 1));
    let judge = &fixture["goal"]["verify"]["judge"];
    assert_eq!(judge["rubric"], spec["goal"]["verify"]["judge"]["rubric"]);

    let worker = table("loops/research-and-draft/fixture/worker.toml");
    let dir = shipped_project("loops/research-and-draft/fixture/project");
    play(&worker, 0, dir.path());
    let first = verify(&spec, dir.path());
    assert_eq!(failed(&first), [("sources ≥ 5", "4"), ("no TODO", "1")]);
    play(&worker, 1, dir.path());
    assert_eq!(failed(&verify(&spec, dir.path())), []);
}

/// The skill is an Agent Skills folder: front matter with the name of the loop, and a description.
#[test]
fn the_skill_has_its_front_matter() {
    let text = fs::read_to_string(repo("loops/research-and-draft/skill/SKILL.md")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("---"));
    assert_eq!(lines.next(), Some("name: research-and-draft"));
    let description = lines.next().unwrap().strip_prefix("description: ").unwrap();
    assert!((20..=1024).contains(&description.len()));
    assert_eq!(lines.next(), Some("---"));
}

/// The failing suite really fails, stays red after the agent's first turn, and is green after its second.
#[test]
fn the_failing_suite_needs_two_turns() {
    let dir = TempDir::new().unwrap();
    copy_tree(&repo("tests/fixtures/failing-suite"), dir.path());
    let suite = || {
        let mut command = Command::new("sh");
        command.arg("tests/run.sh").current_dir(dir.path());
        let said = run(command);
        (said.code, said.lines.join("|"))
    };
    let agent = |prompt: &str| {
        let prompt_file = dir.path().join("prompt");
        fs::write(&prompt_file, prompt).unwrap();
        let mut command = Command::new(dir.path().join("agent.sh"));
        command
            .current_dir(dir.path())
            .stdin(fs::File::open(prompt_file).unwrap());
        let said = run(command);
        assert_eq!(said.code, Some(0));
        assert!(said.lines.last().unwrap().contains("all tests pass"));
    };

    assert_eq!(
        suite(),
        (Some(1), "2 / 3|percent 2 3: wanted 67, got 66".into())
    );
    agent("## Goal\n\nThe suite passes.\n");
    assert_eq!(
        suite(),
        (Some(1), "2 / 3|percent 1 3: wanted 33, got 34".into())
    );
    agent(
        "## Goal\n\nThe suite passes.\n\n## Feedback from the last iteration\n\nsuite green: 2 / 3\n",
    );
    assert_eq!(suite(), (Some(0), "3 / 3".into()));
}
