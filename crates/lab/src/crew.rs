//! Who does the work that takes processes of its own: workers that train, and measurements of speed.

use crate::LabError;
use isoflop_sweep::workers::Local;
use isoflop_sweep::{ResultsFolder, Workers};
use isoflop_train::device::DeviceChoice;
use isoflop_train::price::{Load, Speed};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Trains and measures beside this process, or in its place.
pub trait Crew {
    /// Workers of a results folder on a device, none of them started yet.
    fn workers<'a>(
        &'a self,
        folder: &'a ResultsFolder,
        device: DeviceChoice,
    ) -> Box<dyn Workers + 'a>;

    /// How fast each of `jobs` processes is that all train the same at once.
    ///
    /// # Errors
    /// A process cannot be started, or ends without a speed.
    fn measure(&self, load: &Load, on: DeviceChoice, jobs: usize) -> Result<Vec<Speed>, LabError>;
}

/// Child processes of one program, which knows the verbs `worker` and `measure`.
#[derive(Clone, Debug)]
pub struct Processes {
    /// The program.
    pub program: PathBuf,
}

impl Crew for Processes {
    fn workers<'a>(
        &'a self,
        folder: &'a ResultsFolder,
        device: DeviceChoice,
    ) -> Box<dyn Workers + 'a> {
        Box::new(Local::new(folder, self.program.clone(), device.to_string()))
    }

    fn measure(&self, load: &Load, on: DeviceChoice, jobs: usize) -> Result<Vec<Speed>, LabError> {
        let children =
            (0..jobs).map(|_| self.start(load, on)).collect::<Result<Vec<Child>, _>>()?;
        let mut speeds = Vec::new();
        for mut child in children {
            let mut text = String::new();
            let stdout = child.stdout.as_mut().expect("it was piped");
            stdout.read_to_string(&mut text)?;
            let status = child.wait()?;
            let speed = serde_json::from_str(&text).map_err(|source| {
                let status = status.to_string();
                LabError::Measure { on, status, source }
            })?;
            speeds.push(speed);
        }
        Ok(speeds)
    }
}

impl Processes {
    /// Starts a process that reads a load and answers with a speed.
    fn start(&self, load: &Load, on: DeviceChoice) -> Result<Child, LabError> {
        let mut child = Command::new(&self.program)
            .args(["measure", "--device", &on.to_string()])
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.as_mut().expect("it was piped");
        writeln!(stdin, "{}", serde_json::to_string(load)?)?;
        Ok(child)
    }
}
