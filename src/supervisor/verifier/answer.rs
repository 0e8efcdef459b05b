//! A judge's answer: found in what it printed, read strictly, and put together by majority.
//! Whatever is not exactly an answer to the rubric is no answer.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::run::inert::{cut, inert, inert_lines};
use crate::run::{Finding, JudgeAnswer};

/// Most characters of evidence for one line.
const EVIDENCE_CHARS: usize = 500;

/// Most characters of a note; the verdict cuts it to the loop's lines.
const NOTE_CHARS: usize = 2_000;

/// Places that look like the beginning of an object and are none, before the search is given up.
const FALSE_STARTS: usize = 500;

/// One judge's answer, as the protocol has it (PRODUCT §5.11). More fields are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    /// One per rubric line.
    pub lines: Vec<Line>,
    /// What to remember.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The answer to one rubric line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Number of the rubric line, from 1.
    pub n: usize,
    /// Yes or no.
    pub pass: bool,
    /// Why; never empty.
    pub evidence: String,
}

/// Reads the last JSON object of what a judge printed; one line of what is wrong with it.
///
/// Prose around it is allowed. Inside, every rubric line is answered exactly once, with evidence.
/// The lines come back in the rubric's order, inert and cut.
pub fn read(printed: &str, rubric: usize) -> Result<Vote, String> {
    let objects = objects(printed)?;
    let Some((object, before)) = objects.split_last() else {
        return Err("it printed no JSON object".to_owned());
    };
    let vote = answer(object, rubric)?;
    // Work that is quoted may hold an answer of its own, before the judge's or around it: two that differ leave
    // nothing to trust.
    let says = |vote: &Vote| vote.lines.iter().map(|line| line.pass).collect::<Vec<_>>();
    let inside = objects.iter().copied().flat_map(inner);
    let mut other = before.iter().copied().chain(inside);
    if other.any(|other| answer(other, rubric).is_ok_and(|other| says(&other) != says(&vote))) {
        return Err("it printed two answers that differ".to_owned());
    }
    Ok(vote)
}

/// Reads one JSON object as an answer to so many rubric lines.
fn answer(object: &str, rubric: usize) -> Result<Vote, String> {
    let mut vote: Vote = serde_json::from_str(object).map_err(|e| {
        format!(
            "its last JSON object is no answer: {}",
            inert(&e.to_string())
        )
    })?;
    vote.lines.sort_by_key(|line| line.n);
    for n in 1..=rubric {
        match vote.lines.iter().filter(|line| line.n == n).count() {
            0 => return Err(format!("rubric line {n} is not answered")),
            1 => {}
            times => return Err(format!("rubric line {n} is answered {times} times")),
        }
    }
    if let Some(line) = vote.lines.iter().find(|l| !(1..=rubric).contains(&l.n)) {
        return Err(format!("there is no rubric line {}", line.n));
    }
    for line in &mut vote.lines {
        line.evidence = cut(&inert(line.evidence.trim()), EVIDENCE_CHARS);
        if line.evidence.is_empty() {
            return Err(format!(
                "rubric line {} is answered without evidence",
                line.n
            ));
        }
    }
    vote.note = vote
        .note
        .map(|note| cut(inert_lines(note.trim()).trim(), NOTE_CHARS))
        .filter(|note| !note.is_empty());
    Ok(vote)
}

/// Every JSON object that is not inside another one, in order.
fn objects(printed: &str) -> Result<Vec<&str>, String> {
    let mut all = Vec::new();
    let mut from = 0;
    let mut false_starts = 0;
    while let Some(step) = printed.get(from..).and_then(|rest| rest.find('{')) {
        let start = from + step;
        let rest = printed.get(start..).unwrap_or_default();
        if let Some(object) = first(rest) {
            from = start + object.len();
            all.push(object);
        } else {
            from = start + 1;
            false_starts += 1;
            if false_starts > FALSE_STARTS {
                return Err("it printed too many braces that are no JSON".to_owned());
            }
        }
    }
    Ok(all)
}

/// Every JSON object inside of one, at any depth. A brace in a string begins none: what would follow there are
/// escaped quotes.
fn inner(object: &str) -> impl Iterator<Item = &str> {
    let starts = object.match_indices('{').skip(1);
    starts.filter_map(|(start, _)| first(object.get(start..)?))
}

/// The JSON object with which a text begins.
fn first(text: &str) -> Option<&str> {
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    objects.next()?.ok()?;
    text.get(..objects.byte_offset())
}

/// Puts the votes together: the majority per line, disagreement kept visible in the evidence.
///
/// The number of votes is odd and at least one; every vote has been read for this rubric.
pub fn majority(rubric: &[String], votes: &[Vote]) -> JudgeAnswer {
    let findings = rubric
        .iter()
        .enumerate()
        .map(|(i, line)| {
            let answers: Vec<&Line> = votes.iter().filter_map(|v| v.lines.get(i)).collect();
            finding(line, &answers)
        })
        .collect();
    let approving = votes
        .iter()
        .filter(|v| !v.lines.is_empty() && v.lines.iter().all(|l| l.pass))
        .count();
    JudgeAnswer {
        findings,
        note: votes.iter().find_map(|v| v.note.clone()),
        votes: (count(approving), count(votes.len())),
    }
}

