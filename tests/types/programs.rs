//! The programs of a server, and small ones that are compiled here.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_harness::{Context, Explain, Result, ensure};
use mcrx_servers::Server;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A server's own program, and those that it executes: OpenSSH 10 is three.
pub(crate) fn of_server(server: &Server) -> Vec<PathBuf> {
    let others = ["libexec/sshd-session", "libexec/sshd-auth"].map(|path| server.prefix().join(path));
    let others = others.into_iter().filter(|path| path.is_file());
    std::iter::once(server.path.clone()).chain(others).collect()
}

pub(crate) fn table(path: &Path) -> Result<Table> {
    let binary = Binary::open(path)?;
    Ok(mcrx_debuginfo::load::load(&binary)?)
}

/// What a program prints that succeeds.
pub(crate) fn printed(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?} cannot be run"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// `mcrx types`, without colours and with a cache of its own.
pub(crate) fn types(test: &Context, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    command.arg("types").args(arguments).env("XDG_CACHE_HOME", test.scratch().directory());
    command.output().context("mcrx runs")
}

/// Compiles a program in the test's directory.
pub(crate) fn compile(
    test: &Context,
    name: &str,
    sources: &[(&str, &str)],
    options: &[&str],
) -> Result<PathBuf> {
    let folder = test.scratch().directory().join(format!("{name}.d"));
    std::fs::create_dir_all(&folder)?;
    let path = test.scratch().directory().join(name);
    let mut command = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
    command.current_dir(&folder).args(["-g", "-O1", "-w", "-o"]).arg(&path).args(options);
    for (file, text) in sources {
        std::fs::write(folder.join(file), text)?;
        command.arg(file);
    }
    printed(&mut command)?;
    Ok(path)
}
