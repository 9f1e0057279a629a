//! Files: every format read back, every message, and that nothing half-written is left.

mod output;
mod points;

use gradfield::files::*;
use gradfield::points::Values;
use libtest_mimic::Trial;
use output::{bad_folders, bad_outputs, broken_pipe, folder_whole, formats, output_keeps, output_whole};
use points::{bad_points, points_by_name, points_from_npy};
use proptest::prelude::*;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [(&str, fn()); 24] = [
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
        ("png with a palette is read back, smooth or not", png_palette),
        ("png of greys is read back", png_grey),
        ("png: its texts are read back", png_texts),
        ("a folder appears when whole", folder_whole),
        ("a folder: every fault has its message", bad_folders),
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
    let texts = [("Title", "∇f of x²".to_owned()), ("Source", "CPU, f32".to_owned())];
    for (width, height, channels) in [(1, 1, Channels::Rgb), (37, 101, Channels::Rgb), (300, 257, Channels::Rgba)] {
        let head = PngHead { width, height, channels, texts: &texts };
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
            assert_eq!(reader.info().uncompressed_latin1_text[0].text, "CPU, f32");
            assert_eq!(reader.info().utf8_text[0].get_text().expect("a title"), "∇f of x²");
        }
    }
    let fails = |width, height, bytes: usize, message: &str| {
        let head = PngHead { width, height, channels: Channels::Rgb, texts: &[] };
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
    let head = PngHead { width, height, channels: Channels::Rgb, texts: &[] };
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

/// A picture with a palette, decoded to the numbers of its colours and the colours.
fn indexed(file: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut decoder = png::Decoder::new(Cursor::new(file));
    decoder.set_transformations(png::Transformations::IDENTITY);
    decoder.ignore_checksums(false);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut found = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut found).expect("pixels");
    reader.finish().expect("a whole file, its checksums right");
    (found, reader.info().palette.as_deref().expect("a palette").to_vec())
}

/// Pixels of every kind, in pieces of every kind: the decoder, which checks the sums, gives them back.
fn png_palette() {
    let noise = |k: usize| (gradfield::random::bits(1, k as u64, 0) >> 56) as u8;
    let wave = |k: usize, width: usize, of: f64| {
        let (x, y) = ((k % width) as f64, (k / width) as f64);
        (127.0 + 127.0 * (x / of).sin() * (y / of).cos()) as u8
    };
    let colours: Vec<[u8; 3]> = (0..=255).map(|k| [k, 255 - k, k / 2]).collect();
    let sizes = [(1, 1), (15, 40), (16, 3), (17, 5000), (1500, 700), (30_000, 45), (600_000, 3)];
    for (width, height) in sizes {
        let count = width * height;
        let pictures: [Vec<u8>; 6] = [
            vec![0; count],
            vec![200; count],
            (0..count).map(|k| wave(k, width, 300.0)).collect(),
            (0..count).map(|k| wave(k, width, 2.0)).collect(),
            (0..count).map(noise).collect(),
            // Smooth at the top, without order below.
            (0..count).map(|k| if k < count / 2 { wave(k, width, 90.0) } else { noise(k) }).collect(),
        ];
        for expected in pictures {
            let head = PngHead { width, height, channels: Channels::Palette(&colours), texts: &[] };
            let mut file = Vec::new();
            write_png(&mut file, head, |rows| rows.push(&expected)).expect("a picture");
            let (found, palette) = indexed(&file);
            assert!(found == expected && palette == colours.concat(), "{width} x {height}");
        }
    }
    let fails = |colours: &[[u8; 3]], message: &str| {
        let head = PngHead { width: 1, height: 1, channels: Channels::Palette(colours), texts: &[] };
        let result = write_png(&mut Vec::new(), head, |rows| rows.push(&[0]));
        assert_eq!(result.expect_err(message).to_string(), message);
    };
    fails(&[], "a palette of 0 colours cannot be a PNG's: it has 1 to 256");
    fails(&[[0; 3]; 257], "a palette of 257 colours cannot be a PNG's: it has 1 to 256");
    // Any few changes on any ground.
    proptest!(|(width in 1_usize..400, height in 1_usize..60, changes in prop::collection::vec((0_usize..9999, any::<u8>()), 0..60))| {
        let mut expected = vec![7; width * height];
        changes.iter().for_each(|(place, value)| expected[place % (width * height)..].fill(*value));
        let head = PngHead { width, height, channels: Channels::Palette(&colours), texts: &[] };
        let mut file = Vec::new();
        write_png(&mut file, head, |rows| rows.push(&expected)).expect("a picture");
        prop_assert!(indexed(&file).0 == expected);
    });
}

fn png_grey() {
    let (width, height) = (300, 200);
    let expected: Vec<u8> = (0..width * height).map(|k| (k % width + k / width * (k % 7)) as u8).collect();
    let mut file = Vec::new();
    let head = PngHead { width, height, channels: Channels::Grey, texts: &[] };
    write_png(&mut file, head, |rows| rows.push(&expected)).expect("a picture");
    let mut reader = png::Decoder::new(Cursor::new(&file)).read_info().expect("a PNG");
    assert_eq!(reader.info().color_type, png::ColorType::Grayscale);
    let mut found = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut found).expect("pixels");
    assert!(found == expected);
}

fn png_texts() {
    let folder = folder();
    let path = folder.path().join("a.png");
    let texts =
        [("Title", "x² τ".to_owned()), ("Command", "gradfield plot 'x^2'".to_owned()), ("Empty", String::new())];
    let mut file = Vec::new();
    let head = PngHead { width: 1, height: 1, channels: Channels::Rgb, texts: &texts };
    write_png(&mut file, head, |rows| rows.push(&[1, 2, 3])).expect("a picture");
    fs::write(&path, &file).expect("a file");
    let mut found = read_png_texts(&path).expect("texts");
    found.sort();
    let mut expected: Vec<(String, String)> = texts.iter().map(|(key, text)| (key.to_string(), text.clone())).collect();
    expected.sort();
    assert_eq!(found, expected);
    // Cut off, damaged or none at all: an error with the name, and no panic.
    for bytes in [&file[..40], &file[..8], b"", b"GIF89a", &[&file[..20], &[0xff; 90]].concat()] {
        fs::write(&path, bytes).expect("a file");
        let error = read_png_texts(&path).expect_err("no picture");
        assert!(
            error.is_data()
                && error
                    .to_string()
                    .ends_with("a.png is no PNG, or a damaged one; name a picture that gradfield wrote"),
            "{error}"
        );
    }
    let error = read_png_texts(&folder.path().join("b.png")).expect_err("no file").to_string();
    assert!(error.starts_with("cannot read ") && error.contains("b.png"), "{error}");
}
