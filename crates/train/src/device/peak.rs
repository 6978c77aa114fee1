//! Measures how fast a device multiplies matrices, as the peak that MFU refers to.

use super::TrainDevice;
use crate::ops::peak_product;
use burn::tensor::Tensor;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Minimum time of a product that is long enough to be measured.
const LONG_ENOUGH: Duration = Duration::from_millis(20);

/// Sides of the matrices: the first and the last that are tried.
const SIDES: (usize, usize) = (256, 4096);

/// Peaks that this process has measured, by kind of device.
static KNOWN: Mutex<Vec<(String, f64)>> = Mutex::new(Vec::new());

/// Measured FLOP/s of the product of two square `f32` matrices: on the processor with one core and
/// its own kernel, elsewhere with the kernel that training uses. The side doubles until a product
/// takes 20 ms, and the best of three counts. It is measured once per process.
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
    // The first product compiles the kernel or fills caches.
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
    // Reading a single number of the matrix waits for the whole product and moves next to nothing.
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
        // At 1 TFLOP/s a product takes 20 ms for sides of more than 2048, so 4096 is reached.
        let product = |side: usize| Duration::from_secs_f64(2.0 * (side as f64).powi(3) / 1e12);
        assert!((measure(&product) / 1e12 - 1.0).abs() < 1e-6);
    }
}
