//! What becomes of texts.

use crate::folder::Folder;
use mcrx_harness::{Context, Explain, Result, ensure};
use std::path::{Path, PathBuf};

/// All rule files that a person reads to learn from.
fn examples() -> Result<Vec<PathBuf>> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "mcrx") {
                found.push(path);
            }
        }
    }
    ensure!(found.len() > 15, "where are they? {found:?}");
    found.sort();
    Ok(found)
}

pub(crate) fn all_examples_are_in_the_style(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?;
    let examples = examples()?;
    let mut arguments = vec!["--check"];
    arguments.extend(examples.iter().filter_map(|path| path.to_str()));
    let ran = folder.run(&arguments)?;
    ran.ended(0)?;
    ensure!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran:#?}");
    Ok(())
}

/// What the style decides can be lost without loss.
pub(crate) fn indents_and_spaces_come_back_as_they_were(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?;
    for path in examples()? {
        let text = std::fs::read_to_string(&path)?;
        let untidy: String = text.lines().map(|line| format!("\t {}  \r\n", line.trim())).collect();
        std::fs::write(folder.path.join("rules.mcrx"), &untidy)?;
        folder.run(&["rules.mcrx"])?.ended(0)?;
        let once = folder.text("rules.mcrx")?;
        ensure!(once == text, "{}:\n{once}", path.display());
        let again = folder.run(&["rules.mcrx"])?;
        again.ended(0)?;
        ensure!(again.stdout.is_empty() && folder.text("rules.mcrx")? == once, "{again:#?}");
    }
    Ok(())
}

pub(crate) fn comments_stay_where_they_were(test: &Context) -> Result<()> {
    let before = "\
// first

// of the header
program   server // behind it
type conn { // at the brace
    // alone in the block
  quota=match old.state{ // at the match
      // before an arm
    A=>1 // behind an arm
    _=>2
    // after the last arm
  }
  // last in the block
} // behind the block
// at the end";
    let after = "\
// first

// of the header
program server  // behind it
type conn {  // at the brace
    // alone in the block
    quota = match old.state {  // at the match
        // before an arm
        A => 1  // behind an arm
        _ => 2
        // after the last arm
    }
    // last in the block
}  // behind the block
// at the end
";
    let folder = Folder::new(test)?.with("rules.mcrx", before)?;
    folder.run(&["rules.mcrx"])?.ended(0)?;
    let found = folder.text("rules.mcrx")?;
    ensure!(found == after, "{found}");
    Ok(())
}
