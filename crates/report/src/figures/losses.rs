//! Names of axes of losses.

use crate::chart::LossAxis;
use crate::view::View;

/// Name of an axis of losses in nats per token.
pub(crate) const LOSS: &str = "test loss (nats per token)";

/// The name of an axis of losses in the unit of the report, made of its name in nats per token.
pub(crate) fn loss_label(view: &View<'_>, nats: &str) -> String {
    match view.by_bytes() {
        true => nats.replace("nats per token", "bits per byte"),
        false => nats.to_owned(),
    }
}

/// The axis that the page can show in bits per byte: none where losses are in bits per byte already.
pub(super) fn loss_axis(view: &View<'_>) -> LossAxis {
    match view.by_bytes() {
        true => LossAxis::Neither,
        false => LossAxis::Y,
    }
}
