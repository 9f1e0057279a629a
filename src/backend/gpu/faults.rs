//! What a driver says goes wrong, as one clear error each.
//!
//! Flows in: calls of wgpu. Flows out: their values, or a [`BackendError`] that names the device, what was being done,
//! and a way out, on one line. A driver speaks in four ways: an error scope, a callback out of the blue, the loss of
//! the device, and (in wgpu 30, where the device is lost in the midst of waiting) a panic, whose message is kept from
//! the user's screen. [`Fault`] makes each of them happen, for tests.

use super::Gpu;
use crate::backend::BackendError;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Once, PoisonError};

/// What was reported outside of any call, and what tests want to be reported.
#[derive(Default)]
pub(super) struct Faults {
    lost: Option<String>,
    stray: Option<String>,
    injected: Vec<Fault>,
}

/// A fault to come, for tests: the driver fails in the way `kind` when work whose name begins with `doing` ("reserving",
/// "compiling the shader", "sending data", "starting work", "fetching results", "waiting") has been done `after` times.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    pub doing: String,
    pub after: u32,
}

/// See [`Fault`].
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    Memory,
    Validation,
    Internal,
    Lost,
}

impl std::str::FromStr for Fault {
    type Err = String;

    /// `memory, reserving, 2`.
    fn from_str(text: &str) -> Result<Fault, String> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let wrong = || format!("`{text}` is no fault; write one such as `memory, reserving, 2`");
        let &[kind, doing, after] = parts.as_slice() else { return Err(wrong()) };
        let kind = match kind {
            "memory" => FaultKind::Memory,
            "validation" => FaultKind::Validation,
            "internal" => FaultKind::Internal,
            "lost" => FaultKind::Lost,
            _ => return Err(wrong()),
        };
        Ok(Fault { kind, doing: doing.to_string(), after: after.parse().map_err(|_| wrong())? })
    }
}

/// Listens to a device.
pub(super) fn listen(device: &wgpu::Device) -> Arc<Mutex<Faults>> {
    let faults = Arc::new(Mutex::new(Faults::default()));
    let (lost, stray) = (Arc::clone(&faults), Arc::clone(&faults));
    device.set_device_lost_callback(move |_, message| {
        lost.lock().unwrap_or_else(PoisonError::into_inner).lost = Some(message);
    });
    // wgpu's own handler panics.
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        stray.lock().unwrap_or_else(PoisonError::into_inner).stray = Some(error.to_string());
    }));
    faults
}

