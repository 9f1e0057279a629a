//! `plot --set a=0:1:60frames`: a picture that moves because a value of the function does.
//!
//! Flows in: the arguments of `plot`. Flows out: an APNG or a GIF, a frame for each value. What the colours and the axes
//! span is settled before the first frame, from all values, so that nothing jumps.

use super::Failure;
use super::colours::{colouring_shown, shown};
use super::engine::{choose, source};
use super::layers::{self, surface};
use super::movie;
use super::plot::{self, Arguments};
use super::record::Record;
use super::values::Moving;
use gradfield::backend::Backend;
use gradfield::bench::Demand;
use gradfield::expr::Outputs;
use gradfield::field::{Evaluator, tape_of};
use gradfield::files::{Format, Output};
use gradfield::picture::{ColourMap, Limits, Scale, range_of, y_range};
use gradfield::{Expression, Points};
use std::path::Path;

/// Points along a side at which the function is looked at before the first frame, for one variable and for two.
const LOOKS: [usize; 2] = [512, 96];
/// So much more than was seen is spanned, as a share.
const SLACK: f64 = 0.01;
/// Frames that are looked at.
const LOOKED_AT: usize = 300;

/// Whether a value goes from frame to frame.
pub(super) fn is_swept(arguments: &Arguments) -> Result<bool, Failure> {
    Ok(Moving::of(&arguments.function.sets, movie::MOST)?.is_some())
}

pub(super) fn run(arguments: &Arguments, output: &Path) -> Result<(), Failure> {
    let format = Format::of(output, None, &[Format::Gif, Format::Apng])?;
    let sweep = Swept::new(arguments)?;
    let (first, expression) = sweep.frame(0)?;
    if !arguments.function.quiet {
        expression.notes().iter().for_each(|note| eprintln!("note: {}", note.text));
    }
    let variables = expression.variables().len();
    if !(1..=2).contains(&variables) {
        return Err(plot::wrong_dimension(&expression));
    }
    layers::chosen(&first, variables)?;
    let size = plot::pixels(arguments.size.as_deref(), plot::usual_size(variables))?;
    movie::check_size(size)?;
    let mut out = Output::create(output)?;
    let precision = plot::precision(&arguments.compute);
    let count = f64::from(size.0) * f64::from(size.1) * sweep.values.count as f64;
    let demand = Demand::grid(&tape_of(&expression.gradient()?), count, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let held = sweep.held(engine.as_ref())?;
    let draw = |k: usize| {
        let (arguments, expression) = sweep.frame(k)?;
        let mut arguments = held.fix(arguments);
        arguments.title = Some(sweep.title(&arguments, &expression, k));
        let mut scene = plot::scene(&arguments, &expression, engine.as_ref())?;
        (scene.y_range, scene.held) = (held.y_range, true);
        let picture = plot::picture(&scene, size)?;
        let record = Record::of(&picture, expression.text(), source(engine.as_ref(), precision), None).texts();
        Ok::<_, Failure>((picture.draw()?, record))
    };
    let texts = draw(0)?.1;
    let quiet = arguments.function.quiet;
    let last = sweep.values.count - 1;
    let reel = arguments.rate.movie(sweep.values.count, format);
    reel.write(&mut out, size, &texts, quiet, |share| Ok(draw((share * last as f64).round() as usize)?.0))?;
    out.finish()?;
    Ok(())
}

/// The arguments with the values that move.
struct Swept<'a> {
    arguments: &'a Arguments,
    values: Moving,
}

/// What stays the same in all frames.
struct Held {
    map: Option<String>,
    clim: Option<String>,
    zlim: Option<String>,
    y_range: Option<(f64, f64)>,
}

