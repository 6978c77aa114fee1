//! Turns serde's errors into sentences with a suggestion.

use crate::error::Problem;

/// Explains an error of parsing or deserialising TOML.
pub(super) fn explain(error: toml::de::Error) -> Problem {
    let message = error.message().trim().to_owned();
    let names = quoted(&message);
    let problem = |message: String| Problem { span: error.span(), message, hint: None };
    let (what, plural) = if message.starts_with("unknown field") {
        ("key", "keys")
    } else if message.starts_with("unknown variant") {
        ("value", "values")
    } else {
        return problem(message);
    };
    let Some((wrong, known)) = names.split_first() else {
        return problem(message);
    };
    let here = format!("{plural} here: {}", known.join(", "));
    let hint = match nearest(wrong, known) {
        Some(near) => format!("did you mean `{near}`? {here}"),
        None => here,
    };
    problem(format!("unknown {what} `{wrong}`")).hint(hint)
}

/// The known name nearest to a wrong one; `None` if none is near.
fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(wrong, name), *name))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}
