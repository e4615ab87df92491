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
}

/// All ratios are to this one, which is there without being asked for.
pub(super) const BASELINE: &str = "glibc";

/// As it is meant to run: every block tagged with its site.
pub(super) const OURS: &str = "ours";

/// What a contender is made of.
enum Origin {
    Ours { sites: bool },
    Debian { path: &'static str, package: &'static str },
    Built(library::Crate),
}

/// One that can be asked for by name.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Whether it is part of a quick run.
    quick: bool,
    origin: Origin,
}

/// Beside the baseline. Debian's are releases 12's.
pub(super) const KNOWN: &[Known] = &[
    Known {
        name: OURS,
        about: "libmcrx.so, sites recorded",
        quick: true,
        origin: Origin::Ours { sites: true },
    },
    Known {
        name: "ours-nosites",
        about: "libmcrx.so with MCRX_SITES=off",
        quick: true,
        origin: Origin::Ours { sites: false },
    },
    Known {
        name: "jemalloc",
        about: "Debian's",
        quick: false,
        origin: Origin::Debian {
            path: "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
            package: "libjemalloc2",
        },
    },
    Known {
        name: "tcmalloc",
        about: "Debian's, the minimal one of gperftools",
        quick: false,
        origin: Origin::Debian {
            path: "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4",
            package: "libtcmalloc-minimal4",
        },
    },
    Known {
        name: "mimalloc-deb",
        about: "Debian's",
        quick: false,
        origin: Origin::Debian {
            path: "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0",
            package: "libmimalloc2.0",
        },
    },
    Known {
        name: "mimalloc2",
        about: "release 2 of the crate libmimalloc-sys",
        quick: true,
        origin: Origin::Built(library::MIMALLOC_2),
    },
    Known {
        name: "mimalloc3",
        about: "release 3 of the same crate",
        quick: false,
        origin: Origin::Built(library::MIMALLOC_3),
    },
    Known {
        name: "snmalloc",
        about: "of the crate snmalloc-sys",
        quick: true,
        origin: Origin::Built(library::SNMALLOC),
    },
];

/// The baseline, and those that were asked for and can be had.
pub(super) fn chosen(options: &Options, supply: &mut Supply) -> Result<Vec<Contender>> {
    let mut contenders =
        vec![Contender { name: BASELINE.to_owned(), preload: None, environment: Vec::new() }];
    if options.peers.is_empty() {
        for known in KNOWN.iter().filter(|known| known.quick || !options.quick) {
            contenders.extend(known.get(options, supply)?);
        }
    }
    for wish in options.peers.iter().filter(|wish| *wish != BASELINE) {
        if let Some((name, path)) = wish.split_once('=') {
            contenders.push(given(name, path)?);
        } else if let Some(known) = KNOWN.iter().find(|known| known.name == wish) {
            contenders.extend(known.get(options, supply)?);
        } else {
            let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
            bail!("there is no allocator {wish:?}; there are: {} (or NAME=LIBRARY)", names.join(", "));
        }
    }
    Ok(contenders)
}

/// A library that nobody but the caller knows.
fn given(name: &str, path: &str) -> Result<Contender> {
    ensure!(!name.is_empty(), "{path}: a library needs a name before the equals sign");
    Ok(Contender { name: name.to_owned(), preload: Some(absolute(path.into())?), environment: Vec::new() })
}

/// The dynamic linker looks for a relative path where the program runs, and passes over what it does not find.
fn absolute(path: PathBuf) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("{} is not there", path.display()))
}

impl Known {
    /// Nothing if it cannot be had; the supply knows why.
    fn get(&self, options: &Options, supply: &mut Supply) -> Result<Option<Contender>> {
        let mut environment = Vec::new();
        let path = match self.origin {
            Origin::Ours { sites } => {
                if !sites {
                    environment.push(("MCRX_SITES".to_owned(), "off".to_owned()));
                }
                match &options.library {
                    Some(path) => Some(absolute(path.clone())?),
                    None => Some(library::ours()?),
                }
            }
            Origin::Debian { path, package } => supply.get(Peer::File { path, package }),
            Origin::Built(source) => supply.or_missing(source.provide()),
        };
        Ok(path.map(|path| Contender { name: self.name.to_owned(), preload: Some(path), environment }))
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
            let names: Vec<&str> = chosen.iter().map(|contender| contender.name.as_str()).collect();
            assert_eq!(names, [BASELINE, "mine"]);
            assert_eq!(chosen[0].preload, None);
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
