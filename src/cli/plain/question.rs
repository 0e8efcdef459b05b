//! One checkpoint, asked: what it is about, what each answer does, and the answer in full words.

use tokio::io::AsyncRead;

use super::{Plain, READ_ONLY, Woken, named};
use crate::cli::decide;
use crate::cli::session::Open;
use crate::cli::{Exit, Fail, show};
use crate::run::{AfterVerdict, Answer, Ask, Decision, Judgement};

/// The four answers as they are typed.
const ANSWERS: [(&str, Answer); 4] = [
    ("approve", Answer::Approve),
    ("edit", Answer::Edit),
    ("retry", Answer::Retry),
    ("abort", Answer::Abort),
];

/// Why a question is left without a decision.
pub(super) enum Stop {
    /// Somebody else answered it, or it has changed.
    Gone,
    /// There is no more input.
    End,
    /// The operator went a step back.
    Back,
    /// Nothing works any more.
    Fail(Fail),
}

impl From<Fail> for Stop {
    fn from(fail: Fail) -> Self {
        Self::Fail(fail)
    }
}

/// Whether this word answers a checkpoint.
pub(super) fn is_answer(word: &str) -> bool {
    word == "later" || ANSWERS.iter().any(|(name, _)| *name == word)
}

impl<R: AsyncRead + Unpin> Plain<'_, '_, R> {
    /// Asks, until it is answered, put off or gone; how plain mode leaves, if it does.
    pub(super) async fn ask(&mut self, open: &Open) -> Result<Option<Exit>, Fail> {
        self.asking = Some(open.checkpoint.id.clone());
        self.present(open).await?;
        let answered = self.answered(open).await;
        self.asking = None;
        match answered {
            Ok(true) | Err(Stop::Back) => Ok(None),
            Ok(false) => {
                self.put_off.insert(named(open));
                let id = &open.checkpoint.id;
                if self.only.is_some() {
                    return Ok(Some(self.leave()));
                }
                self.say(&format!("{id} waits on; answer {id} asks again"));
                Ok(None)
            }
            Err(Stop::Gone) => {
                let line = self.session.known.answered(open, &self.session.zone);
                let gone = || format!("{} is not asked any more", open.checkpoint.id);
                self.say(&line.unwrap_or_else(gone));
                Ok(None)
            }
            Err(Stop::End) => {
                if self.means.read_only {
                    self.say(READ_ONLY);
                }
                self.put_off.insert(named(open));
                Ok(None)
            }
            Err(Stop::Fail(fail)) => Err(fail),
        }
    }

    /// Prints all that is asked about; then it counts as seen, unless the reader has left.
    async fn present(&mut self, open: &Open) -> Result<(), Fail> {
        self.say("");
        show::artefact(&mut self.session, open, self.out).await?;
        self.out.line("");
        let digest = &open.checkpoint.digest;
        self.out.line(&format!("digest {digest}"));
        for (name, answer) in ANSWERS {
            if let Some(does) = self.meaning(open, answer) {
                self.out.line(&format!("{name}: {does}"));
            }
        }
        self.out.line("later: decide nothing now");
        self.out.flush();
        if !self.out.is_closed() {
            show::mark_seen(&mut self.session, open).await?;
        }
        self.tell_news();
        while let Some(line) = self.lines.now() {
            if !line.trim().is_empty() {
                self.ahead = true;
                self.stray(&format!("{line}: typed before the question; not taken"))?;
            }
        }
        Ok(())
    }

