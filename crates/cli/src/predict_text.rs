//! Predictions as a person reads them in a terminal, and how far they reach.

use crate::tables::{number, table};
use crate::verbs::predict::Answer;
use isoflop_core::units::{scientific, short};
use isoflop_fit::output::Estimate;
use isoflop_fit::predict::{At, Prediction};

/// Up to here beyond the windows a width that is carried on may still be right.
const CARRIED_ON: f64 = 30.0;

/// From here on a number is a guess.
const GUESS: f64 = 1000.0;

/// What to think of a prediction so far beyond the rows, in a stronger word the further it goes; nothing
/// within them. `windows` is how far rows held out have judged the law.
pub(crate) fn beyond(reach: f64, windows: Option<f64>) -> Option<String> {
    // The rows' own compute, rounded.
    if reach <= 1.05 {
        return None;
    }
    let measured = match windows {
        Some(windows) => format!("rows held out reach {} times", times(windows)),
        None => "no rows held out have judged this law".to_owned(),
    };
    let doubt = match reach {
        _ if windows.is_some_and(|windows| reach <= windows) => {
            return Some(format!(
                "note: C is {} times the largest fitted compute; {measured}, so that this width is measured",
                times(reach)
            ));
        }
        ..=CARRIED_ON => format!("{measured}, and beyond that the width is extrapolated"),
        ..=GUESS => {
            format!("{measured}, and so far beyond that the true interval may be much wider")
        }
        _ => format!(
            "{measured}, and nothing in these runs supports a number there: this is a guess, no forecast"
        ),
    };
    let word = if reach > CARRIED_ON { "warning" } else { "caution" };
    Some(format!("{word}: C is {} times the largest fitted compute; {doubt}", times(reach)))
}

/// A factor in two digits with separators, `2.5`, `1,200`, `40,000,000`; in powers of ten beyond a
/// million million.
pub(crate) fn times(x: f64) -> String {
    if !x.is_finite() || x <= 0.0 || x >= 1e12 {
        return scientific(x);
    }
    if x < 9.95 {
        let decimals = if x < 0.095 {
            3
        } else if x < 0.95 {
            2
        } else {
            1
        };
        let text = format!("{x:.decimals$}");
        return text.strip_suffix(".0").unwrap_or(&text).to_owned();
    }
    let unit = 10f64.powi(x.log10().floor() as i32 - 1);
    let digits = format!("{:.0}", (x / unit).round() * unit);
    let mut text = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.3k [10.1k, 15k]`, or a loss in four decimals.
fn shown(prediction: &Prediction) -> String {
    let Estimate { value, low, high, .. } = prediction.estimate;
    let write = match prediction.what {
        "n_opt" | "d_opt" | "n_effective" => short,
        _ => number,
    };
    match low.zip(high) {
        Some((low, high)) => format!("{} [{}, {}]", write(value), write(low), write(high)),
        None => write(value),
    }
}

/// `chinchilla`, `power in C (tokenizer=bytes)`.
fn name(answer: &Answer) -> String {
    let x = answer.x.as_ref();
    let x = x.map_or(String::new(), |x| format!(" in {x}"));
    match answer.series.as_str() {
        "" => format!("{}{x}", answer.law),
        series => format!("{}{x} ({series})", answer.law),
    }
}

pub(crate) fn text(answers: &[Answer], at: At) -> String {
    let given =
        |name: &str, value: Option<f64>| value.map(|v| format!("{name} = {}", scientific(v)));
    let plain = |name: &str, value: Option<f64>| value.map(|v| format!("{name} = {v}"));
    let asked = [
        given("N", at.n),
        given("D", at.d),
        given("C", at.c),
        plain("experts", at.experts),
        plain("granularity", at.granularity),
    ];
    let asked: Vec<String> = asked.into_iter().flatten().collect();
    let mut rows = Vec::new();
    for answer in answers {
        let all = answer.predictions.iter().map(|found| (found, ""));
        let counted = answer.counted.iter();
        let counted = counted.map(|found| (found, ", FLOPs as counted"));
        for (prediction, how) in all.chain(counted) {
            let what = match prediction.what {
                "n_opt" => format!("N*{how}"),
                "d_opt" => format!("D*{how}"),
                "n_effective" => "dense N of equal loss".to_owned(),
                other => format!("{other}{how}"),
            };
            let best = if answer.best.is_some() { " *" } else { "" };
            rows.push(vec![
                format!("{}{best}", name(answer)),
                what,
                shown(prediction),
                answer.reach.map_or(String::new(), times),
            ]);
        }
    }
    let header = ["law", "what", "prediction [90 %]", "C over largest fitted"];
    let mut lines = vec![
        format!("at {}; 90 % prediction intervals", asked.join(", ")),
        String::new(),
        table(&header, &rows),
        String::new(),
    ];
    for answer in answers {
        let reason = answer.best.iter();
        lines.extend(reason.map(|reason| format!("* {}: {reason}", name(answer))));
    }
    for answer in answers {
        let Some(found) = answer.misallocation else {
            continue;
        };
        lines.push(format!(
            "{}: {:.2} % above the optimum's loss; the optimum reaches it with {} FLOPs, so {} FLOPs or {:.0} % of the compute are wasted",
            name(answer),
            found.loss_share * 100.0,
            scientific(found.flops_needed),
            scientific(found.flops_wasted),
            found.wasted_share * 100.0
        ));
    }
    lines.extend(said_once(answers));
    let text = lines.join("\n");
    text.trim_end().to_owned()
}

/// The verdicts of the laws, and once for all how far beyond the rows they are asked.
fn said_once(answers: &[Answer]) -> Vec<String> {
    let verdicts = answers.iter().filter_map(|answer| {
        let misfit = answer.misfit.as_ref()?;
        Some(format!("warning: {}: {misfit}", name(answer)))
    });
    let reach = answers.iter().filter_map(|answer| answer.reach);
    let windows = answers.iter().filter_map(|answer| answer.windows_reach);
    let far = reach.reduce(f64::max).and_then(|reach| beyond(reach, windows.reduce(f64::min)));
    verdicts.chain(far).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_rounded_and_have_separators() {
        let all = [0.0432, 0.5, 1.0, 2.46, 9.97, 16.2, 1234.0, 4e7, 925_925_925_925.875, 9.3e14];
        assert_eq!(
            all.map(times),
            [
                "0.043",
                "0.50",
                "1",
                "2.5",
                "10",
                "16",
                "1,200",
                "40,000,000",
                "930,000,000,000",
                "9.3e14"
            ]
        );
    }

    #[test]
    fn the_word_grows_stronger_with_the_distance() {
        assert_eq!(beyond(1.0, Some(6.0)), None);
        let word = |reach| beyond(reach, Some(6.0)).unwrap();
        assert_eq!(
            word(4.0),
            "note: C is 4 times the largest fitted compute; rows held out reach 6 times, so that this width is measured"
        );
        assert_eq!(
            word(20.0),
            "caution: C is 20 times the largest fitted compute; rows held out reach 6 times, and beyond that the width is extrapolated"
        );
        assert!(word(200.0).starts_with("warning: ") && word(200.0).contains("much wider"));
        assert!(word(4e7).contains("40,000,000 times") && word(4e7).contains("a guess"));
        let unjudged = beyond(2.0, None).unwrap();
        assert!(unjudged.starts_with("caution: ") && unjudged.contains("no rows held out"));
    }
}
