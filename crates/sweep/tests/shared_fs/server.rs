//! A file server, and clients on several machines that show what it held a moment ago.

use crate::flaws::Flaw;
use crate::schedule::{Mood, Tally};
use crate::world::{Time, World};
use isoflop_sweep::SweepError;
use isoflop_sweep::files::Files;
use isoflop_sweep::lease::Owner;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

type Bytes = Rc<[u8]>;

/// A machine: its clock, and what its client of the server remembers.
pub(crate) struct Node {
    /// Milliseconds on the clock at true time 0.
    clock: u64,
    /// Speed of the clock, in thousandths.
    speed: u64,
    /// Time for which the client shows what it remembers.
    remembers: Time,
    /// True time at which somebody sets the wall clock, and by how much.
    set: (Time, u64),
    files: RefCell<HashMap<String, (Time, Option<Bytes>)>>,
    folders: RefCell<HashMap<String, (Time, Vec<String>)>>,
}

impl Node {
    pub(crate) fn of(world: &World, mood: Mood) -> Self {
        Node {
            clock: world.between(0, 1 << 40),
            speed: world.between(700, 1400),
            remembers: match mood.is_local() {
                true => 0,
                false => world.between(3_000, 60_000),
            },
            set: (world.between(0, 300_000), world.between(200_000, 1 << 32)),
            files: RefCell::default(),
            folders: RefCell::default(),
        }
    }
}

/// What the server holds, and what happened.
pub(crate) struct Server {
    pub(crate) world: Rc<World>,
    pub(crate) mood: Mood,
    pub(crate) flaw: Option<Flaw>,
    pub(crate) files: RefCell<BTreeMap<String, Bytes>>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) tally: RefCell<Tally>,
    /// Endings of claims as they were written, in order: path and content.
    pub(crate) endings: RefCell<Vec<(String, Bytes)>>,
    /// Mishaps that may still happen.
    pub(crate) mishaps: Cell<u64>,
}

/// The view of one process.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) server: Rc<Server>,
    pub(crate) process: usize,
    /// Path whose creation the server said to have failed last; of use to a flaw alone.
    refused: Rc<RefCell<String>>,
}

impl Client {
    pub(crate) fn of(server: &Rc<Server>, process: usize) -> Self {
        Client { server: server.clone(), process, refused: Rc::default() }
    }

    pub(crate) fn owner(&self) -> Owner {
        let node = self.server.world.processes.borrow()[self.process].node;
        let pid = self.process as u32;
        Owner { host: format!("node{node}"), boot: String::new(), pid, pid_start: u64::from(pid) }
    }

    fn node(&self) -> &Node {
        &self.server.nodes[self.server.world.processes.borrow()[self.process].node]
    }

    fn mishap(&self, share: u64) -> bool {
        let left = self.server.mishaps.get();
        let happens = left > 0 && self.server.world.happens(share);
        self.server.mishaps.set(left - u64::from(happens));
        happens
    }

    /// Lets time pass, in which other processes work, and this one may be stopped or die.
    async fn pass(&self) {
        let world = &self.server.world;
        if self.mishap(self.server.mood.crashes()) {
            world.processes.borrow_mut()[self.process].dead = true;
            self.server.tally.borrow_mut().crashes += 1;
        } else if self.mishap(self.server.mood.stalls()) {
            let until = world.now() + world.between(1_000, 500_000);
            world.processes.borrow_mut()[self.process].stopped_until = until;
            self.server.tally.borrow_mut().stalls += 1;
        } else if world.happens(500_000) {
            return;
        }
        world.sleep(world.between(0, 40)).await;
    }

    /// An operation that takes effect at the server at once, between its request and its answer.
    async fn at_server<T>(&self, effect: impl FnOnce() -> T) -> Result<T, SweepError> {
        self.pass().await;
        if self.mishap(self.server.mood.errors()) {
            return Err(broken());
        }
        let result = effect();
        self.pass().await;
        match self.mishap(self.server.mood.errors()) {
            true => Err(broken()),
            false => Ok(result),
        }
    }

