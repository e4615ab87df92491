//! Programs of the machine, with inputs of ours.

use crate::bench::allocator::program::{Command, Program, Task};
use crate::bench::allocator::workshop::source;
use mcrx_harness::Invocation;

pub(super) const PYTHON: Program = Program {
    name: "python",
    about: "an interpreter: objects, dictionaries, strings",
    quick: true,
    prepare: |workshop, size| {
        // Debian's: another one in PATH may be a script that starts the real one, or linked otherwise.
        let python = workshop.file("/usr/bin/python3", "python3-minimal")?;
        let script = source("churn.py").display().to_string();
        let invocation = Invocation::new(&python, ["-S", &script, size.pick("1000", "60")]);
        // Python keeps small objects in arenas of its own unless told otherwise; and orders sets by a random seed.
        let command = Command::new(invocation).with("PYTHONMALLOC", "malloc").with("PYTHONHASHSEED", "0");
        Ok(Task::Batch(command))
    },
};

pub(super) const PERL: Program = Program {
    name: "perl",
    about: "an interpreter: hashes, strings, regular expressions",
    quick: false,
    prepare: |workshop, size| {
        let perl = workshop.file("/usr/bin/perl", "perl-base")?;
        let script = source("churn.pl").display().to_string();
        let invocation = Invocation::new(&perl, [script.as_str(), size.pick("1000", "60")]);
        let command = Command::new(invocation).with("PERL_HASH_SEED", "0").with("PERL_PERTURB_KEYS", "0");
        Ok(Task::Batch(command))
    },
};
