//! As a filter: what an editor does.

use crate::folder::{Folder, TIDY, UNTIDY, WRONG};
use mcrx_harness::{Context, Explain, Result, ensure};
use serde_json::Value;

pub(crate) fn standard_input_goes_to_standard_output(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?;
    for text in [UNTIDY, TIDY] {
        let ran = folder.filter(&["-"], text)?;
        ran.ended(0)?;
        ensure!(ran.stdout == TIDY && ran.stderr.is_empty(), "{ran:#?}");
    }
    // Bytes in a comment that a terminal would take for an order are a comment's.
    let colours = "// \u{1b}[31mred\u{1b}[0m\n";
    let ran = folder.filter(&["-"], colours)?;
    ensure!(ran.stdout == colours, "{ran:#?}");
    let ran = folder.filter(&["-"], "")?;
    ran.ended(0)?;
    ensure!(ran.stdout.is_empty(), "{ran:#?}");
    let ran = folder.filter(&["-", "--json"], UNTIDY)?;
    let facts: Value = serde_json::from_str(&ran.stdout).with_context(|| format!("{ran:#?}"))?;
    ensure!(facts["files"][0]["text"] == TIDY, "{facts:#}");
    ensure!(folder.names()?.is_empty(), "{:?}", folder.names()?);
    Ok(())
}

/// Who takes standard output for the formatted text gets no diagnostic for it.
pub(crate) fn what_is_wrong_with_standard_input_is_said_elsewhere(test: &Context) -> Result<()> {
    let ran = Folder::new(test)?.filter(&["-"], WRONG)?;
    ran.ended(1)?;
    ensure!(ran.stdout.is_empty(), "{ran:#?}");
    ensure!(ran.stderr.contains("standard input:2:") && ran.stderr.contains("MCX"), "{ran:#?}");
    Ok(())
}

pub(crate) fn standard_input_is_checked(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?;
    folder.filter(&["--check", "-"], TIDY)?.ended(0)?;
    let ran = folder.filter(&["--check", "-"], UNTIDY)?;
    ran.ended(1)?;
    ensure!(ran.stdout == "-\n", "{ran:#?}");
    Ok(())
}
