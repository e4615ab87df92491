//! Two releases of a C program: compiled, run up to their parks, captured.
//!
//! ```text
//!   old release   start() -> "started", S1   serve() -> "done", N1
//!   new release   start() -> "started", V2   serve() -> "done", E2: what it would have had in N1's place
//! ```
//!
//! The program waits for a line at each park, so the image is taken of a process that does nothing. At a `?` it says what it holds, if it
//! has a function for that; after "done" it serves again.

use mcrx_harness::{Pid, preload};
use mcrx_live::capture::capture;
use mcrx_live::hold::Scope;
use mcrx_tracer::image::{Image, Process};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What is the same for all programs: the parks, and `main`.
const FRAME: &str = include_str!("frame.c");

/// A compiler, and how much it optimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) compiler: &'static str,
    pub(crate) level: &'static str,
}

/// All builds that are tried.
pub(crate) const BUILDS: [Build; 4] = [
    Build { compiler: "gcc", level: "-O2" },
    Build { compiler: "gcc", level: "-O0" },
    Build { compiler: "clang", level: "-O2" },
    Build { compiler: "clang", level: "-O0" },
];

/// Why there is no image: a message for who reads the test's output.
pub(crate) type Fault = String;

/// Compiles a release, and the library that it has beside its own text. All warnings are errors: what a generator writes has to be clean C.
pub(crate) fn compile(
    folder: &Path,
    name: &str,
    (source, library): (&str, Option<String>),
    build: Build,
) -> Result<PathBuf, Fault> {
    let (file, program) = (folder.join(format!("{name}.c")), folder.join(name));
    std::fs::write(&file, format!("{FRAME}\n#line 1 \"{name}.c\"\n{source}"))
        .map_err(|error| error.to_string())?;
    let mut command = Command::new(build.compiler);
    command.args([build.level, "-g", "-Wall", "-Wextra", "-Werror", "-fno-strict-aliasing", "-o"]);
    command.arg(&program).arg(&file);
    if let Some(library) = library {
        let beside = folder.join(format!("{name}.libs"));
        command.arg(shared(&beside, &library, build)?).arg(format!("-Wl,-rpath,{}", beside.display()));
    }
    made(command, build).map(|()| program)
}

/// A library without debug info: of one text it is the same in both releases, by its build-id too.
fn shared(folder: &Path, source: &str, build: Build) -> Result<PathBuf, Fault> {
    let (file, library) = (folder.join("side.c"), folder.join("libside.so"));
    std::fs::create_dir(folder).and_then(|()| std::fs::write(&file, source)).map_err(|e| e.to_string())?;
    let mut command = Command::new(build.compiler);
    command.args([build.level, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-Wl,--build-id"]);
    command.args(["-Wl,-soname,libside.so", "-o"]).arg(&library).arg(&file);
    made(command, build).map(|()| library)
}

fn made(mut command: Command, build: Build) -> Result<(), Fault> {
    let output = command.output().map_err(|error| format!("{}: {error}; install it", build.compiler))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{build:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// A release that runs under the tagging allocator.
pub(crate) struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Running {
    /// Starts it, and waits until its start-up is done.
    pub(crate) fn start(program: &Path, epoch: u32) -> Result<Running, Fault> {
        let library = preload().map_err(|error| format!("{error:#}"))?;
        let mut child = Command::new(program)
            .env_clear()
            .env("LD_PRELOAD", library)
            .env("MCRX_EPOCH", epoch.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".to_owned());
        };
        let mut running = Running { child, input, output: BufReader::new(output) };
        running.expect("started")?;
        Ok(running)
    }

    /// Has it do its work, and waits until that is done.
    pub(crate) fn serve(&mut self) -> Result<(), Fault> {
        writeln!(self.input).map_err(|error| error.to_string())?;
        self.expect("done")
    }

    /// What it says of itself.
    pub(crate) fn show(&mut self) -> Result<String, Fault> {
        writeln!(self.input, "?").map_err(|error| error.to_string())?;
        let mut said = String::new();
        loop {
            let before = said.len();
            self.output.read_line(&mut said).map_err(|error| error.to_string())?;
            match said.get(before..) {
                Some("shown\n") => return Ok(said[..before].to_owned()),
                Some("") | None => return Err(format!("it ends while it says {said:?}: {}", self.end()?)),
                Some(_) => {}
            }
        }
    }

    /// It as it is now.
    pub(crate) fn image(&self) -> Result<Image, Fault> {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        capture(Scope::Process(pid)).map_err(|error| error.to_string())
    }

    fn expect(&mut self, wanted: &str) -> Result<(), Fault> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        if line.trim_end() == wanted {
            return Ok(());
        }
        Err(format!("it was to say {wanted}, and says {line:?}: {}", self.end()?))
    }

    /// How it ended, and what it complained of.
    fn end(&mut self) -> Result<String, Fault> {
        let ended = self.child.wait().map_err(|error| error.to_string())?;
        let mut complaint = String::new();
        if let Some(errors) = &mut self.child.stderr {
            errors.read_to_string(&mut complaint).map_err(|error| error.to_string())?;
        }
        Ok(format!("{ended} {complaint}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The images of a pair of releases.
pub(crate) struct Images {
    pub(crate) start: Image,
    pub(crate) now: Image,
    pub(crate) new: Image,
    pub(crate) expected: Image,
}

impl Images {
    /// Runs both releases.
    pub(crate) fn of(old: &Path, new: &Path) -> Result<Images, Fault> {
        let [start, now] = both(old, 0)?;
        let [new, expected] = both(new, 1)?;
        Ok(Images { start, now, new, expected })
    }
}

/// A program as its start-up leaves it, and when it has served.
pub(crate) fn both(program: &Path, epoch: u32) -> Result<[Image; 2], Fault> {
    let mut running = Running::start(program, epoch)?;
    let start = running.image()?;
    running.serve()?;
    Ok([start, running.image()?])
}

/// The process of an image of one.
pub(crate) fn process(image: &Image) -> Result<&Process, Fault> {
    image.processes.first().ok_or_else(|| "no process".to_owned())
}
