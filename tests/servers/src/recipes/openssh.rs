//! OpenSSH's server with PAM, without Kerberos, SELinux and auditing.
//!
//! From 10.0 on sshd executes `libexec/sshd-session` and that `libexec/sshd-auth`, by the paths they are installed at.

use crate::recipe::{CFLAGS, JOBS, LDFLAGS, PREFIX, Recipe, STAGE, Source, VersionCheck, run};

/// Programs besides sshd that each release has.
const ONE_SERVER: &[&str] = &["bin/ssh-keygen", "libexec/sftp-server"];
const THREE_SERVERS: &[&str] =
    &["bin/ssh-keygen", "libexec/sftp-server", "libexec/sshd-auth", "libexec/sshd-session"];

pub(super) fn recipes() -> Vec<Recipe> {
    vec![recipe("9.2p1", ONE_SERVER), recipe("10.0p1", THREE_SERVERS)]
}

fn recipe(version: &'static str, companions: &'static [&'static str]) -> Recipe {
    Recipe {
        name: "openssh",
        version,
        source: Source::Debian { package: "openssh", upstream: version, patched: false },
        steps: vec![
            // What Debian has of some releases was never packed up by upstream.
            run(["autoreconf", "--force", "--install"]),
            run([
                "./configure".to_owned(),
                format!("--prefix={PREFIX}"),
                "--disable-strip".to_owned(),
                "--with-4in6".to_owned(),
                "--with-pam".to_owned(),
                "--with-ssl-engine".to_owned(),
                "--without-zlib-version-check".to_owned(),
                format!("--with-privsep-path={PREFIX}/var/empty"),
                // A user that every machine has: there is no package script to make one.
                "--with-privsep-user=nobody".to_owned(),
                format!("--with-pid-dir={PREFIX}/var/run"),
                format!("--with-cflags={CFLAGS}"),
                format!("--with-ldflags={LDFLAGS}"),
            ]),
            run(["make", &format!("-j{JOBS}")]),
            run(["make", "install-nokeys", &format!("DESTDIR={STAGE}")]),
        ],
        program: "sbin/sshd",
        companions,
        packages: &["autoconf", "automake", "libpam0g-dev", "libssl-dev", "zlib1g-dev"],
        // 9.2p1 leaves out its portable suffix, and that of 10.0p1 is p2.
        version_check: VersionCheck {
            arguments: &["-V"],
            answer: format!("OpenSSH_{}", version.trim_end_matches("p1")),
        },
    }
}
