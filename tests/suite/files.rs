//! Files: every format read back, every message, and that nothing half-written is left.

use gradfield::files::*;
use gradfield::points::{Points, Values};
use libtest_mimic::Trial;
use proptest::prelude::*;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [(&str, fn()); 19] = [
        ("npy bytes are those of numpy's format description", npy_golden),
        ("npy header for every number of axes", npy_headers),
        ("npy refuses a wrong count or kind", npy_miscounted),
        ("npz is read back", npz_back),
        ("csv writes the fewest digits", csv_digits),
        ("csv f64 is read back to the bit", csv_f64_back),
        ("csv f32 is read back to the bit", csv_f32_back),
        ("csv in pieces is csv in one go", csv_pieces),
        ("points are found by name", points_by_name),
        ("points from numpy arrays", points_from_npy),
        ("points: every fault has its message", bad_points),
        ("output appears when whole", output_whole),
        ("output keeps permissions and links", output_keeps),
        ("output: every fault has its message", bad_outputs),
        ("output: a reader that goes away", broken_pipe),
        ("format by ending or flag", formats),
        ("json layout", json_layout),
        ("png is read back, in bands of odd sizes", png_back),
        ("png: the same bytes on one core and on many", png_threads),
    ];
    let trial = |(name, test): (&str, fn())| {
        Trial::test(format!("files: {name}"), move || {
            test();
            Ok(())
        })
    };
    tests.into_iter().map(trial).collect()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| name.to_string()).collect()
}

/// What is in a folder.
fn listing(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

fn npy(shape: &[usize], data: Column) -> Vec<u8> {
    let mut out = Vec::new();
    write_npy(&mut out, shape, data).expect("an array");
    out
}

// ---------------------------------------------------------------------------------------------------- NumPy

/// NEP 1: magic, version 1.0, length of the header as u16, header padded with blanks and a newline to 64 bytes.
fn npy_golden() {
    let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    expected.extend(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, ), }");
    expected.extend([b' '; 56]);
    expected.push(b'\n');
    expected.extend([0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 0, 192, 0, 0, 192, 127, 0, 0, 128, 127, 0, 0, 0, 128]);
    let values = Values::F32(vec![1.0, 2.0, -2.0, f32::NAN, f32::INFINITY, -0.0]);
    assert_eq!(npy(&[2, 3], Column::from(&values)), expected);
}

fn npy_headers() {
    let cases: [(&[usize], Column, &str, &str, usize); 6] = [
        (&[], Column::F64(&[1.5]), "<f8", "()", 8),
        (&[2], Column::F64(&[1.5, 2.5]), "<f8", "(2, )", 16),
        (&[0, 3], Column::F32(&[]), "<f4", "(0, 3, )", 0),
        (&[1, 1, 2], Column::I64(&[-1, 1 << 40]), "<i8", "(1, 1, 2, )", 16),
        (&[2], Column::Text(&["ab", "∇fg"]), "<U3", "(2, )", 24),
        (&[1], Column::Text(&[""]), "<U1", "(1, )", 4),
    ];
    for (shape, data, kind, shape_text, bytes) in cases {
        let file = npy(shape, data);
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape_text}, }}");
        assert_eq!(&file[10..10 + header.len()], header.as_bytes());
        let start = 10 + usize::from(file[8]) + 256 * usize::from(file[9]);
        assert_eq!((start % 64, file[start - 1], file.len() - start), (0, b'\n', bytes), "{header}");
    }
    let words = npy(&[2], Column::Text(&["ab", "∇fg"]));
    let codes: Vec<u32> = "ab\0∇fg".chars().map(u32::from).collect();
    assert_eq!(words[words.len() - 24..], codes.iter().flat_map(|code| code.to_le_bytes()).collect::<Vec<u8>>());
}

fn npy_miscounted() {
    let fails = |result: Result<(), FileError>, message: &str| {
        assert_eq!(result.expect_err(message).to_string(), message);
    };
    let mut out = Vec::new();
    fails(
        write_npy(&mut out, &[2, 3], Column::F32(&[1.0; 5])),
        "1 fewer elements were given than an array of shape [2, 3] holds",
    );
    fails(
        write_npy(&mut out, &[2, 3], Column::F32(&[1.0; 7])),
        "1 more elements were given than an array of shape [2, 3] holds",
    );
    fails(
        write_npy(&mut out, &[usize::MAX, 3], Column::F32(&[])),
        &format!("an array of shape [{}, 3] has more elements than can be counted", usize::MAX),
    );
    let mut writer = NpyWriter::new(&mut out, &[4], Kind::F32).expect("a header");
    fails(writer.push(Column::F64(&[1.0])), "an array of F32 cannot take F64");
    fails(
        write_npz(&mut out, &[Array::new("f", &[1], Column::F32(&[1.0])), Array::new("f", &[1], Column::F32(&[1.0]))]),
        "two arrays in one .npz are called `f`; name them apart",
    );
}

