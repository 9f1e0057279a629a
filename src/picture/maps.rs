//! Named runs of colours.
//!
//! In: a name, a place from 0 to 1. Out: a colour. The colours come from the crate `colorous`.

use super::error::PictureError;

/// Red, green, blue, opacity: 0 to 255 each, the colours not multiplied by the opacity.
pub type Rgba = [u8; 4];

/// What the middle and the ends of a map stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// From little to much.
    Sequential,
    /// The middle is zero, the two halves are the signs.
    Diverging,
    /// Both ends are the same colour: for angles.
    Cyclic,
}

struct MapRow {
    name: &'static str,
    kind: MapKind,
    colour: fn(f64) -> colorous::Color,
}

use MapKind::{Cyclic, Diverging, Sequential};

/// One row per colour map; `colour` takes 0 to 1.
static MAPS: [MapRow; 10] = [
    MapRow { name: "viridis", kind: Sequential, colour: |t| colorous::VIRIDIS.eval_continuous(t) },
    MapRow { name: "inferno", kind: Sequential, colour: |t| colorous::INFERNO.eval_continuous(t) },
    MapRow { name: "magma", kind: Sequential, colour: |t| colorous::MAGMA.eval_continuous(t) },
    MapRow { name: "plasma", kind: Sequential, colour: |t| colorous::PLASMA.eval_continuous(t) },
    MapRow { name: "cividis", kind: Sequential, colour: |t| colorous::CIVIDIS.eval_continuous(t) },
    MapRow { name: "turbo", kind: Sequential, colour: |t| colorous::TURBO.eval_continuous(t) },
    MapRow { name: "grey", kind: Sequential, colour: |t| colorous::GREYS.eval_continuous(1.0 - t) },
    MapRow { name: "blue-red", kind: Diverging, colour: |t| colorous::RED_BLUE.eval_continuous(1.0 - t) },
    MapRow { name: "sinebow", kind: Cyclic, colour: |t| colorous::SINEBOW.eval_continuous(t) },
    MapRow { name: "pale", kind: Sequential, colour: |t| colorous::GREYS.eval_continuous(0.38 - 0.36 * t) },
];

/// Other names that people try: (alias, name).
const ALIASES: [(&str, &str); 5] =
    [("gray", "grey"), ("coolwarm", "blue-red"), ("bluered", "blue-red"), ("angle", "sinebow"), ("cyclic", "sinebow")];

/// A named run of colours.
#[derive(Clone, Copy)]
pub struct ColourMap {
    row: &'static MapRow,
    reversed: bool,
}

impl ColourMap {
    /// The names of all maps; each may be followed by `_r` for the reverse.
    pub const NAMES: [&str; 10] =
        ["viridis", "inferno", "magma", "plasma", "cividis", "turbo", "grey", "blue-red", "sinebow", "pale"];

    /// A map by its name, in any case; `_r` at the end turns it round.
    ///
    /// # Errors
    /// [`PictureError::Unknown`], which lists the names.
    pub fn by_name(name: &str) -> Result<ColourMap, PictureError> {
        let lower = name.to_ascii_lowercase();
        let (stem, reversed) = lower.strip_suffix("_r").map_or((lower.as_str(), false), |stem| (stem, true));
        let stem = ALIASES.iter().find(|(alias, _)| *alias == stem).map_or(stem, |(_, name)| name);
        let row = MAPS.iter().find(|row| row.name == stem).ok_or_else(|| PictureError::Unknown {
            what: "colour map",
            name: name.to_owned(),
            known: format!("{} (each also with `_r`, reversed)", ColourMap::NAMES.join(", ")),
        })?;
        Ok(ColourMap { row, reversed })
    }

    /// viridis, for values of one sign.
    pub fn sequential() -> ColourMap {
        ColourMap { row: &MAPS[0], reversed: false }
    }

    /// Blue below zero, white at zero, red above.
    pub fn diverging() -> ColourMap {
        ColourMap { row: &MAPS[7], reversed: false }
    }

    /// sinebow, which ends where it begins: for angles.
    pub fn cyclic() -> ColourMap {
        ColourMap { row: &MAPS[8], reversed: false }
    }

    /// Greys from the middle to near white: a ground on which lines of any colour are seen.
    pub fn ground() -> ColourMap {
        ColourMap { row: &MAPS[9], reversed: false }
    }

    /// The map's name, with `_r` if reversed.
    pub fn name(&self) -> String {
        format!("{}{}", self.row.name, if self.reversed { "_r" } else { "" })
    }

    /// Whether its middle half is mostly light, so that what lies on it has to be dark.
    pub fn is_light(&self) -> bool {
        let light = |[r, g, b, _]: Rgba| 0.3 * f64::from(r) + 0.59 * f64::from(g) + 0.11 * f64::from(b);
        let sum: f64 = (0..=16).map(|k| light(self.at(0.25 + 0.5 * f64::from(k) / 16.0))).sum();
        sum / 17.0 > 165.0
    }

    /// What the map is made for.
    pub fn kind(&self) -> MapKind {
        self.row.kind
    }

    /// The colour at `t`, from 0 to 1 (clamped; NaN counts as 0).
    pub fn at(&self, t: f64) -> Rgba {
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        let c = (self.row.colour)(if self.reversed { 1.0 - t } else { t });
        [c.r, c.g, c.b, 0xFF]
    }
}

impl std::fmt::Debug for ColourMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ColourMap({})", self.name())
    }
}

impl PartialEq for ColourMap {
    fn eq(&self, other: &ColourMap) -> bool {
        self.row.name == other.row.name && self.reversed == other.reversed
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn names_and_table_agree_and_an_unknown_name_lists_them() {
        for (name, row) in ColourMap::NAMES.iter().zip(&MAPS) {
            assert_eq!(*name, row.name);
            assert_eq!(ColourMap::by_name(&format!("{name}_R")).unwrap().name(), format!("{name}_r"));
        }
        let light: Vec<&str> =
            ColourMap::NAMES.into_iter().filter(|name| ColourMap::by_name(name).unwrap().is_light()).collect();
        assert_eq!(light, ["turbo", "blue-red", "pale"]);
        let message = ColourMap::by_name("jet").unwrap_err().to_string();
        assert!(message.contains("jet") && message.contains("viridis") && message.contains("sinebow"), "{message}");
    }
}
