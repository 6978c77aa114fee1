//! Defines `--trust`, an argument of every verb that reads files of results.

use isoflop_results::Trust;

/// Whether files are trusted whose digest says that they were changed.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct TrustArg {
    /// Read parquet files even if their values do not match the digest they carry.
    #[arg(long)]
    trust: bool,
}

impl TrustArg {
    pub(crate) fn trust(self) -> Trust {
        match self.trust {
            true => Trust::Blind,
            false => Trust::Checked,
        }
    }
}
