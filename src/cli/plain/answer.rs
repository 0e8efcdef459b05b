//! What an answer carries: a note, a new text, rubric lines, caps; asked for one by one.
//! It ends as the same words that `checkride decide` takes.

use std::path::Path;

use tokio::io::AsyncRead;

use super::Plain;
use super::question::Stop;
use crate::cli::decide;
use crate::cli::flags::{self, Word};
use crate::cli::session::{Open, refused};
use crate::cli::{Exit, Fail, show};
use crate::protocol::{Command, Fact, Fetch};
use crate::run::{Answer, Ask, Digest, Event, Judgement, Verdict};

/// An answer's words, and the text that goes with them.
type Content = (flags::Decide, Option<String>);

impl<R: AsyncRead + Unpin> Plain<'_, '_, R> {
    /// Asks for what this answer needs here. The word `back` leads back to the decision.
    pub(super) async fn content(&mut self, open: &Open, answer: Answer) -> Result<Content, Stop> {
        let mut words = flags::Decide {
            id: open.checkpoint.id.0.clone(),
            answer: word(answer),
            digest: open.checkpoint.digest.to_string(),
            note: None,
            file: None,
            path: None,
            edit: flags::Edit::default(),
        };
        let mut text = None;
        match answer {
            Answer::Approve if decide::must_type(&open.checkpoint.ask) => {
                words.digest = self.typed("the digest's first 8 digits:", open).await?;
            }
            Answer::Approve | Answer::Abort => {}
            Answer::Retry if !open.checkpoint.ask.takes_note() => {}
            Answer::Retry => {
                words.note = self
                    .maybe("note for the worker [empty: none]:", open)
                    .await?;
            }
            Answer::Edit => text = self.edit(open, &mut words).await?,
        }
        Ok((words, text))
    }

    async fn edit(
        &mut self,
        open: &Open,
        words: &mut flags::Decide,
    ) -> Result<Option<String>, Stop> {
        match &open.checkpoint.ask {
            Ask::Prompt { text, .. } => {
                let now = self.kept(&text.digest).await?;
                return self.new_text(open, &now).await.map(Some);
            }
            Ask::Work { .. } | Ask::Publish { .. } => {
                let path = self.choose_file(open).await?;
                let now = self.file(open, &path).await?;
                words.path = Some(path);
                return self.new_text(open, &now).await.map(Some);
            }
            Ask::Verdict { verdict, .. } => self.judge(open, verdict, words).await?,
            Ask::Question { .. } => {
                words.note = self.maybe("your answer, on one line:", open).await?;
            }
            Ask::Guardrail { .. } | Ask::Permission { .. } => words.edit.allow = true,
            Ask::Budget { .. } => self.caps(open, words).await?,
            Ask::Stuck { .. } | Ask::Error { .. } => {
                let asked = "press Enter once the files are changed:";
                self.typed(asked, open).await?;
            }
        }
        Ok(None)
    }

    /// A line; `back` is the way back.
    async fn typed(&mut self, asked: &str, open: &Open) -> Result<String, Stop> {
        let line = self.line(asked, open).await?;
        let line = line.trim();
        if line == "back" {
            return Err(Stop::Back);
        }
        Ok(line.to_owned())
    }

    /// A line, if it says something.
    async fn maybe(&mut self, asked: &str, open: &Open) -> Result<Option<String>, Stop> {
        let line = self.typed(asked, open).await?;
        Ok(Some(line).filter(|line| !line.is_empty()))
    }

    /// Rubric lines one by one: all of them where the operator is the judge, else those to overturn.
    async fn judge(
        &mut self,
        open: &Open,
        verdict: &Verdict,
        words: &mut flags::Decide,
    ) -> Result<(), Stop> {
        let (lines, mine) = self.rubric(open, verdict);
        for (n, (line, found)) in (1..).zip(lines) {
            let asked = match found {
                None => format!("{n}: {line} [yes/no]:"),
                Some(pass) => format!("{n}: {line} [yes/no, empty keeps {}]:", yes(pass)),
            };
            loop {
                match self.typed(&asked, open).await?.as_str() {
                    "yes" => words.edit.yes.push(n),
                    "no" => {
                        let why = self.typed("why not:", open).await?;
                        words.edit.no.push(format!("{n}={why}"));
                    }
                    "" if found.is_some() => {}
                    _ => {
                        self.stray("yes or no, in full; back leads back")?;
                        continue;
                    }
                }
                break;
            }
        }
        words.note = self
            .maybe("note to be saved [empty keeps it]:", open)
            .await?;
        if !mine {
            let asked = "feedback for the next prompt [empty keeps it]:";
            words.edit.feedback = self.maybe(asked, open).await?;
        }
        Ok(())
    }

    /// The rubric with what is found so far, and whether it waits for the operator.
    fn rubric(&self, open: &Open, verdict: &Verdict) -> (Vec<(String, Option<bool>)>, bool) {
        match &verdict.judgement {
            Judgement::Given(answer) => {
                let found = answer.findings.iter();
                (
                    found.map(|f| (f.line.clone(), Some(f.pass))).collect(),
                    false,
                )
            }
            Judgement::Open => {
                let run = self.session.known.run(&open.run);
                let judge = run.and_then(|run| run.woke().spec.goal.judge.clone());
                let rubric = judge.map_or_else(Vec::new, |judge| judge.rubric);
                (rubric.into_iter().map(|line| (line, None)).collect(), true)
            }
            Judgement::None | Judgement::NotAsked { .. } | Judgement::Unreadable { .. } => {
                (Vec::new(), false)
            }
        }
    }

