//! The file of a job: what `sbatch` reads, and what the job does on its node.

use super::times::slurm;
use std::fmt::Write;
use std::path::PathBuf;

/// Everything that the file of a pilot's job says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Name of the job.
    pub name: String,
    /// Partition; the site's default without one.
    pub partition: Option<String>,
    /// Account; the user's default without one.
    pub account: Option<String>,
    /// Seconds that the job may run for.
    pub time_s: u64,
    /// Processors.
    pub cpus: u64,
    /// MiB of memory a processor; the site's default without a number.
    pub memory_mb: Option<u64>,
    /// GPUs, with a pilot each.
    pub gpus: u64,
    /// Workers of a pilot.
    pub workers: u64,
    /// Device of the workers, without its number.
    pub device: String,
    /// More arguments of `sbatch`.
    pub more: Vec<String>,
    /// Exit code by which the site queues a job again.
    pub requeue_exit: Option<u8>,
    /// The program.
    pub program: PathBuf,
    /// Results folder.
    pub folder: PathBuf,
    /// Folder that paths of texts are relative to.
    pub place: PathBuf,
    /// Folder of the jobs' output.
    pub logs: PathBuf,
}

/// Seconds before the end of a job at which Slurm warns it. Of a short job it is a tenth.
const WARNING_S: u64 = 120;

impl Script {
    /// Seconds before its end at which the job is warned.
    pub fn warning_s(&self) -> u64 {
        WARNING_S.min(self.time_s / 10).max(1)
    }

    /// Seconds after its start at which a pilot ends by itself, before the warning.
    pub fn lifetime_s(&self) -> u64 {
        // Slurm may warn by up to a minute too early; sbatch(1), `--signal`.
        const EARLY: u64 = 60;
        let before = self.warning_s() + EARLY.min(self.time_s / 20);
        self.time_s.saturating_sub(before)
    }