    /// Whether a decision was sent and counts; `false` for later.
    async fn answered(&mut self, open: &Open) -> Result<bool, Stop> {
        if self.means.read_only {
            return Err(Stop::End);
        }
        let short = open.checkpoint.digest.short().to_owned();
        loop {
            let digits = if self.ahead {
                format!(", with the digits {short} because input came before its question")
            } else {
                String::new()
            };
            let asked = format!(
                "{}: decision [{}]{digits}:",
                about(open),
                self.choices(open)
            );
            let line = self.line(&asked, open).await?;
            let mut typed = line.split_whitespace();
            let (word, digits) = (typed.next().unwrap_or_default(), typed.next());
            if word == "later" {
                return Ok(false);
            }
            let Some((_, answer)) = ANSWERS.iter().find(|(name, _)| *name == word) else {
                self.stray("one of these words, in full")?;
                continue;
            };
            if self.meaning(open, *answer).is_none() {
                self.stray(&format!("{word} is no answer to this"))?;
                continue;
            }
            if digits.map_or(self.ahead, |digits| digits != short) {
                let line = format!("{word} {short} is needed; these digits are not there");
                self.stray(&line)?;
                continue;
            }
            self.strays = 0;
            match self.decided(open, *answer).await {
                Ok(true) => return Ok(true),
                Ok(false) | Err(Stop::Back) => self.still(open)?,
                Err(stop) => return Err(stop),
            }
        }
    }

    /// The words that are answers here.
    fn choices(&self, open: &Open) -> String {
        let fits = ANSWERS
            .iter()
            .filter(|(_, a)| self.meaning(open, *a).is_some());
        let words: Vec<&str> = fits.map(|(name, _)| *name).chain(["later"]).collect();
        words.join("/")
    }

    /// What an answer does here; `None` where it is no answer, or can help nothing today.
    fn meaning(&self, open: &Open, answer: Answer) -> Option<&'static str> {
        let bound = self.session.known.bound_by_day(open).is_some();
        meaning(&open.checkpoint.ask, answer).filter(|_| !bound || answer != Answer::Edit)
    }

    /// Asks for what the answer needs and sends it; whether it counts.
    async fn decided(&mut self, open: &Open, answer: Answer) -> Result<bool, Stop> {
        let (words, text) = self.content(open, answer).await?;
        let decision = match decide::decision(open, &words, text) {
            Ok(decision) => decision,
            Err(fail) => {
                self.say(&fail.line);
                return Ok(false);
            }
        };
        self.sent(open, &decision).await
    }

    async fn sent(&mut self, open: &Open, decision: &Decision) -> Result<bool, Stop> {
        match decide::send(&mut self.session, open, decision).await {
            Ok(()) => {
                self.ahead = false;
                Ok(true)
            }
            Err(fail) if fail.exit == Exit::Refused => {
                self.still(open)?;
                self.say(&fail.line);
                Ok(false)
            }
            Err(fail) => Err(Stop::Fail(fail)),
        }
    }

    /// Goes on only while exactly this is asked.
    fn still(&self, open: &Open) -> Result<(), Stop> {
        let known = &self.session.known;
        let same = |now: Open| now.record.seq == open.record.seq;
        let asked = known.open_at(&open.run).is_some_and(same);
        if asked && known.answered(open, &self.session.zone).is_none() {
            Ok(())
        } else {
            Err(Stop::Gone)
        }
    }

    /// A typed line. What happens meanwhile is told, and the question stands below it again.
    pub(super) async fn line(&mut self, asked: &str, open: &Open) -> Result<String, Stop> {
        loop {
            if self.lines.are_over() {
                return Err(Stop::End);
            }
            if !self.at_prompt {
                self.out.ask(asked);
                self.at_prompt = true;
            }
            if self.out.is_closed() {
                return Err(Stop::End);
            }
            match self.wait().await? {
                Woken::Line(line) => return Ok(line),
                Woken::End => return Err(Stop::End),
                Woken::Told => self.still(open)?,
            }
        }
    }
}

/// Which question it is: loop, run and kind.
fn about(open: &Open) -> String {
    let kind = open.checkpoint.ask.kind();
    match open.run.split() {
        Some((name, number)) => format!("{name}, run {number}, {kind}"),
        None => format!("{}, {kind}", open.run),
    }
}

