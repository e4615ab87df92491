//! How many sites of real servers get a type, and how long that takes.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::load;
use mcrx_debuginfo::sites::{self, Options, Untyped, Verdict};
use mcrx_harness::{Context, Result, Suite, ensure};
use std::collections::BTreeMap;
use std::time::Instant;

/// Of the sites that neither hand on nor make bytes, how many get a type at least: below what was measured, so that a loss is noticed.
const SHARES: [(&str, f64); 7] = [
    ("nginx", 0.72),
    ("redis", 0.85),
    ("memcached", 0.80),
    ("vsftpd", 0.40),
    ("openssh", 0.90),
    ("httpd-event", 0.80),
    ("httpd-prefork", 0.80),
];

pub(crate) fn tests(suite: Suite) -> Suite {
    let names = SHARES.map(|(name, _)| name);
    names.into_iter().fold(suite, |suite, name| suite.each(name, [], sites_of_servers_are_typed))
}

fn sites_of_servers_are_typed(test: &Context) -> Result<()> {
    let server = test.first_server()?;
    let binary = Binary::open(&server.path)?;
    let (table, dwarf) = (load::load(&binary)?, binary.dwarf()?);
    let start = Instant::now();
    let binary_only = Options { binary_only: true, ..Options::default() };
    let sites = sites::find(&binary, &table, Some(&dwarf), &binary_only);
    let time = start.elapsed();
    let (mut typed, mut untyped, mut bytes, mut deeper) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut why: BTreeMap<String, u32> = BTreeMap::new();
    for site in sites.iter() {
        match site.verdict() {
            Verdict::Typed { .. } => typed += 1,
            Verdict::Deeper => deeper += 1,
            Verdict::Untyped(Untyped::Bytes) => bytes += 1,
            Verdict::Untyped(reason) => {
                untyped += 1;
                *why.entry(format!("{reason:?}")).or_default() += 1;
            }
        }
    }
    let share = f64::from(typed) / f64::from((typed + untyped).max(1));
    println!(
        "{} {}: {typed} typed, {untyped} not ({why:?}), {bytes} bytes, {deeper} deeper, {} wrappers, {time:?}",
        server.name,
        server.version,
        sites.wrappers().len()
    );
    let least = SHARES.iter().find(|(name, _)| *name == server.name).map_or(0.0, |(_, share)| *share);
    ensure!(share >= least, "{share:.3} of the sites of {} are typed, not {least}", server.name);
    let wrapper_is_typed = sites.wrappers().any(|wrapper| wrapper.code().len() == 0);
    ensure!(!wrapper_is_typed, "a wrapper without code");
    // The same bytes give the same answer, whatever the threads do.
    let again = sites::find(&binary, &table, Some(&dwarf), &binary_only);
    ensure!(again.as_bytes() == sites.as_bytes(), "two runs differ");
    Ok(())
}
