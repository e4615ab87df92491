//! Apache httpd, once with the event MPM and once with prefork, its modules linked in.

use crate::recipe::{CFLAGS, JOBS, LDFLAGS, PREFIX, Recipe, STAGE, Source, VersionCheck, run};

/// What a plain web server needs, and a status page to see it by.
const MODULES: &str = "unixd authz_core authz_host alias deflate dir env filter headers http log_config mime reqtimeout \
                       rewrite setenvif status";

pub(super) fn recipes() -> Vec<Recipe> {
    let releases = ["2.4.67", "2.4.68"];
    let event = releases.map(|version| recipe("httpd-event", "event", version));
    let prefork = releases.map(|version| recipe("httpd-prefork", "prefork", version));
    [event, prefork].concat()
}

fn recipe(name: &'static str, mpm: &str, version: &'static str) -> Recipe {
    Recipe {
        name,
        version,
        source: Source::Debian { package: "apache2", upstream: version, patched: false },
        steps: vec![
            run([
                "./configure".to_owned(),
                format!("--prefix={PREFIX}"),
                format!("--with-mpm={mpm}"),
                "--disable-so".to_owned(),
                "--enable-modules=none".to_owned(),
                format!("--enable-mods-static={MODULES}"),
                "--with-pcre=/usr/bin/pcre2-config".to_owned(),
                format!("CFLAGS={CFLAGS}"),
                format!("LDFLAGS={LDFLAGS}"),
            ]),
            // It says when it was built: that is not to differ from build to build.
            run(["env", "SOURCE_DATE_EPOCH=0", "make", &format!("-j{JOBS}")]),
            run(["make", "install", &format!("DESTDIR={STAGE}")]),
            // Two thirds of what is installed, and nobody reads it here.
            run(["rm", "-r", &format!("{STAGE}{PREFIX}/manual")]),
        ],
        program: "bin/httpd",
        companions: &[],
        packages: &["libapr1-dev", "libaprutil1-dev", "libpcre2-dev", "zlib1g-dev"],
        version_check: VersionCheck { arguments: &["-v"], answer: format!("Apache/{version}") },
    }
}
