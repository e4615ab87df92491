//! Small C programs, compiled here.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use std::path::Path;
use std::process::Command;

/// The table of a program that is compiled from one file.
pub(crate) fn table(source: &Path) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let compiler = Command::new("gcc")
        .args(["-O2", "-g", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(source)
        .output()
        .expect("gcc");
    let errors = String::from_utf8_lossy(&compiler.stderr);
    assert!(compiler.status.success(), "{}: {errors}", source.display());
    mcrx_debuginfo::load::load(&Binary::open(&program).expect("a program")).expect("debug info")
}
