//! Forms at a checkpoint: turning a verdict over, raising a cap, choosing a file. Leaving one
//! decides nothing; its last row sends.

use crate::protocol::RunId;
use crate::run::{Ask, Checkpoint, Decision, Edit, Judgement, Verdict};

use super::arming::Shown;
use super::field::Purpose;
use super::runs::Run;
use super::{App, Layer, Out};

/// Something to fill in.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// The question it answers.
    pub shown: Shown,
    /// Whose question.
    pub run: RunId,
    /// What is filled in.
    pub body: Body,
    /// The chosen row.
    pub row: usize,
    /// Whether the chosen file goes to the operator's own editor.
    pub outside: bool,
}

/// The kinds of form.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A verdict.
    Verdict {
        /// Rubric lines.
        lines: Vec<Line>,
        /// The note for memory: before, now.
        note: (String, String),
        /// What the next prompt is told: before, now.
        feedback: (String, String),
    },
    /// Higher caps: tokens, minutes, thousandths of a dollar where there is a cap.
    Raise {
        /// Before and now.
        caps: Vec<(Cap, u64, u64)>,
    },
    /// One of the changed files.
    Files(Vec<String>),
    /// The loop's own files; then they are read again.
    Sources(Vec<String>),
}

/// A cap that can be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// Tokens.
    Tokens,
    /// Minutes at work.
    Minutes,
    /// Millionths of a dollar.
    MicroUsd,
}

/// One rubric line in the verdict form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The rubric's words.
    pub line: String,
    /// What the judge said; `None` where nobody did.
    pub was: Option<bool>,
    /// What it is to be.
    pub pass: Option<bool>,
    /// Why.
    pub reason: String,
}

impl Form {
    /// Rows, the last one that sends included.
    pub fn rows(&self) -> usize {
        match &self.body {
            Body::Verdict { lines, .. } => lines.len() * 2 + 3,
            Body::Raise { caps } => caps.len() + 1,
            Body::Files(files) => files.len(),
            Body::Sources(files) => files.len() + 1,
        }
    }

    /// The text of a row that is typed, if it is one.
    pub fn text_of(&self, row: usize) -> Option<String> {
        let Body::Verdict {
            lines,
            note,
            feedback,
        } = &self.body
        else {
            return None;
        };
        let after = row.checked_sub(lines.len() * 2);
        match after {
            None if row % 2 == 1 => lines.get(row / 2).map(|l| l.reason.clone()),
            Some(0) => Some(note.1.clone()),
            Some(1) => Some(feedback.1.clone()),
            _ => None,
        }
    }

    /// Takes the text of a row.
    pub fn set_text(&mut self, row: usize, text: &str) {
        let Body::Verdict {
            lines,
            note,
            feedback,
        } = &mut self.body
        else {
            return;
        };
        match row.checked_sub(lines.len() * 2) {
            None => {
                if let Some(line) = lines.get_mut(row / 2) {
                    text.clone_into(&mut line.reason);
                }
            }
            Some(0) => text.clone_into(&mut note.1),
            Some(_) => text.clone_into(&mut feedback.1),
        }
    }

    /// Changes the value of the chosen row, up or down.
    pub fn change(&mut self, up: bool) {
        match &mut self.body {
            Body::Verdict { lines, .. } => {
                if let (0, Some(line)) = (self.row % 2, lines.get_mut(self.row / 2)) {
                    line.pass = Some(!line.pass.unwrap_or(false));
                }
            }
            Body::Raise { caps } => {
                if let Some((_, was, now)) = caps.get_mut(self.row) {
                    let step = (*was / 4).max(1);
                    *now = if up {
                        now.saturating_add(step)
                    } else {
                        now.saturating_sub(step).max(*was)
                    };
                }
            }
            Body::Files(_) | Body::Sources(_) => {}
        }
    }

    /// What the form says, or why there is nothing to say yet.
    fn edit(&self) -> Result<Edit, &'static str> {
        match &self.body {
            Body::Verdict {
                lines,
                note,
                feedback,
            } => {
                if lines.iter().any(|l| l.pass.is_none()) {
                    return Err("every rubric line needs a yes or a no");
                }
                let changed = |pair: &(String, String)| (pair.0 != pair.1).then(|| pair.1.clone());
                let turned: Vec<_> = lines
                    .iter()
                    .enumerate()
                    .filter(|(_, l)| l.pass != l.was || !l.reason.is_empty())
                    .map(|(i, l)| (i, l.pass == Some(true), l.reason.clone()))
                    .collect();
                let (note, feedback) = (changed(note), changed(feedback));
                if turned.is_empty() && note.is_none() && feedback.is_none() {
                    return Err("nothing is changed yet");
                }
                Ok(Edit::Verdict {
                    lines: turned,
                    note,
                    feedback,
                })
            }
            Body::Raise { caps } => {
                let raised = |cap| {
                    caps.iter()
                        .find(|(c, was, now)| *c == cap && now > was)
                        .map(|(_, _, now)| *now)
                };
                if caps.iter().all(|(_, was, now)| now <= was) {
                    return Err("nothing is raised yet; l raises the chosen cap");
                }
                Ok(Edit::Raise {
                    tokens: raised(Cap::Tokens),
                    minutes: raised(Cap::Minutes),
                    micro_usd: raised(Cap::MicroUsd),
                })
            }
            Body::Sources(_) | Body::Files(_) => Ok(Edit::Files),
        }
    }
}