    /// Forgets what the client remembers of a name that it has just changed.
    fn forget(&self, path: &str) {
        self.node().files.borrow_mut().remove(path);
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.node().folders.borrow_mut().remove(folder);
        }
    }

    /// Whether what was learned at a time is still shown, where the client does not ask again.
    fn shows(&self, learned: Time) -> bool {
        let world = &self.server.world;
        let young = world.now() - learned < self.node().remembers;
        let shows = young && world.happens(700_000);
        self.server.tally.borrow_mut().stale += u64::from(shows);
        shows
    }

    fn view(&self, path: &str) -> Option<Bytes> {
        let mut files = self.node().files.borrow_mut();
        match files.get(path) {
            Some((learned, content)) if self.shows(*learned) => content.clone(),
            _ => {
                let content = self.server.files.borrow().get(path).cloned();
                files.insert(path.to_owned(), (self.server.world.now(), content.clone()));
                content
            }
        }
    }

    fn folder(&self, folder: &str) -> Vec<String> {
        let mut folders = self.node().folders.borrow_mut();
        match folders.get(folder) {
            Some((learned, names)) if self.shows(*learned) => names.clone(),
            _ => {
                let names = self.server.names(folder);
                folders.insert(folder.to_owned(), (self.server.world.now(), names.clone()));
                names
            }
        }
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        self.server.files.borrow_mut().insert(path.to_owned(), bytes.into());
        self.forget(path);
    }

    /// Creates a file; `false` if it is there, or if the answer was lost and the request repeated.
    fn create_now(&self, path: &str, bytes: &[u8]) -> bool {
        let flaw = self.server.flaw;
        let there = match flaw {
            Some(Flaw::LooksThenWrites) => {
                let shown = self.folder("leases");
                shown.iter().any(|name| path.strip_prefix("leases/") == Some(name.as_str()))
            }
            Some(Flaw::Overwrites) => false,
            _ => self.server.files.borrow().contains_key(path),
        };
        let is_ending = path
            .rsplit_once('.')
            .is_some_and(|(_, line)| line.parse::<u64>().is_ok_and(|line| line % 2 == 0));
        if there {
            self.forget(path);
            return is_ending && flaw == Some(Flaw::IgnoresTheEnd);
        }
        self.put(path, bytes);
        if is_ending {
            self.server.endings.borrow_mut().push((path.to_owned(), bytes.into()));
        }
        !self.loses_answer()
    }

    fn loses_answer(&self) -> bool {
        let lost = self.mishap(self.server.mood.lost_answers());
        self.server.tally.borrow_mut().lost_answers += u64::from(lost);
        lost
    }

    fn rename_now(&self, from: &str, to: &str) -> bool {
        let flaw = self.server.flaw;
        if flaw == Some(Flaw::LeavesRecordsToTheirAuthors) && !self.is_author_of(from) {
            return false;
        }
        let moved = self.server.files.borrow_mut().remove(from);
        self.forget(from);
        let Some(bytes) = moved else {
            return false;
        };
        if !self.is_author_of_bytes(&bytes) {
            self.server.tally.borrow_mut().placed_by_others += 1;
        }
        self.put(to, &bytes);
        if flaw == Some(Flaw::RemovesLines) {
            let run_id = to.trim_start_matches("records/").trim_end_matches(".json");
            let own = |path: &String| path.starts_with(&format!("leases/{run_id}."));
            self.server.files.borrow_mut().retain(|path, _| !own(path));
        }
        !self.loses_answer()
    }

    fn is_author_of(&self, path: &str) -> bool {
        let bytes = self.server.files.borrow().get(path).cloned();
        bytes.is_none_or(|bytes| self.is_author_of_bytes(&bytes))
    }

    /// Whether a record is this process's; the schedule puts the number of its process first.
    fn is_author_of_bytes(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(format!("{} ", self.process).as_bytes())
    }

    /// The path that a flaw makes of a path.
    fn bent(&self, path: &str) -> String {
        match (self.server.flaw, path.strip_suffix(".safetensors")) {
            (Some(Flaw::NamesStatesByStep), Some(stem)) => {
                let (stem, _) = stem.rsplit_once('.').unwrap_or((stem, ""));
                format!("{stem}.safetensors")
            }
            _ => path.to_owned(),
        }
    }
}

impl Server {
    fn names(&self, folder: &str) -> Vec<String> {
        let start = format!("{folder}/");
        let files = self.files.borrow();
        let inside = files.range(start.clone()..).take_while(|(path, _)| path.starts_with(&start));
        let mut names: Vec<String> = inside
            .filter_map(|(path, _)| path[start.len()..].split('/').next().map(str::to_owned))
            .collect();
        names.dedup();
        names
    }
}

fn broken() -> SweepError {
    let source = std::io::Error::other("the server does not answer");
    SweepError::Io { path: PathBuf::new(), action: "reach", source }
}

impl Files for Client {
    async fn names(&self, folder: &str) -> Result<Vec<String>, SweepError> {
        self.at_server(|| self.folder(folder)).await
    }

    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, SweepError> {
        let path = self.bent(path);
        if self.server.flaw == Some(Flaw::TrustsTheFirstAnswer) && *self.refused.borrow() == path {
            return Ok(None);
        }
        self.at_server(|| self.view(&path).map(|bytes| bytes.to_vec())).await
    }

    async fn create(&self, path: &str, bytes: &[u8]) -> Result<bool, SweepError> {
        let created = self.at_server(|| self.create_now(path, bytes)).await?;
        *self.refused.borrow_mut() = if created { String::new() } else { path.to_owned() };
        Ok(created)
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), SweepError> {
        let path = self.bent(path);
        self.at_server(|| self.put(&path, bytes)).await
    }

    async fn renew(&self, path: &str, bytes: &[u8]) -> Result<(), SweepError> {
        match self.server.flaw {
            Some(Flaw::GivesNoSignOfLife) => Ok(()),
            _ => self.at_server(|| self.put(path, bytes)).await,
        }
    }

    async fn rename(&self, from: &str, to: &str) -> Result<bool, SweepError> {
        self.at_server(|| self.rename_now(from, to)).await
    }

    async fn remove(&self, path: &str) -> Result<(), SweepError> {
        self.at_server(|| {
            self.server.files.borrow_mut().remove(path);
            self.forget(path);
        })
        .await
    }

    fn now(&self) -> Duration {
        let (node, now) = (self.node(), self.server.world.now());
        let set = match self.server.flaw {
            Some(Flaw::ReadsTheWallClock) if now >= node.set.0 => node.set.1,
            _ => 0,
        };
        Duration::from_millis(node.clock + now * node.speed / 1000 + set)
    }

    fn is_alive(&self, owner: &Owner) -> Option<bool> {
        let processes = self.server.world.processes.borrow();
        (owner.host == self.owner().host).then(|| !processes[owner.pid as usize].dead)
    }
}
