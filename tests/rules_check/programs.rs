//! The command, and the two releases of a small server that the catalogue is held against.

use mcrx_harness::{Context, Explain, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where the wrong files are.
pub(crate) fn catalogue() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dsl/tests/wrong")
}

/// `mcrx rules`, without colours, run in a folder.
pub(crate) fn rules(folder: &Path, arguments: &[&str], cache: &Path) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    command
        .arg("rules")
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", cache)
        .env("NO_COLOR", "1");
    command.output().context("mcrx runs")
}

/// The old release and the new one. Their debug info names the sources as if they lay in `/src/1` and `/src/2`.
pub(crate) fn releases(test: &Context) -> Result<[String; 2]> {
    let one = |folder: &str, number: &str| -> Result<String> {
        let folder = catalogue().join(folder);
        let path = test.scratch().directory().join(format!("server-{number}"));
        let mut command = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
        let map = format!("-ffile-prefix-map={}=/src/{number}", folder.display());
        command
            .current_dir(&folder)
            .args(["-g", "-O0", "-o"])
            .arg(&path)
            .args([&map, "server.c", "worker.c"]);
        let output = command.output().with_context(|| format!("{command:?} cannot be run"))?;
        ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(path.to_str().context("text")?.to_owned())
    };
    Ok([one("old", "1")?, one("new", "2")?])
}

/// The arguments to have one of the files looked at: with both releases if it is about an update, else with the old one; or to derive its way
/// back, if it begins with that.
pub(crate) fn arguments<'a>(text: &str, name: &'a str, [old, new]: [&'a str; 2]) -> Vec<&'a str> {
    if is_way_back(text) {
        vec!["reverse", old, new, "--rules", name]
    } else if text.lines().any(|line| line.starts_with("to ")) {
        vec!["check", name, old, new]
    } else if text.starts_with("// without debug info") {
        vec!["check", name]
    } else {
        vec!["check", name, old]
    }
}

/// Whether a file is about what its way back cannot have.
pub(crate) fn is_way_back(text: &str) -> bool {
    text.starts_with("// the way back\n")
}