    async fn caps(&mut self, open: &Open, words: &mut flags::Decide) -> Result<(), Stop> {
        let run = self.session.known.run(&open.run);
        let Some(cap) = run.map(|run| run.meter().cap()) else {
            return Err(Stop::Back);
        };
        let tokens = format!("tokens in all [empty keeps {}]:", cap.tokens);
        words.edit.tokens = self.number(&tokens, open).await?;
        let minutes = format!("minutes in all [empty keeps {}]:", cap.minutes);
        words.edit.minutes = self.number(&minutes, open).await?;
        if cap.micro_usd.is_some() {
            let asked = "dollars in all, such as 2.50 [empty keeps them]:";
            words.edit.usd = self.maybe(asked, open).await?;
        }
        Ok(())
    }

    async fn number(&mut self, asked: &str, open: &Open) -> Result<Option<u64>, Stop> {
        loop {
            let Some(typed) = self.maybe(asked, open).await? else {
                return Ok(None);
            };
            match typed.parse() {
                Ok(number) => return Ok(Some(number)),
                Err(_) => self.stray("a whole number, such as 90000")?,
            }
        }
    }

    /// One of the changed files, by its number or its path.
    async fn choose_file(&mut self, open: &Open) -> Result<String, Stop> {
        let records = self.session.known.runs.get(&open.run);
        let works = records.into_iter().flatten().rev();
        let newest = works.filter_map(|record| match record.event() {
            Some(Event::Worked(work)) => Some(work),
            Some(_) | None => None,
        });
        let paths: Vec<String> = newest
            .take(1)
            .flat_map(|work| work.changes.iter().map(|change| change.path.clone()))
            .collect();
        if let [path] = paths.as_slice() {
            return Ok(path.clone());
        }
        for (n, path) in (1..).zip(&paths) {
            self.say(&format!("{n}: {path}"));
        }
        loop {
            let typed = self.typed("which file, by number or path:", open).await?;
            let nth = typed.parse().ok().and_then(|n: usize| n.checked_sub(1));
            let by_number = nth.and_then(|nth| paths.get(nth));
            let chosen = by_number.or_else(|| paths.iter().find(|path| **path == typed));
            match chosen {
                Some(path) => return Ok(path.clone()),
                None => self.stray("that is not among the changed files")?,
            }
        }
    }

    /// The new text: from a file that is named, or from the operator's editor.
    async fn new_text(&mut self, open: &Open, now: &str) -> Result<String, Stop> {
        let editor = self.means.editor.first().cloned();
        let asked = match &editor {
            Some(editor) => format!("file with the new text [empty opens {editor}]:"),
            None => "file with the new text:".to_owned(),
        };
        let named = self.maybe(&asked, open).await?;
        let read = match named.as_deref() {
            Some("-") => Err(Exit::Usage.because("answers are typed here; name a file")),
            Some(path) => decide::read_text(Path::new(path)),
            None if editor.is_some() => self.edited(now).await,
            None => {
                Err(Exit::Usage.because("no file was named; $VISUAL or $EDITOR sets an editor"))
            }
        };
        match read {
            Ok(text) if text == now => {
                self.say("nothing was changed");
                Err(Stop::Back)
            }
            Ok(text) => Ok(text),
            Err(fail) => {
                self.say(&fail.line);
                Err(Stop::Back)
            }
        }
    }

    /// Lends the terminal to the operator's editor for a copy of this text.
    async fn edited(&self, now: &str) -> Result<String, Fail> {
        let failed = |e: std::io::Error| Exit::Trouble.because(format!("no temporary file: {e}"));
        let file = tempfile::Builder::new()
            .prefix("checkride-")
            .suffix(".md")
            .tempfile()
            .map_err(failed)?;
        std::fs::write(file.path(), now).map_err(failed)?;
        let (program, args) = self
            .means
            .editor
            .split_first()
            .map_or(("", &[][..]), |(p, a)| (p, a));
        let mut command = tokio::process::Command::new(program);
        let ended = command.args(args).arg(file.path()).status().await;
        match ended {
            Ok(status) if status.success() => decide::read_text(file.path()),
            Ok(status) => {
                let line = format!("{program} ended with {status}; nothing was taken over");
                Err(Exit::Trouble.because(line))
            }
            Err(e) => Err(Exit::Trouble.because(format!("{program} cannot be started: {e}"))),
        }
    }

    /// A kept text, whole.
    async fn kept(&mut self, digest: &Digest) -> Result<String, Stop> {
        let mut text = String::new();
        show::pages(&mut self.session, digest, |line| {
            text.push_str(line);
            text.push('\n');
        })
        .await?;
        Ok(text)
    }

    /// A file of the workspace, whole.
    async fn file(&mut self, open: &Open, path: &str) -> Result<String, Stop> {
        let wanted = Fetch::File {
            run: open.run.clone(),
            path: path.to_owned(),
        };
        self.session.ask(Command::Fetch(wanted.clone())).await?;
        loop {
            let fact = self.session.next().await?.fact;
            let no = refused(&fact, path, Exit::Refused)
                .and_then(|()| refused(&fact, &open.run.0, Exit::Refused));
            if let Err(fail) = no {
                self.say(&fail.line);
                return Err(Stop::Back);
            }
            if let Fact::Lines { of, lines, .. } = fact
                && of == wanted
            {
                return Ok(lines.join("\n"));
            }
        }
    }
}

fn word(answer: Answer) -> Word {
    match answer {
        Answer::Approve => Word::Approve,
        Answer::Edit => Word::Edit,
        Answer::Retry => Word::Retry,
        Answer::Abort => Word::Abort,
    }
}

fn yes(pass: bool) -> &'static str {
    if pass { "yes" } else { "no" }
}