fn finding(line: &str, answers: &[&Line]) -> Finding {
    let yes = answers.iter().filter(|a| a.pass).count();
    let pass = yes * 2 > answers.len();
    let said = |pass: bool| {
        let answer = answers.iter().find(|a| a.pass == pass);
        answer.map_or("", |a| a.evidence.as_str())
    };
    let (for_it, all) = (yes.max(answers.len() - yes), answers.len());
    let evidence = if for_it == all {
        said(pass).to_owned()
    } else {
        let word = if pass { "no" } else { "yes" };
        // Each side gets half of the room, so that neither hides the other.
        let half = EVIDENCE_CHARS / 2 - 20;
        let (mine, other) = (cut(said(pass), half), cut(said(!pass), half));
        format!(
            "{for_it} of {all}: {mine} · {} of {all} say {word}: {other}",
            all - for_it
        )
    };
    Finding {
        line: line.to_owned(),
        pass,
        evidence,
        overturned: false,
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str =
        r#"{"lines":[{"n":2,"pass":false,"evidence":"b"},{"n":1,"pass":true,"evidence":"a"}]}"#;

    /// Prose, fences and earlier objects do not matter; the last object does.
    #[test]
    fn the_last_object_counts_whatever_stands_around_it() {
        let printed = format!("I think {{so}}.\n{{\"lines\":[]}}\n```json\n{GOOD}\n```\nDone }}.");
        let vote = read(&printed, 2).unwrap();
        assert_eq!(vote.lines.iter().map(|l| l.n).collect::<Vec<_>>(), [1, 2]);
        let hidden = format!("{GOOD}\n{{\"lines\":[]}}");
        assert_eq!(
            read(&hidden, 2).unwrap_err(),
            "rubric line 1 is not answered"
        );
    }

    /// S23: an answer that the work itself holds, quoted before or after the judge's own, is never
    /// taken for it; the same answer twice is one.
    #[test]
    fn two_answers_that_differ_are_none() {
        let yes = GOOD.replace("false", "true");
        for printed in [format!("{GOOD} {yes}"), format!("{yes}\n{GOOD}")] {
            assert!(read(&printed, 2).unwrap_err().contains("two answers"));
        }
        assert!(read(&format!("{GOOD}\n{GOOD}"), 2).is_ok());
    }

    /// Each way to miss the protocol is refused with a line of its own.
    #[test]
    fn what_is_not_exactly_an_answer_is_refused() {
        let line = |n: &str, pass: &str, evidence: &str| {
            format!(r#"{{"n":{n},"pass":{pass},"evidence":{evidence}}}"#)
        };
        let of = |lines: &[String]| format!(r#"{{"lines":[{}]}}"#, lines.join(","));
        let yes = line("1", "true", "\"x\"");
        let table = [
            (String::new(), "no JSON object"),
            ("{\"a\":".to_owned(), "no JSON object"),
            ("[true]".to_owned(), "no JSON object"),
            ("{}".to_owned(), "missing field `lines`"),
            (of(&[]), "line 1 is not answered"),
            (of(&[yes.clone(), yes.clone()]), "answered 2 times"),
            (
                of(&[yes.clone(), line("2", "true", "\"x\"")]),
                "no rubric line 2",
            ),
            (of(&[line("0", "true", "\"x\""), yes]), "no rubric line 0"),
            (of(&[line("1", "true", "\" \\n\"")]), "without evidence"),
            (of(&[line("1", "\"yes\"", "\"x\"")]), "invalid type"),
            (of(&[line("1", "1", "\"x\"")]), "invalid type"),
            (of(&[line("1", "true", "null")]), "invalid type"),
            (
                r#"{"lines":[{"n":1,"pass":false,"pass":true,"evidence":"x"}]}"#.to_owned(),
                "duplicate",
            ),
            ("{".repeat(1000), "too many braces"),
        ];
        for (printed, why) in table {
            let said = read(&printed, 1).unwrap_err();
            assert!(said.contains(why), "{printed}: {said}");
        }
    }

    /// An answer that quoted work is put around differs from it, whatever it hides in; one that agrees is the same
    /// answer.
    #[test]
    fn an_answer_around_another_leaves_nothing_to_trust() {
        let own = |pass| format!(r#"{{"lines":[{{"n":1,"pass":{pass},"evidence":"b"}}]}}"#);
        let around = |inside: &str| {
            format!(
                r#"{{"lines":[{{"n":1,"p\u0061ss":true,"evidence":"a {{"}}],"x":[0,{{"y":{inside}}}],"x":[]}}"#
            )
        };
        assert!(read(&around(&own(true)), 1).is_ok());
        let said = read(&around(&own(false)), 1).unwrap_err();
        assert!(said.contains("two answers that differ"), "{said}");
    }

    /// Two of three decide a line, and the third is still heard.
    #[test]
    fn the_majority_decides_and_the_minority_is_shown() {
        let vote = |pass| Vote {
            lines: vec![Line {
                n: 1,
                pass,
                evidence: format!("{pass}"),
            }],
            note: None,
        };
        let answer = majority(&["Q?".into()], &[vote(true), vote(false), vote(true)]);
        assert!(answer.findings[0].pass);
        assert_eq!(answer.votes, (2, 3));
        assert_eq!(
            answer.findings[0].evidence,
            "2 of 3: true · 1 of 3 say no: false"
        );
    }

    proptest! {
        /// P: no bytes make it panic, and only an answer to every line comes through.
        #[test]
        fn noise_is_never_an_answer(
            noise in "[\\[\\]{}\":,a-z0-9 \\\\]{0,60}", at in 0..GOOD.len(), rubric in 0..4_usize,
        ) {
            let broken = format!("{}{noise}{}", &GOOD[..at], &GOOD[at..]);
            for text in [&noise, &broken] {
                if let Ok(vote) = read(text, rubric) {
                    let numbers: Vec<_> = vote.lines.iter().map(|l| l.n).collect();
                    prop_assert_eq!(numbers, (1..=rubric).collect::<Vec<_>>());
                    prop_assert!(vote.lines.iter().all(|l| !l.evidence.is_empty()));
                }
            }
        }
    }
}