impl<'a> Swept<'a> {
    fn new(arguments: &'a Arguments) -> Result<Swept<'a>, Failure> {
        let values = Moving::of(&arguments.function.sets, movie::MOST)?;
        let values = values.ok_or_else(|| Failure::usage("--set: nothing moves; write --set a=0:1:60frames"))?;
        if arguments.scale.eq_ignore_ascii_case("equalised") || arguments.scale.eq_ignore_ascii_case("equalized") {
            return Err(Failure::usage(
                "--scale equalised gives each frame colours of its own; take linear, log or symlog for a picture that moves",
            ));
        }
        Ok(Swept { arguments, values })
    }

    /// The arguments of a frame, and its function.
    fn frame(&self, k: usize) -> Result<(Arguments, Expression), Failure> {
        let mut arguments = self.arguments.clone();
        self.values.fix(&mut arguments.function.sets, k);
        // Its notes would be those of every frame.
        arguments.function.quiet = true;
        let expression = arguments.parse()?;
        Ok((arguments, expression))
    }

    /// The title that was given or the function, and the values of this frame.
    fn title(&self, arguments: &Arguments, expression: &Expression, k: usize) -> String {
        let title = plot::title(arguments, expression);
        std::iter::once(title).chain(self.values.texts(k)).collect::<Vec<_>>().join(",  ")
    }

    /// What all frames share, from a coarse look at them, or at some of very many: what each alone would span, together.
    fn held(&self, engine: &dyn Backend) -> Result<Held, Failure> {
        let (mut shown, mut heights) = (None, None);
        for k in (0..self.values.count).step_by(self.values.count.div_ceil(LOOKED_AT)).chain([self.values.count - 1]) {
            gradfield::backend::check_interrupt()?;
            let [colours, upwards] = self.look(k, engine)?;
            (shown, heights) = (both(shown, colours), both(heights, upwards));
        }
        let mut held = Held { map: None, clim: None, zlim: None, y_range: None };
        let (first, expression) = self.frame(0)?;
        let scene = plot::scene(&first, &expression, engine)?;
        if scene.ranges.len() == 1 {
            held.y_range = heights;
            return Ok(held);
        }
        let text = |(lo, hi): (f64, f64)| format!("{lo:?}:{hi:?}");
        let ends = |range: Option<(f64, f64)>| range.map_or(Vec::new(), |(lo, hi)| vec![lo, hi]);
        if scene.has("surface") {
            held.zlim = Some(text(surface::z_range(&scene, &ends(heights))?));
        }
        let colours = colouring_shown(self.arguments, &expression, &ends(shown))?;
        // Directions are all of them in each frame.
        held.clim = (scene.reads("--clim") && !colours.is_turn()).then(|| text(colours.range()));
        let known = [ColourMap::diverging(), ColourMap::sequential()];
        let map = known.iter().find(|map| **map == colours.map()).map(ColourMap::name);
        held.map = map.filter(|_| scene.reads("--map"));
        Ok(held)
    }

    /// What the colours of a frame span, and what the function does upwards.
    fn look(&self, k: usize, engine: &dyn Backend) -> Result<[Option<(f64, f64)>; 2], Failure> {
        let (arguments, expression) = self.frame(k)?;
        let scene = plot::scene(&arguments, &expression, engine)?;
        let side = LOOKS[scene.ranges.len() - 1];
        let axes = scene.ranges.iter().map(|(lo, hi)| Points::linspace(*lo, *hi, side)).collect();
        let points = Points::Grid(axes).rounded(scene.precision);
        let look =
            |outputs: &Outputs| Ok::<_, Failure>(Evaluator::new(outputs, engine, scene.precision)?.evaluate(&points)?);
        if scene.ranges.len() == 1 {
            let columns = look(&expression.gradient()?)?;
            let drawn = columns.iter().zip(["curve", "derivative"]).filter(|(_, name)| scene.has(name));
            return Ok([None, Some(y_range(&drawn.flat_map(|(column, _)| column.to_f64()).collect::<Vec<f64>>()))]);
        }
        // A coarse look misses the very ends.
        let wider = |(lo, hi): (f64, f64)| (lo - SLACK * (hi - lo), hi + SLACK * (hi - lo));
        let span =
            |outputs: &Outputs, scale| Ok::<_, Failure>(range_of(&look(outputs)?[0].to_f64(), scale, Limits::Auto));
        let heights = if scene.has("surface") { span(&expression.value(), Scale::Linear)? } else { None };
        let scale = Scale::by_name(&arguments.scale)?;
        let colours = span(&shown(&expression, &arguments.show)?, scale)?;
        Ok([if scale == Scale::Linear { colours.map(wider) } else { colours }, heights])
    }
}

/// The range of two.
fn both(a: Option<(f64, f64)>, b: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

impl Held {
    /// The arguments with what was not said settled.
    fn fix(&self, mut arguments: Arguments) -> Arguments {
        let fill = |given: &mut Option<String>, held: &Option<String>| {
            if given.is_none() {
                given.clone_from(held);
            }
        };
        fill(&mut arguments.map, &self.map);
        fill(&mut arguments.clim, &self.clim);
        fill(&mut arguments.surface.zlim, &self.zlim);
        arguments
    }
}
