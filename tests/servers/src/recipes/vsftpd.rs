//! vsftpd with TLS, PAM and TCP wrappers as Debian builds it, and a release of our own after it.
//!
//! Debian has one release only. The next is made by a patch that does what a release does: `struct vsf_session` gets a
//! nested struct of totals in its middle and an idle limit, loses two flags to one word of bits and has a field renamed
//! and moved; the per-address count of the listener becomes a struct; `SITE IDLE` is a new command, and `STAT` says more.

use crate::recipe::{CFLAGS, JOBS, LDFLAGS, Recipe, Source, Step, VersionCheck, run};

/// The version of the release that the patch makes.
const PATCHED: &str = "3.0.5+mcrx1";

pub(super) fn recipes() -> Vec<Recipe> {
    let patch = Step::Patch(include_str!("../../patches/vsftpd-3.0.5+mcrx1.patch"));
    vec![recipe("3.0.5", None), recipe(PATCHED, Some(patch))]
}

fn recipe(version: &'static str, patch: Option<Step>) -> Recipe {
    let build = [
        run([
            "make".to_owned(),
            format!("-j{JOBS}"),
            format!("CFLAGS={CFLAGS}"),
            format!("LDFLAGS={LDFLAGS}"),
            // Its own way to find libraries does not know of multiarch directories.
            "LIBS=-lwrap -lpam -lssl -lcrypto -lcap".to_owned(),
            // It would strip.
            "LINK=".to_owned(),
        ]),
        Step::Install { from: "vsftpd", to: "sbin/vsftpd" },
        // For `secure_chroot_dir`.
        Step::Directory("var/empty"),
    ];
    Recipe {
        name: "vsftpd",
        version,
        // Upstream's own has neither TLS nor TCP wrappers, and its sandbox is too narrow for today's libc. Debian has left
        // it as it is for years.
        source: Source::Debian { package: "vsftpd", upstream: "3.0.5", patched: true },
        steps: patch.into_iter().chain(build).collect(),
        program: "sbin/vsftpd",
        companions: &[],
        packages: &["libcap-dev", "libpam0g-dev", "libssl-dev", "libwrap0-dev"],
        version_check: VersionCheck { arguments: &["-v"], answer: format!("version {version}\n") },
    }
}
