//! Caches constants of composed operations on a device, so that every layer of every step shares
//! them.

use burn::tensor::{Device, Tensor};

/// Maximum number of constants of one kind that are kept per device. A sweep has one context and a
/// few widths of heads, and a pass has one batch.
const MOST: usize = 4;

/// Constants of one kind, by device and key; the oldest are dropped first.
pub(crate) struct Constants<K, T>(Vec<(Device, Vec<(K, T)>)>);

impl<K: PartialEq, T: Clone> Constants<K, T> {
    pub(crate) const fn new() -> Self {
        Constants(Vec::new())
    }

    /// The constant with a key on a device without autodiff; `make` makes it if it is not cached.
    pub(crate) fn of(&mut self, device: &Device, key: K, make: impl FnOnce(&Device) -> T) -> T {
        let device = device.clone().without_autodiff();
        let at = match self.0.iter().position(|(known, _)| *known == device) {
            Some(at) => at,
            None => {
                self.0.push((device.clone(), Vec::new()));
                self.0.len() - 1
            }
        };
        let kept = &mut self.0[at].1;
        if let Some((_, constant)) = kept.iter().find(|(other, _)| *other == key) {
            return constant.clone();
        }
        if kept.len() == MOST {
            kept.remove(0);
        }
        let constant = make(&device);
        kept.push((key, constant.clone()));
        constant
    }
}

/// Moves a constant to the autodiff side if the device's tensors are there.
pub(crate) fn among<const D: usize>(constant: Tensor<D>, device: &Device) -> Tensor<D> {
    match device.is_autodiff() {
        true => Tensor::from_inner(constant),
        false => constant,
    }
}
