//! What other programs read: JSON, SARIF, exit codes; and what `explain` says.

use crate::programs::{catalogue, releases, rules};
use mcrx_harness::{Context, Explain, Result, ensure};
use serde_json::Value;

pub(crate) fn json_has_the_fields_that_others_rely_on(test: &Context) -> Result<()> {
    let [old, _] = releases(test)?;
    let arguments = ["check", "102-unknown-member.mcrx", &old, "--json"];
    let output = rules(&catalogue(), &arguments, test.scratch().directory())?;
    let facts: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    ensure!(facts["schema"] == "mcrx.rules.check/1" && facts["errors"] == 1, "{facts:#}");
    let found = &facts["diagnostics"][0];
    for (field, wanted) in [
        ("code", Value::from("MCX102")),
        ("severity", Value::from("error")),
        ("class", Value::from("resolution")),
        ("file", Value::from("102-unknown-member.mcrx")),
        ("line", Value::from(1)),
        ("column", Value::from(12)),
        ("end_column", Value::from(15)),
        ("message", Value::from("`struct conn` has no member `dta` in the program")),
        ("help", Value::from("did you mean `data`?")),
    ] {
        ensure!(found[field] == wanted, "{field}: {found:#}");
    }
    let declaration = &found["declarations"][0];
    ensure!(declaration["file"] == "/src/1/server.h" && declaration["line"].as_u64() > Some(1), "{found:#}");
    ensure!(found["fix"]["text"] == "data", "{found:#}");
    Ok(())
}

pub(crate) fn sarif_names_rules_places_and_fixes(test: &Context) -> Result<()> {
    let [old, _] = releases(test)?;
    let arguments = ["check", "102-unknown-member.mcrx", &old, "--sarif"];
    let output = rules(&catalogue(), &arguments, test.scratch().directory())?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    let log: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    ensure!(log["version"] == "2.1.0", "{log:#}");
    let run = &log["runs"][0];
    let result = &run["results"][0];
    ensure!(result["ruleId"] == "MCX102" && result["level"] == "error", "{result:#}");
    let index =
        result["ruleIndex"].as_u64().and_then(|index| usize::try_from(index).ok()).context("an index")?;
    let rule = &run["tool"]["driver"]["rules"][index];
    ensure!(rule["id"] == "MCX102" && rule["name"] == "unknown-member", "{rule:#}");
    let place = &result["locations"][0]["physicalLocation"];
    ensure!(place["artifactLocation"]["uri"] == "102-unknown-member.mcrx", "{result:#}");
    ensure!(place["region"]["startLine"] == 1 && place["region"]["startColumn"] == 12, "{result:#}");
    let change = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
    ensure!(change["insertedContent"]["text"] == "data", "{result:#}");
    ensure!(
        result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            == "file:///src/1/server.h",
        "{result:#}"
    );
    Ok(())
}

pub(crate) fn codes_are_explained_by_number_and_by_name(test: &Context) -> Result<()> {
    let explain = |arguments: &[&str]| {
        rules(&catalogue(), &[&["explain"], arguments].concat(), test.scratch().directory())
    };
    let by_number = explain(&["MCX102"])?;
    ensure!(by_number.status.code() == Some(0), "{by_number:?}");
    let text = String::from_utf8(by_number.stdout.clone())?;
    ensure!(
        text.contains("MCX102 unknown-member") && text.contains("Wrong:") && text.contains("Right:"),
        "{text}"
    );
    ensure!(explain(&["unknown-member"])?.stdout == by_number.stdout);
    ensure!(explain(&["102"])?.stdout == by_number.stdout);
    let all = String::from_utf8(explain(&[])?.stdout)?;
    ensure!(all.contains("MCX101") && all.contains("MCX702"), "{all}");
    let unknown = explain(&["unknown-membr"])?;
    let said = String::from_utf8_lossy(&unknown.stderr);
    ensure!(unknown.status.code() == Some(2) && said.contains("did you mean unknown-member"), "{said}");
    Ok(())
}

pub(crate) fn exit_codes_tell_errors_from_warnings_and_from_missing_files(test: &Context) -> Result<()> {
    let [old, new] = releases(test)?;
    let code = |arguments: &[&str]| -> Result<Option<i32>> {
        Ok(rules(&catalogue(), arguments, test.scratch().directory())?.status.code())
    };
    ensure!(code(&["check", "102-unknown-member.mcrx", &old])? == Some(1));
    ensure!(
        code(&["check", "102-unknown-member.mcrx"])? == Some(0),
        "without debug info names are not looked up"
    );
    ensure!(code(&["check", "401-narrowing.mcrx", &old, &new])? == Some(0), "a warning is no error");
    ensure!(code(&["check", "no-such-file.mcrx"])? == Some(3));
    ensure!(code(&["check", "102-unknown-member.mcrx", "/no/such/program"])? == Some(3));
    ensure!(code(&["check"])? == Some(2));
    Ok(())
}
