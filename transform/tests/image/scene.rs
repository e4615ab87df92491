//! Both releases of a program, captured: the old one at work, the new one after its start-up; and by hand what a transform would do.

use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::table::{Table, TypeId};
use mcrx_harness::{Pid, preload};
use mcrx_live::capture::capture;
use mcrx_live::hold::Scope;
use mcrx_tracer::debug::Shelf;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::image::{Image, Module, Process, ThreadMemory};
use mcrx_tracer::trace::{Known, Trace};
use mcrx_transform::side::Side;
use mcrx_transform::target::{Merged, Target};
use mcrx_transform::verify::{Carried, Report, Subject, types};
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// Where the members of `struct item` and `struct leaf` are, as the compiler lays them out.
pub(crate) const NEXT: u64 = 0;
pub(crate) const ACT: u64 = 8;
pub(crate) const LABEL: u64 = 16;
pub(crate) const LEAF: u64 = 24;
pub(crate) const BYTES: u64 = 32;
pub(crate) const OWNER: u64 = 8;

/// The images, made once.
pub(crate) struct Scene {
    pub(crate) now: Image,
    pub(crate) new: Image,
    /// The programs are read again when memory is.
    _folder: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn shared() -> &'static Scene {
        static SCENE: OnceLock<Scene> = OnceLock::new();
        SCENE.get_or_init(Scene::make)
    }

    fn make() -> Scene {
        let folder = tempfile::tempdir().expect("a folder");
        let old = compile(folder.path(), 1);
        let new = compile(folder.path(), 2);
        let mut running = Running::start(&old, "0");
        running.serve();
        let now = running.image();
        drop(running);
        let new = Running::start(&new, "1").image();
        Scene { now, new, _folder: folder }
    }

    pub(crate) fn now(&self) -> &Process {
        &self.now.processes[0]
    }

    pub(crate) fn fresh(&self) -> &Process {
        &self.new.processes[0]
    }

    /// The two in one, with nothing translated.
    pub(crate) fn merged(&self) -> Merged {
        Merged::of(self.now(), self.fresh()).expect("they fit into one")
    }

    /// The items of the old process, the last one first, without the one of its start-up.
    pub(crate) fn items(&self) -> Vec<u64> {
        let word = |at| self.now().memory.word(at).expect("it is there");
        let mut items = vec![word(variable(self.now(), "items"))];
        while let Some(next) = items.last().map(|item| word(item + NEXT)).filter(|next| *next != 0) {
            items.push(next);
        }
        items.pop();
        items
    }

    /// What the old thread has for itself.
    pub(crate) fn mine(&self) -> u64 {
        self.now().memory.word(thread_local(self.now(), "mine")).expect("it is there")
    }

    /// The two in one, with the old items in the new program's list: what a right transform would leave.
    pub(crate) fn carried_over(&self) -> Merged {
        let mut merged = self.merged();
        let (act, label) = (function(self.fresh(), "greet"), variable(self.fresh(), "label"));
        let items = self.items();
        for item in &items {
            put(&mut merged, item + ACT, act);
            put(&mut merged, item + LABEL, label);
        }
        let head = variable(self.fresh(), "items");
        let last = *items.last().expect("there are items");
        // The item of the new start-up stands for that of the old one.
        put(&mut merged, last + NEXT, self.fresh().memory.word(head).expect("it is there"));
        put(&mut merged, head, items[0]);
        put(&mut merged, thread_local(self.fresh(), "mine"), self.mine());
        merged
    }

    /// All that the old process's items are made of.
    pub(crate) fn carried(&self) -> Vec<Carried> {
        let table = table(self.fresh());
        let of = |name: &str| table.types_named(name).next().map(|ty| ty.id());
        let known = Known::with(self.now(), shelf()).expect("a heap");
        let mut carried = Vec::new();
        let mut add = |address: u64, ty: Option<TypeId>| {
            if let mcrx_allocator::reader::Place::Live { block, .. } = known.heap.classify(address) {
                carried.push(Carried { range: address..address + block.requested, ty });
            }
        };
        let word = |at| self.now().memory.word(at).unwrap_or(0);
        for item in self.items() {
            add(item, of("item"));
            add(word(item + LEAF), of("leaf"));
            add(word(item + BYTES), None);
        }
        add(self.mine(), of("leaf"));
        carried.sort_by_key(|carried| carried.range.start);
        carried.dedup();
        carried
    }

    /// Where the old program and its libraries were.
    pub(crate) fn old(&self) -> Vec<Range<u64>> {
        self.now().modules.iter().map(|module| module.range.clone()).collect()
    }

    /// What there is to say of a new image.
    pub(crate) fn verify(&self, merged: Merged) -> Report {
        self.verify_carried(merged, &self.carried())
    }

    pub(crate) fn verify_carried(&self, merged: Merged, carried: &[Carried]) -> Report {
        let (facts, image) = (Facts::default(), merged.finish());
        let known = Known::with(&image, shelf()).expect("a heap");
        let model = known.model(&facts);
        let (now, new) = traced();
        let new = Side::of(new, table(self.fresh()), "new").expect("its own program");
        let merged = Trace::knowing(&image, &known, &model, types(&model, &new, carried));
        let old = self.old();
        Subject { merged: &merged, now, new: &new, carried, old: &old }.verify(10)
    }
}

