//! What axes of losses are called.

use crate::chart::LossAxis;
use crate::view::View;

/// Losses as axes name them.
pub(crate) const LOSS: &str = "test loss (nats per token)";

/// What an axis of losses is called, given in nats per token.
pub(crate) fn loss_label(view: &View<'_>, nats: &str) -> String {
    match view.by_bytes() {
        true => nats.replace("nats per token", "bits per byte"),
        false => nats.to_owned(),
    }
}

/// Whether the page can show an axis of losses in bits per byte: not where it does already.
pub(super) fn loss_axis(view: &View<'_>) -> LossAxis {
    match view.by_bytes() {
        true => LossAxis::Neither,
        false => LossAxis::Y,
    }
}
