//! Ctrl-C and `kill`: a run ends within a second, with exit code 130 and nothing half-written.
//!
//! Flows in: the signal. At first engines, readers and writers are asked to stop: each looks at its next border (a
//! tile, a dispatch, a piece of a file), and the run ends as it does on any error. Where that takes too long (a driver
//! compiles a long shader, a pipe has no reader, nobody types), the signal's own thread removes the unfinished files
//! and ends the process.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the run may take to end by itself.
const PATIENCE: Duration = Duration::from_millis(700);

/// How long it may then take to say so.
const GRACE: Duration = Duration::from_millis(200);

/// The exit code of an interrupted run.
const CODE: i32 = 130;

/// Whether somebody already says how the process ends: the run, or the signal's thread.
static ENDING: AtomicBool = AtomicBool::new(false);

/// What stays of an interrupted run, in words; nothing, unless the run says so.
static KEPT: Mutex<String> = Mutex::new(String::new());

/// Called by a run that has written something to go on with.
pub(super) fn kept(what: String) {
    if let Ok(mut kept) = KEPT.lock() {
        *kept = what;
    }
}

/// Sets the handler. Where that fails the system's stays: Ctrl-C then ends the process at once.
pub(super) fn listen() {
    let _ = ctrlc::set_handler(on_signal);
}

/// Called by the run before it says how it ended; does not return where the signal's thread ends the process.
pub(super) fn claim() {
    if ENDING.swap(true, Ordering::SeqCst) {
        loop {
            std::thread::park();
        }
    }
}

/// Says that the run was interrupted, and ends the process: to leave in order would empty the buffer of standard output,
/// into a pipe perhaps that nobody reads.
pub(super) fn interrupted() -> ! {
    // The lock is held for a moment at most, and nothing is worth waiting here.
    let kept = KEPT.try_lock().map(|kept| kept.clone()).unwrap_or_default();
    let kept = if kept.is_empty() { "no file was written" } else { &kept };
    // Nowhere to print to is no reason to stay.
    let _ = writeln!(std::io::stderr(), "gradfield: interrupted; {kept}");
    leave()
}

fn on_signal() {
    let again = gradfield::backend::check_interrupt().is_err();
    gradfield::backend::interrupt();
    if !again {
        std::thread::sleep(PATIENCE);
    }
    if !ENDING.swap(true, Ordering::SeqCst) {
        gradfield::files::abandon();
        interrupted();
    }
    // The run has ended and says how; where even that takes long, it is not waited for.
    if !again {
        std::thread::sleep(GRACE);
    }
    leave()
}

/// Ends the process at once. No destructor runs, neither ours nor those of a driver, whose threads are at work.
fn leave() -> ! {
    #[cfg(unix)]
    // SAFETY: `_exit` takes any number and reads no memory of ours.
    unsafe {
        libc::_exit(CODE)
    }
    #[cfg(not(unix))]
    std::process::exit(CODE)
}
