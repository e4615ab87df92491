//! New releases that do not start: told in their own words, and gone.

use super::old::{Old, PATIENCE};
use mcrx_harness::{Context, Need, Result, Suite, bail, ensure};
use mcrx_live::birth::Birth;
use mcrx_live::park::Patience;
use mcrx_live::shadow::{Shadow, ShadowError, Status, Wanted};
use std::fs;
use std::time::Duration;

pub(crate) fn tests(suite: Suite, needs: &dyn Fn() -> [Need; 2]) -> Suite {
    suite
        .test(needs(), one_that_refuses_its_settings_is_told_with_its_words_and_its_exit_code)
        .test(needs(), one_that_says_why_in_its_log_only_is_told_with_that)
        .test(needs(), one_that_crashes_is_told_with_its_signal)
        .test(needs(), one_that_is_no_program_is_told_by_what_the_kernel_says)
        .test(needs(), one_that_never_rests_is_given_up_when_patience_ends)
        .test(needs(), what_lies_where_the_old_one_has_memory_is_told)
        .test(needs(), a_server_in_a_container_of_its_own_is_refused)
}

fn refused(old: &Old, birth: &Birth, patience: Patience) -> Result<ShadowError> {
    let before = old.traces()?;
    let error = match Shadow::start(birth, &old.wanted()?, patience) {
        Err(error) => error,
        Ok(shadow) => bail!("it started: {shadow:?}"),
    };
    old.expect_untouched(&before)?;
    Ok(error)
}

/// The old one's birth, with one more word.
fn with(old: &Old, word: &str) -> Birth {
    let mut birth = old.birth.clone();
    birth.arguments.push(std::ffi::OsString::from(word).into());
    birth
}

fn one_that_refuses_its_settings_is_told_with_its_words_and_its_exit_code(test: &Context) -> Result<()> {
    let old = Old::start(test, 1, 1, &[])?;
    let error = refused(&old, &with(&old, "refuse"), PATIENCE)?;
    let text = error.to_string();
    ensure!(matches!(error, ShadowError::Ended { status: Some(Status::Exited(7)), .. }), "{text}");
    ensure!(
        text.contains("exit code 7") && text.ends_with("it said:\nthere is an unknown setting"),
        "{text}"
    );
    Ok(())
}

fn one_that_says_why_in_its_log_only_is_told_with_that(test: &Context) -> Result<()> {
    let old = Old::start(test, 0, 0, &[])?;
    let text = refused(&old, &with(&old, "log-refuse"), PATIENCE)?.to_string();
    let log = old.directory.join("log");
    ensure!(text.ends_with(&format!("it said:\n{}:\nno such setting", log.display())), "{text}");
    Ok(())
}

fn one_that_crashes_is_told_with_its_signal(test: &Context) -> Result<()> {
    let old = Old::start(test, 1, 1, &[])?;
    let text = refused(&old, &with(&old, "crash"), PATIENCE)?.to_string();
    ensure!(text.contains("it was ended by SIGSEGV") && text.ends_with("it said nothing"), "{text}");
    Ok(())
}

fn one_that_is_no_program_is_told_by_what_the_kernel_says(test: &Context) -> Result<()> {
    let old = Old::start(test, 0, 0, &[])?;
    let text = test.scratch().directory().join("text");
    fs::write(&text, "no program")?;
    let error = refused(&old, &old.birth.of_release(&text)?, PATIENCE)?.to_string();
    ensure!(error.contains("text cannot be started: executing it: EACCES"), "{error}");
    let mut birth = old.birth.clone();
    birth.directory = std::ffi::OsString::from("/nowhere").into();
    let error = refused(&old, &birth, PATIENCE)?.to_string();
    ensure!(error.contains("its working directory: ENOENT"), "{error}");
    Ok(())
}

fn one_that_never_rests_is_given_up_when_patience_ends(test: &Context) -> Result<()> {
    let old = Old::start(test, 1, 0, &[])?;
    let patience = Patience { limit: Duration::from_millis(1500), ..PATIENCE };
    let error = refused(&old, &with(&old, "busy"), patience)?;
    let text = error.to_string();
    ensure!(matches!(error, ShadowError::Restless { .. }), "{text}");
    ensure!(text.contains("(server)") && text.contains("listening as"), "{text}");
    Ok(())
}

fn what_lies_where_the_old_one_has_memory_is_told(test: &Context) -> Result<()> {
    let old = Old::start(test, 0, 0, &["fixed"])?;
    let error = refused(&old, &old.birth, PATIENCE)?.to_string();
    ensure!(
        error.contains("the new release has 0x500000000000-0x500000001000 (memory of its own)"),
        "{error}"
    );
    Ok(())
}

fn a_server_in_a_container_of_its_own_is_refused(test: &Context) -> Result<()> {
    let old = Old::start(test, 0, 0, &[])?;
    let mut wanted = old.wanted()?;
    wanted.processes[0].pid = 1;
    let outcome = Shadow::start(&old.birth, &wanted, PATIENCE);
    ensure!(matches!(outcome, Err(ShadowError::FirstProcess)), "{outcome:?}");
    let elsewhere = Wanted { elsewhere: true, ..old.wanted()? };
    let outcome = Shadow::start(&old.birth, &elsewhere, PATIENCE);
    ensure!(matches!(outcome, Err(ShadowError::Elsewhere)), "{outcome:?}");
    Ok(())
}