fn npz_back() {
    let values = Values::F32((0..6).map(|k| k as f32 / 7.0).collect());
    let mut out = Vec::new();
    let mut writer = NpzWriter::new(&mut out);
    let mut f = writer.array("f", &[2, 3], Kind::F32).expect("a header");
    for k in 0..2 {
        let Values::F32(values) = &values else { unreachable!() };
        f.push(&values[3 * k..3 * k + 3]).expect("a piece");
    }
    f.finish().expect("all elements");
    writer.array("df/dx[1]", &[1], Kind::F64).expect("a header").push(Column::F64(&[0.1])).expect("a piece");
    writer.finish().expect("an archive");

    let mut at_once = Vec::new();
    let arrays = [Array::new("f", &[2, 3], &values), Array::new("df/dx[1]", &[1], Column::F64(&[0.1]))];
    write_npz(&mut at_once, &arrays).expect("an archive");
    assert_eq!(out, at_once, "in pieces and at once");

    let mut archive = zip::ZipArchive::new(Cursor::new(out)).expect("a zip");
    assert_eq!(archive.len(), 2);
    let f = npyz::NpyFile::new(archive.by_name("f.npy").expect("f")).expect("an array");
    assert_eq!(f.shape(), [2, 3]);
    assert_eq!(Values::F32(f.into_vec().expect("f32 values")), values);
    let d = npyz::NpyFile::new(archive.by_name("df/dx[1].npy").expect("d")).expect("an array");
    assert_eq!(d.into_vec::<f64>().expect("f64 values"), [0.1]);
}

// ------------------------------------------------------------------------------------------------------ CSV

fn csv(header: &[&str], columns: &[Column]) -> String {
    let mut out = Vec::new();
    write_csv(&mut out, &names(header), columns).expect("a table");
    String::from_utf8(out).expect("text")
}

fn csv_digits() {
    let f32s = [1.0f32, 0.1, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::from_bits(1)];
    let f64s = [8.0, 0.1, 1e-4, 1e-5, 1e15, 1e16, f64::MAX, f64::from_bits(1)];
    let whole: Vec<i64> = (0..8).collect();
    let words = ["a", "b,c", "d\"e", "", "∇", "x y", "-", "nan"];
    let columns = [Column::F32(&f32s), Column::F64(&f64s), Column::I64(&whole), Column::Text(&words)];
    let expected = "x[1],\"a,b\",step,kind
1,8,0,a
0.1,0.1,1,\"b,c\"
-0,0.0001,2,\"d\"\"e\"
nan,1e-5,3,
inf,1000000000000000,4,∇
-inf,1e16,5,x y
3.4028235e38,1.7976931348623157e308,6,-
1e-45,5e-324,7,nan
";
    assert_eq!(csv(&["x[1]", "a,b", "step", "kind"], &columns), expected);
}

fn back(text: &str) -> f64 {
    let folder = folder();
    let path = folder.path().join("points");
    fs::write(&path, text).expect("a file");
    read_points(&path, &names(&["x"])).expect("points").point(0)[0]
}

fn csv_f64_back() {
    proptest!(|(bits: u64)| {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan());
        let text = csv(&["x"], &[Column::F64(&[value])]);
        prop_assert_eq!(back(&text).to_bits(), bits, "{}", text);
    });
}

fn csv_f32_back() {
    proptest!(|(bits: u32)| {
        let value = f32::from_bits(bits);
        prop_assume!(!value.is_nan());
        let text = csv(&["x"], &[Column::F32(&[value])]);
        let cell = text.lines().nth(1).unwrap_or_default();
        prop_assert_eq!(cell.parse::<f32>().map(f32::to_bits), Ok(bits), "{}", text);
    });
}

