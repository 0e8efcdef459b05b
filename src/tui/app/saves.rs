//! Saves of memory files, and how `u` takes the last one back.

use crate::protocol::{Command, MemoryText};
use crate::run::Digest;

use super::field::Purpose;
use super::view::Save;
use super::{App, Newest, Out};

impl App {
    /// The command that saves a memory file; what it replaces is kept until the save is confirmed.
    pub(crate) fn save_memory(&mut self, base: &MemoryText, text: String) -> Out {
        let name = base.name.clone();
        self.saving = Some(Save {
            name: name.clone(),
            before: (base.text.clone(), base.digest.clone()),
            text: text.clone(),
            saved: Digest::of(text.as_bytes()),
        });
        let base = base.digest.clone();
        Out::Send(Command::SaveMemory { name, base, text })
    }

    /// A memory file as it stands on disk: the save on its way, if it is just that text.
    pub(crate) fn memory_came(&mut self, memory: &MemoryText) {
        self.asked.memory_came(&memory.name);
        let ours = |s: &mut Save| s.name == memory.name && s.saved == memory.digest;
        if let Some(save) = self.saving.take_if(ours) {
            self.newest = Newest::Memory(save);
            self.done(&format!("saved {}", memory.path));
        }
    }

    /// A save was refused: what was typed is in the editor again.
    pub(crate) fn unsaved(&mut self, what: &str) {
        let memories = &self.world.memories;
        let path = |save: &Save| memories.get(&save.name).map(|memory| memory.path.as_str());
        let ours = self.saving.as_ref().and_then(path) == Some(what);
        if let Some(save) = self.saving.take_if(|_| ours && self.field.is_none()) {
            let (before, base) = save.before;
            self.open_field(Purpose::Memory(save.name, base), &before);
            if let Some(field) = &mut self.field {
                field.replace(&save.text);
            }
        }
    }

    /// A command was done; a save that can be taken back says how.
    pub(crate) fn done(&mut self, what: &str) {
        let undo = match &self.newest {
            Newest::Memory(save) => {
                let memory = self.world.memories.get(&save.name);
                let saved = memory.is_some_and(|m| what == format!("saved {}", m.path));
                if saved { " · u to undo" } else { "" }
            }
            Newest::StopAll if what.ends_with("triggers are off") => " · u arms them",
            Newest::StopAll | Newest::Decision => "",
        };
        self.toast = Some(format!("{what}{undo}"));
        self.complained = None;
    }

    /// Puts the text back that stood there before a save; a later change of the file is a conflict.
    pub(crate) fn unsave(&mut self, save: Save) -> Out {
        self.toast = Some(format!("the memory of {} is put back", save.name));
        Out::Send(Command::SaveMemory {
            name: save.name,
            base: save.saved,
            text: save.before.0,
        })
    }
}
