//! Handles requests to end the process: Ctrl-C, `kill`, a closed terminal, a cluster whose time is
//! up. Every verb ends within five seconds with [`STOPPED`]. It ends at once, since every file is
//! written beside its place; where the work heeds the request, it first keeps its state.

use crate::output::note;
use isoflop_sweep::workers::local::{COMMAND_GRACE, STOPPED, WORKER_GRACE, at_end_of_leash};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

/// Time within which the last words must be printed, since nobody may be reading them.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Role of this process towards those who send signals.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// A verb that a person started; holds its last words.
    Command(&'static str),
    /// A worker that a person started; holds its last words.
    Worker(&'static str),
    /// A process that a command started. Signals to all processes of a terminal or a job are left
    /// to the command, which decides for both; when the command ends, so does this process.
    Part,
}

impl Role {
    fn grace(self) -> Duration {
        match self {
            Role::Command(_) => COMMAND_GRACE,
            Role::Worker(_) | Role::Part => WORKER_GRACE,
        }
    }

    fn last_words(self) -> Option<&'static str> {
        match self {
            Role::Command(words) | Role::Worker(words) => Some(words),
            Role::Part => None,
        }
    }
}

static ROLE: OnceLock<Role> = OnceLock::new();
static ASKED: AtomicBool = AtomicBool::new(false);
static HEEDED: AtomicUsize = AtomicUsize::new(0);
static LEAVING: AtomicBool = AtomicBool::new(false);

/// Flag that is set once this process has been asked to end.
pub(crate) fn flag() -> &'static AtomicBool {
    &ASKED
}

/// Guard; while it lives, the work checks [`flag`] and ends by itself.
#[derive(Debug)]
pub(crate) struct Heeded(());

/// Declares that the work checks [`flag`] from here on.
pub(crate) fn heed() -> Heeded {
    HEEDED.fetch_add(1, Ordering::AcqRel);
    Heeded(())
}

impl Drop for Heeded {
    fn drop(&mut self) {
        HEEDED.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Ends this process, as a signal would, when its parent ends or closes its stdin.
pub(crate) fn end_with_parent() {
    at_end_of_leash(stop);
}

/// Waits for the end if it is already under way, since errors after that point are only its
/// consequence.
pub(crate) fn stay_if_leaving() {
    while LEAVING.load(Ordering::Acquire) {
        std::thread::park();
    }
}

/// Asks the work to end, and ends the process if the work does not.
fn stop() {
    if ASKED.swap(true, Ordering::AcqRel) {
        return;
    }
    if HEEDED.load(Ordering::Acquire) == 0 {
        leave();
    }
    let grace = ROLE.get().map_or(WORKER_GRACE, |role| role.grace());
    std::thread::spawn(move || {
        std::thread::sleep(grace);
        leave();
    });
}

/// Ends this process now. Unfinished files are removed, and files in their place are whole.
fn leave() -> ! {
    LEAVING.store(true, Ordering::Release);
    let (said, done) = mpsc::channel();
    std::thread::spawn(move || {
        isoflop_results::file::abandon();
        if let Some(words) = ROLE.get().and_then(|role| role.last_words()) {
            note(words);
        }
        // If printing took too long, nobody waits for this message any more.
        let _ = said.send(());
    });
    let _ = done.recv_timeout(LAST_WORDS);
    exit()
}

#[cfg(unix)]
use unix::exit;
#[cfg(unix)]
pub(crate) use unix::take;

#[cfg(not(unix))]
fn exit() -> ! {
    std::process::exit(i32::from(STOPPED))
}

/// Leaves signals to the system, which ends the process.
#[cfg(not(unix))]
pub(crate) fn take(role: Role) -> std::io::Result<()> {
    let _ = ROLE.set(role);
    Ok(())
}

#[cfg(unix)]
mod unix {
    use super::{ROLE, Role, STOPPED, leave, stop};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};
    use signal_hook::flag;
    use signal_hook::iterator::Signals;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::time::{Duration, Instant};

    /// Time after which a second Ctrl-C counts as a request of its own, and not as the same signal
    /// delivered twice.
    const AGAIN: Duration = Duration::from_millis(300);

    /// Signals that ask a process to end. Batch systems send SIGUSR1, SIGUSR2 and SIGXCPU some time
    /// before they kill (Slurm's `--signal`, Grid Engine's `-notify`, a limit of CPU time).
    const REQUESTS: [i32; 6] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU];

    /// Signals among `REQUESTS` that are meant for whoever supervises this process.
    const FOR_THE_PARENT: [i32; 4] = [SIGINT, SIGHUP, SIGUSR1, SIGUSR2];

    /// Installs the handlers of this process. A signal that was ignored when the process started,
    /// such as SIGHUP under `nohup`, stays ignored.
    pub(crate) fn take(role: Role) -> std::io::Result<()> {
        let _ = ROLE.set(role);
        // With this signal handled, a file that may not grow is an ordinary error of its writer.
        leave_alone(SIGXFSZ)?;
        let mut requests: Vec<i32> = REQUESTS.into_iter().filter(|s| !is_ignored(*s)).collect();
        if matches!(role, Role::Part) {
            requests.retain(|signal| !FOR_THE_PARENT.contains(signal));
            FOR_THE_PARENT.into_iter().try_for_each(leave_alone)?;
        }
        let mut signals = Signals::new(requests)?;
        std::thread::spawn(move || {
            let mut first = None;
            for signal in signals.forever() {
                let first: Instant = *first.get_or_insert_with(Instant::now);
                match signal == SIGINT && first.elapsed() > AGAIN {
                    true => leave(),
                    false => stop(),
                }
            }
        });
        Ok(())
    }

    /// Handles a signal by doing nothing. Unlike an ignored signal, it has its usual effect again
    /// in processes that this one starts.
    fn leave_alone(signal: i32) -> std::io::Result<()> {
        if !is_ignored(signal) {
            flag::register(signal, Arc::new(AtomicBool::new(false)))?;
        }
        Ok(())
    }

    #[allow(unsafe_code, reason = "the standard library does not tell how signals are handled")]
    fn is_ignored(signal: i32) -> bool {
        // SAFETY: a `sigaction` of zeros is valid, since it consists of integers and a function
        // pointer that may be null; with a null pointer for the new action the call only writes the
        // present one.
        unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &mut now) == 0
                && now.sa_sigaction == libc::SIG_IGN
        }
    }

    /// Ends without running exit handlers, which would free what other threads still use.
    pub(super) fn exit() -> ! {
        signal_hook::low_level::exit(i32::from(STOPPED))
    }
}
