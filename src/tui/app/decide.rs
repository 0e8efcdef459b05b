//! Decisions: which question is in front of the operator, what each of the four answers does there,
//! and what is sent. Every decision names the id and the digest that were shown.

use crate::protocol::{Command, DayRoom, RunId};
use crate::run::{Answer, Ask, Checkpoint, CheckpointId, Decision, Edit, Judgement};

use super::arming::Shown;
use super::field::Purpose;
use super::form::{self, Body};
use super::pages::Tab;
use super::runs::{Phase, Run};
use super::world::World;
use super::{App, Layer, Out};
use crate::tui::action::Action;
use crate::tui::layers::checkpoint;

/// How long a refusal may hide the hints while no key is pressed, in milliseconds.
const COMPLAINT_MS: i64 = 20_000;

/// A question in front of the operator.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Whose.
    pub run: &'a Run,
    /// What is asked.
    pub checkpoint: &'a Checkpoint,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// The day's cap that keeps its limit from being raised, if it is one.
    pub day: Option<&'a DayRoom>,
}

impl Question<'_> {
    /// Its id and digest.
    pub fn shown(&self) -> Shown {
        (self.checkpoint.id.clone(), self.checkpoint.digest.clone())
    }
}

impl World {
    /// Whether this question is still open.
    pub fn waits(&self, id: &CheckpointId) -> bool {
        self.waiting().iter().any(|(_, c, _)| c.id == *id)
    }
}

