//! The allocators, and how a program is put under each.

use super::{Options, library};
use crate::bench::supply::{Peer, Supply};
use anyhow::{Context, Result, bail, ensure};
use std::path::PathBuf;

/// An allocator that programs can be run with.
#[derive(Debug, Clone)]
pub(super) struct Contender {
    pub(super) name: String,
    pub(super) preload: Option<PathBuf>,
    pub(super) environment: Vec<(String, String)>,
    /// A command that the program is started by; it says things of its own.
    pub(super) wrapper: Vec<String>,
}

/// All ratios are to this one, which is there without being asked for.
pub(super) const BASELINE: &str = "glibc";

/// As it is meant to run: every block tagged with its site.
pub(super) const OURS: &str = "ours";

const JEMALLOC: &str = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";

/// What a contender is made of.
enum Origin {
    Ours {
        sites: bool,
    },
    Debian {
        path: &'static str,
        package: &'static str,
        environment: &'static [(&'static str, &'static str)],
    },
    Built(library::Crate),
    /// A program that other programs are run by.
    Wrapper {
        program: &'static str,
        package: &'static str,
        arguments: &'static [&'static str],
    },
}

/// When it is run without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Always.
    Quick,
    /// Unless the run is to be quick.
    Full,
    /// The same; and only on a little work, since it is slow by far.
    Recorder,
}

/// One that can be asked for by name.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    role: Role,
    origin: Origin,
}

/// Beside the baseline. Debian's are releases 12's.
pub(super) const KNOWN: &[Known] = &[
    Known {
        name: OURS,
        about: "libmcrx.so, sites recorded",
        role: Role::Quick,
        origin: Origin::Ours { sites: true },
    },
    Known {
        name: "ours-nosites",
        about: "libmcrx.so with MCRX_SITES=off",
        role: Role::Quick,
        origin: Origin::Ours { sites: false },
    },
    Known {
        name: "jemalloc",
        about: "Debian's",
        role: Role::Full,
        origin: Origin::Debian { path: JEMALLOC, package: "libjemalloc2", environment: &[] },
    },
    Known {
        name: "tcmalloc",
        about: "Debian's, the minimal one of gperftools",
        role: Role::Full,
        origin: Origin::Debian {
            path: "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4",
            package: "libtcmalloc-minimal4",
            environment: &[],
        },
    },
    Known {
        name: "mimalloc-deb",
        about: "Debian's",
        role: Role::Full,
        origin: Origin::Debian {
            path: "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0",
            package: "libmimalloc2.0",
            environment: &[],
        },
    },
    Known {
        name: "mimalloc2",
        about: "release 2 of the crate libmimalloc-sys",
        role: Role::Quick,
        origin: Origin::Built(library::MIMALLOC_2),
    },
    Known {
        name: "mimalloc3",
        about: "release 3 of the same crate",
        role: Role::Full,
        origin: Origin::Built(library::MIMALLOC_3),
    },
    Known {
        name: "snmalloc",
        about: "of the crate snmalloc-sys",
        role: Role::Quick,
        origin: Origin::Built(library::SNMALLOC),
    },
    Known {
        name: "heaptrack",
        about: "recorder: each call and its stack, written to a file",
        role: Role::Recorder,
        origin: Origin::Wrapper {
            program: "heaptrack",
            package: "heaptrack",
            arguments: &["-o", "recording"],
        },
    },
    Known {
        name: "jemalloc-prof",
        about: "recorder: jemalloc keeping the stack of every live block",
        role: Role::Recorder,
        origin: Origin::Debian {
            path: JEMALLOC,
            package: "libjemalloc2",
            environment: &[("MALLOC_CONF", "prof:true,lg_prof_sample:0")],
        },
    },
];

/// Who takes part.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The baseline first.
    pub(super) allocators: Vec<Contender>,
    /// These run apart from the others.
    pub(super) recorders: Vec<Contender>,
}

