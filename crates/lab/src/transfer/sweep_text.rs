//! The sweep files of the check, as a person would write them.

use super::{Question, TextChoice};
use isoflop_sweep::spec::GivenShape;
use std::fmt::Write as _;

/// The axis whose values are multiples of the rule's rate.
pub(super) const MULTIPLES: &str = "variant";

/// What a sweep of the check varies.
pub(super) struct Variation {
    pub(super) name: String,
    pub(super) text: TextChoice,
    pub(super) sizes: Vec<String>,
    pub(super) tokens: Vec<f64>,
    /// Batches, where they are an axis.
    pub(super) batches: Vec<u64>,
    pub(super) seeds: u64,
    /// Rates of each multiple; none asks for those of the rule.
    pub(super) rates: Vec<Rates>,
}

/// The rates of one multiple.
pub(super) struct Rates {
    pub(super) multiple: f64,
    /// The batch that they are for, where batches are an axis.
    pub(super) batch: Option<u64>,
    /// Sizes with their rates.
    pub(super) of: Vec<(String, f64)>,
}

/// A size as a sweep file writes it.
pub(super) fn label(shape: GivenShape, n_layers: usize) -> String {
    let heads = shape.n_heads.map_or(String::new(), |heads| format!("x{heads}"));
    format!("{}x{n_layers}{heads}", shape.d_model)
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

fn quoted(value: impl std::fmt::Display) -> String {
    format!("\"{value}\"")
}

impl TextChoice {
    /// The key of `[data]`. The escapes of JSON are escapes of TOML.
    fn key(&self) -> String {
        let (key, value) = match self {
            TextChoice::Corpus(name) => ("corpus", name),
            TextChoice::Files(glob) => ("text", glob),
        };
        format!("{key} = {}", serde_json::Value::from(value.as_str()))
    }
}

impl Variation {
    /// The size in the midst alone, at the rate of the rule.
    pub(super) fn base(question: &Question, shape: GivenShape) -> Self {
        Variation {
            name: "check-transfer".to_owned(),
            text: question.text.clone(),
            sizes: vec![label(shape, shape.n_layers)],
            tokens: vec![question.tokens],
            batches: Vec::new(),
            seeds: 1,
            rates: Vec::new(),
        }
    }

    /// The sweep file.
    pub(super) fn sweep_file(&self) -> String {
        let mut text = format!(
            "name = {}\nquestion = \"Is the best learning rate the same multiple of the rule's?\"\n\n\
             [data]\n{}\ntokenizer = \"bytes\"\ncontext = 128\n\n[model]\nsizes = {}\n\n\
             [plan]\ngrid = {{ tokens = {} }}\n\n[train]\nseeds = {}\n",
            quoted(&self.name),
            self.text.key(),
            list(self.sizes.iter().map(quoted)),
            list(self.tokens.iter().map(|tokens| format!("{tokens:.0}"))),
            list((0..self.seeds).map(|seed| seed.to_string())),
        );
        text.push_str(&self.axes());
        for Rates { multiple, batch, of } in &self.rates {
            let of_batch =
                batch.map_or(String::new(), |batch| format!(", \"train.batch_tokens\" = {batch}"));
            let rates = of.iter().map(|(size, rate)| format!("\"{size}\" = {rate}"));
            let _ = write!(
                text,
                "\n[[when]]\nis = {{ {MULTIPLES} = \"{multiple}\"{of_batch} }}\n\
                 set = {{ \"train.learning_rate\" = {{ {} }} }}\n",
                rates.collect::<Vec<_>>().join(", ")
            );
        }
        text
    }

    fn axes(&self) -> String {
        let mut multiples: Vec<f64> = Vec::new();
        for rates in &self.rates {
            if !multiples.contains(&rates.multiple) {
                multiples.push(rates.multiple);
            }
        }
        let mut axes = String::new();
        if !self.batches.is_empty() {
            let batches = list(self.batches.iter().map(u64::to_string));
            let _ = writeln!(axes, "\"train.batch_tokens\" = {batches}");
        }
        if !multiples.is_empty() {
            let _ = writeln!(axes, "{MULTIPLES} = {}", list(multiples.iter().map(quoted)));
        }
        match axes.is_empty() {
            true => axes,
            false => format!("\n[axes]\n{axes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_sweep::Sweep;
    use isoflop_sweep::spec::Rate;
    use std::path::Path;

    #[test]
    fn each_multiple_and_batch_of_a_sweep_has_its_rate() {
        let rates = |multiple: f64| {
            [128, 512].map(|batch| Rates {
                multiple,
                batch: Some(batch),
                of: vec![("16x2x1".to_owned(), multiple * batch as f64 * 1e-5)],
            })
        };
        let of = Variation {
            name: "check-transfer-batch".to_owned(),
            text: TextChoice::Corpus("rust-docs".to_owned()),
            sizes: vec!["16x2x1".to_owned()],
            tokens: vec![65_536.0],
            batches: vec![128, 512],
            seeds: 2,
            rates: [0.5, 2.0].into_iter().flat_map(rates).collect(),
        };
        let sweep = Sweep::parse(Path::new("check-transfer-batch.toml"), of.sweep_file()).unwrap();
        let cells: Vec<(String, f64)> = sweep
            .cells()
            .iter()
            .map(|cell| match cell.spec.train.learning_rate.get_ref() {
                Rate::BySize(rates) => (cell.series.to_string(), rates[0].1),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(cells.len(), 4);
        for (series, rate) in cells {
            let batch = if series.contains("=128") { 128.0 } else { 512.0 };
            let multiple = if series.contains("variant=0.5") { 0.5 } else { 2.0 };
            assert!((rate - multiple * batch * 1e-5).abs() < 1e-12, "{series}: {rate}");
        }
    }
}
