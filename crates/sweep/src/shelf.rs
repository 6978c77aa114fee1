//! States to go on from: `checkpoints/<owner>/<kind>/<step>.safetensors`, with what they are in
//! `<step>.json`. The owner is a trunk, up to where its runs branch off, or a run in its cooldown.

use crate::folder::ResultsFolder;
use isoflop_core::digest::sha256;
use isoflop_results::ResultsError;
use isoflop_results::file::write_atomic;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Newest states of a shelf that are kept whatever else is.
pub const KEPT: usize = 2;

/// The states of one owner that one kind of trainer can go on from.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

/// What a state is, beside it.
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

    /// Whether a state after `step` steps is the one that was labelled.
    ///
    /// # Errors
    /// What is wrong with it.
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
    /// The shelf of a trunk or run, for one [`crate::Trainer::kind`].
    pub fn new(folder: &ResultsFolder, owner: &str, kind: &str) -> Self {
        Shelf { folder: folder.checkpoints_path().join(owner).join(kind) }
    }

    /// Steps after which there is a state, ascending. None of a folder that cannot be read: the
    /// run then starts again.
    pub fn steps(&self) -> Vec<u64> {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut steps: Vec<u64> = names
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".json")?.parse().ok())
            .collect();
        steps.sort_unstable();
        steps
    }

    /// Writes a state, its label last: who sees the label has both.
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
    /// What is wrong with it.
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

    /// Removes a state.
    pub fn discard(&self, step: u64) {
        // What cannot be removed is only in the way of room on the disk.
        let _ = fs::remove_file(self.label_path(step));
        let _ = fs::remove_file(self.state_path(step));
    }

    /// Removes the states up to step `last` but for the `newest` of these and those of the steps
    /// `wanted`. States beyond, of longer runs, are another's to remove.
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

/// Steps after which some kind of trainer has left a state of an owner.
pub fn steps_of(folder: &ResultsFolder, owner: &str) -> Vec<u64> {
    let kinds = fs::read_dir(folder.checkpoints_path().join(owner));
    let shelves = kinds.into_iter().flatten().flatten().map(|kind| Shelf { folder: kind.path() });
    shelves.flat_map(|shelf| shelf.steps()).collect()
}

/// Removes every state of an owner.
pub fn discard_all(folder: &ResultsFolder, owner: &str) {
    // As with one: what stays harms nobody.
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
