//! What lies beyond the ends of an axis.

use super::SampleError;
use std::str::FromStr;

/// The samples beyond the ends, named as in `scipy.ndimage`. (NumPy's and OpenCV's `reflect` is another one, without the
/// last sample twice; scikit-image's filters have `reflect` as their usual one, as here.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Boundary {
    /// The last sample again and again: `a a | a b c d | d d`.
    Nearest,
    /// The samples back again, the last one twice: `b a | a b c d | d c`.
    #[default]
    Reflect,
    /// Zeros.
    Constant,
    /// From the other end: `c d | a b c d | a b`.
    Wrap,
}

impl Boundary {
    /// All of them.
    pub const ALL: [Boundary; 4] = [Boundary::Nearest, Boundary::Reflect, Boundary::Constant, Boundary::Wrap];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Boundary::Nearest => "nearest",
            Boundary::Reflect => "reflect",
            Boundary::Constant => "constant",
            Boundary::Wrap => "wrap",
        }
    }

    /// Which of `length` samples stands at `place`; none for a zero.
    pub fn index(self, place: isize, length: usize) -> Option<usize> {
        let n = length as isize;
        if (0..n).contains(&place) {
            return Some(place as usize);
        }
        match self {
            Boundary::Nearest => Some(place.clamp(0, n - 1) as usize),
            Boundary::Constant => None,
            Boundary::Wrap => Some(place.rem_euclid(n) as usize),
            Boundary::Reflect => {
                let within = place.rem_euclid(2 * n);
                Some(if within < n { within } else { 2 * n - 1 - within } as usize)
            }
        }
    }
}

impl FromStr for Boundary {
    type Err = SampleError;

    fn from_str(text: &str) -> Result<Boundary, SampleError> {
        let found = Boundary::ALL.into_iter().find(|boundary| boundary.name() == text);
        found.ok_or_else(|| SampleError::Boundary(text.to_owned()))
    }
}
