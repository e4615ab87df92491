//! `cargo xtask servers`: arguments and printing; the work is `mcrx-servers`'.

use anyhow::Result;
use mcrx_servers::{State, Unavailable};
use std::io::{self, Write};
use std::process::ExitCode;

/// Build the real servers that tests run on, once per machine
#[derive(clap::Args)]
#[command(after_long_help = "\
Sources come from the Debian mirror that apt is configured for and from the cargo registry; missing Debian packages are \
installed when this runs as root and named otherwise. What is built lies in $MCRX_CACHE/servers, $XDG_CACHE_HOME/mcrx/servers \
or ~/.cache/mcrx/servers, where every clone finds it; target/servers/manifest.json lists what this clone may use, and \
target/servers/unavailable.json why the others are not there.

Exit status: 0 when everything asked for is there, or is skipped because its source is out of reach; 1 when something could \
not be built (a package is missing, a step failed); 2 when the arguments name no server.")]
pub(crate) struct Args {
    /// NAME for all its releases, NAME@VERSION for one; all servers without any
    #[arg(value_name = "NAME[@VERSION]")]
    servers: Vec<String>,
    /// Say what there is and what is built, and build nothing
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let outcome = if args.list { list(args) } else { build(args) };
    match outcome {
        Err(error) if matches!(error.downcast_ref(), Some(mcrx_servers::Error::UnknownServer { .. })) => {
            eprintln!("error: {error}");
            Ok(ExitCode::from(2))
        }
        other => other,
    }
}

fn list(args: &Args) -> Result<ExitCode> {
    let listed = mcrx_servers::list(&args.servers)?;
    let mut out = io::stdout().lock();
    for row in listed {
        let state = match row.state {
            State::Built(server) => server.path.display().to_string(),
            State::NotBuilt(why) => format!("({})", why.reason),
        };
        writeln!(out, "{:<14} {:<12} {state}", row.name, row.version)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn build(args: &Args) -> Result<ExitCode> {
    let report = mcrx_servers::provide(&args.servers, &mut |line| eprintln!("servers: {line}"))?;
    let mut out = io::stdout().lock();
    for server in &report.servers {
        writeln!(out, "{:<14} {:<12} {}", server.name, server.version, server.path.display())?;
    }
    name_all("skipped, source out of reach", &report.skipped);
    name_all("failed", &report.failed);
    let there = report.servers.len() - report.built;
    eprintln!(
        "servers: {} built, {there} there already, {} skipped, {} failed",
        report.built,
        report.skipped.len(),
        report.failed.len()
    );
    Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why was said when it happened, and is in unavailable.json.
fn name_all(what: &str, rows: &[Unavailable]) {
    if !rows.is_empty() {
        let names: Vec<_> = rows.iter().map(|row| format!("{} {}", row.name, row.version)).collect();
        eprintln!("servers: {what}: {}", names.join(", "));
    }
}