impl Gpu {
    /// The same device with a fault to come.
    #[doc(hidden)]
    pub fn with_fault(self, fault: Fault) -> Gpu {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).injected.push(fault);
        self
    }

    /// Loses the device on purpose.
    #[doc(hidden)]
    pub fn lose(&self) {
        self.device.destroy();
    }

    /// Runs calls of wgpu and turns whatever the driver says of them into an error. `doing` completes "while ...".
    pub(super) fn guarded<T>(&self, doing: &str, work: impl FnOnce() -> T) -> Result<T, BackendError> {
        use wgpu::ErrorFilter::{Internal, OutOfMemory, Validation};
        let scopes = [Internal, OutOfMemory, Validation].map(|filter| self.device.push_error_scope(filter));
        let value = work();
        let errors = scopes.into_iter().rev().map(|scope| pollster::block_on(scope.pop()));
        let error = errors.fold(self.injected(doing), Option::or);
        // Where memory ran out wgpu may give up the device as well; the memory is what there is to know.
        if let Some(wgpu::Error::OutOfMemory { .. }) = error {
            return Err(self.exhausted(doing));
        }
        self.check(doing)?;
        match error {
            None => Ok(value),
            Some(error) => Err(self.refused(doing, &reason(&error))),
        }
    }

    /// Waits until a submission is done.
    pub(super) fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<(), BackendError> {
        self.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: None })
    }

    /// Hears what is done, without waiting.
    pub(super) fn look(&self) -> Result<(), BackendError> {
        self.poll(wgpu::PollType::Poll)
    }

    fn poll(&self, how: wgpu::PollType) -> Result<(), BackendError> {
        let doing = "waiting for results";
        let injected = self.injected(doing);
        let polled = silently(|| match injected {
            Some(error) => panic!("Error in Device::poll: {error}"),
            None => self.device.poll(how),
        });
        self.check(doing)?;
        match polled {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(self.refused(doing, &error.to_string())),
            None => Err(self.lost(doing, "")),
        }
    }

    /// What was reported outside of any call.
    fn check(&self, doing: &str) -> Result<(), BackendError> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let stray = faults.stray.take();
        match (&faults.lost, stray) {
            (Some(reason), _) if reason.to_lowercase().contains("memory") => Err(self.exhausted(doing)),
            (Some(reason), _) => Err(self.lost(doing, reason)),
            (None, Some(stray)) => Err(self.refused(doing, &stray)),
            (None, None) => Ok(()),
        }
    }

    /// The fault that a test wants here, if one is due.
    fn injected(&self, doing: &str) -> Option<wgpu::Error> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let place = faults.injected.iter().position(|fault| doing.starts_with(fault.doing.as_str()))?;
        if let Some(left) = faults.injected[place].after.checked_sub(1) {
            faults.injected[place].after = left;
            return None;
        }
        let (description, source) = (format!("injected while {doing}"), "injected".into());
        Some(match faults.injected.remove(place).kind {
            FaultKind::Memory => wgpu::Error::OutOfMemory { source },
            FaultKind::Validation => wgpu::Error::Validation { source, description },
            FaultKind::Internal => wgpu::Error::Internal { source, description },
            FaultKind::Lost => {
                faults.lost = Some("injected".to_string());
                wgpu::Error::Internal { source, description }
            }
        })
    }

    fn exhausted(&self, doing: &str) -> BackendError {
        BackendError::Device(format!(
            "{} ran out of memory while {doing}. Close what else uses its memory, take fewer points, starts or variables, \
             or use --device cpu.",
            self.adapter.title()
        ))
    }

    fn lost(&self, doing: &str, reason: &str) -> BackendError {
        BackendError::Device(format!(
            "{} was lost while {doing}{}{}. Its driver was reset, or it ran out of memory; run again, with a smaller \
             --size if it happens again, or with --device cpu.",
            self.adapter.title(),
            if reason.is_empty() { "" } else { ": " },
            paragraph(reason)
        ))
    }

    pub(super) fn refused(&self, doing: &str, reason: &str) -> BackendError {
        BackendError::Device(format!(
            "{} failed while {doing}: {}. This is a fault of gradfield or of the driver ({}); --device cpu avoids it.",
            self.adapter.title(),
            paragraph(reason),
            self.adapter.driver
        ))
    }
}

/// The cause at the bottom of an error; what stands above it names functions of wgpu.
fn reason(error: &wgpu::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

/// A driver's message on one line, its beginning where it is long.
fn paragraph(message: &str) -> String {
    const LENGTH: usize = 300;
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches('.');
    if line.chars().count() > LENGTH {
        line.chars().take(LENGTH).chain("...".chars()).collect()
    } else {
        line.to_string()
    }
}

thread_local! {
    /// Whether this thread's panics are caught and told as errors.
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// Runs what may panic; none where it did. Nothing is printed then. The hook that sees to it stays for good, and lets
/// every other panic through to the hook before it: other threads, and this one outside of here, print as ever.
fn silently<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |information| {
            if !SILENT.get() {
                before(information);
            }
        }));
    });
    let outer = SILENT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    SILENT.set(outer);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_caught_is_silent() {
        assert_eq!(silently(|| 3), Some(3));
        assert_eq!(silently(|| panic!("this text must not be printed")), None::<()>);
        assert_eq!(silently(|| silently(|| 3).map(|_| SILENT.get())), Some(Some(true)));
        assert!(!SILENT.get());
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(paragraph("  a\n\n  b.\n"), "a b");
        assert_eq!(paragraph(&"é".repeat(1000)).chars().count(), 303);
    }

    #[test]
    fn faults_are_read() {
        let fault = Fault { kind: FaultKind::Memory, doing: "sending data".to_string(), after: 2 };
        assert_eq!("memory, sending data, 2".parse(), Ok(fault));
        assert!(
            ["", "memory", "sun, waiting, 1", "lost, waiting, x"].iter().all(|text| text.parse::<Fault>().is_err())
        );
    }
}
