//! `mcrx rules explain TYPE OLD NEW`: what becomes of each member, with rules and without.

use crate::programs::{catalogue, releases, rules};
use mcrx_harness::{Context, Explain, Result, ensure};
use serde_json::Value;
use std::fs;
use std::process::Output;

pub(crate) fn a_type_is_explained_member_by_member(test: &Context) -> Result<()> {
    let [old, new] = releases(test)?;
    let scratch = test.scratch().directory();
    let explain = |arguments: &[&str]| -> Result<Output> {
        rules(&catalogue(), &[&["explain", "conn", &old, &new], arguments].concat(), scratch)
    };
    let text = String::from_utf8(explain(&[])?.stdout)?;
    for line in ["?    ", "`long int start_time` is new", "`unsigned int legacy_flags` is gone"] {
        ensure!(text.contains(line), "{line}: {text}");
    }
    let file = scratch.join("rules.mcrx");
    fs::write(
        &file,
        "program server\nfrom \"1\"\nto \"2\"\n\ntype conn {\n    drop legacy_flags\n    start_time = \n        100 + 1\n    port = clamp(old.port)\n}\n",
    )?;
    let output = explain(&["--json", "--rules", file.to_str().context("text")?])?;
    let facts: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    ensure!(facts["schema"] == "mcrx.rules.explain.type/1", "{facts:#}");
    let [ty] = facts["types"].as_array().context("types")?.as_slice() else {
        mcrx_harness::bail!("{facts:#}")
    };
    let member = |path: &str| -> Result<&Value> {
        let members = ty["members"].as_array().context("members")?;
        members.iter().find(|member| member["path"] == path).with_context(|| format!("no {path}: {ty:#}"))
    };
    ensure!(ty["name"] == "conn" && ty["same"] == false, "{ty:#}");
    ensure!(member("start_time")?["from"] == "set by a rule: 100 + 1", "{ty:#}");
    ensure!(member("start_time")?["open"] == false && member("options")?["open"] == true, "{ty:#}");
    ensure!(member("port")?["from"] == "set by a rule: clamp(old.port)", "{ty:#}");
    ensure!(member("data")?["from"] == "points to the same, whatever it is", "{ty:#}");
    let gone = &ty["gone"][0];
    ensure!(gone["path"] == "legacy_flags" && gone["becomes"] == "given up on purpose", "{ty:#}");
    Ok(())
}

pub(crate) fn a_type_that_is_not_there_is_told_with_what_may_be_meant(test: &Context) -> Result<()> {
    let [old, new] = releases(test)?;
    let output = rules(&catalogue(), &["explain", "sesion", &old, &new], test.scratch().directory())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(2) && said.contains("did you mean session"), "{said}");
    let output = rules(&catalogue(), &["explain", "conn", &old], test.scratch().directory())?;
    ensure!(output.status.code() == Some(2), "one release is not enough: {output:?}");
    Ok(())
}
