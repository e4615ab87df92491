//! Small programs and libraries, built in a folder of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub(crate) struct Folder(TempDir);

const PROGRAM: &str =
    "#include <stdlib.h>\nint main(void) { void *p = malloc(10); free(p); return p == NULL; }\n";

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("the file can be written");
        path
    }

    /// A program that makes a block, with debug info, symbols and a build-id unless the options say otherwise.
    pub(crate) fn program(&self, name: &str, options: &[&str]) -> PathBuf {
        self.compile(name, PROGRAM, options)
    }

    pub(crate) fn compile(&self, name: &str, source: &str, options: &[&str]) -> PathBuf {
        let source = self.write(&format!("{name}.c"), source);
        let path = self.path(name);
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let mut command = Command::new(&compiler);
        // Its own malloc must not become a call of itself.
        command
            .args(["-O1", "-g", "-fno-builtin", "-Wl,--build-id", "-o"])
            .arg(&path)
            .arg(source)
            .args(options);
        run(&mut command);
        path
    }
}

/// Runs a program of the tool chain.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn strip(path: &Path) {
    run(Command::new("strip").arg(path));
}
