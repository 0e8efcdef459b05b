//! The table of everything a key can do: its keys, its words, where it means something.
//! Hints and help are read from it; whether it can be done just now is `app/why.rs`.

use super::keymap::{Key, Place};

/// What the operator means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Take the step named in the bar.
    Approve,
    /// Edit what is in front of you.
    Edit,
    /// Do the step over.
    Retry,
    /// Stop this run; at a checkpoint: its fourth answer.
    Stop,
    /// Stop all runs, switch all triggers off.
    StopAll,
    /// Start this loop now; pick a stopped run up.
    Start,
    /// Let a loop run as it was shown.
    Allow,
    /// Run a plain prompt once.
    Ask,
    /// Hold at the next safe point, or go on.
    Hold,
    /// Take the last decision back.
    Undo,
    /// Go to the longest waiting checkpoint.
    Waiting,
    /// Show the prompt.
    Prompt,
    /// Show the diff.
    Diff,
    /// Show the verdict.
    Verdict,
    /// Show the output.
    Output,
    /// Show or edit the memory.
    Memory,
    /// Answer the numbered rubric line.
    Toggle,
    /// What happened while nobody was here.
    Away,
    /// The list of runs.
    Timeline,
    /// The four bones.
    Inspect,
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// Next value.
    More,
    /// Previous value.
    Less,
    /// Next pane or tab.
    Next,
    /// Previous pane or tab.
    Previous,
    /// The numbered pane.
    Pane,
    /// The focused pane takes all the room.
    Zoom,
    /// Follow the live end.
    Follow,
    /// Previous iteration.
    Earlier,
    /// Next iteration.
    Later,
    /// Open or choose. Never approves.
    Open,
    /// Back, close, decide later.
    Back,
    /// Leave; asks where runs are active.
    Quit,
    /// Filter a list.
    Filter,
    /// Next match.
    NextMatch,
    /// Previous match.
    PreviousMatch,
    /// Open in the operator's editor.
    Outside,
    /// Copy.
    Copy,
    /// Copy the path of what is shown.
    CopyPath,
    /// Help for this place.
    Help,
    /// Back to the shell for a while.
    Suspend,
    /// Draw everything again.
    Redraw,
    /// Quit: leave the runs running.
    LeaveRunning,
    /// Quit: hold the runs, then leave.
    HoldAll,
    /// Conflict: keep mine.
    KeepMine,
    /// Conflict: take theirs.
    TakeTheirs,
    /// Conflict: merge by hand.
    Merge,
}

/// Where a row stands in help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The four answers and their pages.
    Checkpoint,
    /// What is done to loops and runs.
    Loops,
    /// Moving.
    Move,
    /// Everywhere.
    Everywhere,
    /// Only in a dialogue, which names it itself.
    Dialogue,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What it means.
    pub action: Action,
    /// The keys; the first one is shown in hints.
    pub keys: &'static [Key],
    /// The keys as hints and help write them.
    pub shown: &'static str,
    /// The word in the hint line; empty where it is not hinted.
    pub hint: &'static str,
    /// The words in help.
    pub help: &'static str,
    /// Where it stands in help.
    pub group: Group,
    /// Where it means something.
    pub places: &'static [Place],
}

use Key::{Char, Ctrl};
use Place::{Away, Dialogue, FirstRun, Form, Help, Inspect, Main, Pages, Review, Timeline};

const ALL: &[Place] = &[
    Main, Pages, Timeline, Inspect, Review, Away, Help, Form, Dialogue, FirstRun,
];
const LISTS: &[Place] = &[
    Main, Pages, Timeline, Inspect, Review, Away, Help, Form, FirstRun,
];
const READ: &[Place] = &[Main, Pages, Timeline, Inspect, Review, Help];
const RUNS: &[Place] = &[Main, Pages];
const STOPPING: &[Place] = &[
    Main, Pages, Timeline, Inspect, Review, Away, Help, Form, Dialogue, FirstRun,
];

