//! Who does the work that takes processes of its own: workers that train, and measurements of speed.

use crate::LabError;
use crate::bench::{Request, SizeSpeed, Speeds};
use isoflop_sweep::workers::Local;
use isoflop_sweep::{ResultsFolder, Workers};
use isoflop_train::device::DeviceChoice;
use isoflop_train::device::probe::Probe;
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

    /// Does what is asked for in each of so many processes at once; the request has its peak.
    ///
    /// # Errors
    /// A process cannot be started, or ends without a speed.
    fn bench(&self, request: &Request) -> Result<Vec<SizeSpeed>, LabError>;

    /// Trains a few steps on a device, where a driver that crashes takes nothing with it.
    ///
    /// # Errors
    /// The device cannot be opened, or the process that tries it ends without an answer.
    fn probe(&self, device: DeviceChoice) -> Result<Probe, LabError>;
}

/// Child processes of one program, which knows the verbs `worker`, `measure`, `bench` and `doctor`.
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

    fn bench(&self, request: &Request) -> Result<Vec<SizeSpeed>, LabError> {
        let process = |what| move |source| LabError::Process { what, source };
        let mut children = (0..request.processes)
            .map(|_| self.part_of(request).spawn())
            .collect::<Result<Vec<Child>, _>>()
            .map_err(process("start a process"))?;
        // They end when these are dropped.
        let _lines: Vec<_> = children.iter_mut().map(|child| child.stdin.take()).collect();
        let mut speeds = Vec::new();
        for child in children {
            let output = child.wait_with_output().map_err(process("wait for a process"))?;
            if !output.status.success() {
                return Err(LabError::Ended(format!("a process ended with {}", output.status)));
            }
            let one: Speeds = serde_json::from_slice(&output.stdout)?;
            speeds.extend(one.sizes);
        }
        Ok(speeds)
    }

    fn probe(&self, device: DeviceChoice) -> Result<Probe, LabError> {
        let output = Command::new(&self.program)
            .args(["doctor", "--probe", &device.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let line = said.lines().find(|line| !line.trim().is_empty());
            let line = line.unwrap_or("it said nothing");
            return Err(LabError::Ended(format!("{}: {line}", output.status)));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

impl Processes {
    /// What measures as one of several, and ends when its stdin closes.
    fn part_of(&self, request: &Request) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["bench", "--supervised", "--json", "--sizes", &request.sizes.join(",")]);
        for (name, value) in [
            ("--batch", request.windows.to_string()),
            ("--context", request.context.to_string()),
            ("--vocab", request.vocab.to_string()),
            ("--steps", request.steps.to_string()),
            ("--norm", format!("{:?}", request.norm).to_lowercase()),
            ("--family", request.family.name().to_owned()),
            ("--optimizer", request.optimizer.name().to_owned()),
            ("--device", request.device.to_string()),
        ] {
            command.args([name, &value]);
        }
        for option in &request.options {
            command.args(["--set", option]);
        }
        if let Some(position) = request.position {
            command.args(["--position", &format!("{position:?}").to_lowercase()]);
        }
        if let Some(peak) = request.peak {
            command.args(["--peak", &peak.to_string()]);
        }
        command.args(request.composed.then_some("--composed"));
        command.args(request.profile.then_some("--profile"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

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
