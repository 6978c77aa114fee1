//! One schedule: workers come, train the plan and go, and afterwards the server is looked at.

use crate::flaws::Flaw;
use crate::server::{Client, Node, Server};
use crate::world::{Process, Time, World};
use isoflop_sweep::claim::{Claims, Next};
use isoflop_sweep::hold::Hold;
use isoflop_sweep::lease::Stage;
use isoflop_sweep::shelf::Shelf;
use isoflop_sweep::{Plan, PlannedRun, SweepError};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::AddAssign;
use std::rc::Rc;

/// True time after which a plan that is not done counts as lost.
const LONGEST: Time = 2 * 86_400_000;

/// Time between two heartbeats in the simulation: the longest that the product has.
const HEARTBEAT: Time = 20_000;

/// What goes wrong in a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Clients show the past and clocks differ, and that is all.
    Calm,
    /// Everything else goes wrong too, on a server.
    Wild,
    /// Processes of one machine stall, die and get errors at will, on a disk that shows the present.
    Local,
}

impl Mood {
    pub(crate) fn of(number: u64) -> Self {
        [Mood::Wild, Mood::Calm, Mood::Wild, Mood::Wild, Mood::Local][(number % 5) as usize]
    }

    pub(crate) fn is_local(self) -> bool {
        self == Mood::Local
    }

    fn if_wild(self, share: u64) -> u64 {
        if self == Mood::Calm { 0 } else { share }
    }

    pub(crate) fn crashes(self) -> u64 {
        self.if_wild(8_000)
    }

    pub(crate) fn stalls(self) -> u64 {
        self.if_wild(15_000)
    }

    pub(crate) fn lost_answers(self) -> u64 {
        self.if_wild(50_000)
    }

    pub(crate) fn errors(self) -> u64 {
        self.if_wild(2_000)
    }
}

/// What happened in schedules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) crashes: u64,
    pub(crate) stalls: u64,
    pub(crate) lost_answers: u64,
    pub(crate) stale: u64,
    pub(crate) claims: u64,
    pub(crate) taken_over: u64,
    pub(crate) fenced: u64,
    pub(crate) placed_by_others: u64,
    pub(crate) resumed: u64,
    pub(crate) ended_by_errors: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.stalls += other.stalls;
        self.lost_answers += other.lost_answers;
        self.stale += other.stale;
        self.claims += other.claims;
        self.taken_over += other.taken_over;
        self.fenced += other.fenced;
        self.placed_by_others += other.placed_by_others;
        self.resumed += other.resumed;
        self.ended_by_errors += other.ended_by_errors;
    }
}

/// What all processes of a schedule tell the judge, who sees them from outside.
#[derive(Default)]
struct Seen {
    problems: RefCell<Vec<String>>,
    /// Claims that are at work, by run or trunk.
    at_work: RefCell<HashMap<String, usize>>,
}

impl Seen {
    fn problem(&self, problem: String) {
        self.problems.borrow_mut().push(problem);
    }
}

/// Runs the schedule with this number.
///
/// # Errors
/// What went wrong that must not.
pub(crate) fn run(plan: &Plan, number: u64, flaw: Option<Flaw>) -> Result<Tally, String> {
    let (world, mood) = (World::of(number), Mood::of(number));
    let nodes = if mood.is_local() { 1 } else { world.between(2, 3) };
    let server = Rc::new(Server {
        nodes: (0..nodes).map(|_| Node::of(&world, mood)).collect(),
        mood,
        flaw,
        files: RefCell::default(),
        tally: RefCell::default(),
        endings: RefCell::default(),
        mishaps: Cell::new(world.between(2, 12)),
        world: world.clone(),
    });
    let (plan, seen) = (Rc::new(plan.clone()), Rc::new(Seen::default()));
    for _ in 0..world.between(2, 4) {
        start(&server, &plan, &seen, world.between(0, 30_000));
    }
    while !is_done(&server, &plan) {
        // What a person or the last pilot does: more workers are sent where some are missing.
        if !world.run(world.now() + 100_000) && world.now() < LONGEST {
            continue;
        }
        if world.now() >= LONGEST {
            return Err("a run has no record after two days".to_owned());
        }
        start(&server, &plan, &seen, world.between(1, 100_000));
    }
    // Those who sleep wake up, and find everything done.
    world.run(Time::MAX);
    judge(&server, &plan, &seen)?;
    let tally = *server.tally.borrow();
    Ok(tally)
}

fn is_done(server: &Server, plan: &Plan) -> bool {
    let files = server.files.borrow();
    plan.runs().iter().all(|run| files.contains_key(&format!("records/{}.json", run.id())))
}

fn start(server: &Rc<Server>, plan: &Rc<Plan>, seen: &Rc<Seen>, wait: Time) {
    let world = &server.world;
    let node = world.between(0, server.nodes.len() as u64 - 1) as usize;
    let process = world.processes.borrow().len();
    world.processes.borrow_mut().push(Process { node, ..Process::default() });
    let (client, plan, seen) = (Client::of(server, process), plan.clone(), seen.clone());
    world.spawn(process, wait, async move {
        if work(&client, &plan, &seen).await.is_err() {
            client.server.tally.borrow_mut().ended_by_errors += 1;
        }
        // The process has ended.
        client.server.world.processes.borrow_mut()[process].dead = true;
    });
}

