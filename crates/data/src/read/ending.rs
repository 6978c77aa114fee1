//! Tells from a file name's extension how the file is read; the case of letters does not matter.

/// Way of reading a file, by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `.jsonl`, `.ndjson` or `.json`, whether or not a compression extension follows.
    Json,
    /// `.parquet` or `.pq`.
    Parquet,
    /// `.bin` or `.npy`.
    Tokens,
    /// Any other extension.
    Text,
    /// No extension.
    None,
}

/// Extensions of compressed files, including those that are recognised only to be refused.
const PACKED: [&str; 9] = ["gz", "zst", "zstd", "bz2", "xz", "lzma", "lz4", "zip", "z"];

impl Ending {
    /// Ending of the name of a file or of a glob.
    pub fn of(name: &str) -> Self {
        match plain(name).as_deref() {
            Some("jsonl" | "ndjson" | "json") => Ending::Json,
            Some("parquet" | "pq") => Ending::Parquet,
            Some("bin" | "npy") => Ending::Tokens,
            Some(_) => Ending::Text,
            None => Ending::None,
        }
    }
}

/// The extension in lower case, without that of a compression.
pub(crate) fn plain(name: &str) -> Option<String> {
    let name = name.rsplit('/').next().unwrap_or_default();
    let (rest, end) = split(name)?;
    match is_packed(&end) {
        true => Some(split(rest).map_or(end, |(_, end)| end)),
        false => Some(end),
    }
}

/// Whether the extension says that the file is compressed.
pub(super) fn says_packed(name: &str) -> bool {
    split(name).is_some_and(|(_, end)| is_packed(&end))
}

fn is_packed(end: &str) -> bool {
    PACKED.contains(&end)
}

fn split(name: &str) -> Option<(&str, String)> {
    let (rest, end) = name.rsplit_once('.')?;
    (!rest.is_empty()).then(|| (rest, end.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_is_read_in_any_case_and_below_its_packing() {
        for (name, ending) in [
            ("a.jsonl", Ending::Json),
            ("x/A.JSONL.GZ", Ending::Json),
            ("b.json.zst", Ending::Json),
            ("data/*.Parquet", Ending::Parquet),
            ("t.npy", Ending::Tokens),
            ("t.txt.gz", Ending::Text),
            ("notes.gz", Ending::Text),
            ("README", Ending::None),
            (".hidden", Ending::None),
            ("dir.v1/README", Ending::None),
        ] {
            assert_eq!(Ending::of(name), ending, "{name}");
        }
    }
}
