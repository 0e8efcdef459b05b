//! Which loop is chosen, and what that makes of the screen.

use super::App;
use super::runs::Run;
use crate::run::spec::PLAIN;

impl App {
    /// The names in the list, filtered.
    pub fn names(&self) -> Vec<&str> {
        let wanted = self.filter.to_lowercase();
        self.world
            .loops
            .iter()
            .map(|row| row.name.as_str())
            .filter(|name| name.to_lowercase().contains(&wanted))
            .collect()
    }

    /// The chosen loop's name.
    pub fn name(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// The run that the panes show: the chosen loop's newest.
    pub fn run(&self) -> Option<&Run> {
        self.world.newest(self.name()?)
    }

    pub(crate) fn keep_selection(&mut self) {
        let gone = self.selected.clone();
        let gone = gone.filter(|name| self.world.row(name).is_none() && name != PLAIN);
        let names = self.names();
        let kept = self.name().is_some_and(|n| names.contains(&n));
        if !kept {
            let waiting = self.world.waiting().first().map(|(run, ..)| run.name());
            let first = waiting
                .filter(|n| names.contains(n))
                .or(names.first().copied());
            self.selected = first.map(str::to_owned);
            self.turned();
        }
        // Another loop stands in its place now, and keys act on that one.
        if let Some(gone) = gone {
            self.toast = Some(format!(
                "{gone} has left the list: its file is gone and no run of it goes on; `checkride log {gone}` tells its past"
            ));
        }
    }

    /// The terminal's title.
    pub fn title(&self) -> String {
        match self.world.waiting().len() {
            0 => "checkride".to_owned(),
            n => format!("◆ {n} · checkride"),
        }
    }
}
