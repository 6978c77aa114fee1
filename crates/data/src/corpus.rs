//! The built-in corpora by name.

use isoflop_core::text::shown;
use std::fmt;
use std::str::FromStr;

/// A built-in corpus of one version, made of the sources of locked dependencies that every build of
/// this program needs.
///
/// Left out are: files that are not UTF-8, hold a NUL, exceed 1 MiB or say at their start that a
/// program wrote them; licences; documents of more than 15 % digits or less than 200 bytes;
/// documents, paragraphs of 80 bytes and lines of 80 bytes that were seen before (train is read
/// before test); and lines of more than 1,000 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Corpus {
    /// `rust-docs@1`: English text. A document is a Markdown file, or the comments of a Rust file:
    /// its doc comments, and other comments of at least 60 bytes that are not disabled code.
    RustDocs1,
    /// `rust-code@1`: Rust code. A document is a Rust file without its comments.
    RustCode1,
}

impl Corpus {
    /// Every version of every corpus. The newest version of a name comes last.
    pub const ALL: [Corpus; 2] = [Corpus::RustDocs1, Corpus::RustCode1];

    /// Name of the corpus, without the version.
    pub fn name(&self) -> &'static str {
        match self {
            Corpus::RustDocs1 => "rust-docs",
            Corpus::RustCode1 => "rust-code",
        }
    }
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Corpus::RustDocs1 => "rust-docs@1",
            Corpus::RustCode1 => "rust-code@1",
        })
    }
}

impl FromStr for Corpus {
    type Err = UnknownCorpus;

    fn from_str(name: &str) -> Result<Self, UnknownCorpus> {
        let meant = |corpus: &&Corpus| corpus.name() == name || corpus.to_string() == name;
        match Corpus::ALL.iter().rfind(meant) {
            Some(corpus) => Ok(*corpus),
            None => Err(UnknownCorpus(name.to_owned())),
        }
    }
}

/// Error for a name that no built-in corpus has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no corpus is called `{}`", shown(.0))]
pub struct UnknownCorpus(String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DataError;

    #[test]
    fn a_bare_name_means_the_newest_version() {
        for corpus in Corpus::ALL {
            assert_eq!(corpus.to_string().parse::<Corpus>().unwrap(), corpus);
        }
        assert_eq!("rust-docs".parse::<Corpus>().unwrap(), Corpus::RustDocs1);
        assert_eq!("rust-code".parse::<Corpus>().unwrap(), Corpus::RustCode1);
    }

    #[test]
    fn an_unknown_corpus_or_version_is_refused_with_those_that_exist() {
        for name in ["rust-doc", "rust-docs@2", ""] {
            let error = DataError::from(name.parse::<Corpus>().unwrap_err());
            assert_eq!(error.to_string(), format!("no corpus is called `{name}`"));
            assert_eq!(
                error.hint().unwrap(),
                "built in are rust-docs@1, rust-code@1; a name without version means the newest"
            );
        }
    }
}
