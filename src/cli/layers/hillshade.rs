//! The layer `hillshade`: the quantity of `--show` as a landscape in slanting light.

use super::{Row, Scene};
use crate::cli::Failure;
use crate::cli::options::number;
use crate::cli::plot::Arguments;
use clap::Args;
use gradfield::picture::{Hillshade, Light, Picture};
use std::sync::Arc;

#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    /// Hillshade and surface: where the light comes from in degrees, clockwise from the top (of a surface: from behind
    /// it), and its height over the horizon; or around, for light from four sides (default: 315:45; surface 225:50)
    #[arg(long, value_name = "AZIMUTH:ALTITUDE", allow_hyphen_values = true)]
    pub(in crate::cli) light: Option<String>,
    /// Hillshade: how many units of x a unit of the quantity is high (default: as makes slopes well visible)
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    relief: Option<String>,
}

pub(super) const ROW: Row = Row {
    names: &["hillshade"],
    variables: 2,
    of_vectors: true,
    usual: false,
    fills: true,
    banded: true,
    flags,
    frame: None,
    add,
};

fn flags(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    vec![
        ("--light", arguments.hillshade.light.is_some()),
        ("--relief", arguments.hillshade.relief.is_some()),
        ("--show", arguments.show != "f"),
    ]
}

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let flags = &scene.arguments.hillshade;
    let light = light(flags.light.as_deref().unwrap_or("315:45"))?;
    let relief = flags.relief.as_ref().map(|text| number("--relief", text)).transpose()?;
    let slopes = Arc::clone(scene.slopes(picture)?);
    let over_colours = scene.coloured();
    picture.layers.push(Hillshade::new(slopes, light, relief, over_colours).into());
    Ok(())
}

/// `315:45`, `around` or `around:60`.
pub(in crate::cli) fn light(text: &str) -> Result<Light, Failure> {
    let (azimuth, altitude) = match text.split_once(':') {
        Some(parts) => parts,
        None if text == "around" => (text, "45"),
        None => {
            return Err(Failure::usage(format!(
                "--light: `{text}` is no light; write azimuth and altitude in degrees, as in --light 315:45, or around"
            )));
        }
    };
    let altitude = number("--light", altitude)?;
    if !(0.0..=90.0).contains(&altitude) {
        return Err(Failure::usage(format!(
            "--light: the altitude {altitude} is not between 0 (the horizon) and 90 degrees (overhead)"
        )));
    }
    Ok(match azimuth {
        "around" => Light::Around { altitude },
        azimuth => Light::From { azimuth: number("--light", azimuth)?, altitude },
    })
}
