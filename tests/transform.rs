//! `mcrx plan` and `mcrx transform` as their users run them: two releases of a small program, and what the one has in memory made into what
//! the other would have.

use mcrx_debuginfo::cache::Cache;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::snapshot;
use mcrx_tracer::trace::{Known, Trace};
use mcrx_tracer::value::{Scalar, Value};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;

/// What carries the old release's connections over.
const RULES: &str = "global count -> total\n\ntype conn {\n    since = 42\n}\n";

/// A program under the allocator.
struct Program(Child, BufReader<std::process::ChildStdout>);

impl Program {
    fn start(path: &Path, epoch: &str) -> Program {
        let mut child = Command::new(path)
            .env("LD_PRELOAD", mcrx_harness::preload().expect("the allocator"))
            .env("MCRX_EPOCH", epoch)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut program = Program(child, output);
        assert!(program.line().starts_with("started"));
        program
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).expect("a line");
        line
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Both releases in heaps of their own.
static SCENE: LazyLock<Scene> = LazyLock::new(|| Scene::of("two", [("old.c", &[]), ("new.c", &[])], "1"));

/// Snapshots of both releases.
struct Scene {
    folder: PathBuf,
}

impl Scene {
    /// Of two programs by their sources, and what these are compiled with.
    fn of(name: &str, sources: [(&str, &[&str]); 2], epoch: &str) -> Scene {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("transform-{name}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let scene = Scene { folder };
        for (release, (source, options)) in ["old", "new"].into_iter().zip(sources) {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transform").join(source);
            let mut compiler = Command::new("gcc");
            compiler.args(["-O2", "-g", "-o"]).arg(scene.file(release)).args(options).arg(source);
            assert!(compiler.status().expect("gcc").success());
        }
        std::fs::write(scene.file("rules.mcrx"), RULES).unwrap();
        let mut old = Program::start(&scene.file("old"), "0");
        let new = Program::start(&scene.file("new"), epoch);
        scene.snapshot(&old, "start.snap");
        scene.snapshot(&new, "new.snap");
        old.0.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        assert_eq!(old.line(), "done\n");
        scene.snapshot(&old, "now.snap");
        scene
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn snapshot(&self, program: &Program, name: &str) {
        let output = mcrx(["snapshot", &program.pid(), "-o", self.file(name).to_str().unwrap()]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// Of now and new, with the rules or without.
    fn run(&self, command: &str, with_rules: bool, more: &[&str]) -> Output {
        let mut arguments = vec![command.to_owned()];
        arguments.extend(["now.snap", "new.snap"].map(|name| self.file(name).display().to_string()));
        arguments.extend(["--start".to_owned(), self.file("start.snap").display().to_string()]);
        if with_rules {
            arguments.extend(["--rules".to_owned(), self.file("rules.mcrx").display().to_string()]);
        }
        arguments.extend(more.iter().map(|&one| one.to_owned()));
        mcrx(arguments)
    }
}

fn mcrx(arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcrx")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number(value: &Value<'_>, member: &str) -> i128 {
    match value.member(member).and_then(|value| value.scalar()) {
        Some(Scalar::Integer(number)) => number,
        other => panic!("{member}: {other:?}"),
    }
}

#[test]
fn what_was_made_since_start_up_is_what_the_new_release_would_have() {
    let scene = &*SCENE;
    let after = scene.file("after.snap");
    let output = scene.run("transform", true, &["-o", after.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));

    let image = snapshot::open(&after).unwrap();
    let process = &image.processes[0];
    let known = Known::of(process, &Cache::default()).unwrap();
    let facts = Facts::default();
    let model = known.model(&facts);
    let trace = Trace::of(process, &known, &model);
    let global = |name: &str| Value::variable(&trace, name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(global("total").scalar(), Some(Scalar::Integer(5)));
    // It did not change since start-up: the new release's own counts.
    assert_eq!(global("limit").scalar(), Some(Scalar::Integer(6)));
    let mut conn = global("head").target().expect("a connection");
    for fd in (100..105).rev() {
        assert_eq!(number(&conn, "fd"), fd);
        assert_eq!(number(&conn, "since"), 42);
        assert_eq!(number(&conn, "port"), fd * 3);
        let is_idle = fd % 2 == 1;
        let function =
            conn.member("on_event").unwrap().function().map(|(name, offset)| (name.to_owned(), offset));
        assert_eq!(function, Some((if is_idle { "idle" } else { "busy" }.to_owned(), 0)));
        let Some(Scalar::Pointer(state)) = conn.member("state").unwrap().scalar() else {
            panic!("no pointer")
        };
        assert_eq!(
            process.memory.bytes(state, 5),
            Some(if is_idle { &b"idle\0"[..] } else { &b"busy\0"[..] })
        );
        conn = conn.member("next").unwrap().target().expect("the next");
    }
    // The last was made by both start-ups, and did not change: it is the new release's.
    assert_eq!((number(&conn, "fd"), number(&conn, "since")), (7, 11));
}

#[test]
fn a_plan_says_what_becomes_of_objects() {
    let output = SCENE.run("plan", true, &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(facts["schema"], "mcrx.plan/1");
    let objects = &facts["objects"];
    assert_eq!((objects["kept"].as_u64(), objects["transformed"].as_u64()), (Some(0), Some(5)), "{facts}");
    assert_eq!(objects["moved"], 5);
    assert_eq!(facts["conflicts"], serde_json::json!([]));
}

#[test]
fn a_question_that_no_rule_answers_stops_it_and_nothing_is_written() {
    let scene = &*SCENE;
    let after = scene.file("refused.snap");
    for (command, more) in [("plan", &[][..]), ("transform", &["-o", after.to_str().unwrap()])] {
        let output = scene.run(command, false, more);
        assert_eq!(output.status.code(), Some(4), "{}", text(&output.stdout));
        let stdout = text(&output.stdout);
        assert!(stdout.contains("MCX801 conn since: `long int since` is new"), "{stdout}");
        assert!(stdout.contains("MCX811 count: `int count` is gone"), "{stdout}");
    }
    assert!(!after.exists(), "it was written");
}

#[test]
fn two_heaps_in_one_place_are_refused_with_what_to_do() {
    let output = Scene::of("one", [("old.c", &[]), ("new.c", &[])], "0").run("plan", true, &[]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("MCRX_EPOCH"), "{}", text(&output.stderr));
}

#[test]
fn another_process_s_start_is_refused() {
    let file = |name: &str| SCENE.file(name).display().to_string();
    let output = mcrx(["plan", &file("now.snap"), &file("new.snap"), "--start", &file("new.snap")]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn an_object_with_something_behind_it_that_no_type_tells_of_does_not_grow() {
    let scene = Scene::of("behind", [("behind.c", &[]), ("behind.c", &["-DNEW"])], "1");
    std::fs::write(scene.file("rules.mcrx"), "type note {\n    lines = 1\n}\n").unwrap();
    let output = scene.run("plan", true, &[]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{stdout}");
    assert!(stdout.contains("MCX805"), "{stdout}");
}

#[test]
fn what_changed_in_a_table_does_not_go_to_what_stands_there_in_the_new_one() {
    let scene = Scene::of("table", [("table.c", &[]), ("table.c", &["-DNEW"])], "1");
    let output = scene.run("plan", false, &[]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{stdout}");
    assert!(stdout.contains("MCX807 commands: its element 1 changed"), "{stdout}");
}
