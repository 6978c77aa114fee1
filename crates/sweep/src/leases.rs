//! Looks at all leases of a folder, for those who watch the workers; and the lock of the commands
//! that change a folder's plan.

use crate::book::{
    Book, Ending, How, append, ids_of, is_held, lease_path, place, reopen, staged_path,
};
use crate::claim::life_of;
use crate::error::SweepError;
use crate::files::{Disk, Files, done};
use crate::folder::ResultsFolder;
use crate::lease::{EXPIRY, Lease, Owner};
use crate::plan::Plan;
use crate::run::PlannedRun;
use crate::watch::{Life, Watch};
use isoflop_results::RunRecord;
use isoflop_results::file::{clear_unfinished, unlinked};
use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::time::{Duration, SystemTime};

/// Takes the lock, which is held until the returned file is dropped. Workers do not need it.
pub(crate) fn lock(folder: &ResultsFolder) -> Result<File, SweepError> {
    let path = folder.lock_path();
    unlinked(&path).map_err(SweepError::io(&path, "replace"))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(SweepError::io(&path, "open"))?;
    file.lock().map_err(SweepError::io(&path, "lock"))?;
    Ok(file)
}

/// Watches the holders of a folder's runs, over many looks.
#[derive(Debug)]
pub(crate) struct Seen {
    files: Disk,
    book: Book<Disk>,
    watch: Watch,
    owner: Owner,
    /// Number of claims that were ended.
    ended: u64,
}

impl Seen {
    pub(crate) fn of(folder: &ResultsFolder) -> Self {
        let files = Disk::of(folder);
        let (book, watch) = (Book::new(files.clone()), Watch::default());
        Seen { files, book, watch, owner: Owner::current(), ended: 0 }
    }

    /// Leases of the runs in `order` that are held and have no record, in the given order. A run
    /// whose holder is gone is opened, so that workers that have not watched for so long can take
    /// it.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub(crate) fn live_leases(
        &mut self,
        order: &[&PlannedRun],
        recorded: &HashSet<String>,
    ) -> Result<Vec<Lease>, SweepError> {
        done(async {
            let mut leases = Vec::new();
            for (id, life) in self.lives(order, |id| !recorded.contains(id)).await? {
                if life != Life::Dying {
                    leases.extend(self.lease(id).await?);
                }
            }
            Ok(leases)
        })
    }

    /// The runs of `open` that are held, each with what is known of its holder. A run whose holder is
    /// gone is opened and is not among them.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub(crate) fn holders<'p>(
        &mut self,
        open: &[&'p PlannedRun],
    ) -> Result<HashMap<&'p str, Life>, SweepError> {
        let ids: HashSet<&str> = open.iter().map(|run| run.id()).collect();
        Ok(done(self.lives(open, |id| ids.contains(id)))?.into_iter().collect())
    }

    /// Looks at the folder and judges the holders of the open runs in `order`, which it opens where
    /// the holder is gone.
    async fn lives<'p>(
        &mut self,
        order: &[&'p PlannedRun],
        is_open: impl Fn(&str) -> bool,
    ) -> Result<Vec<(&'p str, Life)>, SweepError> {
        self.book.look(&is_open).await?;
        let mut lives = Vec::new();
        for id in order.iter().map(|run| run.id()) {
            if !is_held(self.book.head(id)) || !is_open(id) {
                continue;
            }
            match life_of(&self.files, &mut self.book, &mut self.watch, id).await? {
                Life::Gone => {
                    self.end(id, How::Expired).await?;
                }
                life => lives.push((id, life)),
            }
        }
        Ok(lives)
    }

    /// The lease of a run that is held, or else the line that claims it.
    async fn lease(&mut self, run_id: &str) -> Result<Option<Lease>, SweepError> {
        let holder = self.book.holder(run_id).await?;
        let lease = self.files.read(&lease_path(run_id)).await?;
        let lease = lease.and_then(|bytes| Lease::parse(&bytes));
        let of_holder =
            |lease: &Lease| holder.as_ref().is_some_and(|holder| lease.is_of_claim_of(holder));
        Ok(lease.filter(of_holder).or(holder.clone()))
    }

    /// Ends the claim on a run in its holder's place. Returns whether it was not ended before.
    async fn end(&mut self, run_id: &str, how: How) -> Result<bool, SweepError> {
        self.ended += 1;
        let ending = Ending { how, by: self.owner.clone(), claim: self.ended };
        let line = self.book.head(run_id) + 1;
        let ours = append(&self.files, run_id, line, &ending.to_bytes()).await?;
        self.book.learn(run_id, line);
        if ours {
            self.files.remove(&lease_path(run_id)).await?;
        }
        Ok(ours)
    }

    /// The lease of a run that is held by a process for which `is_owner` is true.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn held_by(
        &mut self,
        plan: &Plan,
        is_owner: impl Fn(&Owner) -> bool,
    ) -> Result<Option<Lease>, SweepError> {
        done(async {
            self.book.look(|_| true).await?;
            let held: Vec<String> = self.book.held().map(str::to_owned).collect();
            for key in held {
                let holder = self.book.holder(&key).await?.filter(|holder| is_owner(&holder.owner));
                if holder.is_some_and(|holder| holder.run_id == key) && plan.run(&key).is_some() {
                    return self.lease(&key).await;
                }
            }
            Ok(None)
        })
    }

    /// Ends the claim of a holder who has died with the record of the run's failure. Returns whether
    /// the claim was not ended before.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub(crate) fn bury(&mut self, lease: &Lease, record: &RunRecord) -> Result<bool, SweepError> {
        done(async {
            let staged = staged_path(&lease.run_id, lease.line);
            self.files.write(&staged, &record.to_bytes()).await?;
            let ours = self.end(&lease.run_id, How::Failed).await?;
            if ours {
                place(&self.files, &lease.run_id, lease.line, How::Failed).await?;
            }
            Ok(ours)
        })
    }

    /// Takes up what earlier commands left: opens the runs of dead processes of this machine, and
    /// those that are done and whose record somebody has removed.
    async fn take_up(&mut self, recorded: &HashSet<String>) -> Result<(), SweepError> {
        self.book.look(|key| !recorded.contains(key)).await?;
        let held: Vec<String> = self.book.held().map(str::to_owned).collect();
        for key in held {
            let holder = self.book.holder(&key).await?;
            if holder.is_some_and(|holder| self.files.is_alive(&holder.owner) == Some(false)) {
                self.end(&key, How::Expired).await?;
            }
        }
        let ended: Vec<String> = self.book.ended().map(str::to_owned).collect();
        for key in ended {
            reopen(&self.files, &mut self.book, &key, &self.owner).await?;
        }
        Ok(())
    }
}

