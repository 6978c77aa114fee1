//! Stores the states that training resumes from: for each step a label
//! `checkpoints/<owner>/<kind>/<step>.json` and beside it the state `<step>.<digest>.safetensors`
//! that the label names. The owner is a trunk, up to the step where its runs branch
//! off, or a run in its cooldown.

use crate::error::SweepError;
use crate::files::{Disk, Files, done};
use crate::folder::ResultsFolder;
use isoflop_core::digest::sha256;
use serde::{Deserialize, Serialize};
use std::fs;

/// Folder of the shelves.
pub(crate) const CHECKPOINTS: &str = "checkpoints";

/// Ending of the name of a state.
const ENDING: &str = ".safetensors";

/// Number of the newest states on a shelf that are always kept.
pub const KEPT: usize = 2;

/// States of one owner from which one kind of trainer can resume.
#[derive(Clone, Debug)]
pub struct Shelf<F = Disk> {
    files: F,
    folder: String,
}

/// Label beside a state, by which the state is checked.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Label {
    format: u64,
    step: u64,
    bytes: u64,
    sha256: String,
}

const FORMAT: u64 = 1;

impl Label {
    pub(crate) fn of(step: u64, state: &[u8]) -> Self {
        Label { format: FORMAT, step, bytes: state.len() as u64, sha256: sha256([state]) }
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("damaged: {error}"))
    }

    /// Beginning of the digest, which tells two states of one step apart.
    fn short(&self) -> &str {
        self.sha256.get(..16).unwrap_or(&self.sha256)
    }

    /// Checks that a state after `step` steps is the one that this label describes.
    ///
    /// # Errors
    /// The problem with the state or its label.
    pub(crate) fn check(&self, step: u64, state: &[u8]) -> Result<(), &'static str> {
        if self.format != FORMAT || self.step != step {
            return Err("its label is of another format or step");
        }
        match (state.len() as u64 == self.bytes, sha256([state]) == self.sha256) {
            (true, true) => Ok(()),
            (false, _) => Err("truncated"),
            _ => Err("its checksum does not match"),
        }
    }
}

impl Shelf {
    /// The shelf of a trunk or run for one [`crate::Trainer::kind`].
    pub fn new(folder: &ResultsFolder, owner: &str, kind: &str) -> Self {
        Shelf::on(Disk::of(folder), owner, kind)
    }
}

impl<F: Files> Shelf<F> {
    /// A shelf as [`Shelf::new`] makes it, on any files.
    pub fn on(files: F, owner: &str, kind: &str) -> Self {
        Shelf { files, folder: format!("{CHECKPOINTS}/{owner}/{kind}") }
    }

    /// Steps after which there is a state, ascending.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn steps(&self) -> Result<Vec<u64>, SweepError> {
        let names = self.files.names(&self.folder).await?.into_iter();
        let mut steps: Vec<u64> =
            names.filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Writes a state and then its label, so that wherever there is a label there is also its
    /// state. The name of a state holds its digest: of two workers that both take the run for
    /// theirs, neither puts a state under the other's label.
    ///
    /// # Errors
    /// A file cannot be written.
    pub async fn write(&self, step: u64, state: &[u8]) -> Result<(), SweepError> {
        let label = Label::of(step, state);
        self.files.write(&self.state_path(&label), state).await?;
        let text = serde_json::to_string(&label).expect("a struct of text and numbers");
        self.files.write(&self.label_path(step), text.as_bytes()).await
    }

    /// Reads a state and checks it.
    ///
    /// # Errors
    /// The problem with the state or its label.
    pub async fn read(&self, step: u64) -> Result<Vec<u8>, String> {
        let path = self.label_path(step);
        let label = self.bytes(&path).await?.ok_or_else(|| format!("{path}: not there"))?;
        let label = Label::parse(&label).map_err(|problem| format!("{path}: {problem}"))?;
        let (path, earlier) = (self.state_path(&label), self.earlier_path(step));
        let (path, state) = match self.bytes(&path).await? {
            Some(state) => (path, state),
            None => match self.bytes(&earlier).await? {
                Some(state) => (earlier, state),
                None => return Err(format!("{path}: not there")),
            },
        };
        match label.check(step, &state) {
            Ok(()) => Ok(state),
            Err(problem) => Err(format!("{path}: {problem}")),
        }
    }