macro_rules! row {
    ($action:ident, $keys:expr, $shown:literal, $hint:literal, $help:literal, $group:ident, $places:expr) => {
        Entry {
            action: Action::$action,
            keys: &$keys,
            shown: $shown,
            hint: $hint,
            help: $help,
            group: Group::$group,
            places: $places,
        }
    };
}

/// Everything a key can do, in the order of the hint line.
#[rustfmt::skip]
pub const TABLE: &[Entry] = &[
    row!(Waiting, [Char('c')], "c", "open checkpoint", "go to what needs you", Move, &[Main, Pages, Timeline, Inspect, Away, Help]),
    row!(Start, [Char('s')], "s", "start", "start now", Loops, &[Main, Inspect]),
    row!(Ask, [Char('P')], "P", "plain prompt", "plain prompt: once, without the loop", Loops, &[Inspect]),
    row!(Allow, [Char('a')], "a", "allow and start", "review: allow exactly what is shown", Loops, &[Review]),
    row!(Approve, [Char('a')], "a", "", "approve: take the next step", Checkpoint, RUNS),
    row!(Edit, [Char('e')], "e", "", "edit what is in front of you", Checkpoint, RUNS),
    row!(Retry, [Char('r')], "r", "", "retry, with a note; a stopped run: go on", Checkpoint, RUNS),
    row!(Stop, [Char('x')], "x", "stop run", "stop run, keep all", Checkpoint, STOPPING_ONE),
    row!(Hold, [Char(' ')], "space", "hold", "hold at the next safe point", Loops, &[Main]),
    row!(Follow, [Char('f')], "f", "follow", "follow the live end", Move, &[Main]),
    row!(Down, [Char('j'), Key::Down], "j k ↑ ↓", "", "line", Move, LISTS),
    row!(Up, [Char('k'), Key::Up], "", "", "", Move, LISTS),
    row!(First, [Char('g'), Key::Home], "g G", "", "first, last", Move, LISTS),
    row!(Last, [Char('G'), Key::End], "", "", "", Move, LISTS),
    row!(PageDown, [Key::PageDown, Ctrl('d')], "PgUp PgDn", "", "page; also Ctrl-u Ctrl-d", Move, LISTS),
    row!(PageUp, [Key::PageUp, Ctrl('u')], "", "", "", Move, LISTS),
    row!(Earlier, [Char('[')], "[ ]", "iteration", "previous, next iteration", Move, &[Main, Pages, Timeline]),
    row!(Later, [Char(']')], "", "", "", Move, &[Main, Pages, Timeline]),
    row!(Timeline, [Char('t')], "t", "timeline", "timeline", Everywhere, &[Main, Pages, Inspect]),
    row!(Away, [Char('b')], "b", "", "what happened meanwhile", Everywhere, &[Main, Timeline, Inspect, Away]),
    row!(Memory, [Char('m')], "m", "memory", "memory", Everywhere, &[Main, Pages, Inspect]),
    row!(StopAll, [Char('X')], "X", "stop all", "stop all, switch all off", Loops, STOPPING),
    row!(Inspect, [Char('i')], "i", "inspect", "inspect the four bones", Loops, &[Main]),
    row!(Next, [Key::Tab], "Tab", "pane", "next pane, tab; Shift back", Move, &[Main, Pages]),
    row!(Previous, [Key::BackTab], "", "", "", Move, &[Main, Pages]),
    row!(Zoom, [Char('z')], "z", "zoom", "zoom pane", Move, &[Main]),
    row!(Filter, [Char('/')], "/ n N", "search", "search or filter; next", Everywhere, READ),
    row!(Open, [Key::Enter], "Enter", "open", "open, choose; never approves", Move, &[Main, Timeline, Away, Form, FirstRun]),
    row!(More, [Char('l'), Char(' '), Key::Right], "h l", "change", "change a value in a form", Move, &[Form]),
    row!(Less, [Char('h'), Key::Left], "", "", "", Move, &[Form]),
    row!(Pane, [Char('1'), Char('2'), Char('3'), Char('4')], "1 2 3 4", "", "pane by number", Move, &[Main, FirstRun]),
    row!(Toggle, [ Char('1'), Char('2'), Char('3'), Char('4'), Char('5'), Char('6'), Char('7'), Char('8'), Char('9') ], "1–9", "", "answer a rubric line", Checkpoint, &[Pages]),
    row!(Prompt, [Char('p')], "p d v m o", "", "prompt diff verdict memory output", Checkpoint, &[Main, Pages, Timeline]),
    row!(Diff, [Char('d')], "", "", "", Checkpoint, &[Main, Pages, Timeline]),
    row!(Verdict, [Char('v')], "", "", "", Checkpoint, &[Main, Pages, Timeline]),
    row!(Output, [Char('o')], "", "", "", Checkpoint, &[Main, Pages, Timeline]),
    row!(Outside, [Char('E')], "E", "$EDITOR", "open in $VISUAL or $EDITOR", Everywhere, &[Main, Pages, Inspect, Review, Form]),
    row!(Copy, [Char('y')], "y", "copy", "copy; works over SSH", Everywhere, &[Main, Pages, Timeline, Inspect]),
    row!(CopyPath, [Char('Y')], "Y", "", "copy its path", Everywhere, &[Main, Pages, Timeline, Inspect]),
    row!(NextMatch, [Char('n')], "", "", "", Everywhere, READ),
    row!(PreviousMatch, [Char('N')], "", "", "", Everywhere, READ),
    row!(Undo, [Char('u')], "u", "undo", "undo last decision; timeline: restore", Everywhere, &[Main, Pages, Timeline, Inspect]),
    row!(LeaveRunning, [Char('q')], "q", "leave them running", "", Dialogue, &[Dialogue]),
    row!(HoldAll, [Char(' ')], "space", "hold, then leave", "", Dialogue, &[Dialogue]),
    row!(Stop, [Char('x')], "x", "stop, then leave", "", Dialogue, &[Dialogue]),
    row!(KeepMine, [Char('k')], "k", "keep mine", "", Dialogue, &[Dialogue]),
    row!(TakeTheirs, [Char('t')], "t", "take theirs", "", Dialogue, &[Dialogue]),
    row!(Merge, [Char('e')], "e", "merge by hand", "", Dialogue, &[Dialogue]),
    row!(Back, [Key::Esc], "Esc", "", "back, close, decide later", Everywhere, ALL),
    row!(Quit, [Char('q'), Ctrl('c')], "q Ctrl-c", "", "back; quit from the top", Everywhere, ALL),
    row!(Help, [Char('?')], "?", "help", "this help", Everywhere, ALL),
    row!(Suspend, [Ctrl('z')], "Ctrl-z", "", "suspend", Everywhere, ALL),
    row!(Redraw, [Ctrl('l')], "Ctrl-l", "", "redraw", Everywhere, ALL),
];

const STOPPING_ONE: &[Place] = &[Main, Pages, Timeline, Inspect];

/// The row of an action in a place.
pub fn entry(place: Place, action: Action) -> Option<&'static Entry> {
    TABLE
        .iter()
        .find(|row| row.action == action && row.places.contains(&place))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In no place does a key mean two things.
    #[test]
    fn one_key_one_meaning() {
        for &place in ALL {
            let mut seen = Vec::new();
            for row in TABLE.iter().filter(|r| r.places.contains(&place)) {
                for key in row.keys {
                    // A dialogue names its keys itself; `q` there is the first row that has it.
                    assert!(
                        place == Dialogue || !seen.contains(key),
                        "{key:?} twice in {place:?}"
                    );
                    seen.push(*key);
                }
            }
        }
    }

    /// Only keys that the terminal world already owns come with Ctrl.
    #[test]
    fn no_stolen_chords() {
        for key in TABLE.iter().flat_map(|r| r.keys) {
            if let Ctrl(c) = key {
                assert!("czldu".contains(*c), "Ctrl-{c}");
            }
        }
    }
}
