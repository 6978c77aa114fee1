//! One finding of the verdict.

/// A sentence of the verdict, its exponents raised as in chart labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) text: String,
    /// What stands behind it.
    pub(crate) aside: String,
}

impl Finding {
    pub(super) fn plain(text: String) -> Finding {
        let aside = String::new();
        Finding { text, aside }
    }
}
