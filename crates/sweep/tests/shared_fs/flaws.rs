//! Ways to break the protocol on purpose. Each takes one thing away that the protocol rests on, and
//! a schedule has to miss it.

/// What the protocol is robbed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A line is written like any other file, so that it replaces one that is there.
    Overwrites,
    /// A line is written when the client lists none, without exclusive creation.
    LooksThenWrites,
    /// A holder takes its claim for its own to end, though somebody else has ended it.
    IgnoresTheEnd,
    /// The lines of a run are removed with its end, as leases once were.
    RemovesLines,
    /// A process that is told that its line was there does not look whose it is.
    TrustsTheFirstAnswer,
    /// A record that waits to be placed is placed by its author alone.
    LeavesRecordsToTheirAuthors,
    /// A state is named by its step alone.
    NamesStatesByStep,
    /// Holders give no signs of life.
    GivesNoSignOfLife,
    /// Watchers measure by a clock that somebody sets.
    ReadsTheWallClock,
}

impl Flaw {
    pub(crate) const ALL: [Flaw; 9] = [
        Flaw::Overwrites,
        Flaw::LooksThenWrites,
        Flaw::IgnoresTheEnd,
        Flaw::RemovesLines,
        Flaw::TrustsTheFirstAnswer,
        Flaw::LeavesRecordsToTheirAuthors,
        Flaw::NamesStatesByStep,
        Flaw::GivesNoSignOfLife,
        Flaw::ReadsTheWallClock,
    ];

    /// Parts of the problems by which the flaw may show.
    pub(crate) fn shows_as(self) -> &'static [&'static str] {
        match self {
            Flaw::Overwrites => &["finished twice", "trained twice at once", "taken from"],
            Flaw::LooksThenWrites => &["finished twice", "trained twice at once", "taken from"],
            Flaw::IgnoresTheEnd => &["finished twice", "of another"],
            Flaw::RemovesLines => &["finished twice"],
            Flaw::TrustsTheFirstAnswer => &["finished twice", "taken from", "has no record"],
            Flaw::LeavesRecordsToTheirAuthors => &["finished twice", "has no record"],
            Flaw::NamesStatesByStep => &["damaged"],
            Flaw::GivesNoSignOfLife => &["taken from", "trained twice at once"],
            Flaw::ReadsTheWallClock => &["taken from", "trained twice at once", "finished twice"],
        }
    }
}
