//! Lists of points, read from tables and arrays.

use super::{folder, names, npy};
use gradfield::files::*;
use gradfield::points::{Points, Values};
use std::fs;
use std::path::Path;

fn points_from(bytes: &[u8], wanted: &[&str]) -> Result<Points, (FileError, String)> {
    let folder = folder();
    let path = folder.path().join("p.csv");
    fs::write(&path, bytes).expect("a file");
    read_points(&path, &names(wanted)).map_err(|error| {
        let message = error.to_string().replace(&path.display().to_string(), "p.csv");
        (error, message)
    })
}

pub(super) fn points_by_name() {
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

pub(super) fn points_from_npy() {
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

pub(super) fn bad_points() {
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