/// Finds the leases of the runs in `order` that are being trained, in the given order, for a process
/// that looks once and changes nothing. It cannot watch, so that a lease whose file is older than
/// [`EXPIRY`] is left out; that is a display and decides nothing.
///
/// # Errors
/// The folder cannot be read.
pub fn live_leases(
    folder: &ResultsFolder,
    order: &[&PlannedRun],
) -> Result<Vec<Lease>, SweepError> {
    let places: HashMap<&str, usize> =
        order.iter().enumerate().map(|(i, run)| (run.id(), i)).collect();
    let mut leases = Vec::new();
    for run_id in leased(folder)? {
        if let Some(&place) = places.get(run_id.as_str())
            && !folder.record_path(&run_id).exists()
            && let Some(bytes) = done(Disk::of(folder).read(&lease_path(&run_id)))?
            && let Some(lease) = Lease::parse(&bytes).filter(|lease| lease.run_id == run_id)
            && lease.owner.is_alive() != Some(false)
            && is_fresh(folder, &run_id)
        {
            leases.push((place, lease));
        }
    }
    leases.sort_by_key(|(place, _)| *place);
    Ok(leases.into_iter().map(|(_, lease)| lease).collect())
}

/// Whether the file of a lease was written within [`EXPIRY`], or has a time that lies in the future.
fn is_fresh(folder: &ResultsFolder, run_id: &str) -> bool {
    let modified = fs::metadata(folder.lease_path(run_id)).and_then(|found| found.modified());
    let age = modified.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
    age.is_none_or(|age: Duration| age < EXPIRY)
}

/// Opens the runs of dead processes, so that what an earlier command left is taken up at once, and
/// removes the files that these processes did not finish writing.
///
/// # Errors
/// The folder cannot be read or written.
pub fn clear_dead(folder: &ResultsFolder) -> Result<(), SweepError> {
    done(Seen::of(folder).take_up(&folder.recorded()?))?;
    for part in ["", "records", "failures", "leases", "models"] {
        clear_unfinished(&folder.root().join(part), EXPIRY);
    }
    Ok(())
}

/// Ids of the runs that have a lease, whoever owns it.
pub(crate) fn leased(folder: &ResultsFolder) -> Result<Vec<String>, SweepError> {
    let names = done(Disk::of(folder).names(crate::book::LEASES))?;
    Ok(ids_of(names).collect())
}

/// Opens a run whose record this process has moved aside.
pub(crate) fn open_again(folder: &ResultsFolder, run_id: &str) -> Result<(), SweepError> {
    let files = Disk::of(folder);
    let mut book = Book::new(files.clone());
    done(async {
        book.look(|key| key == run_id).await?;
        reopen(&files, &mut book, run_id, &Owner::current()).await
    })
}