/// What was read of programs and libraries.
pub(crate) fn shelf() -> &'static Shelf {
    static SHELF: OnceLock<Shelf> = OnceLock::new();
    SHELF.get_or_init(|| Shelf::new(Cache::default()))
}

/// Both processes, traced once.
fn traced() -> (&'static Trace<'static>, &'static Trace<'static>) {
    static TRACES: OnceLock<[Trace<'static>; 2]> = OnceLock::new();
    let [now, new] = TRACES.get_or_init(|| {
        let scene = Scene::shared();
        [scene.now(), scene.fresh()].map(|process| {
            // For as long as the test runs.
            let known: &'static Known = Box::leak(Box::new(Known::with(process, shelf()).expect("a heap")));
            let model = Box::leak(Box::new(known.model(Box::leak(Box::default()))));
            Trace::of(process, known, model)
        })
    });
    (now, new)
}

pub(crate) fn put(merged: &mut Merged, at: u64, word: u64) {
    merged.write(at, &word.to_le_bytes()).expect("it can be written");
}

/// The program of a process.
pub(crate) fn program(process: &Process) -> &Module {
    process.modules.iter().find(|module| module.path == process.executable).expect("a program")
}

fn table(process: &Process) -> &'static Table {
    static TABLES: [OnceLock<Table>; 2] = [OnceLock::new(), OnceLock::new()];
    let is_new = process.executable.ends_with("program-2");
    TABLES[usize::from(is_new)].get_or_init(|| {
        let binary = mcrx_debuginfo::file::Binary::open(&process.executable).expect("a program");
        Cache::default().table(&binary).expect("debug info")
    })
}

/// Where a variable of a process's program is.
pub(crate) fn variable(process: &Process, name: &str) -> u64 {
    let variable = table(process).variables_named(name).next().expect("a variable");
    program(process).mapped(variable.address().0)
}

/// Where the first thread of a process has a variable of its program.
pub(crate) fn thread_local(process: &Process, name: &str) -> u64 {
    let variable = table(process).variables_named(name).next().expect("a variable");
    let block = ThreadMemory::new(process, &process.threads[0]).thread_local_block(program(process));
    block.expect("the thread has it") + variable.address().0
}

/// Where a function of a process's program begins.
pub(crate) fn function(process: &Process, name: &str) -> u64 {
    let mut functions = table(process).functions();
    let function = functions.find(|function| function.name() == name).expect("a function");
    program(process).mapped(function.code().expect("code").0.0)
}

fn compile(folder: &Path, release: u32) -> PathBuf {
    let program = folder.join(format!("program-{release}"));
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/image/program.c");
    let status = Command::new(&compiler)
        .args(["-O1", "-g", "-Wall", "-Werror", "-Wl,--build-id"])
        .arg(format!("-DRELEASE={release}"))
        .args([source, "-o"])
        .arg(&program)
        .status();
    assert!(status.expect("a C compiler").success(), "{compiler}");
    program
}

/// A release at work, waiting for a line; it ends with this.
struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(program: &Path, epoch: &str) -> Running {
        let mut child = Command::new(program)
            .env("LD_PRELOAD", preload().expect("the allocator"))
            .env("MCRX_EPOCH", epoch)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let mut running = Running { child, input, output: BufReader::new(output) };
        running.wait_for("started");
        running
    }

    fn serve(&mut self) {
        writeln!(self.input).expect("it reads");
        self.wait_for("served");
    }

    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it writes");
        assert!(line.starts_with(word), "{line:?}");
    }

    fn image(&self) -> Image {
        capture(Scope::Process(Pid::from_raw(self.child.id().cast_signed()))).expect("it can be captured")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
