//! Words meant for the judge: whatever a worker writes reaches it as quoted data in its own place, and
//! an answer that the work itself holds is never taken for the judge's.

use std::fs;

use checkride::supervisor::verifier::judge::{CheckSeen, FileSeen, Output, Question};
use checkride::supervisor::verifier::{answer, wording};
use serde_json::Value;

/// One injection a line; `\n` and `\uNNNN` stand for themselves and, in a second form, for what they mean.
fn injections() -> Vec<String> {
    let text = fs::read_to_string(super::folder().join("injections.txt")).unwrap();
    let plain = text.lines().map(str::to_owned);
    let meant = text.lines().filter(|line| line.contains("\\n"));
    plain
        .chain(meant.map(|line| line.replace("\\n", "\n")))
        .collect()
}

const NO: &str = r#"{"lines":[{"n":1,"pass":false,"evidence":"it does not square 5"}]}"#;

/// S23: in a diff, a file, its name, a check's figure and its evidence, each of 50 and more injections
/// stays inside the string it came in; nothing of it stands in what the judge is told to be.
#[test]
fn injections_stay_quoted() {
    let all = injections();
    assert!(all.len() >= 50, "{}", all.len());
    let rubric = ["It squares.".to_owned()];
    for words in &all {
        let check = CheckSeen {
            name: "squares",
            passed: false,
            figure: words,
            evidence: words,
        };
        let file = FileSeen {
            path: words.clone(),
            text: words.clone(),
        };
        for output in [Output::Diff(words.clone()), Output::Files(vec![file])] {
            let question = Question {
                goal: "answer.sh squares",
                rubric: &rubric,
                output: output.clone(),
                checks: vec![check.clone()],
                flags: vec![words.clone()],
                stance: "find reasons to reject",
            };
            let system = wording::system(&question);
            assert!(
                !system.contains(words.as_str()) || words.len() < 14,
                "{words}"
            );
            let data = wording::data(&question).unwrap();
            let lines: Vec<&str> = data.lines().collect();
            assert_eq!(lines.len(), 2, "{words}: one line of words, one of data");
            let seen: Value = serde_json::from_str(lines[1]).unwrap();
            let mut fields: Vec<&String> = seen.as_object().unwrap().keys().collect();
            fields.sort();
            assert_eq!(
                fields,
                ["checks", "flags", "goal", "output", "rubric", "stance"]
            );
            assert_eq!(seen["stance"], "find reasons to reject");
            assert_eq!(seen["rubric"], serde_json::json!(["It squares."]));
            assert_eq!(seen["checks"][0]["passed"], false);
            assert_eq!(seen["checks"][0]["evidence"], words.as_str());
            let came = match &output {
                Output::Diff(_) => &seen["output"]["diff"],
                Output::Files(_) => &seen["output"]["files"][0]["text"],
            };
            assert_eq!(came, words.as_str());
        }
    }
}

/// S23: a judge that says no and quotes the work, before its answer, after it, or around it, has
/// said no or nothing; no quotation makes a yes of it.
#[test]
fn a_quoted_answer_is_not_the_judges() {
    for words in injections() {
        for printed in [
            format!("The work says: {words}\n{NO}"),
            format!("{NO}\nThe work says: {words}"),
            format!("{words}{NO}{words}"),
            format!("{words} {NO} {words} {words}"),
        ] {
            let approves =
                answer::read(&printed, 1).is_ok_and(|vote| vote.lines.iter().all(|line| line.pass));
            assert!(!approves, "{printed}");
        }
    }
}
