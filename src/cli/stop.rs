//! Ctrl-C and `kill`: a run ends within a second, with exit code 130 and nothing half-written.
//!
//! Flows in: the signal. At first engines, readers and writers are asked to stop: each looks at its next border (a
//! tile, a dispatch, a piece of a file), and the run ends as it does on any error. Where that takes too long (a driver
//! compiles a long shader, a pipe has no reader, nobody types), the signal's own thread removes the unfinished files
//! and ends the process.

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the run may take to end by itself.
const PATIENCE: Duration = Duration::from_millis(700);

/// The exit code of an interrupted run.
const CODE: u8 = 130;

/// Whether somebody already says how the process ends: the run, or the signal's thread.
static ENDING: AtomicBool = AtomicBool::new(false);

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

/// Says that the run was interrupted.
pub(super) fn interrupted() -> ExitCode {
    // Nowhere to print to is no reason to stay.
    let _ = writeln!(std::io::stderr(), "gradfield: interrupted; no file was written");
    ExitCode::from(CODE)
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
        leave();
    }
    // The run is saying how it ended; only who asks again does not wait for that.
    if again {
        leave();
    }
}

/// Ends the process at once. No destructor runs, neither ours nor those of a driver, whose threads are at work.
fn leave() -> ! {
    #[cfg(unix)]
    // SAFETY: `_exit` takes any number and reads no memory of ours.
    unsafe {
        libc::_exit(i32::from(CODE))
    }
    #[cfg(not(unix))]
    std::process::exit(i32::from(CODE))
}
