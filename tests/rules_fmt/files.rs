//! What becomes of files.

use crate::folder::{Folder, Ran, TIDY, UNTIDY, WRONG};
use mcrx_harness::{Context, Explain, Result, ensure};
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::Command;

pub(crate) fn what_changed_is_named_once(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?.with("a.mcrx", UNTIDY)?.with("b.mcrx", TIDY)?.with("c.mcrx", UNTIDY)?;
    let ran = folder.run(&["a.mcrx", "b.mcrx", "c.mcrx"])?;
    ran.ended(0)?;
    ensure!(ran.stdout == "formatted a.mcrx\nformatted c.mcrx\n" && ran.stderr.is_empty(), "{ran:#?}");
    for name in ["a.mcrx", "b.mcrx", "c.mcrx"] {
        ensure!(folder.text(name)? == TIDY, "{name}: {}", folder.text(name)?);
    }
    let ran = folder.run(&["a.mcrx", "b.mcrx", "c.mcrx"])?;
    ran.ended(0)?;
    ensure!(ran.stdout.is_empty(), "{ran:#?}");
    ensure!(folder.names()? == ["a.mcrx", "b.mcrx", "c.mcrx"], "{:?}", folder.names()?);
    Ok(())
}

pub(crate) fn a_check_names_files_and_changes_none(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?.with("a.mcrx", UNTIDY)?.with("b.mcrx", TIDY)?;
    let ran = folder.run(&["--check", "a.mcrx", "b.mcrx"])?;
    ran.ended(1)?;
    ensure!(ran.stdout == "a.mcrx\n" && ran.stderr.contains("1 file is not in the style"), "{ran:#?}");
    ensure!(folder.text("a.mcrx")? == UNTIDY, "{}", folder.text("a.mcrx")?);
    let states = folder.run(&["--check", "--json", "a.mcrx", "b.mcrx"])?.states()?;
    let expected = [("a.mcrx", "changed"), ("b.mcrx", "formatted")];
    ensure!(states == expected.map(|(file, state)| (file.to_owned(), state.to_owned())), "{states:?}");
    folder.run(&["--check", "b.mcrx"])?.ended(0)?;
    folder.run(&[])?.ended(2)
}

pub(crate) fn a_file_that_cannot_be_read_as_rules_is_left_alone(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?.with("a.mcrx", UNTIDY)?.with("b.mcrx", WRONG)?.with("c.mcrx", UNTIDY)?;
    let ran = folder.run(&["a.mcrx", "b.mcrx", "c.mcrx"])?;
    ran.ended(1)?;
    ensure!(ran.stdout.contains("b.mcrx:2:") && ran.stdout.contains("MCX"), "{ran:#?}");
    ensure!(ran.stderr.contains("1 file cannot be read as rules"), "{ran:#?}");
    ensure!(folder.text("b.mcrx")? == WRONG, "{}", folder.text("b.mcrx")?);
    ensure!(folder.text("a.mcrx")? == TIDY && folder.text("c.mcrx")? == TIDY, "the others are not formatted");
    let ran = folder.run(&["--check", "b.mcrx", "--json"])?;
    ran.ended(1)?;
    ensure!(ran.states()? == [("b.mcrx".to_owned(), "invalid".to_owned())], "{ran:#?}");
    ensure!(ran.stdout.contains("\"diagnostics\"") && ran.stdout.contains("\"line\": 2"), "{ran:#?}");
    Ok(())
}

pub(crate) fn the_others_are_formatted_where_one_is_missing(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?.with("a.mcrx", UNTIDY)?.with("c.mcrx", UNTIDY)?;
    fs::write(folder.path.join("bytes.mcrx"), b"type conn { } // \xff")?;
    let ran = folder.run(&["missing.mcrx", "a.mcrx", "bytes.mcrx", ".", "c.mcrx"])?;
    ran.ended(3)?;
    for name in ["missing.mcrx", "bytes.mcrx", "rule file .:"] {
        ensure!(ran.stderr.contains(name), "{name}: {ran:#?}");
    }
    ensure!(ran.stdout == "formatted a.mcrx\nformatted c.mcrx\n", "{ran:#?}");
    ensure!(fs::read(folder.path.join("bytes.mcrx"))?.ends_with(b"\xff"), "it was changed");
    let ran = folder.run(&["missing.mcrx", "--json"])?;
    ensure!(ran.states()? == [("missing.mcrx".to_owned(), "failed".to_owned())], "{ran:#?}");
    ensure!(folder.names()? == ["a.mcrx", "bytes.mcrx", "c.mcrx"], "{:?}", folder.names()?);
    Ok(())
}

pub(crate) fn permissions_and_links_stay(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?.with("a.mcrx", UNTIDY)?;
    let path = folder.path.join("a.mcrx");
    fs::set_permissions(&path, Permissions::from_mode(0o640))?;
    symlink("a.mcrx", folder.path.join("link.mcrx"))?;
    folder.run(&["link.mcrx"])?.ended(0)?;
    ensure!(folder.text("a.mcrx")? == TIDY, "{}", folder.text("a.mcrx")?);
    ensure!(fs::symlink_metadata(folder.path.join("link.mcrx"))?.is_symlink(), "the link is gone");
    let mode = fs::metadata(&path)?.permissions().mode() & 0o7777;
    ensure!(mode == 0o640, "{mode:o}");
    Ok(())
}

pub(crate) fn the_owner_stays(test: &Context) -> Result<()> {
    const NOBODY: u32 = 65534;
    let folder = Folder::new(test)?.with("a.mcrx", UNTIDY)?;
    let path = folder.path.join("a.mcrx");
    chown(&path, Some(NOBODY), Some(NOBODY))?;
    folder.run(&["a.mcrx"])?.ended(0)?;
    let after = fs::metadata(&path)?;
    ensure!((after.uid(), after.gid()) == (NOBODY, NOBODY), "{} {}", after.uid(), after.gid());
    ensure!(folder.text("a.mcrx")? == TIDY, "{}", folder.text("a.mcrx")?);
    Ok(())
}

/// The new text does not fit where it is written: here since no file may have a byte.
pub(crate) fn a_file_that_cannot_be_written_whole_stays_as_it_was(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?.with("a.mcrx", UNTIDY)?;
    let format = folder.command(&["a.mcrx"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\" 2>&1 | cat", "sh"]);
    limited.arg(format.get_program()).args(format.get_args()).current_dir(&folder.path);
    let ran = Ran::of(&limited.output().context("sh")?)?;
    ensure!(ran.stdout.contains("error: cannot write a.mcrx: File too large"), "{ran:#?}");
    ensure!(folder.text("a.mcrx")? == UNTIDY, "{}", folder.text("a.mcrx")?);
    ensure!(folder.names()? == ["a.mcrx"], "{:?}", folder.names()?);
    Ok(())
}

/// One who has opened it before reads on in what it was.
pub(crate) fn a_reader_sees_the_old_text_or_the_new_one(test: &Context) -> Result<()> {
    let folder = Folder::new(test)?.with("a.mcrx", UNTIDY)?;
    let mut opened = fs::File::open(folder.path.join("a.mcrx"))?;
    folder.run(&["a.mcrx"])?.ended(0)?;
    let mut text = String::new();
    opened.read_to_string(&mut text)?;
    ensure!(text == UNTIDY, "{text}");
    ensure!(folder.text("a.mcrx")? == TIDY, "{}", folder.text("a.mcrx")?);
    Ok(())
}
