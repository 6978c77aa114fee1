//! Computes a test loss and its standard error from nats per token.

use serde::{Deserialize, Serialize};

/// Loss on the scored test text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestLoss {
    /// Mean nats over the scored tokens, separators included.
    pub nats_per_token: f64,
    /// Standard error of `nats_per_token`, clustered by document because the tokens of one document
    /// err together; `None` with a single document. It measures the choice of documents, not that
    /// of a run's seed.
    pub standard_error: Option<f64>,
    /// Total nats, divided by ln 2 and by the bytes of text (separators are not text). It can be
    /// compared between tokenizers.
    pub bits_per_byte: f64,
    /// Number of scored tokens.
    pub tokens: usize,
}

impl TestLoss {
    /// Computes the loss from the nats and the number of tokens of each document (`clusters`).
    ///
    /// The loss is the ratio estimator `r = sum y / sum n`, and its linearised standard error is
    /// `sqrt(m / (m - 1) sum (y - r n)^2) / sum n` (Cochran 1977, Sampling Techniques, 6.3, without
    /// the correction for a finite population).
    pub(crate) fn of_clusters(clusters: &[(f64, usize)], text_bytes: usize) -> Self {
        let nats: f64 = clusters.iter().map(|(nats, _)| nats).sum();
        let tokens: usize = clusters.iter().map(|(_, tokens)| tokens).sum();
        let nats_per_token = nats / tokens as f64;
        let m = clusters.len() as f64;
        let squares: f64 =
            clusters.iter().map(|(nats, n)| (nats - nats_per_token * *n as f64).powi(2)).sum();
        TestLoss {
            nats_per_token,
            standard_error: (clusters.len() > 1)
                .then(|| (m / (m - 1.0) * squares).sqrt() / tokens as f64),
            bits_per_byte: nats / std::f64::consts::LN_2 / text_bytes as f64,
            tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::rng::{Purpose, below, normal_pair, stream};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn clusters_of_one_token_give_the_error_of_a_mean(nats in prop::collection::vec(0.0..9.0f64, 2..50)) {
            let clusters: Vec<_> = nats.iter().map(|&y| (y, 1)).collect();
            let loss = TestLoss::of_clusters(&clusters, nats.len());
            let n = nats.len() as f64;
            let mean = nats.iter().sum::<f64>() / n;
            let variance = nats.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / (n - 1.0);
            prop_assert!((loss.nats_per_token - mean).abs() < 1e-12);
            prop_assert!((loss.standard_error.unwrap() - (variance / n).sqrt()).abs() < 1e-12);
            prop_assert!((loss.bits_per_byte - mean / 2f64.ln()).abs() < 1e-12);
        }
    }

    #[test]
    fn the_error_is_the_spread_over_repeated_draws_of_documents() {
        // The documents differ in length and in a level that all their tokens share.
        let mut rng = stream(0, Purpose::Bootstrap, 0);
        let mut draw = || {
            let clusters: Vec<_> = (0..100)
                .map(|_| {
                    let tokens = 1 + below(&mut rng, 200) as usize;
                    ((2.0 + normal_pair(&mut rng).0) * tokens as f64, tokens)
                })
                .collect();
            TestLoss::of_clusters(&clusters, 1)
        };
        let losses: Vec<_> = (0..2000).map(|_| draw()).collect();
        let mean = |f: &dyn Fn(&TestLoss) -> f64| losses.iter().map(f).sum::<f64>() / 2000.0;
        let centre = mean(&|loss| loss.nats_per_token);
        let spread = mean(&|loss| (loss.nats_per_token - centre).powi(2)).sqrt();
        let claimed = mean(&|loss| loss.standard_error.unwrap());
        // The spread of 2,000 draws is known to 2 %, and linearisation is a few per cent low for
        // 100 clusters.
        assert!((claimed / spread - 1.0).abs() < 0.06, "{claimed} claimed, {spread} seen");
    }

    #[test]
    fn one_document_has_no_error() {
        assert_eq!(TestLoss::of_clusters(&[(3.0, 2)], 1).standard_error, None);
    }
}
