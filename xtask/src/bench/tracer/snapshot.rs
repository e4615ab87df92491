//! A snapshot written to a file, beside gcore: how long it takes from the command's start to its end, and how large the file is.

use super::server::Loaded;
use crate::bench::area::{Case, Figure, Side};
use crate::bench::program;
use crate::bench::supply::{Peer, Supply};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Instant;

pub(super) fn cases(supply: &mut Supply) -> Vec<Case> {
    let Some(mcrx) = supply.or_missing(program::build("mcrx", "bin", "mcrx")) else { return Vec::new() };
    let Some(gcore) = supply.get(Peer::Program { name: "gcore", package: "gdb" }) else { return Vec::new() };
    let sizes = [("snapshot, 20 MB", 14_000), ("snapshot, 1 GiB", 900_000)];
    let mut cases = Vec::new();
    for (name, values) in sizes {
        let Some(server) = Loaded::new(supply, values).map(Rc::new) else { continue };
        let (mcrx, gcore, of_peer) = (mcrx.clone(), gcore.clone(), Rc::clone(&server));
        let sides = vec![
            Side::new("mcrx snapshot", move || {
                let (pid, file) = (server.pid()?, server.scratch().fresh("snapshot"));
                turn(Command::new(&mcrx).arg("snapshot").arg(pid.to_string()).arg("-o").arg(&file), &file)
            }),
            Side::new("gcore", move || {
                let (pid, prefix) = (of_peer.pid()?, of_peer.scratch().fresh("core"));
                let file = format!("{}.{pid}", prefix.display());
                turn(Command::new(&gcore).arg("-o").arg(&prefix).arg(pid.to_string()), Path::new(&file))
            }),
        ];
        cases.push(Case { name, sides });
    }
    cases
}

/// Runs a command that writes a file, which is thrown away.
fn turn(command: &mut Command, file: &Path) -> Result<Vec<Figure>> {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().context("it cannot be run")?;
    let wall = start.elapsed();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let kibibytes = u32::try_from(std::fs::metadata(file)?.len() >> 10).context("a file of terabytes")?;
    std::fs::remove_file(file)?;
    Ok(vec![Figure::wall(wall), Figure { name: "file", unit: "MiB", value: f64::from(kibibytes) / 1024.0 }])
}
