//! What a program is to the bench: a fixed amount of work, in two sizes.

use super::contender::Contender;
use super::turn::Cost;
use super::workshop::Workshop;
use anyhow::Result;
use mcrx_harness::Invocation;

/// One of the list in `programs`.
pub(super) struct Program {
    pub(super) name: &'static str,
    /// What it stands for.
    pub(super) about: &'static str,
    pub(super) kind: Kind,
    /// Whether it is part of a quick run.
    pub(super) quick: bool,
    /// Makes it ready to run: compiles it, makes its inputs. An error says what is missing.
    pub(super) prepare: fn(&mut Workshop, Size) -> Result<Task>,
}

/// What sort of program it is: each has a mean of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Allocates as programs do, beside its work.
    Real,
    /// Ours, written for the sake of allocation.
    Own,
    /// Serves a load; the kernel has the largest share.
    Server,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::Real, Kind::Own, Kind::Server];

    /// In headings.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Kind::Real => "real programs",
            Kind::Own => "own programs",
            Kind::Server => "servers",
        }
    }

    /// Servers are to be told apart by a hundredth: many short turns make a steadier median than few long ones.
    pub(super) fn turns_of_a_round(self) -> usize {
        match self {
            Kind::Real | Kind::Own => 1,
            Kind::Server => 3,
        }
    }

    /// What the processor time of a turn is the time of.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Kind::Real | Kind::Own => "s",
            Kind::Server => "us/request",
        }
    }
}

/// How much work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// One to three seconds under glibc.
    Full,
    /// A tenth or less, for what slows a program down by more than an order of magnitude.
    Small,
}

impl Size {
    pub(super) fn pick<T>(self, full: T, small: T) -> T {
        match self {
            Size::Full => full,
            Size::Small => small,
        }
    }
}

/// A program that is ready to run.
pub(super) enum Task {
    /// Ends by itself, and does the same each time.
    Batch(Command),
    /// Serves a load; the cost is that of a request.
    Server(Box<Serve>),
}

/// Starts the server under an allocator, puts the load on it, stops it.
pub(super) type Serve = dyn Fn(&Contender) -> Result<Cost>;

/// What to run, and with what in its environment.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) invocation: Invocation,
    pub(super) environment: Vec<(String, String)>,
}

impl Command {
    pub(super) fn new(invocation: Invocation) -> Command {
        Command { invocation, environment: Vec::new() }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Command {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}