fn csv_pieces() {
    let mut out = Vec::new();
    let mut writer = CsvWriter::new(&mut out, &names(&["x", "f"])).expect("a header");
    writer.rows(&[Column::F64(&[1.0]), Column::F32(&[2.0])]).expect("a row");
    writer.rows(&[Column::F64(&[3.0, 5.0]), Column::F32(&[4.0, 6.0])]).expect("two rows");
    let error = writer.rows(&[Column::F64(&[3.0]), Column::F32(&[])]).expect_err("ragged columns");
    assert_eq!(error.to_string(), "a table of 2 columns cannot take columns of [1, 0] rows");
    writer.finish().expect("a table");
    assert_eq!(String::from_utf8_lossy(&out), "x,f\n1,2\n3,4\n5,6\n");
}

// --------------------------------------------------------------------------------------------------- Points

fn points_from(bytes: &[u8], wanted: &[&str]) -> Result<Points, (FileError, String)> {
    let folder = folder();
    let path = folder.path().join("p.csv");
    fs::write(&path, bytes).expect("a file");
    read_points(&path, &names(wanted)).map_err(|error| {
        let message = error.to_string().replace(&path.display().to_string(), "p.csv");
        (error, message)
    })
}

fn points_by_name() {
    let xy = Points::columns(vec![vec![1.0, 3.0], vec![2.0, 4.0]]);
    let cases: [(&str, &str); 7] = [
        ("plain", "x,y\n1,2\n3,4\n"),
        ("another order, more columns, no last newline", "name,y,x\na,2,1\nb,4,3"),
        ("byte order mark", "\u{feff}x,y\n1,2\n3,4\n"),
        ("Windows", "x,y\r\n1,2\r\n3,4\r\n"),
        ("blanks and quotes", " x ,\"y\"\n 1, 2 \n\"3\", 4\n"),
        ("empty lines", "x,y\n1,2\n\n3,4\n\n"),
        ("other spellings", "x,y\n+1.0,2e0\n3.,.4e1\n"),
    ];
    for (what, text) in cases {
        assert_eq!(points_from(text.as_bytes(), &["x", "y"]).map_err(|error| error.1), Ok(xy.clone()), "{what}");
    }
    let odd = points_from(b"x[1],x[2]\nnan,inf\n-inf,NaN\n", &["x[2]", "x[1]"]).map_err(|error| error.1);
    let Ok(Points::Columns { count: 2, columns }) = odd else { panic!("{odd:?}") };
    let columns: Vec<Vec<f64>> = columns.iter().map(Values::to_f64).collect();
    assert!(columns[0][0] == f64::INFINITY && columns[0][1].is_nan() && columns[1][1] == f64::NEG_INFINITY);
    // An expression without variables is evaluated once per row.
    let none = points_from(b"a\n1\n2\n3\n", &[]).map_err(|error| error.1);
    assert_eq!(none, Ok(Points::Columns { count: 3, columns: vec![] }));
}

