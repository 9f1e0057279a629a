//! The engines that a test runs on, and how a test that needs a GPU is reported where there is none.

use gradfield::Precision;
use gradfield::backend::Backend;
use gradfield::backend::cpu::Cpu;
#[cfg(feature = "gpu")]
use gradfield::backend::gpu::{Adapters, Gpu};
use gradfield::backend::reference::Reference;
use libtest_mimic::{Failed, Trial};
use std::path::PathBuf;
use std::sync::Arc;
#[cfg(feature = "gpu")]
use std::sync::OnceLock;

/// An engine and a format.
#[derive(Clone, Copy)]
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    pub(crate) precision: Precision,
}

/// Every engine in every format that it has.
pub(crate) const ENGINES: [Engine; 5] = [
    Engine { name: "reference", precision: Precision::F64 },
    Engine { name: "cpu", precision: Precision::F32 },
    Engine { name: "cpu", precision: Precision::F64 },
    Engine { name: "gpu", precision: Precision::F32 },
    Engine { name: "gpu", precision: Precision::F64 },
];

impl Engine {
    /// The opened engine. A GPU is opened once for the whole program.
    pub(crate) fn open(self) -> Result<Arc<dyn Backend>, Failed> {
        match self.name {
            "reference" => Ok(Arc::new(Reference)),
            "cpu" => Ok(Arc::new(Cpu::new(Some(2))?)),
            #[cfg(feature = "gpu")]
            _ => Ok(gpu()?),
            #[cfg(not(feature = "gpu"))]
            _ => Err("built without the feature `gpu`".into()),
        }
    }

    /// Whether the test can run here: a GPU must be there, and have f64 where that is asked for. Under
    /// `GRADFIELD_REQUIRE_GPU=1` it always runs, and fails where it cannot.
    #[cfg(feature = "gpu")]
    pub(crate) fn runs(self) -> bool {
        if self.name != "gpu" || std::env::var("GRADFIELD_REQUIRE_GPU").as_deref() == Ok("1") {
            return true;
        }
        // Looking for adapters loads drivers: once. Some(whether it has f64) if there is one.
        static CHOSEN: OnceLock<Option<bool>> = OnceLock::new();
        let chosen = CHOSEN.get_or_init(|| {
            let adapters = Adapters::find();
            let choice = adapters.choose("gpu").ok()?;
            adapters.list().nth(choice.index).map(|adapter| adapter.f64)
        });
        chosen.is_some_and(|f64| f64 || self.precision == Precision::F32)
    }

    /// Without the feature `gpu` its tests are ignored.
    #[cfg(not(feature = "gpu"))]
    pub(crate) fn runs(self) -> bool {
        self.name != "gpu"
    }
}

/// The program that cargo built, or the one beside this test program where it was carried to another machine.
pub(crate) fn program() -> PathBuf {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_gradfield"));
    match std::env::current_exe() {
        Ok(here) if !built.exists() => here.with_file_name(built.file_name().unwrap_or_default()),
        _ => built,
    }
}

/// The GPU, shared by all tests.
#[cfg(feature = "gpu")]
pub(crate) fn gpu() -> Result<Arc<Gpu>, Failed> {
    static GPU: OnceLock<Result<Arc<Gpu>, String>> = OnceLock::new();
    let opened = GPU.get_or_init(|| Gpu::open("gpu").map(|(gpu, _)| Arc::new(gpu)).map_err(|error| error.to_string()));
    opened.clone().map_err(Failed::from)
}

/// One test per engine, called `gpu::f32::NAME` and so on.
pub(crate) fn on_each(
    name: &str,
    test: impl Fn(Engine, &dyn Backend) -> Result<(), Failed> + Clone + Send + 'static,
) -> Vec<Trial> {
    ENGINES.iter().map(|engine| on(*engine, name, test.clone())).collect()
}

/// One test on one engine.
pub(crate) fn on(
    engine: Engine,
    name: &str,
    test: impl Fn(Engine, &dyn Backend) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let name = format!("{}::{}::{name}", engine.name, engine.precision.name());
    Trial::test(name, move || test(engine, engine.open()?.as_ref())).with_ignored_flag(!engine.runs())
}
