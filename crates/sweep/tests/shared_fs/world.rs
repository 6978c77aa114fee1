//! Time, chance and tasks: a scheduler that runs one task at a time, in an order that follows from a
//! number.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Milliseconds of true time, which no process knows.
pub(crate) type Time = u64;

type Work = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    process: usize,
    work: Option<Work>,
}

/// A process of a worker.
#[derive(Clone, Default)]
pub(crate) struct Process {
    pub(crate) node: usize,
    pub(crate) dead: bool,
    /// Time until which the process is stopped.
    pub(crate) stopped_until: Time,
}

#[derive(Default)]
pub(crate) struct World {
    chance: Cell<u64>,
    now: Cell<Time>,
    /// Time, order and number of the tasks that wait.
    queue: RefCell<BinaryHeap<Reverse<(Time, u64, usize)>>>,
    order: Cell<u64>,
    tasks: RefCell<Vec<Task>>,
    running: Cell<usize>,
    pub(crate) processes: RefCell<Vec<Process>>,
}

impl World {
    pub(crate) fn of(number: u64) -> Rc<Self> {
        Rc::new(World { chance: Cell::new(number ^ 0x9e37_79b9_7f4a_7c15), ..World::default() })
    }

    /// The next number of SplitMix64 (Steele et al. 2014).
    pub(crate) fn number(&self) -> u64 {
        self.chance.set(self.chance.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = self.chance.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `least` to `most`.
    pub(crate) fn between(&self, least: u64, most: u64) -> u64 {
        least + self.number() % (most - least + 1)
    }

    /// Whether something happens that happens `share` times in a million.
    pub(crate) fn happens(&self, share: u64) -> bool {
        share > 0 && self.number() % 1_000_000 < share
    }

    pub(crate) fn now(&self) -> Time {
        self.now.get()
    }

    /// Adds a task of a process, which begins after `wait`.
    pub(crate) fn spawn(
        &self,
        process: usize,
        wait: Time,
        work: impl Future<Output = ()> + 'static,
    ) {
        let mut tasks = self.tasks.borrow_mut();
        tasks.push(Task { process, work: Some(Box::pin(work)) });
        self.wake(self.now() + wait, tasks.len() - 1);
    }

    fn wake(&self, at: Time, task: usize) {
        self.order.set(self.order.get() + 1);
        self.queue.borrow_mut().push(Reverse((at, self.order.get(), task)));
    }

    /// Waits in the task that runs.
    pub(crate) fn sleep(&self, time: Time) -> impl Future<Output = ()> + '_ {
        let mut begun = false;
        std::future::poll_fn(move |_| {
            if begun {
                return Poll::Ready(());
            }
            begun = true;
            self.wake(self.now() + time, self.running.get());
            Poll::Pending
        })
    }

    /// Runs until no task waits, or until `end`. Returns whether no task waits.
    pub(crate) fn run(&self, end: Time) -> bool {
        loop {
            let next = self.queue.borrow().peek().copied();
            let Some(Reverse((at, _, task))) = next else {
                return true;
            };
            if at > end {
                self.now.set(end);
                return false;
            }
            self.queue.borrow_mut().pop();
            let process = self.processes.borrow()[self.tasks.borrow()[task].process].clone();
            if process.dead {
                self.tasks.borrow_mut()[task].work = None;
                continue;
            }
            if process.stopped_until > at {
                self.wake(process.stopped_until, task);
                continue;
            }
            self.now.set(at);
            self.running.set(task);
            let work = self.tasks.borrow_mut()[task].work.take();
            let Some(mut work) = work else {
                continue;
            };
            if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                self.tasks.borrow_mut()[task].work = Some(work);
            }
        }
    }
}
