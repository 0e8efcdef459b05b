//! Which triggers are switched off. «All» names no loop: what is not here at that moment is off, too, and so is
//! whatever comes later.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What is switched off, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Off {
    /// These loops.
    These(BTreeSet<String>),
    /// Every loop there is or will be, but for those that were armed by name since.
    All {
        /// Armed by name.
        but: BTreeSet<String>,
    },
}

impl Default for Off {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl Off {
    /// Reads it back; `None` where it cannot be read.
    pub(super) fn read(kept: Option<&str>) -> Option<Self> {
        kept.map_or_else(
            || Some(Self::default()),
            |text| serde_json::from_str(text).ok(),
        )
    }

    /// Whether this loop's trigger is off.
    pub(super) fn holds(&self, name: &str) -> bool {
        match self {
            Self::These(names) => names.contains(name),
            Self::All { but } => !but.contains(name),
        }
    }

    /// Whether any may be.
    pub(super) fn any(&self) -> bool {
        match self {
            Self::These(names) => !names.is_empty(),
            Self::All { .. } => true,
        }
    }

    /// The same with one trigger switched off or on, or all where no loop is named.
    pub(super) fn switched(&self, name: Option<&str>, off: bool) -> Self {
        let Some(name) = name else {
            let but = BTreeSet::new();
            return if off {
                Self::All { but }
            } else {
                Self::default()
            };
        };
        let mut switched = self.clone();
        let (names, there) = match &mut switched {
            Self::These(names) => (names, off),
            Self::All { but } => (but, !off),
        };
        if there {
            names.insert(name.to_owned());
        } else {
            names.remove(name);
        }
        switched
    }
}

#[cfg(test)]
mod tests {
    use super::Off;

    #[test]
    fn all_is_all_there_will_be() {
        let off = Off::default().switched(Some("one"), true);
        assert!(off.holds("one") && !off.holds("two"));
        let off = off.switched(None, true);
        assert!(off.holds("one") && off.holds("never heard of"));
        let off = off.switched(Some("two"), false);
        assert!(!off.holds("two") && off.holds("one") && off.any());
        let kept = serde_json::to_string(&off).unwrap();
        assert_eq!(Off::read(Some(&kept)), Some(off.clone()));
        let off = off.switched(Some("two"), true);
        assert!(off.holds("two"));
        assert_eq!(off.switched(None, false), Off::default());
    }

    /// Earlier versions kept a list of names.
    #[test]
    fn earlier_states_are_read() {
        let off = Off::read(Some(r#"["one"]"#)).unwrap();
        assert!(off.holds("one") && !off.holds("two") && off.any());
        assert_eq!(Off::read(Some("[]")), Some(Off::default()));
        assert_eq!(Off::read(None), Some(Off::default()));
        assert_eq!(Off::read(Some("[\"on")), None);
    }
}
