//! Type a function, get its exact gradient over huge grids, run descents on it, and see the picture.
//!
//! The crate reads as the data flows:
//!
//! 1. **Text** becomes an [`Expression`], a deduplicated graph; its derivatives are exact (reverse mode):
//! ```
//! let f = gradfield::Expression::parse("3x^2 + 8xy - 3y^5")?;
//! let gradient = f.gradient()?.print(gradfield::expr::Style::Text);
//! assert_eq!(gradient.texts[1..], ["6x + 8y", "8x - 15y^4"]);
//! # Ok::<(), gradfield::Error>(())
//! ```
//! 2. Expression and derivatives become one **tape**, which the engines of [`backend`] run: the f64
//!    [reference](backend::reference), the [CPU](backend::cpu) (SIMD, all cores) and, with the feature `gpu`, any
//!    vendor's GPU:
//! ```
//! use gradfield::{Expression, Field, Points, Precision, backend::cpu::Cpu};
//! let f = Expression::parse("sin(x) y")?;
//! let grid = Points::Grid(vec![Points::linspace(0.0, 1.0, 100), Points::linspace(-1.0, 1.0, 50)]);
//! let cpu = Cpu::new(None)?;
//! let field = Field::evaluate(&f.gradient()?, grid, &cpu, Precision::F32)?;
//! assert_eq!(field.points.shape(), [50, 100]); // NumPy's meshgrid: axis 0 is y
//! assert_eq!(field.names, ["f", "df/dx", "df/dy"]);
//! # Ok::<(), gradfield::Error>(())
//! ```
//! 3. Every engine's answer can be held against the reference and a **bound** on rounding that is computed, not
//!    tuned ([`verify`]):
//! ```
//! use gradfield::{Expression, Points, Precision, backend::cpu::Cpu, field, verify};
//! let f = Expression::parse("sin(3x)*exp(-y^2)")?.gradient()?;
//! let axis = Points::linspace(-3.0, 3.0, 64);
//! let names = field::output_names(&f.variables, 3);
//! let cpu = Cpu::new(None)?;
//! let points = Points::Grid(vec![axis.clone(), axis]);
//! let report = verify::verify(&field::tape_of(&f), &names, &points, &[], &cpu, Precision::F32)?;
//! assert!(report.passed());
//! # Ok::<(), gradfield::Error>(())
//! ```
//! 4. **Descents** run a rule, itself a formula, on very many particles ([`descent`]).
//! 5. **Streamlines** follow its gradient, evenly spaced ([`flow`]).
//! 6. Where it is zero are **critical points**, found and classified ([`critical`]).
//! 7. A **fit** moves a model's parameters until it is nearest to data ([`table`], [`mod@fit`]); a loss over
//!    its rows, such as a small network's, is minimised by any rule or quasi-Newton step ([`training`]).
//! 8. A **picture** shows it ([`picture`]), a **file** keeps it ([`files`]).
//!
//! What was sampled instead of typed, an image or a terrain, has its gradient by kernels, and becomes a function that
//! expressions use ([`samples`]).
//!
//! Everything is f32 or f64 ([`Precision`]); points are in the order of the variables; arrays follow NumPy's
//! `meshgrid(indexing="xy")`.

pub mod real;

pub mod random;

pub mod kernel;
pub mod points;
mod sums;
pub mod table;

pub mod op;

pub mod expr;

pub mod derived;

pub mod tape;

pub mod backend;

pub mod samples;

pub mod probe;

pub mod field;

pub mod verify;

pub mod descent;

pub mod flow;

pub mod critical;

pub mod fit;

pub mod training;

pub mod picture;

pub mod files;

pub mod bench;

mod error;

pub use error::Error;
pub use expr::Expression;
pub use field::Field;
pub use points::{Points, Values};
pub use real::Precision;

/// The Rust example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