/// The baseline, and those that were asked for and can be had.
pub(super) fn chosen(options: &Options, supply: &mut Supply) -> Result<Chosen> {
    let baseline = Contender::new(BASELINE, None);
    let mut chosen = Chosen { allocators: vec![baseline], recorders: Vec::new() };
    if options.peers.is_empty() {
        for known in KNOWN.iter().filter(|known| known.role == Role::Quick || !options.quick) {
            chosen.add(known, options, supply)?;
        }
    }
    for wish in options.peers.iter().filter(|wish| *wish != BASELINE) {
        if let Some((name, path)) = wish.split_once('=') {
            ensure!(!name.is_empty(), "{path}: a library needs a name before the equals sign");
            chosen.allocators.push(Contender::new(name, Some(absolute(path.into())?)));
        } else if let Some(known) = KNOWN.iter().find(|known| known.name == wish) {
            chosen.add(known, options, supply)?;
        } else {
            let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
            bail!("there is no allocator {wish:?}; there are: {} (or NAME=LIBRARY)", names.join(", "));
        }
    }
    Ok(chosen)
}

impl Chosen {
    fn add(&mut self, known: &Known, options: &Options, supply: &mut Supply) -> Result<()> {
        let list = if known.role == Role::Recorder { &mut self.recorders } else { &mut self.allocators };
        list.extend(known.get(options, supply)?);
        Ok(())
    }
}

impl Contender {
    /// A library that is preloaded, or none.
    pub(super) fn new(name: &str, preload: Option<PathBuf>) -> Contender {
        Contender { name: name.to_owned(), preload, environment: Vec::new(), wrapper: Vec::new() }
    }
}

/// The dynamic linker looks for a relative path where the program runs, and passes over what it does not find.
fn absolute(path: PathBuf) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("{} is not there", path.display()))
}

impl Known {
    /// Nothing if it cannot be had; the supply knows why.
    fn get(&self, options: &Options, supply: &mut Supply) -> Result<Option<Contender>> {
        let with = |path: Option<PathBuf>, environment: &[(&str, &str)]| {
            let mut contender = Contender::new(self.name, Some(path?));
            contender.environment =
                environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            Some(contender)
        };
        Ok(match self.origin {
            Origin::Ours { sites } => {
                let path = options.library.clone().map_or_else(library::ours, absolute)?;
                with(Some(path), if sites { &[] } else { &[("MCRX_SITES", "off")] })
            }
            Origin::Debian { path, package, environment } => {
                with(supply.get(Peer::File { path, package }), environment)
            }
            Origin::Built(source) => with(supply.or_missing(source.provide()), &[]),
            Origin::Wrapper { program, package, arguments } => {
                supply.get(Peer::Program { name: program, package }).map(|path| {
                    let mut contender = Contender::new(self.name, None);
                    contender.wrapper.push(path.display().to_string());
                    contender.wrapper.extend(arguments.iter().map(|&argument| argument.to_owned()));
                    contender
                })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(peers: &[&str]) -> Options {
        Options {
            programs: Vec::new(),
            peers: peers.iter().map(|&peer| peer.to_owned()).collect(),
            quick: false,
            library: None,
            list: false,
        }
    }

    #[test]
    fn the_baseline_is_there_once_whether_asked_for_or_not() {
        let this = std::env::current_exe().unwrap();
        let mine = format!("mine={}", this.display());
        for peers in [vec![mine.as_str()], vec![mine.as_str(), BASELINE]] {
            let chosen = chosen(&options(&peers), &mut Supply::default()).unwrap();
            let names: Vec<&str> = chosen.allocators.iter().map(|it| it.name.as_str()).collect();
            assert_eq!(names, [BASELINE, "mine"]);
            assert!(chosen.allocators[0].preload.is_none() && chosen.recorders.is_empty());
        }
    }

    #[test]
    fn an_unknown_allocator_is_refused_with_the_names_of_the_known() {
        let error = chosen(&options(&["ptmalloc"]), &mut Supply::default()).unwrap_err().to_string();
        assert!(error.contains("ptmalloc") && error.contains("snmalloc"), "{error}");
    }

    #[test]
    fn a_library_that_is_not_there_is_refused_before_anything_runs() {
        // The dynamic linker would go on without it, and glibc would be measured twice.
        let error = chosen(&options(&["mine=/no/such.so"]), &mut Supply::default()).unwrap_err();
        assert_eq!(error.to_string(), "/no/such.so is not there");
    }
}
