//! Progress on standard error: a bar on a terminal, a line now and then elsewhere, nothing under `--quiet`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Where no bar can be drawn: after so long comes the first line; then one each time that the run has taken twice as long.
const LINE: Duration = Duration::from_secs(15);
/// Steps of a bar over a share.
const STEPS: u64 = 1000;

/// A bar over `length` units; draws only on a terminal, and not before the run has taken a moment.
pub(super) fn bar(length: u64, unit: &str, quiet: bool) -> ProgressBar {
    styled(length, &format!("{{bar:40}} {{pos}}/{{len}} {unit}, {{eta}} left"), quiet)
}

fn styled(length: u64, template: &str, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Progress in words of one's own. What is drawn goes when it is dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    begin: Instant,
    /// When the next line is due, if any.
    line: Option<Duration>,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Progress {
        let bar = styled(STEPS, "{bar:20} {msg}", quiet);
        let line = (!quiet && bar.is_hidden()).then_some(LINE);
        Progress { bar, begin: Instant::now(), line }
    }

    /// So large a share is done; `text` says more.
    pub(super) fn tell(&mut self, share: f64, text: impl FnOnce() -> String) {
        if !self.bar.is_hidden() {
            self.bar.set_message(text());
            self.bar.set_position((share * STEPS as f64) as u64);
        } else if let Some(line) = self.line.filter(|line| self.begin.elapsed() >= *line) {
            self.line = Some(2 * line.max(self.begin.elapsed() / 2));
            eprintln!("{}", text());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
