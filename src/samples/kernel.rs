//! THE TABLE of kernels: one row each, smoothing taps times derivative taps.
//!
//! Flows in: a name. Flows out: the taps. A derivative by one axis is the derivative taps along it and the smoothing taps
//! along all others. Normalisation: smoothing taps add up to 1, and derivative taps make 1 of a ramp of slope 1, so that
//! every kernel gives a slope in units of the values over units of the spacing. SciPy's `sobel` of an image is 8 times,
//! `prewitt` 6 times as large; scikit-image's `sobel_h`, `scharr_h`, `prewitt_h` are twice, its `farid_h` 0.99180 times as
//! large. To add a kernel is to add a row.

use super::SampleError;
use std::str::FromStr;

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The name on the command line.
    pub name: &'static str,
    /// From the sample before to the one after, across the derivative; as many as `derivative`.
    pub smoothing: &'static [f64],
    /// The same along it. Both are divided by what they make of a constant and a ramp.
    pub derivative: &'static [f64],
    /// What it is, for people.
    pub note: &'static str,
}

/// All of them.
pub static KERNELS: [Row; 5] = [
    Row {
        name: "central",
        smoothing: &[1.0],
        derivative: &[-1.0, 0.0, 1.0],
        note: "differences of both neighbours, one-sided at the ends, as numpy.gradient",
    },
    Row {
        name: "sobel",
        smoothing: &[1.0, 2.0, 1.0],
        derivative: &[-1.0, 0.0, 1.0],
        note: "I. Sobel and G. Feldman, 1968; 3 x 3",
    },
    Row {
        name: "scharr",
        smoothing: &[3.0, 10.0, 3.0],
        derivative: &[-1.0, 0.0, 1.0],
        note: "H. Scharr, Optimal operators in digital image processing, 2000; 3 x 3, directions to 0.2 degrees",
    },
    Row {
        name: "prewitt",
        smoothing: &[1.0, 1.0, 1.0],
        derivative: &[-1.0, 0.0, 1.0],
        note: "J. Prewitt, Object enhancement and extraction, 1970; 3 x 3",
    },
    Row {
        name: "farid",
        // The taps to the digits that scikit-image has.
        smoothing: &[0.0376593171958126, 0.249153396177344, 0.426374573253687, 0.249153396177344, 0.0376593171958126],
        derivative: &[-0.109603762960254, -0.276690988455557, 0.0, 0.276690988455557, 0.109603762960254],
        note: "H. Farid and E. Simoncelli, Differentiation of discrete multidimensional signals, 2004; 5 x 5",
    },
];

/// A kernel: a row of the table, or a Gaussian's derivative.
#[derive(Debug, Clone, Copy)]
pub enum Kernel {
    /// Of the table.
    Row(&'static Row),
    /// The derivative of a Gaussian with this standard deviation, in samples, cut off at four of them, as
    /// `scipy.ndimage.gaussian_filter` with an order of 1 has it, and no further normalised: of a ramp of slope 1 it makes
    /// 0.9991 to 0.9999 from a deviation of 0.8 on, 0.9976 at 0.7 and 0.86 at 0.5, as samples so far apart see it.
    Gaussian(f64),
}

/// The taps of a kernel, from the sample before to the one after; as many smoothing as derivative taps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taps {
    pub(super) smoothing: Vec<f64>,
    pub(super) derivative: Vec<f64>,
}

/// The smallest standard deviation of a Gaussian, in samples: less falls between them, and slopes with it.
const NARROWEST: f64 = 0.5;
/// The largest.
const WIDEST: f64 = 1000.0;
/// Standard deviations at which a Gaussian is cut off.
const CUT: f64 = 4.0;

impl Kernel {
    /// The kernel's name, as it is written.
    pub fn name(&self) -> String {
        match self {
            Kernel::Row(row) => row.name.to_owned(),
            Kernel::Gaussian(sigma) => format!("gaussian:{sigma}"),
        }
    }

    /// Whether it is `central`, which knows uneven spacing and needs no boundary.
    pub fn is_central(&self) -> bool {
        matches!(self, Kernel::Row(row) if row.name == "central")
    }

    pub(super) fn taps(&self) -> Taps {
        match self {
            Kernel::Row(row) => {
                let reach = (row.derivative.len() / 2) as f64;
                let ramp: f64 = row.derivative.iter().enumerate().map(|(k, tap)| tap * (k as f64 - reach)).sum();
                let total: f64 = row.smoothing.iter().sum();
                // As long as the other: nothing is added.
                let missing = (row.derivative.len() - row.smoothing.len()) / 2;
                let mut smoothing = vec![0.0; row.derivative.len()];
                row.smoothing.iter().enumerate().for_each(|(k, tap)| smoothing[k + missing] = tap / total);
                Taps { smoothing, derivative: row.derivative.iter().map(|tap| tap / ramp).collect() }
            }
            Kernel::Gaussian(sigma) => {
                let reach = (CUT * sigma + 0.5) as i64;
                let bell = |k: i64| (-0.5 / (sigma * sigma) * (k * k) as f64).exp();
                let total: f64 = (-reach..=reach).map(bell).sum();
                let smoothing: Vec<f64> = (-reach..=reach).map(|k| bell(k) / total).collect();
                let slope = |(k, tap): (i64, &f64)| k as f64 / (sigma * sigma) * tap;
                let derivative = (-reach..=reach).zip(&smoothing).map(slope).collect();
                Taps { smoothing, derivative }
            }
        }
    }
}

impl FromStr for Kernel {
    type Err = SampleError;

    fn from_str(text: &str) -> Result<Kernel, SampleError> {
        if let Some(row) = KERNELS.iter().find(|row| row.name == text) {
            return Ok(Kernel::Row(row));
        }
        let Some(sigma) = text.strip_prefix("gaussian") else {
            let names: Vec<&str> = KERNELS.iter().map(|row| row.name).collect();
            return Err(SampleError::Kernel(format!(
                "`{text}` is no kernel; there are {} and gaussian:SIGMA",
                names.join(", ")
            )));
        };
        match sigma.strip_prefix(':').map(str::parse::<f64>) {
            Some(Ok(sigma)) if (NARROWEST..=WIDEST).contains(&sigma) => Ok(Kernel::Gaussian(sigma)),
            _ => Err(SampleError::Kernel(format!(
                "`{text}`: a Gaussian has a standard deviation of {NARROWEST} to {WIDEST} samples, as in gaussian:1.5"
            ))),
        }
    }
}
