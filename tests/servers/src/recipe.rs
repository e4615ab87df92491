//! What it takes to build one release of one server, as data.
//!
//! A recipe is a pure value: no recipe runs anything. Everything in it that can change what comes out is serialised into
//! the content key (see `key`); what cannot (package names, the version check) is left out, so that editing those
//! rebuilds nothing. Where a place is only known at build time the text has a token: [`PREFIX`], [`STAGE`], [`JOBS`].

use serde::Serialize;

/// Where the server will live for good; compiled into it.
pub(crate) const PREFIX: &str = "@prefix@";
/// Where files are installed first: `<stage><prefix>/...`, the `DESTDIR` of make.
pub(crate) const STAGE: &str = "@stage@";
/// How many compilers to run at once.
pub(crate) const JOBS: &str = "@jobs@";

/// Compiler flags as `dpkg-buildflags` of Debian 12 with full hardening gives them, without its
/// `-ffile-prefix-map`: the debug info is to say where the sources are.
pub(crate) const CFLAGS: &str =
    "-O2 -g -fPIE -fstack-protector-strong -Wformat -Werror=format-security -D_FORTIFY_SOURCE=2";
/// Linker flags to go with [`CFLAGS`].
pub(crate) const LDFLAGS: &str = "-pie -Wl,-z,relro -Wl,-z,now -Wl,--build-id=sha1";

/// One release of one server.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Recipe {
    /// As in [`Server`](crate::Server).
    pub name: &'static str,
    /// Upstream version; for a release that we made ourselves, with `+mcrxN` behind it.
    pub version: &'static str,
    /// Where the source comes from.
    pub source: Source,
    /// Done in this order in the unpacked source.
    pub steps: Vec<Step>,
    /// The server's program, below the prefix.
    pub program: &'static str,
    /// Other programs that make up the server, below the prefix; checked like the first.
    pub companions: &'static [&'static str],
    /// Debian packages that the build needs besides a C compiler and dpkg-dev.
    #[serde(skip)]
    pub packages: &'static [&'static str],
    /// How the program is asked for its version, and what its answer must contain.
    #[serde(skip)]
    pub version_check: VersionCheck,
}

/// Where a source comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Source {
    /// A Debian source package, in whichever suite has this upstream version.
    Debian {
        /// The source package's name.
        package: &'static str,
        /// The upstream version.
        upstream: &'static str,
        /// With Debian's patches, which change with every security update.
        patched: bool,
    },
    /// A crate that carries the source.
    Crate {
        /// The crate's name.
        name: &'static str,
        /// The crate's own version, exact.
        version: &'static str,
        /// What it packages, as the crate's build metadata (`+1.28.0`) must say.
        upstream: &'static str,
        /// The folder of the crate that the source is in.
        folder: &'static str,
    },
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum Step {
    /// Run a program; tokens in its arguments are replaced.
    Run(Vec<String>),
    /// Apply a patch of our own with `patch -p1`.
    Patch(&'static str),
    /// Make a directory below the prefix.
    Directory(&'static str),
    /// Copy a file of the build to a place below the prefix.
    Install {
        /// Below the source.
        from: &'static str,
        /// Below the prefix.
        to: &'static str,
    },
}

/// `program arguments...` must print `answer`, on either stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionCheck {
    /// For example `-v`.
    pub arguments: &'static [&'static str],
    /// For example `nginx/1.22.1`.
    pub answer: String,
}

/// A [`Step::Run`] from anything that reads as a list of strings.
pub(crate) fn run<I>(arguments: I) -> Step
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    Step::Run(arguments.into_iter().map(Into::into).collect())
}
