//! Whatever rules say, their way back is rules that can be read, in the style, and wrong in nothing but holes.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_dsl::check;
use mcrx_dsl::diagnostic::Severity;
use mcrx_dsl::format::format;
use mcrx_dsl::load;
use mcrx_dsl::releases::Releases;
use mcrx_dsl::reverse::{self, Between};
use mcrx_dsl::source::{FromDisk, Load};
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong")
}

/// A release of the catalogue's small server.
fn release(name: &str) -> Table {
    let scratch = tempfile::tempdir().unwrap();
    let program = scratch.path().join(name);
    let mut command = Command::new("gcc");
    command.current_dir(folder().join(name)).args(["-g", "-O0", "-w", "-o"]).arg(&program);
    assert!(command.args(["server.c", "worker.c"]).status().expect("gcc").success());
    mcrx_debuginfo::load::load(&Binary::open(&program).unwrap()).unwrap()
}

/// One text in the place of a file; the others as they are.
struct Instead<'t>(&'t Path, &'t str);

impl Load for Instead<'_> {
    fn load(&self, path: &Path) -> Result<String, String> {
        if path == self.0 { Ok(self.1.to_owned()) } else { FromDisk.load(path) }
    }
}

#[test]
fn the_way_back_of_whatever_rules_is_wrong_in_nothing_but_holes() {
    let (old, new) = (release("old"), release("new"));
    let mut right = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "mcrx") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        // Whole, and without each of its last lines: more of them are right then.
        let ends = (0..3).scan(text.trim_end().len(), |end, _| {
            let now = *end;
            *end = text.get(..now).and_then(|text| text.trim_end().rfind('\n')).unwrap_or(0);
            Some(now)
        });
        for text in ends.filter_map(|end| text.get(..end)) {
            let loaded = load::rules(&path, &Instead(&path, text));
            let is_wrong = |releases, loaded: &load::Loaded| {
                let found = check::loaded(loaded, releases, None);
                let mut wrong = found
                    .into_iter()
                    .filter(|one| one.severity == Severity::Error && one.code.to_string() != "MCX501");
                wrong.next()
            };
            // Of wrong rules nothing is promised but that it ends.
            let reversed =
                reverse::rules(&Between { old: &old, new: &new, loaded: &loaded, live: None, folder: None });
            if is_wrong(Releases::both(&old, &new), &loaded).is_some() {
                continue;
            }
            right += 1;
            assert_eq!(format(&reversed.text).as_ref(), Ok(&reversed.text), "{}: {text}", path.display());
            let back = load::rules(&path, &Instead(&path, &reversed.text));
            let wrong = is_wrong(Releases::both(&new, &old), &back);
            assert!(wrong.is_none(), "{}: {wrong:?}\n{text}\n\n{}", path.display(), reversed.text);
        }
    }
    assert!(right > 60, "{right} files are right");
}