impl App {
    /// The question that `a e r x` answer now: that of the open pages, or of the chosen loop.
    pub fn question(&self) -> Option<Question<'_>> {
        let run = match self.layers.last() {
            Some(Layer::Pages(pages)) => {
                let run = self.world.runs.get(&pages.run)?;
                pages.question(run)?;
                run
            }
            Some(
                Layer::Timeline(_)
                | Layer::Inspect { .. }
                | Layer::Review { .. }
                | Layer::Away { .. }
                | Layer::Help { .. }
                | Layer::Form(_)
                | Layer::Dialogue(_),
            ) => return None,
            None => self.run()?,
        };
        match &run.phase {
            Phase::Asking(checkpoint, since) => Some(Question {
                run,
                checkpoint,
                since: *since,
                day: self.bound_by_day(run, &checkpoint.ask),
            }),
            Phase::Queued
            | Phase::Busy(..)
            | Phase::Held(_)
            | Phase::Paused(_)
            | Phase::Stopping
            | Phase::Ended(..) => None,
        }
    }

    /// The day's cap that keeps the limit of this question from being raised, if it is one.
    pub(crate) fn bound_by_day(&self, run: &Run, ask: &Ask) -> Option<&DayRoom> {
        self.world.facts(run.name())?.day_binds(ask)
    }

    /// The question that `c` opens: the chosen loop's, where its pages are not open already; else the
    /// one that waits longest.
    pub fn next_waiting(&self) -> Option<(&Run, &Checkpoint)> {
        let chosen = self.run().filter(|run| self.pages_run() != Some(&run.id));
        let asked = chosen.and_then(|run| Some((run, run.checkpoint()?)));
        let longest = || {
            let first = self.world.waiting().into_iter().next();
            first.map(|(run, checkpoint, _)| (run, checkpoint))
        };
        asked.or_else(longest)
    }

    /// Whether exactly this is still asked.
    pub(crate) fn asks(&self, shown: &Shown) -> bool {
        self.world
            .waiting()
            .iter()
            .any(|(_, c, _)| c.id == shown.0 && c.digest == shown.1)
    }

    /// A frame was drawn: questions that it showed begin to arm, and an artefact that it showed is
    /// told as seen.
    pub fn drawn(&mut self, now: crate::tui::text::figures::Moment) -> Vec<Out> {
        self.now = now;
        let hidden = self.field.is_some() || self.size.0 == 0 || self.size.1 == 0;
        let shown = self.question().filter(|_| !hidden).map(|q| q.shown());
        let review = self.reviewed().filter(|_| !hidden);
        if let Some(review) = review.clone().filter(|_| self.reviewed_whole()) {
            self.arming.saw(review);
        }
        self.arming.painted(shown.clone().or(review), now.ms);
        let home = self.pages().zip(self.question());
        let home = home.filter(|(pages, question)| pages.tab == Tab::of(&question.checkpoint.ask));
        if let (Some(shown), true) = (&shown, home.is_some())
            && let Some((width, rows)) = checkpoint::warnings(self)
        {
            self.arming.read(shown.clone(), width, rows);
        }
        match shown {
            Some(shown) if self.artefact_is_drawn() && self.arming.saw(shown.clone()) => {
                let checkpoint = shown.0.clone();
                let looks = self.looks().then_some(Command::Looks { checkpoint });
                let seen = Command::Seen {
                    checkpoint: shown.0,
                    digest: shown.1,
                };
                let told = std::iter::once(seen).chain(looks);
                told.map(Out::Send).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the open page is the question's own and its text has come.
    fn artefact_is_drawn(&self) -> bool {
        let (Some(pages), Some(question)) = (self.pages(), self.question()) else {
            return false;
        };
        let home = Tab::of(&question.checkpoint.ask);
        let here = match pages.text(question.run, home) {
            Some(text) if text.bytes > 0 && home != Tab::Verdict => self
                .world
                .texts
                .get(&text.digest)
                .is_some_and(|t| !t.lines.is_empty()),
            _ => true,
        };
        let visible = self
            .layout()
            .over
            .is_some_and(|region| !checkpoint::text_area(region).is_empty());
        pages.tab == home && here && visible
    }

    /// Whether a decision key should open the question first, because it was not read yet.
    pub(crate) fn should_open(&self, action: Action) -> bool {
        let deciding = matches!(action, Action::Approve | Action::Edit | Action::Retry);
        let unread = self
            .question()
            .is_some_and(|q| !self.arming.has_seen(&q.shown()));
        deciding && unread && self.pages().is_none()
    }

    /// Opens the pages of the question in front of the operator.
    pub(crate) fn open_question(&mut self) {
        if let Some(run) = self.question().map(|q| q.run.id.clone()) {
            self.open_pages(&run, None);
        }
    }

    /// One of the four answers; `can` has said that it may be given.
    pub(crate) fn answer(&mut self, answer: Answer) -> Vec<Out> {
        let Some(question) = self.question() else {
            return Vec::new();
        };
        let shown = question.shown();
        match answer {
            Answer::Approve => {
                if let Ask::Publish { typed: true, .. } = question.checkpoint.ask {
                    self.open_field(Purpose::Typed(shown), "");
                    return Vec::new();
                }
                if open_rubric(&question) > 0 {
                    return self.hand_in(&shown);
                }
                vec![self.send_decision(&shown, Decision::APPROVE)]
            }
            Answer::Abort => vec![self.send_decision(&shown, Decision::Abort)],
            Answer::Retry => {
                if !question.checkpoint.ask.takes_note() {
                    return vec![self.send_decision(&shown, Decision::Retry { note: None })];
                }
                self.open_field(Purpose::Note(shown), "");
                Vec::new()
            }
            Answer::Edit => self.edit(shown),
        }
    }

    /// A human judge's answers become the verdict, which is then asked about under its new digest.
    fn hand_in(&mut self, shown: &Shown) -> Vec<Out> {
        let answers = self.human.get(&shown.0).map_or(&[][..], Vec::as_slice);
        let lines = answers.iter().enumerate();
        let lines = lines.filter_map(|(line, answer)| Some((line, (*answer)?, String::new())));
        let edit = Edit::Verdict {
            lines: lines.collect(),
            note: None,
            feedback: None,
        };
        vec![self.send_decision(shown, Decision::Edit(edit))]
    }

    fn edit(&mut self, shown: Shown) -> Vec<Out> {
        let Some(question) = self.question() else {
            return Vec::new();
        };
        let run = question.run.id.clone();
        let human = self.human.get(&shown.0).map_or(&[][..], Vec::as_slice);
        if let Some(body) = form::of(question.run, question.checkpoint, human) {
            self.open_form(&run, shown, body);
            return Vec::new();
        }
        let once = match &question.checkpoint.ask {
            Ask::Prompt { .. } => {
                match self.prompt_text(&shown) {
                    Some(text) => self.open_field(Purpose::Prompt(shown), &text),
                    None => self.toast = Some("e: the prompt is still being read".to_owned()),
                }
                return Vec::new();
            }
            Ask::Question { .. } => {
                self.open_field(Purpose::Answer(shown), "");
                return Vec::new();
            }
            Ask::Stuck { .. } | Ask::Error { .. } => {
                let files = self.sources(question.run.name());
                self.open_form(&run, shown, Body::Sources(files));
                return Vec::new();
            }
            Ask::Guardrail { .. } => Edit::AllowOnce,
            Ask::Permission { .. } => Edit::AllowForRun,
            Ask::Work { .. } | Ask::Verdict { .. } | Ask::Publish { .. } | Ask::Budget { .. } => {
                self.toast = Some("e: there is nothing here to edit".to_owned());
                return Vec::new();
            }
        };
        vec![self.send_decision(&shown, Decision::Edit(once))]
    }

    /// The files of a loop that the operator may edit.
    fn sources(&self, name: &str) -> Vec<String> {
        let Some(facts) = self.world.facts(name) else {
            return Vec::new();
        };
        let memory = std::iter::once(facts.spec.memory.path.clone());
        facts.files.iter().cloned().chain(memory).collect()
    }

    /// The whole text of the prompt that is asked about.
    pub(crate) fn prompt_text(&self, shown: &Shown) -> Option<String> {
        let waiting = self.world.waiting();
        let (_, checkpoint, _) = waiting.iter().find(|(_, c, _)| c.id == shown.0)?;
        let Ask::Prompt { text, .. } = &checkpoint.ask else {
            return None;
        };
        let text = self.world.texts.get(&text.digest).filter(|t| t.whole())?;
        Some(format!("{}\n", text.lines.join("\n")))
    }

    /// The command that carries a decision.
    pub(crate) fn send_decision(&mut self, shown: &Shown, decision: Decision) -> Out {
        self.arming.sent(shown.clone());
        Out::Send(Command::Decide {
            checkpoint: shown.0.clone(),
            digest: shown.1.clone(),
            decision,
        })
    }

    /// Somebody answered a question. Where that was not this cockpit and the question stood in front of
    /// its operator, they are told who it was and when.
    pub(crate) fn outrun(
        &mut self,
        run: &RunId,
        id: &CheckpointId,
        (answer, by): (Answer, &str),
        at: i64,
    ) {
        let mine = self.by.is_empty() || by == self.by;
        let sent = self.arming.is_on_its_way(id);
        if !mine && (sent || self.pages_run() == Some(run)) {
            self.outrun = sent.then(|| id.clone());
            let (how, at) = (answer.past(), self.now.at(at).hms());
            self.complain(&id.0, &format!("{how} by {by} at {at}"));
        }
    }

    /// The host refused a command.
    pub(crate) fn refused(&mut self, what: &str, why: &str) {
        self.arming.unsent(what);
        // Who was faster is on the screen already, and says more.
        if self.outrun.take_if(|id| id.0 == what).is_some() {
            return;
        }
        self.asked.file_refused(what);
        self.unsaved(what);
        self.complain(what, why);
    }

    /// Says for a while what is wrong with something.
    pub(crate) fn complain(&mut self, what: &str, why: &str) {
        self.toast = Some(format!("{what}: {why}"));
        self.complained = Some(self.now.ms);
    }

    /// A refusal has been on the screen for long enough: the hints are worth more now.
    pub(crate) fn forget_complaint(&mut self) {
        if self
            .complained
            .is_some_and(|at| self.now.ms - at >= COMPLAINT_MS)
        {
            (self.toast, self.complained) = (None, None);
        }
    }

    /// A human judge answers a rubric line: unset, yes, no.
    pub(crate) fn toggle(&mut self, line: usize) {
        let Some(question) = self.question() else {
            return;
        };
        let lines = open_rubric(&question);
        let id = question.checkpoint.id.clone();
        let answers = self.human.entry(id).or_insert_with(|| vec![None; lines]);
        if let Some(answer) = line.checked_sub(1).and_then(|i| answers.get_mut(i)) {
            *answer = match answer {
                None => Some(true),
                Some(true) => Some(false),
                Some(false) => None,
            };
        }
    }

    /// Whether a human judge has said yes or no to every rubric line.
    pub(crate) fn has_judged(&self, id: &CheckpointId) -> bool {
        let answers = self.human.get(id);
        answers.is_some_and(|lines| lines.iter().all(Option::is_some))
    }
}

/// How many rubric lines wait for a human judge; 0 where none do.
pub fn open_rubric(question: &Question<'_>) -> usize {
    match &question.checkpoint.ask {
        Ask::Verdict { verdict, .. } if verdict.judgement == Judgement::Open => {
            form::rubric(question.run).len()
        }
        Ask::Verdict { .. }
        | Ask::Prompt { .. }
        | Ask::Work { .. }
        | Ask::Publish { .. }
        | Ask::Question { .. }
        | Ask::Guardrail { .. }
        | Ask::Stuck { .. }
        | Ask::Permission { .. }
        | Ask::Budget { .. }
        | Ask::Error { .. } => 0,
    }
}