/// What an answer does here; `None` where it is no answer.
fn meaning(ask: &Ask, answer: Answer) -> Option<&'static str> {
    if !ask.allows(answer) {
        return None;
    }
    match answer {
        Answer::Approve => approving(ask),
        Answer::Edit => Some(editing(ask)),
        Answer::Retry => Some(retrying(ask)),
        Answer::Abort => Some(match ask {
            Ask::Publish { .. } => "keep it as a draft; the run ends",
            Ask::Permission { .. } => "refuse, and stop the run",
            Ask::Prompt { .. }
            | Ask::Work { .. }
            | Ask::Verdict { .. }
            | Ask::Question { .. }
            | Ask::Guardrail { .. }
            | Ask::Stuck { .. }
            | Ask::Budget { .. }
            | Ask::Error { .. } => "stop the run and keep everything",
        }),
    }
}

fn approving(ask: &Ask) -> Option<&'static str> {
    Some(match ask {
        Ask::Prompt { .. } => "send exactly this to the worker",
        Ask::Work { .. } => "let this work be examined",
        Ask::Verdict { verdict, .. } if verdict.judgement == Judgement::Open => return None,
        Ask::Verdict { then, .. } => match then {
            AfterVerdict::NextIteration => "save the note and begin the next iteration",
            AfterVerdict::Exhausted => "save the note; the run ends, not approved",
            AfterVerdict::Publish => "save the note and go on to the publish question",
            AfterVerdict::Done => "save the note; the run ends, goal met",
        },
        Ask::Publish { typed: true, .. } => "publish; the digest's first 8 digits are asked for",
        Ask::Publish { .. } => "publish",
        Ask::Guardrail { .. } => "go on without what was refused",
        Ask::Stuck { .. } => "one more try",
        Ask::Permission { .. } => "allow this one call",
        Ask::Error { failure } if failure.maybe_done => "mark it as done",
        Ask::Error { .. } => "try the step again",
        Ask::Question { .. } | Ask::Budget { .. } => return None,
    })
}

fn editing(ask: &Ask) -> &'static str {
    match ask {
        Ask::Prompt { .. } => "change the prompt of this iteration; it is shown again",
        Ask::Work { .. } | Ask::Publish { .. } => "change one of the files; it is shown again",
        Ask::Verdict { verdict, .. } if verdict.judgement == Judgement::Open => {
            "judge: answer the rubric line by line; it is shown again"
        }
        Ask::Verdict { verdict, .. } => match verdict.judgement {
            Judgement::None | Judgement::NotAsked { .. } | Judgement::Unreadable { .. } => {
                "change note or feedback; it is shown again"
            }
            Judgement::Open | Judgement::Given(_) => {
                "overturn rubric lines, change note or feedback; it is shown again"
            }
        },
        Ask::Question { .. } => "answer the worker's question",
        Ask::Guardrail { .. } => "allow once what was refused",
        Ask::Permission { .. } => "allow calls like this for the whole run",
        Ask::Budget { .. } => "raise the limit for this run",
        Ask::Stuck { .. } | Ask::Error { .. } => {
            "you have changed goal, skill or memory in their files: read them again; changed checks, judge and \
             limits count from the next run"
        }
    }
}

fn retrying(ask: &Ask) -> &'static str {
    match ask {
        Ask::Prompt { .. } => "put the prompt together again",
        Ask::Work { .. } | Ask::Guardrail { .. } => {
            "discard this work and let the worker begin again; undo brings it back until there is new work"
        }
        Ask::Verdict { verdict, .. } if verdict.judgement == Judgement::None => {
            "run the checks again"
        }
        Ask::Verdict { .. } => "run the checks and the judge again",
        Ask::Publish { .. } => "begin the next iteration",
        Ask::Question { .. } => "let the worker choose",
        Ask::Stuck { .. } => "one more try with a note",
        Ask::Permission { .. } => "refuse this call, with a note",
        Ask::Error { .. } => "do the step again",
        Ask::Budget { .. } => "",
    }
}
