//! Parses `[[when]]`: keys that only some cells of the axes have, such as a learning rate of each
//! family.

use super::axes::{Axis, Given, VARIANT, shown};
use crate::error::Problem;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Form of an entry, for hints.
const FORM: &str =
    "[[when]]\nis = { \"model.family\" = \"moe\" }\nset = { \"train.learning_rate\" = 0.002 }";

/// Keys that are the same in every cell.
const SHARED: &[&str] =
    &["name", "question", "max_failures", "plan", "train.seeds", "axes", "when", VARIANT];

/// An entry of `[[when]]`: what is set in which cells.
pub(super) struct When<'i> {
    /// Axes, and values of each that the entry is for.
    is: Vec<(String, Vec<String>)>,
    /// Keys and their values in those cells.
    pub(super) set: Vec<(Given, Spanned<DeValue<'i>>)>,
}

impl When<'_> {
    /// Whether the entry is for a cell with these axes and values.
    pub(super) fn matches(&self, cell: &[(String, String)]) -> bool {
        self.is.iter().all(|(axis, values)| {
            cell.iter().any(|(key, value)| key == axis && values.contains(value))
        })
    }
}

/// The entries of `[[when]]`, of which a later one overrides an earlier one.
pub(super) fn read<'i>(
    value: Spanned<DeValue<'i>>,
    axes: &[Axis<'_>],
) -> Result<Vec<When<'i>>, Problem> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Array(entries) => {
            entries.into_iter().map(|entry| read_entry(entry, axes)).collect()
        }
        _ => Err(Problem::new(span, "`when` must be a list of tables").hint(FORM)),
    }
}

