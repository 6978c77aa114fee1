//! Decides when a run counts as diverged.

/// Watches the train loss for values that are not finite, or that stay far above that of uniform
/// guessing.
#[derive(Clone, Debug)]
pub struct Watch {
    ceiling: f64,
}

/// Nats above the loss of uniform guessing, `ln V`, that a run which trains does not keep.
const MARGIN: f64 = 2.0;

/// Steps in a row above the ceiling from which on a run counts as diverged. A single batch may be of text
/// that the model is surely wrong about, above all where a batch is one window.
const PATIENCE: u64 = 8;

impl Watch {
    /// A watch for models with this vocabulary size.
    pub fn new(vocab_size: usize) -> Self {
        Watch { ceiling: (vocab_size as f64).ln() + MARGIN }
    }

    /// Number of steps in a row above the ceiling, this one included, after `before` of them.
    pub fn steps_above(&self, loss: f64, before: u64) -> u64 {
        if loss > self.ceiling { before + 1 } else { 0 }
    }

    /// Reason why the run has diverged at this loss and gradient norm, after so many steps in a row above
    /// the ceiling; `None` if it has not.
    pub fn verdict(&self, loss: f64, grad_norm: f64, above: u64) -> Option<String> {
        if !loss.is_finite() {
            Some(format!("the train loss became {loss}"))
        } else if !grad_norm.is_finite() {
            Some(format!("the gradient norm became {grad_norm}"))
        } else if above >= PATIENCE {
            let ceiling = self.ceiling;
            Some(format!(
                "the train loss was above {ceiling:.2} nats (uniform guessing and {MARGIN} more) for {PATIENCE} steps, \
                 {loss:.2} at last"
            ))
        } else {
            None
        }
    }

    /// Reason why a run with this test loss at its end has diverged; `None` if it has not.
    pub fn of_test_loss(&self, loss: f64) -> Option<String> {
        let ceiling = self.ceiling;
        let above = format!("above {ceiling:.2} nats (uniform guessing and {MARGIN} more)");
        match loss.is_finite() {
            true => {
                (loss > ceiling).then(|| format!("the test loss was {loss:.2} at the end, {above}"))
            }
            false => Some(format!("the test loss became {loss}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_or_stays_far_above_guessing_has_diverged() {
        let watch = Watch::new(256);
        assert_eq!(watch.verdict(5.6, 3.0, 0), None);
        assert_eq!(watch.verdict(9.0, 1e9, 7), None);
        let reason = watch.verdict(7.6, 1.0, 8).unwrap();
        assert!(reason.contains("above 7.55 nats") && reason.contains("7.60 at last"), "{reason}");
        assert!(watch.verdict(f64::NAN, 1.0, 0).unwrap().contains("NaN"));
        assert!(watch.verdict(3.0, f64::INFINITY, 0).unwrap().contains("inf"));
    }

    #[test]
    fn a_run_that_ends_far_above_guessing_has_diverged() {
        let watch = Watch::new(256);
        assert_eq!(watch.of_test_loss(7.5), None);
        assert!(watch.of_test_loss(7.6).unwrap().contains("was 7.60 at the end, above 7.55"));
        assert!(watch.of_test_loss(f64::NAN).unwrap().contains("became NaN"));
    }

    #[test]
    fn steps_above_the_ceiling_count_in_a_row() {
        let watch = Watch::new(256);
        let after =
            |losses: &[f64]| losses.iter().fold(0, |before, loss| watch.steps_above(*loss, before));
        assert_eq!(after(&[7.6; 9]), 9);
        assert_eq!(after(&[8.0, 8.0, 7.5, 8.0]), 1);
        assert_eq!(after(&[8.0, f64::NAN]), 0);
    }
}