/// A .npy file with this header and these bytes.
fn numpy(kind: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn points_from_npy() {
    let xy = Points::columns(vec![vec![1.0, 3.0], vec![2.0, 4.0]]);
    let rows = [1u8, 2, 3, 4];
    let big: Vec<u8> = rows.iter().flat_map(|v| f64::from(*v).to_be_bytes()).collect();
    let cases: [(&str, Vec<u8>); 5] = [
        ("f4", npy(&[2, 2], Column::F32(&[1.0, 2.0, 3.0, 4.0]))),
        ("f8", npy(&[2, 2], Column::F64(&[1.0, 2.0, 3.0, 4.0]))),
        ("u1", numpy("|u1", "False", "(2, 2)", &rows)),
        ("big-endian", numpy(">f8", "False", "(2, 2)", &big)),
        ("Fortran order", numpy("|i1", "True", "(2, 2)", &[1, 3, 2, 4])),
    ];
    for (what, bytes) in cases {
        assert_eq!(points_from(&bytes, &["x", "y"]).map_err(|error| error.1), Ok(xy.clone()), "{what}");
    }
    let line = npy(&[3], Column::I64(&[1, 2, 3]));
    let line = points_from(&line, &["x"]).map_err(|error| error.1);
    assert_eq!(line, Ok(Points::columns(vec![vec![1.0, 2.0, 3.0]])));
}

fn bad_points() {
    let wide = format!("{}\n1\n", (1..=14).map(|k| format!("c{k}")).collect::<Vec<_>>().join(","));
    let long = format!("x,y\n1,{}\n", "z".repeat(50));
    let cases: [(&[u8], &str); 21] = [
        (b"", "p.csv is empty; it needs a header line such as `x,y` and a line for each point"),
        (b"\n\n", "p.csv is empty; it needs a header line such as `x,y` and a line for each point"),
        (b"x,y\n", "p.csv has a header and no rows; add a line for each point"),
        (b"x,z\n1,2\n", "p.csv has no column `y`; it has `x`, `z`; rename a column, or add one"),
        (b"x, \n1,2\n", "p.csv has no column `y`; it has `x`, an empty cell; rename a column, or add one"),
        (b"x;y\n1;2\n", "p.csv has no column `x`; it has `x;y`; the cells must be separated by commas"),
        (b"x\ty\n1\t2\n", "p.csv has no column `x`; it has `x\\ty`; the cells must be separated by commas"),
        (b"1,2\n3,4\n", "p.csv has no column `x`; it has `1`, `2`; the first line must name the columns"),
        (
            wide.as_bytes(),
            "p.csv has no column `x`; it has `c1`, `c2`, `c3`, `c4`, `c5`, `c6`, `c7`, `c8`, `c9`, `c10`, `c11`, \
             `c12`, 2 more; rename a column, or add one",
        ),
        (b"x,y,x\n1,2,3\n", "p.csv has more than one column `x`; rename all but one"),
        (
            b"x,y\n1,2\n3,four\n",
            "p.csv, line 3, column `y`: `four` is not a number; write one such as 1.5 or -2e-3 (nan, inf and -inf \
             are allowed)",
        ),
        (
            b"x,y\n1,2\n,2\n",
            "p.csv, line 3, column `x`: an empty cell is not a number; write one such as 1.5 or -2e-3 (nan, inf and \
             -inf are allowed)",
        ),
        (
            long.as_bytes(),
            "p.csv, line 2, column `y`: `zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz...` is not a number; write one such \
             as 1.5 or -2e-3 (nan, inf and -inf are allowed)",
        ),
        (b"x,y\n1,2\n1,2,3\n", "p.csv, line 3: 3 cells where the header has 2; give every row one cell per column"),
        (b"x,y\n1\n", "p.csv, line 2: 1 cells where the header has 2; give every row one cell per column"),
        (b"x,y\n1,\xff\n", "p.csv, line 2: not UTF-8 text; save it as CSV in UTF-8, or as a .npy array"),
        (b"x,\xff\n1,2\n", "p.csv, line 1: not UTF-8 text; save it as CSV in UTF-8, or as a .npy array"),
        (
            &npy(&[2, 3], Column::F64(&[0.0; 6])),
            "p.csv: the array has shape [2, 3]; points need (n, 2), one column for each of x, y",
        ),
        (&npy(&[0, 2], Column::F64(&[])), "p.csv: the array has no rows; give one for each point"),
        (
            &numpy("<c8", "False", "(1, 2)", &[0; 16]),
            "p.csv: the elements are '<c8'; real numbers are needed: save array.astype(float) instead",
        ),
        (
            &npy(&[1, 2], Column::F64(&[0.0; 2]))[..140],
            "p.csv: not a whole .npy file (failed to fill whole buffer); save it again with numpy.save",
        ),
    ];
    for (bytes, message) in cases {
        let (error, found) = points_from(bytes, &["x", "y"]).expect_err(message);
        assert_eq!(found, message);
        assert!(error.is_data(), "{message}");
    }
    let error = read_points(Path::new("no/such.csv"), &[]).expect_err("no file");
    let expected = "cannot read no/such.csv: No such file or directory (os error 2); check the name and that you may";
    assert!(!cfg!(unix) || error.to_string().starts_with(expected), "{error}");
}

// --------------------------------------------------------------------------------------------------- Output

fn output_whole() {
    let folder = folder();
    let path = folder.path().join("f.csv");
    let mut dropped = Output::create(&path).expect("an output");
    dropped.write_all(&[b'x'; 1 << 20]).expect("room");
    assert!(!path.exists(), "not there before it is whole");
    drop(dropped);
    assert_eq!(listing(folder.path()), [] as [PathBuf; 0], "nothing left behind");

    let mut whole = Output::create(&path).expect("an output");
    whole.write_all(b"new").expect("room");
    assert_eq!(whole.path(), path);
    whole.finish().expect("a file");
    assert_eq!(fs::read(&path).expect("a file"), b"new");

    let mut dropped = Output::create(&path).expect("an output");
    dropped.write_all(b"newer").expect("room");
    drop(dropped);
    assert_eq!(fs::read(&path).expect("a file"), b"new", "kept on failure");
    assert_eq!(listing(folder.path()), [path]);
}

#[cfg(unix)]
fn output_keeps() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder();
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    let write = |path: &Path| {
        let mut out = Output::create(path).expect("an output");
        out.write_all(b"new").and_then(|()| out.flush()).expect("room");
        out.finish().expect("a file");
    };
    let (ours, usual, link) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
    fs::write(&usual, "old").expect("a file");
    write(&ours);
    assert_eq!(mode(&ours), mode(&usual), "as any new file under this umask");
    fs::set_permissions(&usual, PermissionsExt::from_mode(0o640)).expect("permissions");
    symlink("b", &link).expect("a link");
    write(&link);
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink(), "still a link");
    assert_eq!((fs::read(&usual).expect("a file"), mode(&usual)), (b"new".to_vec(), 0o640));
}

