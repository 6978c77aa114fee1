//! Decides when a run counts as diverged.

/// Watches the train loss for values that are not finite or far above that of uniform guessing.
#[derive(Clone, Debug)]
pub struct Watch {
    ceiling: f64,
}

/// Nats above the loss of uniform guessing, `ln V`, from which on a run counts as diverged.
const MARGIN: f64 = 2.0;

impl Watch {
    /// A watch for models with this vocabulary size.
    pub fn new(vocab_size: usize) -> Self {
        Watch { ceiling: (vocab_size as f64).ln() + MARGIN }
    }

    /// Reason why the run has diverged at this loss and gradient norm; `None` if it has not.
    pub fn verdict(&self, loss: f64, grad_norm: f64) -> Option<String> {
        if !loss.is_finite() {
            Some(format!("the train loss became {loss}"))
        } else if !grad_norm.is_finite() {
            Some(format!("the gradient norm became {grad_norm}"))
        } else if loss > self.ceiling {
            let ceiling = self.ceiling;
            Some(format!(
                "the train loss reached {loss:.2}, above {ceiling:.2} nats (uniform guessing and {MARGIN} more)"
            ))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_or_far_above_guessing_has_diverged() {
        let watch = Watch::new(256);
        assert_eq!(watch.verdict(5.6, 3.0), None);
        assert_eq!(watch.verdict(7.5, 1e9), None);
        assert!(watch.verdict(7.6, 1.0).unwrap().contains("reached 7.60, above 7.55"));
        assert!(watch.verdict(f64::NAN, 1.0).unwrap().contains("NaN"));
        assert!(watch.verdict(3.0, f64::INFINITY).unwrap().contains("inf"));
    }
}
