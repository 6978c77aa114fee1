//! Lists the packages that a built-in corpus is made of: families of package names, with the
//! versions in the Cargo.lock that this program was built with.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A list of families. The file that it is read from says how they were chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) families: Vec<Family>,
    digests: BTreeMap<String, String>,
}

/// Packages that share authors and phrases, and are therefore on one side of the split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) test: bool,
    /// Names of the packages, without versions.
    pub(crate) packages: Vec<String>,
}

impl Selection {
    /// The selection behind `rust-docs@1` and `rust-code@1`.
    pub(crate) fn rust_1() -> Self {
        Self::parse(include_str!("corpora/rust-1.txt"))
            .expect("the embedded selection is well formed, as a test asserts")
    }

    /// Parses lines `train|test FAMILY PACKAGE...` and `digest CORPUS SHA-256`; `#` starts a
    /// comment.
    fn parse(text: &str) -> Option<Self> {
        let mut selection = Selection { families: Vec::new(), digests: BTreeMap::new() };
        for line in text.lines().map(|line| line.split('#').next().unwrap_or_default()) {
            let mut words = line.split_whitespace().map(str::to_owned);
            let Some(side) = words.next() else { continue };
            let name = words.next()?;
            match side.as_str() {
                "train" | "test" => selection.families.push(Family {
                    name,
                    test: side == "test",
                    packages: words.collect(),
                }),
                "digest" => {
                    selection.digests.insert(name, words.next()?);
                }
                _ => return None,
            }
        }
        Some(selection)
    }

    /// Names of the packages on one side of the split.
    pub(crate) fn packages(&self, test: bool) -> Vec<&str> {
        let side = self.families.iter().filter(|family| family.test == test);
        let mut packages: Vec<&str> =
            side.flat_map(|family| family.packages.iter().map(String::as_str)).collect();
        packages.sort_unstable();
        packages
    }

    /// Names of the families in the test.
    pub(crate) fn test_families(&self) -> Vec<String> {
        let test = self.families.iter().filter(|family| family.test);
        test.map(|family| family.name.clone()).collect()
    }

    /// Pinned SHA-256 of a corpus, by the corpus's name without version.
    pub(crate) fn digest(&self, corpus: &str) -> &str {
        self.digests.get(corpus).map_or("", String::as_str)
    }
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
}

/// Locked versions by package name; if several are locked, the highest.
pub(crate) fn locked_versions() -> BTreeMap<String, String> {
    let lock: Lock = toml::from_str(include_str!("../../../Cargo.lock"))
        .expect("cargo read this Cargo.lock when it built the program");
    let mut versions: BTreeMap<String, String> = BTreeMap::new();
    for Locked { name, version } in lock.package {
        let known = versions.entry(name).or_insert_with(|| version.clone());
        if order(&version) > order(known) {
            *known = version;
        }
    }
    versions
}

/// Sort key of a version: major, minor and patch number, then the rest as text.
fn order(version: &str) -> ([u64; 3], &str) {
    let mut numbers = version.split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0));
    ([(); 3].map(|()| numbers.next().unwrap_or(0)), version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_selected_package_is_locked() {
        let locked = locked_versions();
        let selection = Selection::rust_1();
        for package in selection.families.iter().flat_map(|family| &family.packages) {
            assert!(locked.contains_key(package), "{package} is not in Cargo.lock");
        }
    }

    #[test]
    fn no_family_or_package_is_named_twice() {
        let selection = Selection::rust_1();
        let families: BTreeSet<_> = selection.families.iter().map(|family| &family.name).collect();
        assert_eq!(families.len(), selection.families.len());
        let packages: BTreeSet<_> =
            [true, false].into_iter().flat_map(|test| selection.packages(test)).collect();
        let named = selection.families.iter().map(|family| family.packages.len()).sum::<usize>();
        assert_eq!(packages.len(), named);
        assert!(selection.test_families().len() >= 5);
    }

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(order("0.10.0") > order("0.9.12"));
        assert!(order("1.2.1+spec-1.1.0") > order("1.2.0"));
        assert!(order("2.0.0") > order("1.99.99"));
    }

    /// `NAME vVERSION` of every package in the default build for a platform; `None` where the
    /// sources of that platform have not been fetched.
    fn needed_on(target: &str) -> Option<BTreeSet<String>> {
        let mut cargo = std::process::Command::new(env!("CARGO"));
        cargo.args(["tree", "--locked", "--offline", "-p", "isoflop", "-e", "normal"]);
        cargo.args(["--prefix", "none", "--target", target]);
        let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        if !output.status.success() {
            return None;
        }
        let tree = String::from_utf8(output.stdout).unwrap();
        let named = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        Some(tree.lines().map(named).collect())
    }

    #[test]
    fn every_selected_package_is_in_the_default_build_of_every_platform() {
        let locked = locked_versions();
        for target in [
            "x86_64-unknown-linux-gnu",
            "aarch64-unknown-linux-gnu",
            "x86_64-pc-windows-msvc",
            "x86_64-apple-darwin",
            "aarch64-apple-darwin",
        ] {
            let Some(needed) = needed_on(target) else {
                println!(
                    "skipped {target}: its sources are not here; `cargo fetch --locked` gets them"
                );
                continue;
            };
            for package in Selection::rust_1().families.iter().flat_map(|family| &family.packages) {
                let locked = format!("{package} v{}", locked[package]);
                assert!(needed.contains(&locked), "{locked} is not built for {target}");
            }
        }
    }
}
