//! README.md and docs/articles.md: every example runs and says what the page says.
//!
//! Each ```` ```console ```` block is one test, run line by line in an empty folder:
//!
//! - `$ gradfield ...` is run. What follows, up to the next `$`, is its standard output, or the notes of its standard
//!   error and then its output. `...` stands for any text, on a line of its own for any lines. It must exit with 0
//!   unless `$ echo $?` follows.
//! - `$ cat FILE` shows a file: one that a command before wrote is compared, any other is made as shown.
//! - A file named by `-o` must be there; a PNG must decode. A `.tif` or `.csv` of `data/` that a command names is put there before.
//!
//! `<!-- numbers differ -->` on the line before a block takes any number for any other, `<!-- output differs -->` any
//! output at all. `GRADFIELD_BLESS=1` in the repository writes the pictures that the page shows to `docs/` again.

use crate::engines::program;
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE: &str = include_str!("../../README.md");
/// Its pictures are two beside each other, ours and another program's: they are not compared.
const ARTICLES: &str = include_str!("../../docs/articles.md");

pub(crate) fn tests() -> Vec<Trial> {
    let mut trials: Vec<Trial> = Vec::new();
    for (name, page) in [("readme", PAGE), ("articles", ARTICLES)] {
        let blocks = blocks(page).into_iter();
        trials.extend(blocks.map(|block| Trial::test(format!("{name}: line {}", block.line), move || block.run())));
    }
    trials.push(Trial::test("readme: every picture has its command", pictures_have_commands));
    trials.push(Trial::test("readme: a broken example is seen", broken_examples_are_seen));
    trials
}

/// The commands of a page's blocks.
pub(crate) fn commands(page: &str) -> impl Iterator<Item = String> {
    blocks(page).into_iter().flat_map(|block| block.steps).map(|step| step.command)
}

/// How strictly output is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Exactly,
    ButNumbers,
    NotAtAll,
}

/// A block of commands and what they print.
pub(crate) struct Block {
    /// The page's line of its first command, from 1.
    pub(crate) line: usize,
    compare: Compare,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) output: String,
}

/// The blocks of a page.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let lines: Vec<&str> = page.lines().collect();
    let starts = (0..lines.len()).filter(|k| lines[*k] == "```console");
    let block = |start: usize| {
        let mut steps: Vec<Step> = Vec::new();
        for line in lines[start + 1..].iter().take_while(|line| **line != "```") {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command: command.to_string(), output: String::new() }),
                // A command goes on after a backslash.
                (None, Some(last)) if last.command.ends_with('\\') => {
                    last.command.pop();
                    last.command += line.trim_start();
                }
                (None, Some(last)) => last.output += &format!("{line}\n"),
                (None, None) => {}
            }
        }
        let compare = match start.checked_sub(1).map(|before| lines[before]) {
            Some("<!-- numbers differ -->") => Compare::ButNumbers,
            Some("<!-- output differs -->") => Compare::NotAtAll,
            _ => Compare::Exactly,
        };
        Block { line: start + 2, compare, steps }
    };
    starts.map(block).collect()
}

impl Block {
    fn run(&self) -> Result<(), Failed> {
        let folder = tempfile::tempdir()?;
        let mut code = 0;
        for (k, step) in self.steps.iter().enumerate() {
            let words = words(&step.command);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let failed = |why: String| Failed::from(format!("$ {}\n{why}", step.command));
            match words.as_slice() {
                ["gradfield", arguments @ ..] => {
                    shipped(arguments, folder.path())?;
                    // The page's digits are those of a processor with fma, whatever level the tests are made to run at.
                    let mut command = Command::new(program());
                    let run =
                        command.args(arguments).current_dir(folder.path()).env_remove("GRADFIELD_SIMD").output()?;
                    let (out, notes) = (String::from_utf8(run.stdout)?, String::from_utf8(run.stderr)?);
                    code = run.status.code().unwrap_or(-1);
                    let asked = self.steps.get(k + 1).is_some_and(|next| next.command == "echo $?");
                    if code != 0 && !asked {
                        return Err(failed(format!("exit code {code}\n{notes}")));
                    }
                    if !self.fits(&step.output, &out) && !self.fits(&step.output, &(notes.clone() + &out)) {
                        return Err(failed(format!("the page says\n{}it says\n{notes}{out}", step.output)));
                    }
                    outputs(arguments, folder.path()).iter().try_for_each(|file| check(file)).map_err(failed)?;
                }
                ["cat", name] => {
                    let file = folder.path().join(name);
                    if !file.exists() {
                        fs::write(file, &step.output)?;
                    } else if !self.fits(&step.output, &fs::read_to_string(file)?) {
                        return Err(failed("the file is another".to_string()));
                    }
                }
                ["echo", "$?"] if step.output == format!("{code}\n") => {}
                ["echo", "$?"] => return Err(failed(format!("it is {code}"))),
                _ => return Err(failed("the test does not know this command".to_string())),
            }
        }
        Ok(())
    }