/// What a worker does, with a trainer that sleeps.
async fn work(client: &Client, plan: &Plan, seen: &Rc<Seen>) -> Result<(), SweepError> {
    let world = client.server.world.clone();
    let mut claims = Claims::on(client.clone(), plan, &client.owner(), 1, "none");
    loop {
        let (run, hold) = match claims.next(&|_| true).await? {
            Next::Run(run, hold) => (run, Rc::new(hold)),
            Next::Nothing => return Ok(()),
            Next::Wait => {
                world.sleep(world.between(2_000, 20_000)).await;
                continue;
            }
        };
        client.server.tally.borrow_mut().claims += 1;
        let stop = Rc::new(Cell::new(false));
        world.spawn(client.process, HEARTBEAT, beat(client.clone(), hold.clone(), stop.clone()));
        let stays = train(client, run, &hold, seen).await;
        stop.set(true);
        if !stays? {
            return Ok(());
        }
    }
}

async fn beat(client: Client, hold: Rc<Hold<Client>>, stop: Rc<Cell<bool>>) {
    while !stop.get() && !hold.is_lost() {
        // An error is tried again with the next heartbeat, as in the product.
        let _ = hold.renew().await;
        client.server.world.sleep(HEARTBEAT).await;
    }
}

/// Trains a run and ends its claim. Returns whether the worker goes on.
async fn train(
    client: &Client,
    run: &PlannedRun,
    hold: &Hold<Client>,
    seen: &Seen,
) -> Result<bool, SweepError> {
    let world = &client.server.world;
    let (calm, branch) = (client.server.mood == Mood::Calm, run.branch_step());
    let on_trunk = hold.lease().stage == Stage::Trunk;
    let trunk = Shelf::on(client.clone(), run.trunk(), &format!("none-{}", run.micro_windows()));
    let _run = calm.then(|| AtWork::begin(seen, run.id()));
    if resumes(client, &trunk, seen).await? || !on_trunk {
        client.server.tally.borrow_mut().resumed += 1;
    }
    if on_trunk {
        let _trunk = calm.then(|| AtWork::begin(seen, run.trunk()));
        for step in [branch / 2, branch] {
            world.sleep(world.between(5_000, 60_000)).await;
            if hold.look().await? {
                return Ok(true);
            }
            let state = format!("{} is at {step}", client.process);
            trunk.write(step, state.as_bytes()).await?;
        }
        trunk.prune(branch, 2, |_| false).await?;
        drop(_trunk);
        hold.leave_trunk().await?;
    }
    world.sleep(world.between(5_000, 60_000)).await;
    drop(_run);
    end(client, run, hold).await
}

/// Reads the newest state, as a trainer does that goes on from it.
async fn resumes(client: &Client, shelf: &Shelf<Client>, seen: &Seen) -> Result<bool, SweepError> {
    for step in shelf.steps().await?.into_iter().rev() {
        match shelf.read(step).await {
            Ok(_) => return Ok(true),
            // Another worker has pruned it, or it is not shown yet; the one before serves.
            Err(problem) if problem.contains("not there") || problem.contains("answer") => {}
            Err(problem) => seen.problem(format!("process {}: damaged: {problem}", client.process)),
        }
    }
    Ok(false)
}

async fn end(client: &Client, run: &PlannedRun, hold: &Hold<Client>) -> Result<bool, SweepError> {
    let world = &client.server.world;
    let lease = hold.lease();
    let record = format!("{} {} {}", client.process, lease.claim, run.id());
    let wild = client.server.mood != Mood::Calm;
    if wild && world.happens(50_000) {
        hold.release().await?;
        return Ok(false);
    }
    let kept = match wild && world.happens(50_000) {
        true => hold.fail(record.as_bytes()).await?,
        false => hold.finish(record.as_bytes()).await?,
    };
    client.server.tally.borrow_mut().fenced += u64::from(!kept);
    Ok(true)
}

/// Counts a claim that is at work on a key, where nobody dies or sleeps and nobody may thus take
/// another's place.
struct AtWork<'a> {
    seen: &'a Seen,
    key: String,
}

impl<'a> AtWork<'a> {
    fn begin(seen: &'a Seen, key: &str) -> Self {
        let mut at_work = seen.at_work.borrow_mut();
        let count = at_work.entry(key.to_owned()).or_default();
        *count += 1;
        if *count > 1 {
            seen.problem(format!("{key} is trained twice at once"));
        }
        AtWork { seen, key: key.to_owned() }
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        *self.seen.at_work.borrow_mut().get_mut(&self.key).unwrap() -= 1;
    }
}

/// Looks at the server when everybody has gone.
fn judge(server: &Server, plan: &Plan, seen: &Seen) -> Result<(), String> {
    if let Some(problem) = seen.problems.borrow().first() {
        return Err(problem.clone());
    }
    let files = server.files.borrow();
    for run in plan.runs() {
        let id = run.id();
        let mut authors = Vec::new();
        for (path, bytes) in server.endings.borrow().iter() {
            if path.strip_prefix("leases/").and_then(|name| name.rsplit_once('.')).unwrap().0 != id
            {
                continue;
            }
            let ending: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            match ending["how"].as_str().unwrap() {
                "done" => authors.push(format!("{} {} {id}", ending["by"]["pid"], ending["claim"])),
                "expired" if server.mood == Mood::Calm => {
                    return Err(format!("{id} was taken from a worker that lives"));
                }
                "expired" => server.tally.borrow_mut().taken_over += 1,
                _ => {}
            }
        }
        let [author] = &authors[..] else {
            return Err(format!("{id} was finished twice or never: by {authors:?}"));
        };
        let record = files.get(&format!("records/{id}.json"));
        let record = record.ok_or(format!("{id} has no record"))?;
        if **record != *author.as_bytes() {
            let found = String::from_utf8_lossy(record);
            return Err(format!("the record of {id} is of another: {found}, not {author}"));
        }
    }
    Ok(())
}
