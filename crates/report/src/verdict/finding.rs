//! One finding of the verdict.

/// A sentence of the verdict. Its exponents are raised as in the labels of charts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) text: String,
    /// Points that the sentence rests on; empty where there is nothing to add.
    pub(crate) aside: String,
}

impl Finding {
    pub(super) fn plain(text: String) -> Finding {
        let aside = String::new();
        Finding { text, aside }
    }
}