    async fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        self.files.read(path).await.map_err(|error| error.to_string())
    }

    /// Removes a state and its label.
    ///
    /// # Errors
    /// The folder cannot be read, or a file cannot be removed.
    pub async fn discard(&self, step: u64) -> Result<(), SweepError> {
        self.files.remove(&self.label_path(step)).await?;
        let own = format!("{step}.");
        for name in self.files.names(&self.folder).await? {
            if name.starts_with(&own) && name.ends_with(ENDING) {
                self.files.remove(&format!("{}/{name}", self.folder)).await?;
            }
        }
        Ok(())
    }

    /// Removes the states up to step `last`, except the `newest` ones among them and those whose
    /// step is `wanted`. Later states belong to longer runs and are left to them.
    ///
    /// # Errors
    /// The folder cannot be read, or a file cannot be removed.
    pub async fn prune(
        &self,
        last: u64,
        newest: usize,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<(), SweepError> {
        let mut steps = self.steps().await?;
        steps.retain(|step| *step <= last);
        let old = steps.len().saturating_sub(newest);
        for step in steps[..old].iter().filter(|step| !wanted(**step)) {
            self.discard(*step).await?;
        }
        Ok(())
    }

    fn state_path(&self, label: &Label) -> String {
        format!("{}/{}.{}{ENDING}", self.folder, label.step, label.short())
    }

    /// Where earlier versions put a state.
    fn earlier_path(&self, step: u64) -> String {
        format!("{}/{step}{ENDING}", self.folder)
    }

    fn label_path(&self, step: u64) -> String {
        format!("{}/{step}.json", self.folder)
    }
}

/// Steps after which an owner has a state of any kind of trainer.
pub fn steps_of(folder: &ResultsFolder, owner: &str) -> Vec<u64> {
    let kinds = fs::read_dir(folder.checkpoints_path().join(owner));
    let names = kinds.into_iter().flatten().flatten().map(|kind| kind.file_name());
    let shelves = names.map(|kind| Shelf::new(folder, owner, &kind.to_string_lossy()));
    // A folder that cannot be read holds no state, as far as a forecast is concerned.
    shelves.flat_map(|shelf| done(shelf.steps()).unwrap_or_default()).collect()
}

/// Removes all states of an owner.
pub fn discard_all(folder: &ResultsFolder, owner: &str) {
    // Files that cannot be removed do no harm; they only take room on the disk.
    let _ = fs::remove_dir_all(folder.checkpoints_path().join(owner));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let keep = tempfile::tempdir().unwrap();
        let folder = ResultsFolder::at(keep.path().to_owned());
        (keep, Shelf::new(&folder, "n1k-s0-0a", "cpu"))
    }

    #[test]
    fn pruning_leaves_the_newest_and_the_wanted() {
        let (_keep, shelf) = shelf();
        for step in [5, 10, 15, 20, 100] {
            done(shelf.write(step, &[step as u8; 40])).unwrap();
        }
        done(shelf.prune(20, KEPT, |step| step == 5)).unwrap();
        assert_eq!(done(shelf.steps()).unwrap(), [5, 15, 20, 100]);
        done(shelf.prune(u64::MAX, KEPT, |step| step == 15)).unwrap();
        assert_eq!(done(shelf.steps()).unwrap(), [15, 20, 100]);
        assert_eq!(done(shelf.read(20)).unwrap(), [20; 40]);
        let left = fs::read_dir(_keep.path().join(&shelf.folder)).unwrap().count();
        assert_eq!(left, 6, "three labels and three states");
    }

    #[test]
    fn truncation_a_flipped_bit_an_empty_file_and_a_lost_label_are_noticed() {
        let (keep, shelf) = shelf();
        let at = |path: String| -> PathBuf { keep.path().join(path) };
        let state = [7u8; 64];
        done(shelf.write(3, &state)).unwrap();
        let path = at(shelf.state_path(&Label::of(3, &state)));
        let label_path = at(shelf.label_path(3));
        let refused = |what: &str| {
            let problem = done(shelf.read(3)).unwrap_err();
            assert!(problem.contains(what), "{problem}");
        };
        fs::write(&path, &state[..63]).unwrap();
        refused("truncated");
        fs::write(&path, []).unwrap();
        refused("truncated");
        let mut flipped = state;
        flipped[20] ^= 1;
        fs::write(&path, flipped).unwrap();
        refused("checksum");
        fs::write(&path, state).unwrap();
        let label = fs::read_to_string(&label_path).unwrap();
        fs::write(&label_path, &label[..9]).unwrap();
        refused("damaged");
        fs::write(&label_path, "").unwrap();
        refused("damaged");
        fs::write(&label_path, label).unwrap();
        assert_eq!(done(shelf.read(3)).unwrap(), state);
    }

    #[test]
    fn a_state_of_an_earlier_version_is_found_under_its_name() {
        let (keep, shelf) = shelf();
        let state = [7u8; 64];
        done(shelf.write(3, &state)).unwrap();
        let path = keep.path().join(shelf.state_path(&Label::of(3, &state)));
        fs::rename(path, keep.path().join(shelf.earlier_path(3))).unwrap();
        assert_eq!(done(shelf.read(3)).unwrap(), state);
        done(shelf.discard(3)).unwrap();
        assert_eq!(fs::read_dir(keep.path().join(&shelf.folder)).unwrap().count(), 0);
    }
}