#[cfg(not(unix))]
fn output_keeps() {}

fn bad_outputs() {
    let folder = folder();
    let inside = folder.path().display().to_string();
    let message = |path: &Path| {
        let mut out = Output::create(path).map_err(|error| error.to_string().replace(&inside, "DIR"))?;
        let written = write_json(&mut out, &"x".repeat(1 << 19)).and_then(|()| out.finish());
        written.map_err(|error| error.to_string())
    };
    let no_folder = "cannot write DIR/no/f.npy: there is no folder DIR/no; make it (mkdir -p), or write elsewhere";
    assert_eq!(message(&folder.path().join("no/f.npy")), Err(no_folder.to_owned()));
    let is_folder = "cannot write DIR: it is a folder; name a file in it, such as DIR/field.npy";
    assert_eq!(message(folder.path()), Err(is_folder.to_owned()));
    let below_file = folder.path().join("file");
    fs::write(&below_file, "old").expect("a file");
    let error = message(&below_file.join("f.npy")).expect_err("a folder that is a file");
    assert!(error.starts_with("cannot write DIR/file/f.npy: "), "{error}");
    if cfg!(target_os = "linux") {
        assert_eq!(message(Path::new("/dev/null")), Ok(()));
        let full = "cannot write /dev/full: no space is left there; free some, or write to another disk".to_owned();
        assert_eq!(message(Path::new("/dev/full")), Err(full.clone()));
        let mut short = Output::create(Path::new("/dev/full")).expect("an output");
        short.write_all(b"fits the buffer").expect("buffered");
        assert_eq!(short.finish().map_err(|error| error.to_string()), Err(full));
    }
    assert_eq!(listing(folder.path()), std::slice::from_ref(&below_file), "nothing left behind");
    assert_eq!(fs::read(&below_file).expect("a file"), b"old");
}

#[cfg(target_os = "linux")]
fn broken_pipe() {
    use std::os::fd::AsRawFd;
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let path = PathBuf::from(format!("/proc/self/fd/{}", writer.as_raw_fd()));
    let mut out = Output::create(&path).expect("an output");
    drop(reader);
    let error = write_npy(&mut out, &[1 << 17], &Values::F64(vec![0.0; 1 << 17])).expect_err("a closed pipe");
    assert!(error.is_broken_pipe() && !error.is_data(), "{error:?}");
    assert_eq!(error.to_string(), format!("cannot write {}: its reader closed it", path.display()));
}

#[cfg(not(target_os = "linux"))]
fn broken_pipe() {}

fn formats() {
    use Format::*;
    let all = Format::ALL;
    let ok: [(&str, Option<Format>, Format); 5] = [
        ("a.npy", None, Npy),
        ("b/c.NPZ", None, Npz),
        ("-", Some(Csv), Csv),
        ("a.npy", Some(Png), Png),
        ("x", Some(Json), Json),
    ];
    for (path, given, format) in ok {
        assert_eq!(Format::of(Path::new(path), given, &all).ok(), Some(format), "{path}");
    }
    let bad: [(&str, Option<Format>, &[Format], &str); 4] = [
        ("-", None, &[Csv, Json], "standard output has no ending that names a format; add --format csv|json"),
        (
            "a.txt",
            None,
            &[Npy, Csv],
            "cannot write a.txt: the ending `.txt` is no format here; use .npy .csv, or add --format npy|csv",
        ),
        (
            "field",
            None,
            &[Png],
            "cannot write field: a name without an ending is no format here; use .png, or add --format png",
        ),
        (
            "a.csv",
            None,
            &[Png],
            "cannot write a.csv: the ending `.csv` is no format here; use .png, or add --format png",
        ),
    ];
    for (path, given, allowed, message) in bad {
        let error = Format::of(Path::new(path), given, allowed).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
}

// ----------------------------------------------------------------------------------------------- JSON and PNG

fn json_layout() {
    let report = serde_json::json!({
        "expression": "x^2", "empty": [], "none": {}, "x": [1.0, -0.0, 0.1], "pair": [[1, 2], [3]],
        "minima": [{"f": f64::NAN, "x": [1e300]}, {"f": 5e-324, "x": ["a,b"]}],
    });
    let mut out = Vec::new();
    write_json(&mut out, &report).expect("a report");
    let text = String::from_utf8(out).expect("text");
    let expected = r#"{
  "empty": [],
  "expression": "x^2",
  "minima": [
    {
      "f": null,
      "x": [1e+300]
    },
    {
      "f": 5e-324,
      "x": ["a,b"]
    }
  ],
  "none": {},
  "pair": [
    [1,2],
    [3]
  ],
  "x": [1.0,-0.0,0.1]
}
"#;
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("JSON"), report);
    let mut out = Vec::new();
    write_json(&mut out, &[f32::INFINITY, 0.1]).expect("a report");
    assert_eq!(out, b"[null,0.1]\n");
}