/// The verdict form; a human judge's answers so far are filled in.
pub(crate) fn verdict(run: &Run, verdict: &Verdict, human: &[Option<bool>]) -> Body {
    let lines = match &verdict.judgement {
        Judgement::Given(answer) => answer
            .findings
            .iter()
            .map(|f| Line {
                line: f.line.clone(),
                was: Some(f.pass),
                pass: Some(f.pass),
                reason: String::new(),
            })
            .collect(),
        Judgement::Open => rubric(run)
            .iter()
            .enumerate()
            .map(|(i, line)| Line {
                line: line.clone(),
                was: None,
                pass: human.get(i).copied().flatten(),
                reason: String::new(),
            })
            .collect(),
        Judgement::None | Judgement::NotAsked { .. } | Judgement::Unreadable { .. } => Vec::new(),
    };
    let note = verdict.note.clone().unwrap_or_default();
    Body::Verdict {
        lines,
        note: (note.clone(), note),
        feedback: (verdict.feedback.clone(), verdict.feedback.clone()),
    }
}

/// The rubric of a run's judge.
pub fn rubric(run: &Run) -> &[String] {
    run.wake
        .as_ref()
        .and_then(|w| w.spec.goal.judge.as_ref())
        .map_or(&[], |j| &j.rubric)
}

/// The form to raise caps.
pub(crate) fn raise(run: &Run) -> Body {
    let cap = run.meter.as_ref().map(crate::run::Meter::cap);
    let both = |c, n| (c, n, n);
    Body::Raise {
        caps: cap
            .map(|cap| {
                let money = cap.micro_usd.map(|m| both(Cap::MicroUsd, m));
                [
                    both(Cap::Tokens, cap.tokens),
                    both(Cap::Minutes, cap.minutes),
                ]
                .into_iter()
                .chain(money)
                .collect()
            })
            .unwrap_or_default(),
    }
}

impl App {
    pub(crate) fn open_form(&mut self, run: &RunId, shown: Shown, body: Body) {
        self.layers.push(Layer::Form(Form {
            shown,
            run: run.clone(),
            body,
            row: 0,
            outside: false,
        }));
    }

    /// Enter in a form: types, opens or sends, by the chosen row.
    pub(crate) fn choose(&mut self) -> Vec<Out> {
        let Some(Layer::Form(form)) = self.layers.last().cloned() else {
            return Vec::new();
        };
        if let Some(text) = form.text_of(form.row) {
            self.open_field(Purpose::Row(form.row), &text);
            return Vec::new();
        }
        match &form.body {
            Body::Files(files) => match files.get(form.row) {
                Some(path) => self.open_file(&form, path),
                None => Vec::new(),
            },
            Body::Sources(files) if form.row < files.len() => {
                let path = files.get(form.row).cloned().unwrap_or_default();
                let name = form.run.split().map_or("", |(n, _)| n).to_owned();
                vec![Out::EditFile { path, name }]
            }
            Body::Verdict { .. } | Body::Raise { .. } if form.row + 1 < form.rows() => {
                if let Some(Layer::Form(form)) = self.layers.last_mut() {
                    form.change(true);
                }
                Vec::new()
            }
            Body::Verdict { .. } | Body::Raise { .. } | Body::Sources(_) => self.send_form(&form),
        }
    }

    fn send_form(&mut self, form: &Form) -> Vec<Out> {
        match form.edit() {
            Err(why) => self.toast = Some(why.to_owned()),
            Ok(_) if !self.asks(&form.shown) => {
                self.toast = Some("the question has changed meanwhile; nothing was sent".into());
            }
            Ok(edit) => {
                self.layers.pop();
                return vec![self.send_decision(&form.shown, Decision::Edit(edit))];
            }
        }
        Vec::new()
    }

    fn open_file(&mut self, form: &Form, path: &str) -> Vec<Out> {
        self.toast = Some(format!("reading {path} …"));
        self.want_file(&form.run, path).into_iter().collect()
    }

    /// A file came that was chosen for editing.
    pub(crate) fn file_came(&mut self, run: &RunId, path: &str) {
        let Some(Layer::Form(form)) = self.layers.last() else {
            return;
        };
        let chosen = matches!(&form.body, Body::Files(files)
            if form.run == *run && files.get(form.row).is_some_and(|f| f == path));
        let key = (run.clone(), path.to_owned());
        let Some(text) = self.world.files.get(&key).filter(|_| chosen) else {
            return;
        };
        if !text.whole() {
            self.toast = Some(format!(
                "{path} is too long to edit here; E opens files of the project"
            ));
            return;
        }
        let whole = text.lines.join("\n");
        let purpose = Purpose::File(form.shown.clone(), path.to_owned());
        self.toast = None;
        if form.outside {
            self.layers.pop();
            self.later.push(Out::Edit {
                text: whole,
                then: purpose,
            });
        } else if self.field.is_none() {
            self.layers.pop();
            self.open_field(purpose, &whole);
        }
    }
}

/// The form that `e` opens at a question, where it opens one.
pub(crate) fn of(run: &Run, checkpoint: &Checkpoint, human: &[Option<bool>]) -> Option<Body> {
    let files = |run: &Run| {
        let work = run.iterations.iter().rev().find_map(|i| i.work.as_ref())?;
        let paths = work
            .changes
            .iter()
            .filter(|c| c.kind != crate::run::ChangeKind::Deleted);
        Some(Body::Files(paths.map(|c| c.path.clone()).collect()))
    };
    match &checkpoint.ask {
        Ask::Work { .. } | Ask::Publish { .. } => files(run),
        Ask::Verdict { verdict: v, .. } => Some(verdict(run, v, human)),
        Ask::Budget { .. } => Some(raise(run)),
        Ask::Prompt { .. }
        | Ask::Question { .. }
        | Ask::Guardrail { .. }
        | Ask::Stuck { .. }
        | Ask::Permission { .. }
        | Ask::Error { .. } => None,
    }
}
