//! The terminal is lent, to a shell or an editor: what comes back with it, its size too.

use std::io;

use super::{Cockpit, terminal};
use crate::protocol::{Command, Fetch, Written};

impl Cockpit {
    /// Draws for the size that the terminal has now. While it is lent nobody tells of another one.
    pub(super) fn resized(&mut self) -> io::Result<()> {
        let out = self.app.resize(self.screen.size()?);
        self.draw()?;
        self.carry_out(out).map(drop)
    }

    /// Lends it to the editor for a file of this loop, and says what was written there.
    pub(super) fn edit_file(&mut self, path: String, name: String) {
        let file = terminal::path_in(&self.app.world.project, &path);
        let facts = self.app.world.facts(&name);
        let is_memory = facts.is_some_and(|f| f.spec.memory.path == path);
        let before = terminal::digest_of(&file);
        if let Err(why) = self.screen.edit_file(&self.options.editor, &file) {
            self.say(why);
        }
        let after = terminal::digest_of(&file).filter(|_| !is_memory);
        if let Some(after) = after.filter(|after| before.as_ref() != Some(after)) {
            let files = vec![Written {
                path,
                before,
                after,
            }];
            self.send(Command::Wrote { files });
        }
        self.send(Command::Fetch(Fetch::Memory { name }));
    }
}
