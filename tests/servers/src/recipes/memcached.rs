//! memcached, with the TLS that Debian gives it and without external storage.

use crate::recipe::{CFLAGS, JOBS, LDFLAGS, PREFIX, Recipe, STAGE, Source, VersionCheck, run};

pub(super) fn recipes() -> Vec<Recipe> {
    ["1.6.18", "1.6.38"].map(recipe).into()
}

fn recipe(version: &'static str) -> Recipe {
    Recipe {
        name: "memcached",
        version,
        source: Source::Debian { package: "memcached", upstream: version, patched: false },
        steps: vec![
            run([
                "./configure".to_owned(),
                format!("--prefix={PREFIX}"),
                "--disable-extstore".to_owned(),
                "--enable-tls".to_owned(),
                format!("CFLAGS={CFLAGS}"),
                format!("LDFLAGS={LDFLAGS}"),
            ]),
            run(["make", &format!("-j{JOBS}")]),
            run(["make", "install", &format!("DESTDIR={STAGE}")]),
        ],
        program: "bin/memcached",
        companions: &[],
        packages: &["libevent-dev", "libssl-dev"],
        version_check: VersionCheck { arguments: &["-V"], answer: format!("memcached {version}") },
    }
}
