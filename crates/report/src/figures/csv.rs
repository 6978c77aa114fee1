//! The data of a figure as CSV.

use crate::chart::MarkRow;

/// One row a mark, in the units of its panel's axes.
pub(crate) fn write<'a>(rows: impl Iterator<Item = &'a MarkRow>) -> String {
    let mut out = String::from("panel,mark,series,label,x,y,low,high\n");
    for row in rows {
        let end = |v: Option<f64>| v.map(|v| format!("{v}")).unwrap_or_default();
        out.push_str(&format!(
            "{},{},{},{},{},{},{},{}\n",
            row.panel,
            row.mark,
            field(&row.series),
            field(&row.label),
            row.x,
            row.y,
            end(row.low),
            end(row.high)
        ));
    }
    out
}

/// Text as a field. What a spreadsheet would run as a formula gets an apostrophe in front
/// (OWASP, "CSV injection"); quotes, commas and line ends are quoted (RFC 4180).
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let safe = if formula { format!("'{text}") } else { text.to_owned() };
    match safe.contains(['"', ',', '\n', '\r', '\'', ';', '\t']) {
        true => format!("\"{}\"", safe.replace('"', "\"\"")),
        false => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_becomes_text_and_quotes_are_doubled() {
        assert_eq!(field("=cmd()"), "\"'=cmd()\"");
        assert_eq!(field("@a"), "\"'@a\"");
        assert_eq!(field("say \"hi\", x"), "\"say \"\"hi\"\", x\"");
        assert_eq!(field("n3k-d1M"), "n3k-d1M");
    }
}
