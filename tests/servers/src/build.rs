//! Carrying out a recipe: unpack, run its steps, look at what came out, put it in place.
//!
//! The tree it is compiled in stays, because debug info names it; what the compiler put there goes. Nothing of a build
//! can be seen below `built/` before all of it can. Whoever calls holds the build lock.

use crate::cache::{Cache, Record, write_record};
use crate::command::command;
use crate::error::{Error, Refusal};
use crate::inspect;
use crate::recipe::{JOBS, PREFIX, Recipe, STAGE, Step};
use crate::source::Fetched;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Compilers at once: half of a small machine stays with whoever works on it.
const COMPILERS: &str = "2";

/// Builds and installs one release as `prefix`.
pub(crate) fn build(
    cache: &Cache,
    recipe: &Recipe,
    fetched: &Fetched,
    compiler: &str,
    prefix: &Path,
) -> Result<Record, Refusal> {
    let name = prefix.file_name().unwrap_or_default();
    let log = cache.directory("logs")?.join(format!("{}.log", name.to_string_lossy()));
    let source = cache.directory("sources")?.join(name);
    let stage = cache.directory("stage")?.join(name);
    // What an interrupted build left.
    for leftover in [&source, &stage] {
        remove(leftover)?;
    }
    let site = Site { source, stage, prefix: prefix.to_owned(), log };
    let record = site.build(recipe, fetched, compiler);
    let record = record.map_err(|reason| Refusal::Broken(format!("{reason}; see {}", site.log.display())))?;
    site.put_in_place(recipe, &record)?;
    Ok(record)
}

/// Where one build happens.
struct Site {
    source: PathBuf,
    stage: PathBuf,
    prefix: PathBuf,
    log: PathBuf,
}

impl Site {
    fn build(&self, recipe: &Recipe, fetched: &Fetched, compiler: &str) -> Result<Record, String> {
        let mut log = File::create(&self.log).map_err(|cause| format!("no log can be written: {cause}"))?;
        fetched.unpack(&self.source)?;
        for step in &recipe.steps {
            self.carry_out(step, &mut log)?;
        }
        let programs = std::iter::once(&recipe.program).chain(recipe.companions);
        let build_ids: Vec<_> =
            programs.map(|program| inspect::build_id(&self.staged(program))).collect::<Result<_, _>>()?;
        inspect::check_version(&self.staged(recipe.program), &recipe.version_check)?;
        Ok(Record {
            compiler: compiler.to_owned(),
            sources: fetched.files.clone(),
            notes: fetched.notes.clone(),
            build_id: build_ids.into_iter().next().unwrap_or_default(),
        })
    }

    fn put_in_place(&self, recipe: &Recipe, record: &Record) -> Result<(), Error> {
        let staged = self.staged("");
        write_record(&staged, record)?;
        // One without its program or record, which nobody may use, could be in the way.
        remove(&self.prefix)?;
        let built = self.prefix.parent().unwrap_or(&self.prefix);
        fs::create_dir_all(built).map_err(Error::file("create", built))?;
        fs::rename(&staged, &self.prefix).map_err(Error::file("write", &self.prefix))?;
        remove(&self.stage)?;
        debug_assert!(self.prefix.join(recipe.program).is_file());
        remove_objects(&self.source).map_err(Error::file("clear", &self.source))
    }

    /// A place below the prefix, before it is in place.
    fn staged(&self, below: &str) -> PathBuf {
        let prefix = self.prefix.strip_prefix("/").unwrap_or(&self.prefix);
        self.stage.join(prefix).join(below)
    }

    fn carry_out(&self, step: &Step, log: &mut File) -> Result<(), String> {
        match step {
            Step::Run(arguments) => self.run(arguments, None, log),
            Step::Patch(text) => {
                self.run(&["patch", "-p1", "--force", "--fuzz=0"].map(str::to_owned), Some(text), log)
            }
            Step::Directory(below) => {
                let directory = self.staged(below);
                fs::create_dir_all(&directory)
                    .map_err(|cause| format!("cannot create {}: {cause}", directory.display()))
            }
            Step::Install { from, to } => {
                let target = self.staged(to);
                let copy = || {
                    fs::create_dir_all(target.parent().unwrap_or(&target))?;
                    fs::copy(self.source.join(from), &target)
                };
                copy().map(drop).map_err(|cause| format!("cannot install {from} as {to}: {cause}"))
            }
        }
    }

    fn run(&self, arguments: &[String], input: Option<&str>, log: &mut File) -> Result<(), String> {
        let arguments: Vec<_> = arguments.iter().map(|argument| self.replace_tokens(argument)).collect();
        let line = arguments.join(" ");
        let first = arguments.first().map(String::as_str).unwrap_or_default();
        let explain = |cause: io::Error| format!("`{first}` cannot be run: {cause}");
        writeln!(log, "\n$ {line}").map_err(explain)?;
        let mut child = command("nice")
            .args(["-n", "10", "--"])
            .args(&arguments)
            .current_dir(&self.source)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(log.try_clone().map_err(explain)?)
            .stderr(log.try_clone().map_err(explain)?)
            .spawn()
            .map_err(explain)?;
        if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
            // One that ends before it has read everything says so by its status.
            let _ = pipe.write_all(text.as_bytes());
        }
        let status = child.wait().map_err(explain)?;
        let short: String = line.chars().take(60).collect();
        if status.success() { Ok(()) } else { Err(format!("`{short}` failed ({status})")) }
    }

    fn replace_tokens(&self, argument: &str) -> String {
        argument
            .replace(PREFIX, &self.prefix.to_string_lossy())
            .replace(STAGE, &self.stage.to_string_lossy())
            .replace(JOBS, COMPILERS)
    }
}

