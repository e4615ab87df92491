//! `mcrx export`: a server's heap in the formats of other tools.

use crate::exit::Failure;
use crate::output::{Output, PathFact, private_file};
use crate::subject::indexed::{Reading, indexed};
use anyhow::Result;
use clap::ValueEnum;
use mcrx_analysis::diff::Diff;
use mcrx_analysis::export::folded::{self, By};
use mcrx_analysis::export::{flame, heapsnapshot, pprof};
use mcrx_analysis::index::Snapshot;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

/// Write a server's heap in the format of another tool: pprof, flame graphs, Chrome's heap snapshots
///
/// Which format it is, the name of the file says, or --format:
///   .pb.gz           pprof: go tool pprof, speedscope, Grafana
///   .folded          stacks on lines: flamegraph.pl, speedscope
///   .svg             a flame graph, to be opened in a browser
///   .heapsnapshot    the Memory panel of Chrome's developer tools
#[derive(clap::Args)]
#[command(after_help = "\
Stacks are the calls that made blocks, or, with --by owner, the ways from variables to them. With --since, a flame graph is red where there is more \
than in that snapshot, and blue where there is less; stacks have two numbers.

Examples:
  mcrx export 4711 -o heap.svg
  mcrx export after.snap --since before.snap -o growth.svg
  mcrx export after.snap --by owner -o heap.pb.gz
  mcrx export after.snap -o heap.heapsnapshot")]
pub(crate) struct Args {
    /// A process, or a file: a snapshot or a core file
    #[arg(value_name = "PID|FILE")]
    target: String,
    /// The file to write; for its owner only
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The format, where the name of the file does not say it
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What stacks are made of
    #[arg(long, value_enum, default_value_t = Stacks::Site)]
    by: Stacks,
    /// An earlier snapshot to compare with, in stacks and flame graphs
    #[arg(long, value_name = "BEFORE")]
    since: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// Gzipped protobuf
    Pprof,
    /// Stacks on lines
    Folded,
    /// A flame graph
    Svg,
    /// Chrome's
    Heapsnapshot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stacks {
    /// The calls that made a block
    Site,
    /// The way from a variable to it
    Owner,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    file: PathFact,
    format: Format,
    file_bytes: u64,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let format = format(args)?;
    let (snapshot, server) = indexed(&args.target, &args.reading, output)?;
    let before = args.since.as_ref().map(|target| indexed(target, &args.reading, output)).transpose()?;
    let before = before.map(|(snapshot, _)| snapshot);
    let mut bytes = Vec::new();
    write(format, args, &snapshot, before.as_ref(), &server.name, &mut bytes)?;
    private_file(&args.output, &bytes)?;
    let file = args.output.display();
    output.line(format_args!("{file}: {} bytes", bytes.len()))?;
    output.line(format_args!("\nNext: {}", next(format, &file.to_string())))?;
    output.facts(&Facts {
        schema: "mcrx.export/1",
        file: PathFact(args.output.clone()),
        format,
        file_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
    })?;
    Ok(())
}

fn format(args: &Args) -> Result<Format> {
    const ENDINGS: [(&str, Format); 4] = [
        (".pb.gz", Format::Pprof),
        (".folded", Format::Folded),
        (".svg", Format::Svg),
        (".heapsnapshot", Format::Heapsnapshot),
    ];
    let name = args.output.to_string_lossy();
    let by_name = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| *format);
    let format = args.format.or(by_name).ok_or_else(|| {
        Failure::Usage(format!("{name} may be of any format: say which by --format, or end its name in .pb.gz, .folded, .svg or .heapsnapshot"))
    })?;
    if args.since.is_some() && !matches!(format, Format::Folded | Format::Svg) {
        return Err(Failure::Usage(
            "--since is for stacks and flame graphs: these formats hold one heap".to_owned(),
        )
        .into());
    }
    Ok(format)
}

fn write(
    format: Format,
    args: &Args,
    snapshot: &Snapshot,
    before: Option<&Snapshot>,
    title: &str,
    out: &mut Vec<u8>,
) -> Result<()> {
    let by = match args.by {
        Stacks::Site => By::Site,
        Stacks::Owner => By::Owner,
    };
    let diff = || Diff::of(before.unwrap_or(snapshot), snapshot);
    let lines = || folded::lines(&folded::stacks(&diff(), by), before.is_some());
    match format {
        Format::Pprof => pprof::write(&diff(), by, out)?,
        Format::Heapsnapshot => heapsnapshot::write(snapshot, out)?,
        Format::Svg => flame::draw(title, &lines(), out)?,
        Format::Folded => lines().iter().try_for_each(|line| writeln!(out, "{line}"))?,
    }
    Ok(())
}

fn next(format: Format, file: &str) -> String {
    match format {
        Format::Pprof => format!("go tool pprof -http=: {file}"),
        Format::Folded => format!("https://www.speedscope.app with {file}"),
        Format::Svg => format!("xdg-open {file}"),
        Format::Heapsnapshot => format!("in Chrome's developer tools, Memory, Load: {file}"),
    }
}
