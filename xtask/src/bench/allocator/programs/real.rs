//! Programs of the machine, with inputs of ours. All are Debian's own: another one in PATH may be a script that starts the real
//! one, or linked otherwise.

use crate::bench::allocator::input;
use crate::bench::allocator::program::{Command, Kind, Program, Size, Task};
use crate::bench::allocator::workshop::{Workshop, run, source};
use anyhow::{Result, ensure};
use mcrx_harness::Invocation;
use std::path::{Path, PathBuf};
use std::process;

pub(super) const PYTHON: Program = Program {
    name: "python",
    about: "an interpreter: objects, dictionaries, strings",
    kind: Kind::Real,
    quick: true,
    prepare: |workshop, size| {
        let python = workshop.file("/usr/bin/python3", "python3-minimal")?;
        let command = command(&python, &["-S", &script("churn.py"), size.pick("1000", "60")]);
        // Python keeps small objects in arenas of its own unless told otherwise; and orders sets by a random seed.
        Ok(Task::Batch(command.with("PYTHONMALLOC", "malloc").with("PYTHONHASHSEED", "0")))
    },
};

pub(super) const PERL: Program = Program {
    name: "perl",
    about: "an interpreter: hashes, strings, regular expressions",
    kind: Kind::Real,
    quick: true,
    prepare: |workshop, size| {
        let perl = workshop.file("/usr/bin/perl", "perl-base")?;
        let command = command(&perl, &[&script("churn.pl"), size.pick("1000", "60")]);
        Ok(Task::Batch(command.with("PERL_HASH_SEED", "0").with("PERL_PERTURB_KEYS", "0")))
    },
};

pub(super) const LUA: Program = Program {
    name: "lua",
    about: "an interpreter that takes everything from realloc",
    kind: Kind::Real,
    quick: false,
    prepare: |workshop, size| {
        let lua = workshop.file("/usr/bin/lua5.4", "lua5.4")?;
        Ok(Task::Batch(command(&lua, &[&script("churn.lua"), size.pick("2000", "100")])))
    },
};

pub(super) const CMAKE: Program = Program {
    name: "cmake",
    about: "C++: strings and lists from operator new",
    kind: Kind::Real,
    quick: false,
    prepare: |workshop, size| {
        let cmake = workshop.file("/usr/bin/cmake", "cmake")?;
        let rounds = size.pick("ROUNDS=800", "ROUNDS=50");
        Ok(Task::Batch(command(&cmake, &["-D", rounds, "-P", &script("churn.cmake")])))
    },
};

pub(super) const GCC: Program = Program {
    name: "gcc",
    about: "gcc -O2 on a large file (cc1 alone)",
    kind: Kind::Real,
    quick: false,
    prepare: |workshop, size| {
        let gcc = workshop.file("/usr/bin/gcc", "gcc")?;
        // The program that does the work; `gcc` only starts it.
        let said = run(process::Command::new(gcc).arg("-print-prog-name=cc1"))?;
        let cc1 = PathBuf::from(String::from_utf8_lossy(&said).trim());
        ensure!(cc1.is_absolute(), "gcc does not say where cc1 is");
        let text = input::c_file(workshop.directory(), size.pick(110, 20))?.display().to_string();
        Ok(Task::Batch(command(&cc1, &["-quiet", "-O2", "-fpreprocessed", &text, "-o", "/dev/null"])))
    },
};

pub(super) const SQLITE: Program = Program {
    name: "sqlite",
    about: "a database in memory: rows, indices, strings, JSON",
    kind: Kind::Real,
    quick: true,
    prepare: |workshop, size| {
        let sqlite = workshop.file("/usr/bin/sqlite3", "sqlite3")?;
        let rounds = format!("CREATE TABLE rounds AS SELECT {} AS n", size.pick(150, 8));
        let read = format!(".read '{}'", script("churn.sql"));
        Ok(Task::Batch(command(&sqlite, &["-batch", ":memory:", &rounds, &read])))
    },
};

pub(super) const GIT_LOG: Program = Program {
    name: "git-log",
    about: "git log -p over a generated history",
    kind: Kind::Real,
    quick: false,
    prepare: |workshop, size| {
        git(workshop, size, &["log", "main", "-p", "-M", "--stat", "--output=/dev/null"])
    },
};

pub(super) const GIT_REPACK: Program = Program {
    name: "git-repack",
    about: "git repack, all deltas made anew, two threads",
    kind: Kind::Real,
    quick: false,
    prepare: |workshop, size| {
        git(workshop, size, &["-c", "pack.threads=2", "repack", "-a", "-d", "-f", "-q", "--window=20"])
    },
};

fn git(workshop: &mut Workshop, size: Size, arguments: &[&str]) -> Result<Task> {
    let git = workshop.file("/usr/bin/git", "git")?;
    let repository = input::repository(workshop.directory(), &git, size.pick(3500, 300))?;
    let mut words = vec!["--git-dir".to_owned(), repository.display().to_string()];
    words.extend(arguments.iter().map(|&argument| argument.to_owned()));
    let command = Command::new(Invocation::new(&git, words));
    Ok(Task::Batch(command.with("GIT_CONFIG_NOSYSTEM", "1").with("GIT_CONFIG_GLOBAL", "/dev/null")))
}

fn command(program: &Path, arguments: &[&str]) -> Command {
    Command::new(Invocation::new(program, arguments.iter().copied()))
}

fn script(name: &str) -> String {
    source(name).display().to_string()
}