    /// The job's file.
    pub fn text(&self) -> String {
        let mut text = String::from("#!/bin/bash\n");
        for line in self.directives() {
            let _ = writeln!(text, "#SBATCH {line}");
        }
        text.push('\n');
        let requeue = match self.requeue_exit {
            Some(code) => format!("exit {code}"),
            None => "[ \"$term\" ] || scontrol requeue \"$job\"\nexit 130".to_owned(),
        };
        let start = match self.gpus {
            0 => format!("{} &\npids=$!", self.pilot(&self.device)),
            gpus => format!(
                "pids=\nfor gpu in $(seq 0 {}); do\n  {} &\n  pids=\"$pids $!\"\ndone",
                gpus - 1,
                self.pilot(&format!("{}:$gpu", self.device)),
            ),
        };
        let _ = write!(
            text,
            "\
# A signal to this script goes on to the pilots, which keep the states of their runs and end with 130.
# With 130, work is left that the pilot has no time for, and the job is queued again.
job=${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID}}
job=${{job:-$SLURM_JOB_ID}}
term= signalled=
trap 'signalled=1; kill -USR1 $pids 2>/dev/null' USR1
trap 'signalled=1; term=1; kill -TERM $pids 2>/dev/null' TERM
{start}
worst=0
for pid in $pids; do
  wait \"$pid\"; code=$?
  # A signal ends the waiting before the pilot has ended.
  while [ \"$signalled\" ] && [ \"$code\" -gt 128 ] && kill -0 \"$pid\" 2>/dev/null; do
    wait \"$pid\"; code=$?
  done
  [ \"$signalled\" ] && [ \"$code\" -gt 128 ] && code=130
  [ \"$code\" -ne 0 ] && worst=$code
done
[ \"$worst\" -eq 130 ] || exit \"$worst\"
{requeue}
"
        );
        text
    }

    /// The file of a job that measures the speed of a node.
    pub fn measuring(&self) -> String {
        const MOST_S: u64 = 600;
        let mut text = String::from("#!/bin/bash\n");
        let name = format!("{}-speed", self.name);
        for line in self.asking(&name, self.time_s.min(MOST_S)) {
            let _ = writeln!(text, "#SBATCH {line}");
        }
        let _ = writeln!(text, "#SBATCH --output={}", self.output("speed-%j"));
        let _ = writeln!(text, "\n{} --measure", self.pilot(&self.device));
        text
    }

    /// Where the job that measures writes what it says.
    pub fn measuring_log(&self, job: &str) -> PathBuf {
        self.logs.join(format!("speed-{job}.log"))
    }

    /// The lines that `sbatch` reads.
    fn directives(&self) -> Vec<String> {
        let mut lines = self.asking(&self.name, self.time_s);
        lines.push("--requeue".to_owned());
        lines.push("--open-mode=append".to_owned());
        lines.push(format!("--signal=B:USR1@{}", self.warning_s()));
        lines.push(format!("--output={}", self.output("%A_%a")));
        lines
    }

    /// File of output by the pattern of its name. A percent sign elsewhere would begin one, too.
    fn output(&self, pattern: &str) -> String {
        let logs = self.logs.display().to_string().replace('%', "%%");
        quoted(&format!("{logs}/{pattern}.log"))
    }

    /// Lines that ask for a part of a node.
    fn asking(&self, name: &str, time_s: u64) -> Vec<String> {
        let mut lines = vec![format!("--job-name={name}")];
        lines.extend(self.partition.as_ref().map(|name| format!("--partition={name}")));
        lines.extend(self.account.as_ref().map(|name| format!("--account={name}")));
        lines.push(format!("--time={}", slurm(time_s)));
        lines.push(format!("--nodes=1 --ntasks=1 --cpus-per-task={}", self.cpus));
        if self.gpus > 0 {
            lines.push(format!("--gres=gpu:{}", self.gpus));
        }
        let memory = |arg: &String| arg.starts_with("--mem");
        if let Some(memory_mb) = self.memory_mb.filter(|_| !self.more.iter().any(memory)) {
            lines.push(format!("--mem-per-cpu={memory_mb}M"));
        }
        lines.push(format!("--chdir={}", quoted(&self.place.display().to_string())));
        lines.extend(self.more.iter().cloned());
        lines
    }

    fn pilot(&self, device: &str) -> String {
        format!(
            "{} pilot {} --jobs {} --lifetime {} --device {}",
            word(&self.program.display().to_string()),
            word(&self.folder.display().to_string()),
            self.workers,
            self.lifetime_s(),
            device,
        )
    }
}

/// A value of a line that `sbatch` reads.
fn quoted(text: &str) -> String {
    match text.contains([' ', '#']) {
        true => format!("\"{text}\""),
        false => text.to_owned(),
    }
}

/// A word as a shell takes it.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Script {
        Script {
            name: "isoflop-tiny-12345678".to_owned(),
            partition: Some("low".to_owned()),
            account: None,
            time_s: 3600,
            cpus: 4,
            memory_mb: Some(300),
            gpus: 0,
            workers: 4,
            device: "cpu".to_owned(),
            more: vec!["--qos=long".to_owned()],
            requeue_exit: Some(75),
            program: "/opt/isoflop".into(),
            folder: "/shared/my results/tiny".into(),
            place: "/shared/home".into(),
            logs: "/shared/my results/100%/logs".into(),
        }
    }

    #[test]
    fn the_file_of_a_job_says_all_that_was_asked_for() {
        insta::assert_snapshot!(script().text());
    }

    #[test]
    fn without_a_code_of_the_site_the_job_queues_itself_again_unless_it_was_told_to_end() {
        let text = Script { requeue_exit: None, account: Some("a".to_owned()), ..script() }.text();
        assert!(text.ends_with("[ \"$term\" ] || scontrol requeue \"$job\"\nexit 130\n"), "{text}");
        assert!(text.contains("\n#SBATCH --account=a\n"), "{text}");
    }

    #[test]
    fn each_gpu_has_a_pilot_of_its_own() {
        let gpus = Script { gpus: 2, workers: 3, device: "wgpu".to_owned(), ..script() };
        let text = gpus.text();
        assert!(text.contains("\n#SBATCH --gres=gpu:2\n"), "{text}");
        assert!(text.contains("for gpu in $(seq 0 1); do\n"), "{text}");
        assert!(text.contains("--jobs 3 --lifetime 3420 --device wgpu:$gpu &"), "{text}");
    }

    #[test]
    fn memory_that_was_asked_for_by_hand_is_not_asked_for_twice() {
        let text = Script { more: vec!["--mem=0".to_owned()], ..script() }.text();
        assert!(text.contains("#SBATCH --mem=0\n") && !text.contains("--mem-per-cpu"), "{text}");
    }

    #[test]
    fn a_pilot_ends_before_the_earliest_warning() {
        for (time_s, warning_s, lifetime_s) in [(3600, 120, 3420), (60, 6, 51), (600, 60, 510)] {
            let script = Script { time_s, ..script() };
            assert_eq!((script.warning_s(), script.lifetime_s()), (warning_s, lifetime_s));
        }
    }
}
