//! redis with libc's allocator, which is the one that gets replaced, and without TLS.

use crate::recipe::{CFLAGS, JOBS, LDFLAGS, PREFIX, Recipe, STAGE, Source, VersionCheck, run};

pub(super) fn recipes() -> Vec<Recipe> {
    ["6.0.16", "7.0.15", "8.0.2", "8.0.6"].map(recipe).into()
}

fn recipe(version: &'static str) -> Recipe {
    // Flags come from the environment, as Debian gives them: its makefiles append to some of them. The level on the
    // command line wins over redis' own, which is -O3 with link-time optimisation and a frame pointer.
    let make = |last: &[&str]| {
        let flags = [format!("CFLAGS={CFLAGS}"), format!("LDFLAGS={LDFLAGS}")];
        let options =
            ["make", "MALLOC=libc", "BUILD_TLS=no", "USE_SYSTEMD=no", "OPTIMIZATION=-O2", "DEBUG=-g"];
        let arguments = std::iter::once("env".to_owned()).chain(flags);
        run(arguments.chain(options.into_iter().chain(last.iter().copied()).map(str::to_owned)))
    };
    let steps = vec![make(&[&format!("-j{JOBS}")]), make(&["install", &format!("PREFIX={STAGE}{PREFIX}")])];
    Recipe {
        name: "redis",
        version,
        source: Source::Debian { package: "redis", upstream: version, patched: false },
        steps,
        program: "bin/redis-server",
        companions: &["bin/redis-benchmark", "bin/redis-cli"],
        packages: &[],
        version_check: VersionCheck { arguments: &["--version"], answer: format!("v={version} ") },
    }
}
