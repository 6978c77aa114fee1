//! What asks a process to end: Ctrl-C, `kill`, the end of the terminal, a cluster whose time is up.
//! Every verb ends within five seconds with [`STOPPED`]: at once, for every file is written beside
//! its place, or a little later where the work heeds the request and keeps its state.

use crate::output::note;
use isoflop_sweep::workers::local::{COMMAND_GRACE, STOPPED, WORKER_GRACE, at_end_of_leash};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

/// How long last words may take: nobody may be reading them.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What this process is to those who send signals.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// A verb that somebody called; its last words.
    Command(&'static str),
    /// A worker that somebody called; its last words.
    Worker(&'static str),
    /// A process that a command started. What reaches all processes of a terminal or of a job is for
    /// the command, which decides for both; its end is theirs.
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

/// Set once this process has been asked to end.
pub(crate) fn flag() -> &'static AtomicBool {
    &ASKED
}

/// While it lives, the work looks at [`flag`] and ends by itself.
#[derive(Debug)]
pub(crate) struct Heeded(());

/// Says that the work from here on looks at [`flag`].
pub(crate) fn heed() -> Heeded {
    HEEDED.fetch_add(1, Ordering::AcqRel);
    Heeded(())
}

impl Drop for Heeded {
    fn drop(&mut self) {
        HEEDED.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Ends this process as a signal would when its parent ends or says so.
pub(crate) fn end_with_parent() {
    at_end_of_leash(stop);
}

/// Waits for the end where it is already on its way: what goes wrong meanwhile is its doing.
pub(crate) fn stay_if_leaving() {
    while LEAVING.load(Ordering::Acquire) {
        std::thread::park();
    }
}

/// Asks the work to end, and sees to it that it does.
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

/// Ends this process now. Files that are being written are removed, those in place are whole.
fn leave() -> ! {
    LEAVING.store(true, Ordering::Release);
    let (said, done) = mpsc::channel();
    std::thread::spawn(move || {
        isoflop_results::file::abandon();
        if let Some(words) = ROLE.get().and_then(|role| role.last_words()) {
            note(words);
        }
        // Nobody waits any longer where this took too long.
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

/// Signals end the process as the system does it.
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

    /// A second Ctrl-C is a person's own, and not the same one sent twice, after so long.
    const AGAIN: Duration = Duration::from_millis(300);

    /// Signals that ask for the end of a process. Batch systems send SIGUSR1, SIGUSR2 and SIGXCPU some
    /// time before they kill (Slurm's `--signal`, Grid Engine's `-notify`, a limit of CPU time).
    const REQUESTS: [i32; 6] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU];

    /// Those of them that are meant for whoever supervises this process.
    const FOR_THE_PARENT: [i32; 4] = [SIGINT, SIGHUP, SIGUSR1, SIGUSR2];

    /// Takes the signals that this process answers; one that was ignored when it started, as SIGHUP is
    /// under `nohup`, stays ignored.
    pub(crate) fn take(role: Role) -> std::io::Result<()> {
        let _ = ROLE.set(role);
        // Taken and left at that: a file that may not grow is then an error of its writer.
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

    /// Unlike one that is ignored, a signal with a handler is as usual again in processes that this
    /// one starts.
    fn leave_alone(signal: i32) -> std::io::Result<()> {
        if !is_ignored(signal) {
            flag::register(signal, Arc::new(AtomicBool::new(false)))?;
        }
        Ok(())
    }

    #[allow(unsafe_code, reason = "the standard library does not tell how signals are handled")]
    fn is_ignored(signal: i32) -> bool {
        // SAFETY: all zeros are a `sigaction` of integers and of a function pointer that may be null;
        // a null pointer for the new action asks for the present one alone, which is written there.
        unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &mut now) == 0
                && now.sa_sigaction == libc::SIG_IGN
        }
    }

    /// Past what a library may want to do at an orderly end, while its threads still work.
    pub(super) fn exit() -> ! {
        signal_hook::low_level::exit(i32::from(STOPPED))
    }
}
