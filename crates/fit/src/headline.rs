//! Which of a fit's two intervals every place shows.

use crate::output::{Bootstrap, Estimate, Interval, Profile};
use std::collections::BTreeMap;

/// Keeps the replicates' intervals beside `bootstrap` and, where units are few, puts the profiles' in
/// their place.
pub(crate) fn choose(
    parameters: &mut BTreeMap<String, Estimate>,
    profiles: &[Profile],
    few: bool,
    bootstrap: &mut Bootstrap,
) {
    bootstrap.intervals = parameters
        .iter()
        .map(|(name, estimate)| {
            (
                name.clone(),
                Interval {
                    low: estimate.low,
                    high: estimate.high,
                },
            )
        })
        .collect();
    bootstrap.headline = if few { "profile" } else { "replicates" }.into();
    if !few {
        return;
    }
    for profile in profiles {
        if let Some(estimate) = parameters.get_mut(&profile.parameter) {
            *estimate = Estimate {
                low: profile.low,
                high: profile.high,
                ..*estimate
            }
            .with_its_value();
        }
    }
}
