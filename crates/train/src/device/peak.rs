//! How fast a device multiplies matrices, measured: what the share of its peak is taken of.

use super::TrainDevice;
use crate::ops::peak_product;
use burn::tensor::Tensor;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A product that takes so long is large enough to be timed.
const LONG_ENOUGH: Duration = Duration::from_millis(20);

/// Sides of products: the first, and the last that is tried.
const SIDES: (usize, usize) = (256, 4096);

/// Peaks of this process by kind of device.
static KNOWN: Mutex<Vec<(String, f64)>> = Mutex::new(Vec::new());

/// FLOP/s of a product of two square `f32` matrices: on the processor on one core by its own
/// kernel, elsewhere by the one that training uses. The side doubles until a product takes
/// 20 ms; the best of three. Measured once a process.
pub fn peak_flops_per_s(device: &TrainDevice) -> f64 {
    let kind = device.kind();
    let known = || KNOWN.lock().unwrap_or_else(|poison| poison.into_inner());
    if let Some((_, peak)) = known().iter().find(|(other, _)| *other == kind) {
        return *peak;
    }
    let peak = measure(&|side| match device.name() {
        "cpu" => peak_product(side),
        _ => product(device, side),
    });
    known().push((kind, peak));
    peak
}

fn measure(product: &dyn Fn(usize) -> Duration) -> f64 {
    let mut side = SIDES.0;
    // The first compiles, or fills caches.
    product(side);
    while side < SIDES.1 && product(side) < LONG_ENOUGH {
        side *= 2;
    }
    let best = (0..3).map(|_| product(side)).min().unwrap_or_default();
    2.0 * (side as f64).powi(3) / best.as_secs_f64()
}

fn product(device: &TrainDevice, side: usize) -> Duration {
    let matrix = || Tensor::<2>::full([side, side], 0.5, &device.tensors());
    let (a, b) = (matrix(), matrix());
    // One number of a matrix: to look at it waits for the whole and moves next to nothing.
    let wait = |x: Tensor<2>| x.narrow(0, 0, 1).narrow(1, 0, 1).into_scalar::<f32>();
    wait(b.clone());
    let started = Instant::now();
    wait(a.matmul(b));
    started.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_of_known_speed_gives_that_speed() {
        // 1 TFLOP/s, so that 20 ms are reached at 4096.
        let product = |side: usize| Duration::from_secs_f64(2.0 * (side as f64).powi(3) / 1e12);
        assert!((measure(&product) / 1e12 - 1.0).abs() < 1e-6);
    }
}
