//! Apache httpd, once with the event MPM and once with prefork, its modules linked in.
//!
//! With Debian's patches its default root is `/etc/apache2` and not its prefix: whoever starts it says `-d` and `-f`.

use crate::recipe::{CFLAGS, JOBS, LDFLAGS, PREFIX, Recipe, STAGE, Source, VersionCheck, run};

/// What a plain web server needs, and a status page to see it by.
const MODULES: &str = "unixd authz_core authz_host alias deflate dir env filter headers http log_config mime reqtimeout \
                       rewrite setenvif status";

/// Debian's patches put these where the compiler's date was. The quotes are the shell's that make starts.
const BUILD_MARK: &str = "-DPLATFORM='\"Debian\"' -DBUILD_DATETIME='\"1970-01-01T00:00:00\"'";

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
        source: Source::Debian { package: "apache2", upstream: version },
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
                format!("CPPFLAGS={BUILD_MARK}"),
                format!("LDFLAGS={LDFLAGS}"),
            ]),
            run(["make", &format!("-j{JOBS}")]),
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