fn read_entry<'i>(entry: Spanned<DeValue<'i>>, axes: &[Axis<'_>]) -> Result<When<'i>, Problem> {
    let span = entry.span();
    let (mut is, mut set) = (None, None);
    for (key, value) in table(entry, "an entry of `when`")? {
        match key.get_ref().as_ref() {
            "is" => is = Some(table(value, "`is`")?),
            "set" => set = Some(table(value, "`set`")?),
            other => {
                let message = format!("unknown key `{other}`");
                return Err(Problem::new(key.span(), message).hint("keys here: is, set"));
            }
        }
    }
    let (Some(is), Some(set)) = (is, set) else {
        let message = "an entry of `when` needs `is` and `set`";
        return Err(Problem::new(span, message).hint(FORM));
    };
    let is = is.into_iter().map(|(key, value)| {
        let values = read_condition(key.span(), key.get_ref(), value, axes)?;
        Ok((key.get_ref().to_string(), values))
    });
    let set = set.into_iter().map(|(key, value)| {
        let given = Given { key: key.get_ref().to_string(), span: key.span() };
        if given.is_under(SHARED) {
            let message =
                format!("`{}` is the same in every cell and cannot be set here", given.key);
            return Err(Problem::new(given.span, message).hint("write a second sweep file for it"));
        }
        if axes.iter().any(|axis| axis.given.key == given.key) {
            let message = format!("`{}` is an axis, whose values `[axes]` lists", given.key);
            return Err(Problem::new(given.span, message));
        }
        Ok((given, value))
    });
    Ok(When { is: is.collect::<Result<_, Problem>>()?, set: set.collect::<Result<_, Problem>>()? })
}

/// The values of an axis that an entry is for: one, or a list.
fn read_condition(
    span: Range<usize>,
    key: &str,
    value: Spanned<DeValue<'_>>,
    axes: &[Axis<'_>],
) -> Result<Vec<String>, Problem> {
    let Some(axis) = axes.iter().find(|axis| axis.given.key == key) else {
        let known: Vec<&str> = axes.iter().map(|axis| axis.given.key.as_str()).collect();
        let hint = match known.is_empty() {
            true => format!("list its values under [axes]: \"{key}\" = [..]"),
            false => format!("axes here: {}", known.join(", ")),
        };
        return Err(Problem::new(span, format!("`{key}` is no axis of this file")).hint(hint));
    };
    let known: Vec<String> = axis.values.iter().map(|value| shown(value.get_ref())).collect();
    let value_span = value.span();
    let values = match value.into_inner() {
        // A value may be a list itself; only one that is no value of the axis lists several.
        DeValue::Array(values) if !known.contains(&shown(&DeValue::Array(values.clone()))) => {
            values.into_iter().collect()
        }
        value => vec![Spanned::new(value_span, value)],
    };
    values
        .into_iter()
        .map(|value| {
            let text = shown(value.get_ref());
            match known.contains(&text) {
                true => Ok(text),
                false => {
                    Err(Problem::new(value.span(), format!("`{text}` is no value of `{key}`"))
                        .hint(format!("values here: {}", known.join(", "))))
                }
            }
        })
        .collect()
}

fn table<'i>(value: Spanned<DeValue<'i>>, what: &str) -> Result<DeTable<'i>, Problem> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Table(table) => Ok(table),
        _ => Err(Problem::new(span, format!("{what} must be a table")).hint(FORM)),
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::Rate;
    use crate::{SpecError, Sweep};
    use std::path::Path;

    fn parse(entries: &str) -> Result<Sweep, SpecError> {
        let source = format!(
            "name = \"t\"\n[data]\ncorpus = \"rust-docs\"\n[model]\nsizes = [\"3k\"]\n\
             [plan]\ntokens_per_param = [20]\n[axes]\n\"model.family\" = [\"transformer\", \"moe\", \"rnn\"]\n\
             \"train.batch_tokens\" = [512, 1024]\n{entries}\n"
        );
        Sweep::parse(Path::new("t.toml"), source)
    }

    fn rates(entries: &str) -> Vec<Rate> {
        let sweep = parse(entries).unwrap();
        sweep.cells().iter().map(|cell| cell.spec.train.learning_rate.get_ref().clone()).collect()
    }

    #[test]
    fn a_key_is_set_in_the_cells_that_are_asked_for_and_later_entries_override() {
        use Rate::{Auto, Given};
        let moe = "[[when]]\nis = { \"model.family\" = \"moe\" }\nset = { \"train.learning_rate\" = 0.002 }";
        let found = rates(moe);
        assert_eq!(found, [Auto, Auto, Given(0.002), Given(0.002), Auto, Auto]);
        let both = format!(
            "[[when]]\nis = {{ \"model.family\" = [\"moe\", \"rnn\"], \"train.batch_tokens\" = 1024 }}\n\
             set = {{ \"train.learning_rate\" = 0.1 }}\n{moe}"
        );
        let found = rates(&both);
        assert_eq!(found, [Auto, Auto, Given(0.002), Given(0.002), Auto, Given(0.1)]);
    }

    #[test]
    fn variants_have_names_and_may_have_sizes_of_their_own() {
        let source = "name = \"t\"\n[data]\ncorpus = \"rust-docs\"\n[model]\nsizes = [\"3k\"]\n[plan]\n\
                      tokens_per_param = [20]\n[axes]\nvariant = [\"plain\", \"wide\"]\n[[when]]\n\
                      is = { variant = \"wide\" }\nset = { \"model.ffn_ratio\" = 8, \"model.sizes\" = [\"16x2x1\"] }\n";
        let sweep = Sweep::parse(Path::new("t.toml"), source.to_owned()).unwrap();
        let cell = |i: usize| {
            let cell = &sweep.cells()[i];
            let sizes = cell.spec.model.sizes.as_ref().unwrap().get_ref().named();
            let label = sizes[0].get_ref().label();
            (cell.series.as_str(), cell.spec.model.ffn_ratio.is_some(), label)
        };
        assert_eq!(cell(0), ("variant=plain", false, "3k".to_owned()));
        assert_eq!(cell(1), ("variant=wide", true, "16x2x1".to_owned()));
    }

    #[test]
    fn what_is_set_is_no_part_of_the_series() {
        let sweep = parse(
            "[[when]]\nis = { \"model.family\" = \"moe\" }\nset = { \"model.moe.experts\" = 4 }",
        )
        .unwrap();
        let moe = &sweep.cells()[2];
        assert_eq!(moe.series.as_str(), "model.family=moe, train.batch_tokens=512");
        let experts = &moe.spec.model.moe.as_ref().unwrap().get_ref().experts;
        assert_eq!(experts.as_ref().map(|experts| *experts.get_ref()), Some(4));
    }

    #[test]
    fn entries_that_say_nothing_are_refused_with_their_place() {
        let refused = |entry: &str| {
            let error = parse(&format!("[[when]]\n{entry}")).unwrap_err();
            let first = error.to_string().lines().next().unwrap_or_default().to_owned();
            format!(
                "{first} | {}",
                error.hint().unwrap_or("none").lines().next().unwrap_or_default()
            )
        };
        let set = "set = { \"train.learning_rate\" = 0.002 }";
        assert_eq!(
            refused(&format!("is = {{ \"model.famly\" = \"moe\" }}\n{set}")),
            "t.toml:12:8: `model.famly` is no axis of this file | axes here: model.family, train.batch_tokens"
        );
        assert_eq!(
            refused(&format!("is = {{ \"model.family\" = \"mo\" }}\n{set}")),
            "t.toml:12:25: `mo` is no value of `model.family` | values here: transformer, moe, rnn"
        );
        assert_eq!(
            refused("is = { \"model.family\" = \"moe\" }\nset = { \"model.family\" = \"rnn\" }"),
            "t.toml:13:9: `model.family` is an axis, whose values `[axes]` lists | none"
        );
        assert_eq!(
            refused("is = { \"model.family\" = \"moe\" }\nset = { \"train.learning_rat\" = 1 }"),
            "t.toml:13:9: unknown key `learning_rat` | did you mean `learning_rate`? keys here: \
             rules, learning_rate, batch_tokens, optimizer, schedule, warmup, decay, betas, weight_decay, clip, dropout, trunks, seeds"
        );
        assert!(
            refused("is = { \"model.family\" = \"moe\" }")
                .starts_with("t.toml:11:1: an entry of `when` needs `is` and `set` | [[when]]")
        );
        assert!(
            refused(&format!("if = 3\n{set}"))
                .starts_with("t.toml:12:1: unknown key `if` | keys here")
        );
        assert!(refused("is = 3\nset = 4").starts_with("t.toml:12:6: `is` must be a table"));
        assert!(
            refused("is = { \"model.family\" = \"moe\" }\nset = { \"name\" = \"b\" }")
                .starts_with("t.toml:13:9: `name` is the same in every cell")
        );
    }
}
