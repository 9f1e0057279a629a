//! What a picture says of how it came to be: texts in its file, beside the pixels.
//!
//! Flows in: the command line, what it led to. Flows out: keywords and texts. The command is quoted so that a shell takes
//! it; `plot --from` reads it back ([`unquoted`]) and runs no shell.

use super::Failure;
use gradfield::files::{Channels, Output, PngHead, write_png};
use gradfield::picture::{Bitmap, Picture};
use std::ffi::OsString;
use std::sync::OnceLock;

/// The keyword of the command line.
pub(super) const COMMAND: &str = "Command";

/// The command line of this run; set once, before it begins.
static THIS: OnceLock<String> = OnceLock::new();

/// Called with the arguments of this run, the name of the program first.
pub(super) fn remember(arguments: &[OsString]) {
    let words = arguments.iter().skip(1).map(|word| quoted(&word.to_string_lossy()));
    let _ = THIS.set(std::iter::once("gradfield".to_owned()).chain(words).collect::<Vec<_>>().join(" "));
}

/// The command line of this run, for a shell.
pub(super) fn command() -> String {
    THIS.get().cloned().unwrap_or_default()
}

/// What led to a picture.
pub(super) struct Record<'a> {
    /// The function.
    pub(super) title: &'a str,
    /// The device and the format of its numbers.
    pub(super) source: String,
    /// What the axes span, with their names.
    pub(super) ranges: Vec<(&'a str, (f64, f64))>,
    /// Where chance came in.
    pub(super) seed: Option<u64>,
}

impl<'a> Record<'a> {
    /// That of a picture with axes.
    pub(super) fn of(picture: &'a Picture, title: &'a str, source: String, seed: Option<u64>) -> Record<'a> {
        let ranges = vec![(picture.x_label.as_str(), picture.x_range), (picture.y_label.as_str(), picture.y_range)];
        Record { title, source, ranges, seed }
    }

    /// Keywords and texts, as [`gradfield::files::PngHead`] takes them.
    pub(super) fn texts(&self) -> Vec<(&'static str, String)> {
        let ranges = self.ranges.iter().map(|(name, (lo, hi))| format!("{name}={lo}:{hi}"));
        let mut texts = vec![
            ("Software", format!("gradfield {}", env!("CARGO_PKG_VERSION"))),
            ("Title", self.title.to_owned()),
            ("Source", self.source.clone()),
            (COMMAND, command()),
            ("Ranges", ranges.collect::<Vec<_>>().join(" ")),
        ];
        texts.extend(self.seed.map(|seed| ("Seed", seed.to_string())));
        texts
    }
}

/// Writes pixels that were drawn already.
pub(super) fn write_bitmap(out: &mut Output, bitmap: &Bitmap, record: &Record<'_>) -> Result<(), Failure> {
    let texts = record.texts();
    let (width, height) = (bitmap.width as usize, bitmap.height as usize);
    let head = PngHead { width, height, channels: Channels::Rgba, texts: &texts };
    Ok(write_png(out, head, |rows| rows.push(&bitmap.rgba))?)
}

/// A word as a shell takes it for itself.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The words of a command line: split at blanks, with what [`quoted`] does undone. None where a quote has no end.
pub(super) fn unquoted(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut inside) = (Vec::new(), None::<String>, false);
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        match c {
            '\'' => {
                inside = !inside;
                word.get_or_insert_default();
            }
            ' ' if !inside => words.extend(word.take()),
            '\\' if !inside => word.get_or_insert_default().push(letters.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!inside).then_some(words)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_come_back_from_quotes() {
        proptest!(|(words in prop::collection::vec("[a-z' \\\\\"$`\n*∇;-]{0,8}", 0..5))| {
            let line = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(unquoted(&line), Some(words), "{}", line);
        });
        assert_eq!(unquoted("a 'b c"), None);
        assert_eq!(unquoted("a b\\"), None);
    }

    /// A shell makes the same words of a line.
    #[test]
    #[cfg(unix)]
    fn a_shell_takes_the_words() {
        let words =
            ["x^2 + y", "it's", "$HOME `a` \\ \"b\"", "", "-1:1", "a*b;c&d|e>f", "τ x²", "~", "#x", "!1", "two\nlines"];
        let line = words.map(quoted).join(" ");
        let shell = std::process::Command::new("sh").args(["-c", &format!("printf '%s\\0' {line}")]).output().unwrap();
        let found: Vec<String> =
            String::from_utf8(shell.stdout).unwrap().split_terminator('\0').map(String::from).collect();
        assert_eq!(found, words);
    }
}
