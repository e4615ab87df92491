//! Hook tables in use: a program with pools of its own, under the allocator, tells where its live parts are; the reader sees just these.

use mcrx_allocator::reader::{
    Address, Consistency, Heap, Limits, Memory, Unreadable, Why, arena_bases, find,
};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::hooks::{Hook, Hooks};
use mcrx_debuginfo::load::load;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Process(File);

impl Memory for Process {
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let unreadable = Unreadable { address, len: buffer.len(), why: Why::NotMapped };
        self.0.read_exact_at(buffer, address.0).map_err(|_| unreadable)
    }
}

/// `libmcrx.so`, in the profile that users get.
fn library() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", "mcrx-preload", "--profile", "preload", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(built.success());
    target.join("preload/libmcrx.so")
}

/// The parts that the program says it has, and those that the reader sees.
fn said_and_seen(program: &Path, tables: Option<&Path>) -> (BTreeMap<u64, u64>, BTreeMap<u64, u64>) {
    let mut command = Command::new(program);
    command.env_clear().env("LD_PRELOAD", library()).stdin(Stdio::piped()).stdout(Stdio::piped());
    tables.map(|tables| command.env("MCRX_HOOKS", tables));
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid = child.id();
    let memory = Process(File::open(format!("/proc/{pid}/mem")).unwrap());
    let bases = find(&memory, &arena_bases(&std::fs::read(format!("/proc/{pid}/maps")).unwrap()));
    let heap = Heap::read(&memory, &bases, Consistency::Stopped, Limits::default()).unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    let (parts, _) = line.split_once("large ").unwrap();
    let part = |word: &str| {
        let (address, size) = word.split_once(':').unwrap();
        (u64::from_str_radix(address, 16).unwrap(), size.parse().unwrap())
    };
    let said = parts.split_whitespace().map(part).collect();
    (said, heap.parts().map(|part| (part.address.0, part.requested)).collect())
}

#[test]
fn every_live_part_of_a_pool_is_seen_and_no_other() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hooks/pools.c");
    for flags in [&["-O2"][..], &["-O1"], &["-O2", "-no-pie"], &["-O3", "-fcf-protection=full"]] {
        let scratch = tempfile::tempdir().unwrap();
        let program = scratch.path().join("pools");
        let compiled = Command::new("cc")
            .args(["-g", "-pthread", "-Wl,--build-id"])
            .args(flags)
            .arg(&source)
            .arg("-o")
            .arg(&program)
            .status()
            .unwrap();
        assert!(compiled.success());
        let binary = Binary::open(&program).unwrap();
        let hook = |function: &str| Hook { function: function.into(), size_parameter: 1, parameters: 2 };
        let wanted = ["pool_alloc", "pool_zalloc", "pool_any"].map(hook);
        let hooks = Hooks::of(&binary, &load(&binary).unwrap(), &wanted).unwrap();
        assert_eq!(hooks.rows().len(), 3, "{flags:?}: {:?}", hooks.refused());
        hooks.write(scratch.path()).unwrap();
        let (said, seen) = said_and_seen(&program, Some(scratch.path()));
        assert_eq!(said, seen, "{flags:?}");
        let (said, seen) = said_and_seen(&program, None);
        assert!(!said.is_empty() && seen.is_empty());
    }
}
