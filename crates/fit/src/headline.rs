//! Which of a fit's two intervals stands beside its estimates in every place that shows them.

use crate::output::{Bootstrap, Estimate, Interval, Profile};
use std::collections::BTreeMap;

/// Keeps the replicates' intervals beside `bootstrap` and, where units are few or rows lie far from the
/// law, puts the profiles' in their place.
pub(crate) fn choose(
    parameters: &mut BTreeMap<String, Estimate>,
    profiles: &[Profile],
    by_profile: bool,
    bootstrap: &mut Bootstrap,
) {
    bootstrap.intervals = parameters
        .iter()
        .map(|(name, estimate)| (name.clone(), Interval { low: estimate.low, high: estimate.high }))
        .collect();
    bootstrap.headline = if by_profile { "profile" } else { "replicates" }.into();
    if !by_profile {
        return;
    }
    for profile in profiles {
        if let Some(estimate) = parameters.get_mut(&profile.parameter) {
            *estimate =
                Estimate { low: profile.low, high: profile.high, ..*estimate }.with_its_value();
        }
    }
}
