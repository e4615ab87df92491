//! Updates that no rule file is given for: where none is needed, and where one is.

use crate::build::Release;
use crate::update::Managed;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Release 1 with a mended line: nothing that lives in it has changed.
fn mended(folder: &Path) -> PathBuf {
    let (sources, program) = (folder.join("sources"), folder.join("larder-1.0.1"));
    fs::create_dir(&sources).unwrap();
    for file in fs::read_dir(Release::Old.folder()).unwrap() {
        let file = file.unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let text = if file.file_name() == "release.h" { text.replace("\"1.0\"", "\"1.0.1\"") } else { text };
        fs::write(sources.join(file.file_name()), text).unwrap();
    }
    let script = format!("cc -std=c11 -O2 -g -pthread -o {} *.c", program.display());
    let status = Command::new("sh").args(["-c", &script]).current_dir(&sources).status().unwrap();
    assert!(status.success());
    program
}

#[test]
fn a_release_that_changes_no_type_needs_no_rules_for_the_update_nor_for_its_undo() {
    let managed = Managed::start(&[]);
    let program = mended(managed.folder.path());
    let mut ada = managed.connect();
    assert_eq!(ada.ask("LOGIN ada lovelace"), "+welcome ada");
    assert_eq!(ada.ask("SET key value"), "+stored");
    assert_eq!(ada.ask("PUSH list one"), ":1");
    let release = |ada: &mut crate::client::Client| {
        let stats = ada.ask("STATS");
        stats
            .split(" $")
            .find_map(|line| line.strip_prefix("release ").map(str::to_owned))
            .expect("a release")
    };
    assert_eq!(release(&mut ada), "1.0");
    let (facts, code) = managed.facts(managed.command("update").arg(&program));
    assert_eq!((facts["outcome"].as_str(), code), (Some("committed"), Some(0)), "{facts:#}");
    assert_eq!(release(&mut ada), "1.0.1");
    assert_eq!(ada.ask("GET key"), "$value");
    assert_eq!(ada.ask("PUSH list two"), ":2");
    let (facts, code) = managed.facts(&mut managed.command("undo"));
    assert_eq!((facts["outcome"].as_str(), code), (Some("committed"), Some(0)), "{facts:#}");
    assert_eq!(release(&mut ada), "1.0");
    assert_eq!(ada.ask("GET list"), "*2 $one $two");
}

#[test]
fn a_release_that_needs_rules_is_refused_without_them_and_the_questions_are_told_with_who_writes_them() {
    let managed = Managed::start(&[]);
    let mut ada = managed.connect();
    assert_eq!(ada.ask("LOGIN ada lovelace"), "+welcome ada");
    let output = managed.command("update").arg(Release::New.program()).output().expect("it runs");
    let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(
        told.contains("is gone: what becomes of what it says?") && told.contains("type session"),
        "{told}"
    );
    assert!(said.contains("this update needs rules") && said.contains("mcrx rules new"), "{said}");
    assert!(ada.ask("INFO key").starts_with('-'), "still release 1");
}