/// Pixels of a smooth picture.
fn pixels(head: &PngHead) -> Vec<u8> {
    let row = head.width * head.channels.bytes();
    (0..row * head.height).map(|k| (k % row + 3 * (k / row)) as u8).collect()
}

fn png_back() {
    for (width, height, channels) in [(1, 1, Channels::Rgb), (37, 101, Channels::Rgb), (300, 257, Channels::Rgba)] {
        let head = PngHead { width, height, channels, title: Some("∇f of x²"), source: Some("CPU, f32") };
        let expected = pixels(&head);
        for band in [1, 7, 64, 1000] {
            let mut file = Vec::new();
            let bands = expected.chunks(band * width * channels.bytes());
            write_png(&mut file, head, |rows| bands.into_iter().try_for_each(|band| rows.push(band)))
                .expect("a picture");
            let mut reader = png::Decoder::new(Cursor::new(file)).read_info().expect("a PNG");
            let mut found = vec![0; reader.output_buffer_size().expect("a size")];
            let info = reader.next_frame(&mut found).expect("pixels");
            assert_eq!((info.width as usize, info.height as usize), (width, height));
            assert!(found == expected, "{width} x {height} in bands of {band}");
            assert_eq!(reader.info().uncompressed_latin1_text[0].text, "gradfield");
            assert_eq!(reader.info().utf8_text[0].get_text().expect("a title"), "∇f of x²");
        }
    }
    let fails = |width, height, bytes: usize, message: &str| {
        let head = PngHead { width, height, channels: Channels::Rgb, title: None, source: None };
        let result = write_png(&mut Vec::new(), head, |rows| rows.push(&vec![0; bytes]));
        assert_eq!(result.expect_err(message).to_string(), message);
    };
    let no = |size: &str| format!("a picture of {size} pixels cannot be a PNG: a side has 1 to 2147483647");
    fails(0, 5, 0, &no("0 x 5"));
    fails(5, 0, 0, &no("5 x 0"));
    fails(1 << 31, 1, 0, &no("2147483648 x 1"));
    fails(usize::MAX, usize::MAX, 0, &no(&format!("{0} x {0}", usize::MAX)));
    fails(2, 3, 12, "1 rows of a picture of 2 x 3 pixels are missing");
    fails(2, 3, 24, "24 bytes of pixels are not up to 3 whole rows of 6 bytes");
    fails(2, 3, 7, "7 bytes of pixels are not up to 3 whole rows of 6 bytes");
}

/// Pictures of several pieces, smooth and without any order: painted on so many threads, the same file, read back.
fn png_threads() {
    let (width, height) = (1500, 700);
    let head = PngHead { width, height, channels: Channels::Rgb, title: None, source: None };
    let noise = |k: usize| (gradfield::random::bits(1, k as u64, 0) >> 56) as u8;
    let pictures = [pixels(&head), (0..3 * width * height).map(noise).collect()];
    for expected in pictures {
        let file = |threads: usize| {
            let mut file = Vec::new();
            write_png(&mut file, head, |rows| {
                rows.threads(threads);
                rows.paint(height, |first, out| out.copy_from_slice(&expected[first * 3 * width..][..out.len()]))
            })
            .expect("a picture");
            file
        };
        let one = file(1);
        assert!(one == file(5));
        let mut reader = png::Decoder::new(Cursor::new(one)).read_info().expect("a PNG");
        let mut found = vec![0; reader.output_buffer_size().expect("a size")];
        reader.next_frame(&mut found).expect("pixels");
        assert!(found == expected);
    }
}
