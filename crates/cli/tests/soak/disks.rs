//! Tests of sweeps on disks of every size.

use crate::workshop::{Workshop, note};
use crate::{RUN, differing, files, outcome, run, said, times, undisturbed, without_fits};
use std::fs;
use std::path::Path;
use std::process::Command;

fn mount(args: &[&str], at: &Path) {
    let done = Command::new("mount").args(args).arg(at).status().unwrap();
    assert!(done.success(), "mount {args:?}");
}

/// A disk in memory, which is unmounted when dropped.
struct Disk<'a>(&'a Path);

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // An error is ignored: a failed test has more to tell than that its disk is still mounted.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Results, reports and cache lie on a disk of a few KiB to some MiB, from too small for a plan to
/// large enough. The command says that the disk is full and exits with 130, or succeeds; on a
/// larger disk the same command then has the outcome of an undisturbed one.
#[test]
#[ignore = "needs root, to mount disks in memory"]
fn a_full_disk_is_said_and_a_larger_one_is_gone_on_with() {
    let sizes = times("ISOFLOP_DISKS", 6);
    let expected = outcome(&undisturbed(&without_fits()));
    let (mut full, mut enough) = (0, 0);
    for index in 0..sizes {
        // The sizes lie between 4 KiB and 4 MiB, at equal factors.
        let size = (4.0 * 1000f64.powf(index as f64 / (sizes - 1).max(1) as f64)) as u64;
        let shop = Workshop::new(&without_fits());
        let disk = shop.path("disk");
        fs::create_dir(&disk).unwrap();
        mount(&["-t", "tmpfs", "-o", &format!("size={size}k"), "none"], &disk);
        let _disk = Disk(&disk);
        for folder in ["results", "reports", "cache"] {
            std::os::unix::fs::symlink(disk.join(folder), shop.path(folder)).unwrap();
            fs::create_dir(disk.join(folder)).unwrap();
        }
        let code = run(&shop, &RUN).code();
        let words = said(&shop);
        match code {
            Some(0) => enough += 1,
            Some(130) if words.contains("disk is full") => full += 1,
            _ => panic!("a disk of {size} KiB: {code:?}: {words}"),
        }
        mount(&["-o", "remount,size=64m"], &disk);
        let code = run(&shop, &RUN).code();
        let words = said(&shop);
        assert_eq!(code, Some(0), "{size} KiB enlarged: {words}");
        assert_eq!(differing(&expected, &outcome(&shop)), [""; 0], "{size} KiB: {words}");
        let left: Vec<_> = files(&disk.join("results"))
            .into_iter()
            .filter(|path| path.to_string_lossy().ends_with(".partial"))
            .collect();
        assert!(left.is_empty(), "{size} KiB: {left:?}");
    }
    note(&format!(
        "{sizes} disks: {full} were full and said so, {enough} large enough, all went on"
    ));
}
