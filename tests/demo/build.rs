//! Compiles the demo server, once for each release, set of sources and flags.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One release of the demo server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    Old,
    New,
}

/// Runs a test on both releases; which one failed is in the test's output.
pub(crate) fn on_both(test: impl Fn(Release)) {
    for release in [Release::Old, Release::New] {
        println!("on release {}", release.version());
        test(release);
    }
}

impl Release {
    pub(crate) fn version(self) -> &'static str {
        match self {
            Release::Old => "1.0",
            Release::New => "2.0",
        }
    }

    pub(crate) fn folder(self) -> PathBuf {
        let name = match self {
            Release::Old => "v1",
            Release::New => "v2",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo").join(name)
    }

    /// The built program.
    pub(crate) fn program(self) -> PathBuf {
        let flags = std::env::var("MCRX_DEMO_CFLAGS").unwrap_or_default();
        let flags: Vec<&str> = ["-O2", "-g"].into_iter().chain(flags.split_whitespace()).collect();

        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let program = folder.join(format!("larder-{}-{:016x}", self.version(), self.fingerprint(&flags)));
        if !program.exists() {
            // Tests build at the same time, perhaps in several processes: whoever is last wins, with the same program.
            let scratch = tempfile::tempdir_in(folder).expect("a folder to build in");
            let built = scratch.path().join("larder");
            self.compile(&flags, &built);
            fs::rename(built, &program).expect("the program can be moved");
        }
        program
    }

    /// Compiles as the README says. Panics with what the compiler says, warnings too.
    pub(crate) fn compile(self, flags: &[&str], program: &Path) {
        let sources = self.files().into_iter().filter(|path| path.extension().is_some_and(|it| it == "c"));
        // By their names alone: a file's own variables are known by what the compiler calls the file.
        let sources = sources.filter_map(|path| Some(path.file_name()?.to_owned()));
        let output = Command::new("cc")
            .current_dir(self.folder())
            .args(["-std=c11", "-pthread"])
            .args(flags)
            .arg("-o")
            .arg(program)
            .args(sources)
            .output()
            .expect("cc is installed (Debian's package build-essential)");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "cc on release {}:\n{said}", self.version());
    }

    fn files(self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder()).expect("the sources are there");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files
    }

    fn fingerprint(self, flags: &[&str]) -> u64 {
        let mut hasher = DefaultHasher::new();
        // How it is compiled besides.
        "in its folder".hash(&mut hasher);
        flags.hash(&mut hasher);
        for file in self.files() {
            fs::read(file).expect("a source file").hash(&mut hasher);
        }
        hasher.finish()
    }
}

#[test]
fn both_releases_compile_without_a_warning() {
    let scratch = tempfile::tempdir().expect("a folder to build in");
    on_both(|release| {
        let strict = ["-O2", "-g", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"];
        release.compile(&strict, &scratch.path().join("larder"));
    });
}
