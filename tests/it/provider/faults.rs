//! S11, S12: every fault of a model server ends in a new try, a wait, or one line that names it.
