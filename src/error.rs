//! The union of the stages' errors, for who wants one `?`.

/// Any error of the crate.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is a stage's own error, documented there")]
pub enum Error {
    #[error(transparent)]
    Parse(#[from] crate::expr::ParseError),
    #[error(transparent)]
    Derive(#[from] crate::expr::DeriveError),
    #[error(transparent)]
    Expression(#[from] crate::expr::ExpressionError),
    #[error(transparent)]
    Backend(#[from] crate::backend::BackendError),
    #[error(transparent)]
    Field(#[from] crate::field::FieldError),
    #[error(transparent)]
    Rule(#[from] crate::descent::RuleError),
    #[error(transparent)]
    Descent(#[from] crate::descent::DescentError),
    #[error(transparent)]
    Starts(#[from] crate::descent::starts::StartsError),
    #[error(transparent)]
    Flow(#[from] crate::flow::FlowError),
    #[error(transparent)]
    Critical(#[from] crate::critical::CriticalError),
    #[error(transparent)]
    Fit(#[from] crate::fit::FitError),
    #[error(transparent)]
    Training(#[from] crate::training::TrainingError),
    #[error(transparent)]
    Picture(#[from] crate::picture::PictureError),
    #[error(transparent)]
    Sample(#[from] crate::samples::SampleError),
    #[error(transparent)]
    File(#[from] crate::files::FileError),
}