fn remove(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(directory) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", directory)(cause)),
        _ => Ok(()),
    }
}

/// Removes objects, archives and programs below a directory, by what is in them.
fn remove_objects(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            remove_objects(&entry.path())?;
        } else if kind.is_file() {
            let mut start = Vec::new();
            File::open(entry.path())?.take(8).read_to_end(&mut start)?;
            if start.starts_with(b"\x7fELF") || start.starts_with(b"!<arch>\n") {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Source, VersionCheck, run};

    /// A whole build of a tiny program from a tarball, without any network.
    struct Workshop {
        cache: Cache,
        fetched: Fetched,
        directory: tempfile::TempDir,
    }

    fn workshop() -> Workshop {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tiny-1.0");
        fs::create_dir(&tree).unwrap();
        fs::write(
            tree.join("tiny.c"),
            "#include <stdio.h>\nint main(void) { return puts(\"tiny 1.0 at \" AT) < 0; }\n",
        )
        .unwrap();
        let fetched = Fetched::of_tree(&tree);
        Workshop { cache: Cache::at(&directory.path().join("cache")), fetched, directory }
    }

    fn tiny() -> Recipe {
        Recipe {
            name: "tiny",
            version: "1.0",
            source: Source::Debian { package: "tiny", upstream: "1.0", patched: false },
            steps: vec![
                run(["cc", "-g", "-Wl,--build-id", &format!("-DAT=\"{PREFIX}\""), "-o", "tiny", "tiny.c"]),
                Step::Install { from: "tiny", to: "bin/tiny" },
                Step::Directory("var/empty"),
            ],
            program: "bin/tiny",
            companions: &[],
            packages: &[],
            version_check: VersionCheck { arguments: &[], answer: "tiny 1.0".to_owned() },
        }
    }

    impl Workshop {
        fn build(&self, recipe: &Recipe) -> (PathBuf, Result<Record, Refusal>) {
            let prefix = self.cache.prefix(recipe, "k", "s");
            let record = build(&self.cache, recipe, &self.fetched, "cc", &prefix);
            (prefix, record)
        }
    }

    #[test]
    fn a_build_knows_its_final_place_and_leaves_sources_without_objects() {
        let workshop = workshop();
        let (prefix, record) = workshop.build(&tiny());
        let record = record.unwrap();
        let (found, read) = workshop.cache.find(&tiny(), "k").unwrap();
        assert_eq!((found, read), (prefix.clone(), record));
        let check = VersionCheck { arguments: &[], answer: format!("tiny 1.0 at {}", prefix.display()) };
        inspect::check_version(&prefix.join("bin/tiny"), &check).unwrap();
        assert!(prefix.join("var/empty").is_dir());
        let source = workshop.directory.path().join("cache/sources").join(prefix.file_name().unwrap());
        assert!(source.join("tiny.c").is_file() && !source.join("tiny").exists());
    }

    #[test]
    fn a_failed_step_puts_nothing_in_place_and_names_its_log() {
        let workshop = workshop();
        let mut recipe = tiny();
        recipe.steps.insert(1, run(["sh", "-c", "echo the reason; exit 7"]));
        let (prefix, refusal) = workshop.build(&recipe);
        let message = refusal.unwrap_err().to_string();
        let log = message.split("see ").nth(1).expect("the message names a log");
        assert!(fs::read_to_string(log).unwrap().contains("the reason"), "{message}");
        assert!(!prefix.exists());
    }

    #[test]
    fn a_program_that_says_another_version_is_not_put_in_place() {
        let workshop = workshop();
        let mut recipe = tiny();
        recipe.version_check.answer = "tiny 2.0".to_owned();
        let (prefix, refusal) = workshop.build(&recipe);
        assert!(matches!(refusal, Err(Refusal::Broken(_))));
        assert!(!prefix.exists());
    }

    #[test]
    fn a_patch_of_ours_is_applied_and_one_that_does_not_fit_fails_the_build() {
        let workshop = workshop();
        let mut recipe = tiny();
        recipe.steps.insert(
            0,
            Step::Patch(
                "--- a/tiny.c\n+++ b/tiny.c\n@@ -1,2 +1,2 @@\n #include <stdio.h>\n\
                 -int main(void) { return puts(\"tiny 1.0 at \" AT) < 0; }\n\
                 +int main(void) { return puts(\"tiny 1.1 at \" AT) < 0; }\n",
            ),
        );
        recipe.version_check.answer = "tiny 1.1".to_owned();
        workshop.build(&recipe).1.unwrap();
        recipe.steps.insert(0, recipe.steps[0].clone());
        assert!(workshop.build(&recipe).1.unwrap_err().to_string().contains("`patch"));
    }
}
