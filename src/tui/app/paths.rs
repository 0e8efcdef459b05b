//! `Y`: where the file lies that holds what is shown. Nothing here looks at the disk.

use super::pages::{Pages, Tab};
use super::runs::Run;
use super::{App, Layer, Out};
use crate::tui::layout::Pane;

impl App {
    /// Copies the path of what is shown.
    pub(crate) fn copy_path(&mut self) -> Vec<Out> {
        match self.shown_path() {
            Ok(path) => {
                let project = self.world.project.trim_end_matches('/');
                let path = if path.starts_with('/') {
                    path
                } else {
                    format!("{project}/{path}")
                };
                self.toast = Some(format!("copied {path}"));
                vec![Out::Copy(path)]
            }
            Err(why) => {
                self.toast = Some(format!("Y: {why}"));
                Vec::new()
            }
        }
    }

    /// The path, relative to the project unless it lies outside; or why there is none.
    fn shown_path(&self) -> Result<String, &'static str> {
        match self.layers.last() {
            Some(Layer::Pages(pages)) => {
                let run = self.world.runs.get(&pages.run).ok_or("no run is shown")?;
                self.page_path(pages, run)
            }
            Some(Layer::Timeline(timeline)) => {
                let run = self.shown_run().ok_or("no run is chosen")?;
                Ok(match timeline.iteration {
                    0 => folder(run),
                    iteration => format!("{}/{iteration}", folder(run)),
                })
            }
            Some(
                Layer::Inspect { .. }
                | Layer::Review { .. }
                | Layer::Away { .. }
                | Layer::Help { .. }
                | Layer::Form(_)
                | Layer::Dialogue(_),
            ) => self.loop_path(),
            None => match self.focus {
                Pane::Loops => self.loop_path(),
                Pane::Memory => self.memory_path(self.name().unwrap_or_default()),
                Pane::Transcript => {
                    let run = self.run().filter(|r| r.lines > 0);
                    let run = run.ok_or("there is no transcript yet")?;
                    Ok(format!("{}/transcript.jsonl", folder(run)))
                }
                Pane::Verdict => {
                    let run = self.run().ok_or("there is no verdict yet")?;
                    let newest = || run.verdict().map(|(number, _)| number);
                    let number = self.iteration.or_else(newest);
                    verdict(run, number.unwrap_or(run.now()))
                }
            },
        }
    }

    fn page_path(&self, pages: &Pages, run: &Run) -> Result<String, &'static str> {
        let shown = pages.shown(run);
        let file = |name| Ok(format!("{}/{}/{name}", folder(run), pages.iteration));
        match pages.tab {
            Tab::Prompt if shown.is_some_and(|i| i.prompt.is_some()) => file("prompt.md"),
            Tab::Prompt => Err("there is no prompt yet"),
            Tab::Verdict => verdict(run, pages.iteration),
            Tab::Memory => self.memory_path(run.name()),
            Tab::Output if !run.drafts.is_empty() => {
                Ok(run.drafts.iter().take(1).cloned().collect())
            }
            Tab::Diff | Tab::Output if shown.is_some_and(|i| i.work.is_some()) => {
                file("diff.patch")
            }
            Tab::Diff | Tab::Output => Err("the worker has not handed anything in yet"),
        }
    }

    fn memory_path(&self, name: &str) -> Result<String, &'static str> {
        let facts = self.world.facts(name).ok_or("choose a loop first")?;
        Ok(facts.spec.memory.path.clone())
    }

    fn loop_path(&self) -> Result<String, &'static str> {
        let name = self.name().ok_or("choose a loop first")?;
        Ok(loop_file(name))
    }
}

/// The file of a loop; an invalid one may be listed by its whole name.
pub(crate) fn loop_file(name: &str) -> String {
    format!("loops/{}.toml", name.trim_end_matches(".toml"))
}

/// The folder of a run's artefacts.
fn folder(run: &Run) -> String {
    format!(".checkride/runs/{}/{}", run.name(), run.number())
}

/// The verdict of an iteration; before it is ruled, the results of its checks.
fn verdict(run: &Run, number: usize) -> Result<String, &'static str> {
    let iteration = number.checked_sub(1).and_then(|i| run.iterations.get(i));
    let iteration = iteration.ok_or("there is no verdict yet")?;
    let name = if iteration.verdict.is_some() {
        "verdict.json"
    } else if iteration.checks.is_empty() {
        return Err("there is no verdict yet");
    } else {
        "checks.json"
    };
    Ok(format!("{}/{number}/{name}", folder(run)))
}
