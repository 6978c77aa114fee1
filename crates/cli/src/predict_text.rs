//! Predictions as a person reads them in a terminal.

use crate::tables::{number, table};
use isoflop_core::units::{scientific, short};
use isoflop_fit::level_words;
use isoflop_fit::output::Estimate;
use isoflop_fit::predict::{At, Prediction};
use isoflop_lab::predict::Answer;
use isoflop_lab::reach::{beyond, times};

/// A prediction such as `12.3k [10.1k, 15k]`; a loss has four decimals.
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

/// Name of the law of an answer, such as `chinchilla` or `power in C (tokenizer=bytes)`.
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
    let level = level_words();
    let prediction = format!("prediction [{level}]");
    let header = ["law", "what", &prediction, "C over largest fitted"];
    let mut lines = vec![
        format!("at {}; {level} prediction intervals", asked.join(", ")),
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

/// The verdicts of the laws, and one warning for all of them about how far they extrapolate.
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
