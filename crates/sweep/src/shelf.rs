//! Stores the states that training resumes from: `checkpoints/<owner>/<kind>/<step>.safetensors`,
//! each with a label in `<step>.json`. The owner is a trunk, up to the step where its runs branch
//! off, or a run in its cooldown.

use crate::folder::ResultsFolder;
use isoflop_core::digest::sha256;
use isoflop_results::ResultsError;
use isoflop_results::file::write_atomic;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Number of the newest states on a shelf that are always kept.
pub const KEPT: usize = 2;

/// States of one owner from which one kind of trainer can resume.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
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
        Shelf { folder: folder.checkpoints_path().join(owner).join(kind) }
    }

    /// Steps after which there is a state, ascending. A folder that cannot be read has none, and
    /// the run then starts from its beginning.
    pub fn steps(&self) -> Vec<u64> {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut steps: Vec<u64> = names
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".json")?.parse().ok())
            .collect();
        steps.sort_unstable();
        steps
    }

    /// Writes a state and then its label, so that wherever there is a label there is also its
    /// state.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, step: u64, state: &[u8]) -> Result<(), ResultsError> {
        let label = Label::of(step, state);
        write_atomic(&self.state_path(step), state)?;
        let text = serde_json::to_string(&label).expect("a struct of text and numbers");
        write_atomic(&self.label_path(step), text.as_bytes())
    }

    /// Reads a state and checks it.
    ///
    /// # Errors
    /// The problem with the state or its label.
    pub fn read(&self, step: u64) -> Result<Vec<u8>, String> {
        let read = |path: &Path| {
            fs::read(path).map_err(|error| format!("{}: cannot read: {error}", path.display()))
        };
        let (path, label) = (self.state_path(step), self.label_path(step));
        let found = Label::parse(&read(&label)?)
            .map_err(|problem| format!("{}: {problem}", label.display()))?;
        let state = read(&path)?;
        match found.check(step, &state) {
            Ok(()) => Ok(state),
            Err(problem) => Err(format!("{}: {problem}", path.display())),
        }
    }

    /// Removes a state and its label.
    pub fn discard(&self, step: u64) {
        // A file that cannot be removed does no harm; it only takes room on the disk.
        let _ = fs::remove_file(self.label_path(step));
        let _ = fs::remove_file(self.state_path(step));
    }

    /// Removes the states up to step `last`, except the `newest` ones among them and those whose
    /// step is `wanted`. Later states belong to longer runs and are left to them.
    pub fn prune(&self, last: u64, newest: usize, wanted: impl Fn(u64) -> bool) {
        let mut steps = self.steps();
        steps.retain(|step| *step <= last);
        let old = steps.len().saturating_sub(newest);
        for step in steps[..old].iter().filter(|step| !wanted(**step)) {
            self.discard(*step);
        }
    }

    fn state_path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("{step}.safetensors"))
    }

    fn label_path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("{step}.json"))
    }
}

/// Steps after which an owner has a state of any kind of trainer.
pub fn steps_of(folder: &ResultsFolder, owner: &str) -> Vec<u64> {
    let kinds = fs::read_dir(folder.checkpoints_path().join(owner));
    let shelves = kinds.into_iter().flatten().flatten().map(|kind| Shelf { folder: kind.path() });
    shelves.flat_map(|shelf| shelf.steps()).collect()
}

/// Removes all states of an owner.
pub fn discard_all(folder: &ResultsFolder, owner: &str) {
    // Files that cannot be removed do no harm; they only take room on the disk.
    let _ = fs::remove_dir_all(folder.checkpoints_path().join(owner));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let keep = tempfile::tempdir().unwrap();
        let folder = ResultsFolder::at(keep.path().to_owned());
        (keep, Shelf::new(&folder, "n1k-s0-0a", "cpu"))
    }

    #[test]
    fn pruning_leaves_the_newest_and_the_wanted() {
        let (_keep, shelf) = shelf();
        for step in [5, 10, 15, 20, 100] {
            shelf.write(step, &[step as u8; 40]).unwrap();
        }
        shelf.prune(20, KEPT, |step| step == 5);
        assert_eq!(shelf.steps(), [5, 15, 20, 100]);
        shelf.prune(u64::MAX, KEPT, |step| step == 15);
        assert_eq!(shelf.steps(), [15, 20, 100]);
        assert_eq!(shelf.read(20).unwrap(), [20; 40]);
    }

    #[test]
    fn truncation_a_flipped_bit_an_empty_file_and_a_lost_label_are_noticed() {
        let (_keep, shelf) = shelf();
        let state = [7u8; 64];
        shelf.write(3, &state).unwrap();
        let refused = |what: &str| {
            let problem = shelf.read(3).unwrap_err();
            assert!(problem.contains(what), "{problem}");
        };
        fs::write(shelf.state_path(3), &state[..63]).unwrap();
        refused("truncated");
        fs::write(shelf.state_path(3), []).unwrap();
        refused("truncated");
        let mut flipped = state;
        flipped[20] ^= 1;
        fs::write(shelf.state_path(3), flipped).unwrap();
        refused("checksum");
        fs::write(shelf.state_path(3), state).unwrap();
        let label = fs::read_to_string(shelf.label_path(3)).unwrap();
        fs::write(shelf.label_path(3), &label[..9]).unwrap();
        refused("damaged");
        fs::write(shelf.label_path(3), "").unwrap();
        refused("damaged");
        fs::write(shelf.label_path(3), label).unwrap();
        assert_eq!(shelf.read(3).unwrap(), state);
    }
}
