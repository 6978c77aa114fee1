//! Tests of choosing the device to train on, and of training on it.

use crate::workshop::{SWEEP, Workshop, isoflop, stderr, stdout};
use std::fs;

#[test]
fn what_is_no_device_is_refused_with_what_is_one() {
    let shop = Workshop::new(SWEEP);
    for verb in ["run", "plan"] {
        let mut command = shop.isoflop();
        command.args([verb, "sweep.toml", "--device", "gpu"]);
        let text = stderr(&command.assert().code(2));
        assert!(text.contains("auto, cpu, wgpu, wgpu:N"), "{text}");
    }
    shop.assert_nothing_written();
}

#[cfg(not(all(feature = "wgpu", feature = "ndarray")))]
#[test]
fn a_device_that_is_not_in_this_build_says_how_to_get_it() {
    let shop = Workshop::new(SWEEP);
    let missing = [("wgpu", cfg!(feature = "wgpu")), ("ndarray", cfg!(feature = "ndarray"))];
    for (device, _) in missing.into_iter().filter(|(_, built)| !built) {
        let mut command = shop.isoflop();
        command.args(["run", "sweep.toml", "--device", device]);
        let text = stderr(&command.assert().code(2));
        assert!(
            text.contains(&format!("built without {device}"))
                && text.contains(&format!("--features {device}")),
            "{text}"
        );
    }
    shop.assert_nothing_written();
}

#[test]
fn the_doctor_tries_the_processor_and_says_what_auto_takes() {
    let text = stdout(&isoflop().arg("doctor").assert().code(0));
    assert!(text.starts_with("cpu  "), "{text}");
    assert!(text.contains("5 steps, loss "), "{text}");
    assert!(text.contains("auto takes "), "{text}");
    assert!(!text.contains("FAILED"), "{text}");
    let json = stdout(&isoflop().args(["doctor", "--json"]).assert().code(0));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let devices = json["devices"].as_array().unwrap();
    assert_eq!(devices[0]["probe"]["largest_difference"], 0.0);
    for device in devices {
        assert_eq!(device["problem"], serde_json::Value::Null, "{device}");
    }
}

#[test]
fn the_processor_is_taken_where_nothing_else_is_named_and_stayed_with() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    for row in shop.rows() {
        assert_eq!((row.device.as_str(), row.device_memory_bytes), ("cpu", None));
        assert!(row.mfu.is_some_and(|mfu| mfu > 0.0 && mfu < 2.0), "{:?}", row.mfu);
    }
    let kept = fs::read_to_string(shop.path("results/tiny/device.json")).unwrap();
    assert!(kept.contains("\"cpu\""), "{kept}");
    let again = shop.isoflop().args(["run", "sweep.toml", "--device", "auto"]).assert();
    assert!(stderr(&again.code(0)).contains("nothing to train"));
}

#[cfg(feature = "wgpu")]
mod adapter {
    use super::*;
    use crate::workshop::reproducible;
    use isoflop_results::RunRow;
    use std::time::{Duration, Instant};

    const ON_ADAPTER: [&str; 6] = ["run", "sweep.toml", "--device", "wgpu", "--jobs", "1"];

    fn by_id(shop: &Workshop) -> Vec<RunRow> {
        let mut rows = shop.rows();
        rows.sort_by(|a, b| a.run_id.cmp(&b.run_id));
        rows
    }

    #[test]
    #[ignore = "needs an adapter"]
    fn a_sweep_on_an_adapter_has_the_processors_losses() {
        let (cpu, adapter) = (Workshop::new(SWEEP), Workshop::new(SWEEP));
        cpu.run().code(0);
        adapter.isoflop().args(ON_ADAPTER).assert().code(0);
        for (expected, found) in by_id(&cpu).iter().zip(by_id(&adapter)) {
            assert_eq!(found.run_id, expected.run_id);
            assert_eq!(found.device, "wgpu");
            assert!(found.device_memory_bytes.is_some_and(|bytes| bytes > 0));
            assert!(found.mfu.is_some_and(|mfu| mfu > 0.0));
            let (found, expected) = (found.test_loss.unwrap(), expected.test_loss.unwrap());
            assert!((found / expected - 1.0).abs() < 1e-3, "{found} against {expected}");
        }
    }

    #[test]
    #[ignore = "needs an adapter"]
    fn a_sweep_killed_on_an_adapter_goes_on_there_to_the_same_bits() {
        let sweep = SWEEP.replace("\"4e8\", \"8e8\"", "\"1e9\"");
        let (undisturbed, killed) = (Workshop::new(&sweep), Workshop::new(&sweep));
        undisturbed.isoflop().args(ON_ADAPTER).assert().code(0);
        let mut child = killed.spawn(&ON_ADAPTER);
        // The first checkpoint of the sweep must appear before the command is killed.
        let until = Instant::now() + Duration::from_secs(120);
        let state = || {
            let all = fs::read_dir(killed.path("results/tiny/checkpoints"));
            all.is_ok_and(|mut entries| entries.next().is_some())
        };
        while !state() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(state(), "no state within two minutes");
        child.kill().unwrap();
        child.wait().unwrap();
        killed.isoflop().args(ON_ADAPTER).assert().code(0);
        let rows = |shop: &Workshop| by_id(shop).iter().map(reproducible).collect::<Vec<_>>();
        assert_eq!(rows(&killed), rows(&undisturbed));
    }

    #[test]
    #[ignore = "needs an adapter"]
    fn an_adapter_that_is_not_there_is_named() {
        let shop = Workshop::new(SWEEP);
        let mut command = shop.isoflop();
        command.args(["run", "sweep.toml", "--device", "wgpu:77"]);
        let text = stderr(&command.assert().code(2));
        assert!(text.contains("there is no adapter 77") && text.contains("doctor"), "{text}");
        shop.assert_nothing_written();
    }

    #[test]
    #[ignore = "needs an adapter"]
    fn bench_on_an_adapter_counts_what_a_step_asks_of_it() {
        let mut command = isoflop();
        command.args(["bench", "--sizes", "8x1x1", "--batch", "2", "--context", "16"]);
        command.args(["--steps", "2", "--device", "wgpu", "--json"]);
        let json = stdout(&command.assert().code(0));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let size = &json["sizes"][0];
        assert!(size["launches_per_step"].as_u64().unwrap() > 10, "{size}");
        // The step sends 32 input ids and 32 targets of four bytes each, and fetches a loss and a
        // norm.
        assert_eq!(size["sent_bytes_per_step"], 256);
        assert_eq!(size["fetched_bytes_per_step"], 8);
    }
}
