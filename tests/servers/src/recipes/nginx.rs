//! nginx: Debian's core flavour with everything in one program. Without dynamic modules `--with-compat`, which lays out
//! structs for modules that are not there, has no purpose.

use crate::recipe::{CFLAGS, JOBS, LDFLAGS, PREFIX, Recipe, STAGE, Source, Step, VersionCheck, run};

/// Configure options, from the `common` and `core` flags of Debian's `debian/rules`.
const OPTIONS: &[&str] = &[
    "--with-debug",
    "--with-pcre-jit",
    "--with-threads",
    "--with-http_addition_module",
    "--with-http_auth_request_module",
    "--with-http_dav_module",
    "--with-http_gunzip_module",
    "--with-http_gzip_static_module",
    "--with-http_realip_module",
    "--with-http_slice_module",
    "--with-http_ssl_module",
    "--with-http_stub_status_module",
    "--with-http_sub_module",
    "--with-http_v2_module",
];

/// nginx knows PCRE2 from 1.21.5 on.
const PCRE: &[&str] = &["libpcre3-dev", "libssl-dev", "zlib1g-dev"];
const PCRE2: &[&str] = &["libpcre2-dev", "libssl-dev", "zlib1g-dev"];

pub(super) fn recipes() -> Vec<Recipe> {
    let debian = |version, packages| {
        recipe(
            version,
            Source::Debian { package: "nginx", upstream: version, patched: false },
            "./configure",
            packages,
        )
    };
    // The crate's version runs ahead of nginx's: it had a release of its own in between.
    let registry = |version, crate_version| {
        let source =
            Source::Crate { name: "nginx-src", version: crate_version, upstream: version, folder: "nginx" };
        recipe(version, source, "auto/configure", PCRE2)
    };
    vec![
        debian("1.18.0", PCRE),
        debian("1.22.1", PCRE2),
        debian("1.26.3", PCRE2),
        registry("1.28.0", "1.28.1"),
        registry("1.28.1", "1.28.3"),
        registry("1.28.2", "1.28.4"),
        registry("1.28.3", "1.28.5"),
    ]
}

fn recipe(
    version: &'static str,
    source: Source,
    configure: &str,
    packages: &'static [&'static str],
) -> Recipe {
    let mut arguments = vec![
        configure.to_owned(),
        format!("--prefix={PREFIX}"),
        // configure puts -Werror in front; OpenSSL 3 has deprecated what the older releases call.
        format!("--with-cc-opt={CFLAGS} -Wno-error=deprecated-declarations"),
        format!("--with-ld-opt={LDFLAGS}"),
    ];
    arguments.extend(OPTIONS.iter().map(ToString::to_string));
    Recipe {
        name: "nginx",
        version,
        source,
        steps: vec![
            Step::Run(arguments),
            run(["make", &format!("-j{JOBS}")]),
            run(["make", "install", &format!("DESTDIR={STAGE}")]),
        ],
        program: "sbin/nginx",
        companions: &[],
        packages,
        version_check: VersionCheck { arguments: &["-v"], answer: format!("nginx/{version}") },
    }
}
