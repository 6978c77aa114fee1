//! Stores fetched files in the cache that the hub's own clients use, in their layout.

use super::names::{check_commit, check_file};
use crate::error::{DataError, HubError};
use hf_hub::{Cache, Repo, RepoType};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Maximum number of files of a commit that are looked for when there is no network.
const MOST_FILES: usize = 1_000_000;

/// The folder of one dataset in the hub's cache.
pub(super) struct Store {
    cache: Cache,
    folder: PathBuf,
}

impl Store {
    /// The store below `HF_HOME` or, by default, below the home folder.
    pub(super) fn of_this_machine(dataset: &str) -> Result<Self, DataError> {
        let home = match std::env::var_os("HF_HOME").filter(|home| !home.is_empty()) {
            Some(home) => PathBuf::from(home),
            None => home::home_dir()
                .ok_or(DataError::NoHome { variable: "HF_HOME" })?
                .join(".cache")
                .join("huggingface"),
        };
        let cache = Cache::new(home.join("hub"));
        let repo = Repo::new(dataset.to_owned(), RepoType::Dataset);
        let folder = cache.path().join(repo.folder_name());
        Ok(Store { cache, folder })
    }

    /// Access token that the user has stored for the hub.
    pub(super) fn token(&self) -> Option<String> {
        self.cache.token()
    }

    /// Path of a file of a commit. Both names must have been checked before.
    pub(super) fn path(&self, commit: &str, name: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit).join(name)
    }

    /// Writes a file in a fresh folder and moves it into its place once it is whole.
    pub(super) fn place(
        &self,
        path: &Path,
        write: impl FnOnce(&mut File) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| HubError::Store { path, cause }
        };
        fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        let fresh = Fresh::new(&self.folder)?;
        let download = fresh.0.join("file");
        let mut file = File::create_new(&download).map_err(failed(&download))?;
        write(&mut file)?;
        file.sync_all().map_err(failed(&download))?;
        drop(file);
        let parent = path.parent().unwrap_or(&self.folder);
        self.make_within(parent).map_err(failed(parent))?;
        Ok(fs::rename(&download, path).map_err(failed(path))?)
    }

    /// Makes a folder below the dataset's folder, and refuses links that lead out of it.
    fn make_within(&self, folder: &Path) -> io::Result<()> {
        let root = self.folder.canonicalize()?;
        let existing = folder.ancestors().find(|folder| folder.exists());
        let within = |folder: &Path| Ok::<_, io::Error>(folder.canonicalize()?.starts_with(&root));
        if !within(existing.unwrap_or(&root))? {
            return Err(io::Error::other("a link leads out of the folder of the dataset"));
        }
        fs::create_dir_all(folder)
    }

    /// Remembers the commit that a revision pointed to.
    pub(super) fn remember(&self, revision: &str, commit: &str) -> Result<(), DataError> {
        let path = self.folder.join("refs").join(revision);
        if fs::read(&path).is_ok_and(|known| known == commit.as_bytes()) {
            return Ok(());
        }
        self.place(&path, |file| {
            io::Write::write_all(file, commit.as_bytes())
                .map_err(|cause| HubError::Store { path: path.clone(), cause }.into())
        })
    }

    /// Commit and files that were fetched last for a revision.
    pub(super) fn fetched(&self, revision: &str) -> Option<(String, Vec<String>)> {
        let reference = self.folder.join("refs").join(revision);
        let commit = fs::read_to_string(reference).ok()?.trim().to_owned();
        check_commit(&commit).ok()?;
        let root = self.folder.join("snapshots").join(&commit);
        let mut names = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).ok()? {
                let entry = entry.ok()?;
                let path = entry.path();
                // A link to a folder is not followed, since it may lead in circles. Links to files
                // are part of the layout.
                match entry.file_type().ok()?.is_dir() {
                    true => folders.push(path),
                    false if path.is_file() => {
                        let name: Vec<_> = path
                            .strip_prefix(&root)
                            .ok()?
                            .components()
                            .map(|part| part.as_os_str().to_string_lossy().into_owned())
                            .collect();
                        names.push(name.join("/"));
                    }
                    false => {}
                }
                if names.len() > MOST_FILES {
                    return None;
                }
            }
        }
        names.retain(|name| check_file(name).is_ok());
        (!names.is_empty()).then_some((commit, names))
    }
}

/// A folder that only this process uses; it is removed when dropped.
struct Fresh(PathBuf);

impl Fresh {
    fn new(below: &Path) -> Result<Self, DataError> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let failed = |path: &Path, cause| HubError::Store { path: path.to_owned(), cause };
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = below.join(format!(".isoflop-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Fresh(path)),
                // The folder was left by a killed process that had the same process id.
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && number < 1 << 20 => {}
                Err(cause) => return Err(failed(&path, cause).into()),
            }
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
