//! Pilots on a Slurm cluster. A pilot is a job that keeps one worker a core on a results folder
//! until its time is up or nothing is left for it; Slurm places pilots and knows which are alive.
//!
//! All that a sweep has to know lies in its results folder, and what Slurm has to know it is asked:
//! the names of jobs say whose pilots they are, so that no record of a submission can be lost.

mod ask;
mod error;
mod kept;
mod pack;
mod queue;
mod script;
mod site;
mod submit;
mod times;

pub use ask::{Site, allotted, job_here, partitions, queue, was_preempted};
pub use error::SlurmError;
pub use kept::{Asked, Kept, NodePrices};
pub use pack::{Bounds, Packing};
pub use queue::{Pilot, job_name};
pub use script::Script;
pub use site::{NodeType, Partition};
pub use submit::{cancel, is_alive, remove, script_of, submit, submit_one};
