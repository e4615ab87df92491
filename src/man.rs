//! `mcrx man`: manual pages, made of what `--help` says.

use crate::output::{Output, PathFact};
use anyhow::{Context, Result};
use clap_mangen::Man;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::PathBuf;

/// Write the manual pages: mcrx(1) and one for each subcommand
///
/// For those who package mcrx; they say what --help says.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mcrx man /usr/local/share/man/man1
  mcrx man man && man man/mcrx-trace.1")]
pub(crate) struct Args {
    /// Where to; made if it is not there
    folder: PathBuf,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    files: Vec<PathFact>,
}

/// `command`: all of mcrx.
pub(crate) fn run(args: &Args, command: clap::Command, output: &Output) -> Result<()> {
    let folder = &args.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut files = Vec::new();
    for (name, page) in pages(command).context("cannot make a page")? {
        let path = folder.join(name);
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
        output.line(path.display())?;
        files.push(PathFact(path));
    }
    output.facts(&Facts { schema: "mcrx.man/1", files })?;
    Ok(())
}

/// The pages, each with the name of its file.
fn pages(mut command: clap::Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    command.build();
    let subcommands = command.get_subcommands().cloned().map(|subcommand| {
        let name = format!("mcrx-{}", subcommand.get_name());
        // Shells look for the page of `mcrx trace` under this name.
        subcommand.display_name(name)
    });
    std::iter::once(command.clone())
        .chain(subcommands)
        .map(|command| {
            let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
            let mut page = Vec::new();
            let release = concat!("mcrx ", env!("CARGO_PKG_VERSION"));
            Man::new(command).title(&name).source(release).manual("mcrx").render(&mut page)?;
            Ok((format!("{name}.1"), unfilled(&page)))
        })
        .collect()
}

/// What is indented, as examples are, keeps its lines: roff(7) would fill them.
fn unfilled(page: &[u8]) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut was_indented = false;
    for line in page.split(|byte| *byte == b'\n') {
        let is_indented = line.starts_with(b"  ");
        match (was_indented, is_indented) {
            (false, true) => lines.push(&b".nf"[..]),
            (true, false) => lines.push(&b".fi"[..]),
            _ => {}
        }
        lines.push(line);
        was_indented = is_indented;
    }
    lines.join(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cli;
    use clap::CommandFactory;

    #[test]
    fn indented_lines_are_not_filled() {
        assert_eq!(unfilled(b"a\n  b\n  c\nd\n"), b"a\n.nf\n  b\n  c\n.fi\nd\n");
    }

    #[test]
    fn every_subcommand_has_a_page_with_each_of_its_examples_on_a_line_of_its_own() {
        let pages = pages(Cli::command()).unwrap();
        let page = |name: &str| {
            let found = pages.iter().find(|(file, _)| *file == format!("{name}.1"));
            str::from_utf8(&found.unwrap_or_else(|| panic!("no page for {name}")).1).unwrap()
        };
        assert!(page("mcrx").starts_with(".ie"), "{}", page("mcrx"));
        for subcommand in Cli::command().get_subcommands() {
            let page = page(&format!("mcrx-{}", subcommand.get_name()));
            assert!(page.contains(&format!(".TH mcrx-{} 1", subcommand.get_name())), "{page}");
            let help = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            let in_help = help.lines().filter(|line| line.starts_with("  mcrx ")).count();
            assert_eq!(page.lines().filter(|line| line.starts_with("  mcrx ")).count(), in_help, "{page}");
        }
    }
}