    fn fits(&self, expected: &str, got: &str) -> bool {
        match self.compare {
            Compare::Exactly => matches(&lines(expected), &lines(got)),
            Compare::ButNumbers => matches(&lines(&numberless(expected)), &lines(&numberless(got))),
            Compare::NotAtAll => true,
        }
    }
}

/// Puts the files of `data/` that a command names into its folder.
pub(crate) fn shipped(arguments: &[&str], folder: &Path) -> Result<(), Failed> {
    for word in arguments.iter().flat_map(|argument| argument.split('=')) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(word);
        if (word.ends_with(".tif") || word.ends_with(".csv")) && file.is_file() {
            fs::copy(file, folder.join(word))?;
        }
    }
    Ok(())
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

/// Whether text fits a pattern in which a line `...` is any lines and `...` in a line any text.
fn matches(pattern: &[&str], text: &[&str]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((&"...", rest)), _) => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
        (Some((first, rest)), Some((line, others))) => line_matches(first, line) && matches(rest, others),
        _ => false,
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    match pattern.split_once("...") {
        None => pattern == line,
        Some((head, tail)) => line
            .strip_prefix(head)
            .is_some_and(|rest| (0..=rest.len()).any(|k| rest.is_char_boundary(k) && line_matches(tail, &rest[k..]))),
    }
}

/// The text with `#` for each number, and one blank for several.
fn numberless(text: &str) -> String {
    let line = |line: &str| {
        let words = line.split_whitespace().map(|word| {
            let (name, value) = word.split_at(word.find('=').map_or(0, |at| at + 1));
            if value.parse::<f64>().is_ok() { format!("{name}#") } else { word.to_string() }
        });
        words.collect::<Vec<String>>().join(" ") + "\n"
    };
    text.lines().map(line).collect()
}

/// The words of a command line; quotes keep blanks.
pub(crate) fn words(command: &str) -> Vec<String> {
    let (mut words, mut quote, mut open) = (vec![String::new()], None, false);
    for c in command.chars() {
        let last = words.len() - 1;
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => (quote, open) = (Some(c), true),
            (' ', None) if open || !words[last].is_empty() => {
                words.push(String::new());
                open = false;
            }
            (' ', None) => {}
            (c, _) => words[last].push(c),
        }
    }
    if words.last().is_some_and(|word| word.is_empty() && !open) {
        words.pop();
    }
    words
}

/// The files that `-o` names.
fn outputs(arguments: &[&str], folder: &Path) -> Vec<PathBuf> {
    let named = arguments.windows(2).filter(|pair| OUTPUTS.contains(&pair[0]) && pair[1] != "-");
    named.map(|pair| folder.join(pair[1])).collect()
}

/// Whether the file is there and, if it is a picture, can be read; a picture of the page is kept if that is wanted.
fn check(file: &Path) -> Result<(), String> {
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    if file.extension().is_none_or(|ending| ending != "png") {
        return if bytes.is_empty() { Err(format!("{} is empty", file.display())) } else { Ok(()) };
    }
    let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().map_err(|error| error.to_string())?;
    while reader.next_row().map_err(|error| error.to_string())?.is_some() {}
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if std::env::var_os("GRADFIELD_BLESS").is_some_and(|value| value == "1") && shown().any(|shown| shown == name) {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        fs::write(docs.join(&*name), bytes).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The names of the pictures that the page shows.
fn shown() -> impl Iterator<Item = &'static str> {
    PAGE.split("](docs/")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(name, _)| name))
        .filter(|name| name.ends_with(".png"))
}

