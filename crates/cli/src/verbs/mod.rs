//! One file per verb; each `run` reads as its steps.

pub(crate) mod advise;
pub(crate) mod bench;
pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod data;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod export_model;
pub(crate) mod fit;
pub(crate) mod forecast;
pub(crate) mod logs;
pub(crate) mod measure;
pub(crate) mod pilot;
pub(crate) mod plan;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod validate;
pub(crate) mod watch;
pub(crate) mod worker;
