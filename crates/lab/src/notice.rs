//! What is said and shown while something is done: lines on a terminal, a list in a test.

use crate::prices::Prices;
use isoflop_sweep::supervise::Watcher;
use isoflop_sweep::{Plan, ResultsFolder};

/// Is told of what happens.
pub trait Notice: Sync {
    /// A line that somebody should read.
    fn note(&self, line: &str);

    /// Something remarkable about a file, which is said once however often the file is read.
    fn remark(&self, remark: &str);

    /// How far something is that takes a while.
    fn bar(&self, bar: Bar);

    /// A plan's runs begin to be trained; what becomes of them is for the watcher.
    fn begun<'a>(&'a self, begun: Begun<'a>) -> Box<dyn Watcher + 'a>;
}

/// How far something is that takes a while.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// A text is being prepared.
    Text(isoflop_data::Progress),
    /// The text is prepared, or cannot be.
    TextEnded,
    /// This share of the work of fits is done.
    Fits(f64),
    /// The fits are done, or cannot be.
    FitsEnded,
}

/// The runs of a plan that are about to be trained.
pub struct Begun<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Where its results are.
    pub folder: &'a ResultsFolder,
    /// Workers at a time.
    pub jobs: usize,
    /// What its runs cost.
    pub prices: Prices,
    /// Runs that earlier commands have ended.
    pub done: usize,
}

/// Calls what prepares a text, with its progress shown.
pub(crate) fn preparing<T>(
    notice: &dyn Notice,
    prepare: impl FnOnce(&dyn Fn(isoflop_data::Progress)) -> T,
) -> T {
    let prepared = prepare(&|progress| notice.bar(Bar::Text(progress)));
    notice.bar(Bar::TextEnded);
    prepared
}