/// Flags that name a file to be written.
const OUTPUTS: [&str; 3] = ["-o", "--curve", "--picture"];

/// The files that a page's commands make.
fn made(page: &str) -> Vec<String> {
    let words = commands(page).map(|command| words(&command));
    words
        .flat_map(|words| {
            words.windows(2).filter(|p| OUTPUTS.contains(&p[0].as_str())).map(|p| p[1].clone()).collect::<Vec<_>>()
        })
        .collect()
}

fn pictures_have_commands() -> Result<(), Failed> {
    let pairs: Vec<&str> =
        ARTICLES.split("](articles/").skip(1).filter_map(|rest| rest.split_once(')')).map(|(name, _)| name).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/articles");
    if made(ARTICLES) != pairs || !pairs.iter().all(|name| folder.join(name).is_file()) {
        return Err(format!("docs/articles.md makes {:?} and shows {pairs:?}", made(ARTICLES)).into());
    }
    let made = made(PAGE);
    match shown().find(|name| !made.iter().any(|made| made == name)) {
        Some(name) => Err(format!("docs/{name} is shown, but no command of the page makes it").into()),
        None => Ok(()),
    }
}

fn broken_examples_are_seen() -> Result<(), Failed> {
    let page = |text: &str| format!("<!-- nothing -->\n```console\n{text}\n```\n");
    let good = [
        "$ gradfield grad \"8x-3\"\ndf/dx = 8",
        "$ gradfield grad \\\n    8x-3\ndf/dx = ...",
        "$ gradfield grad 8x-3 --hessian\n...\nd2f/dxdx = 0",
        "$ gradfield plot x^2 --size 90x80 -o a.png",
        "$ cat p.csv\nx\n2\n3\n$ gradfield eval x^2 --points p.csv\nx,f,df/dx\n2,4,4\n3,9,6",
        "$ gradfield eval x -o a.csv --at x=1\n$ cat a.csv\nx,f,df/dx\n1,1,1",
        "$ gradfield grad 1/2x\nnote: `1/2x` is read as (1/2)*x\ndf/dx = 0.5",
        "$ gradfield grad 'sni(x)'\n...\ndid you mean `sin`?\n$ echo $?\n2",
    ];
    let bad = [
        "$ gradfield grad \"8x-3\"\ndf/dx = 9",
        "$ gradfield grad \"8x-3\"",
        "$ gradfield grad \"8x-3\"\ndf/dx = 8\ndf/dy = 0",
        "$ gradfield grad \"8x-\"",
        "$ gradfield grad \"8x-\"\n...\n$ echo $?\n1",
        "$ gradfield plot x^2 --size 90x80 -o a.png\nnothing is printed",
        "$ gradfield eval x -o a.csv --at x=1\n$ cat a.csv\nx,f,df/dx\n1,1,2",
        "$ gradfeild grad x",
    ];
    for (texts, expected) in [(good, true), (bad, false)] {
        for text in texts {
            let blocks = blocks(&page(text));
            let passes = blocks.len() == 1 && blocks[0].run().is_ok();
            if passes != expected {
                return Err(format!("{text}\nmust {}", if expected { "pass" } else { "fail" }).into());
            }
        }
    }
    let numbers = Block { line: 0, compare: Compare::ButNumbers, steps: Vec::new() };
    let differ = [("f  1.5 x=2", "f 2e-3 x=-1", true), ("f 1.5", "g 1.5", false), ("f 1.5", "f 1.5 1", false)];
    match differ.iter().find(|(a, b, same)| numbers.fits(a, b) != *same) {
        Some((a, b, _)) => Err(format!("`{a}` and `{b}`").into()),
        None => Ok(()),
    }
}
