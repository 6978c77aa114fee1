//! How much work a fit is, for those who wait for it.

use crate::laws::Law;
use crate::options::Options;

/// What a fit costs beside others, in rows of a replicate of a sum of powers.
pub(crate) fn work(law: Law, rows: usize, options: &Options) -> u64 {
    let dear = match law {
        _ if law.form().is_some() => 1,
        _ if law.is_quick() => 4,
        _ => 20,
    };
    (dear * (rows + 20) * (options.bootstrap + 100)) as u64
}

/// Share of a fit's work that the walks of its profiles are.
pub(crate) const PROFILES: f64 = 0.15;
/// Share of a fit's work that its replicates are.
pub(crate) const REFITS: f64 = 0.5;
/// Share of a fit's work that its windows held out are.
pub(crate) const WINDOWS: f64 = 0.3;
