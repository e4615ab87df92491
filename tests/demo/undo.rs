//! The demo server goes back to the release before its last update, and forward again.

use crate::build::Release;
use crate::client::Client;
use crate::update::{Managed, example};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Its program and its rules are copies of their own; a client is logged in.
struct Updated {
    managed: Managed,
    ada: Client,
    old: PathBuf,
    new: PathBuf,
}

impl Updated {
    /// `rules`: what becomes of the text of the rules before the update.
    fn by(rules: impl Fn(&str) -> String) -> Updated {
        let managed = Managed::start_from(&copy(Release::Old), &[]);
        let (old, new) = (managed.executable(), copy(Release::New));
        let mut ada = managed.connect();
        assert_eq!(ada.ask("LOGIN ada lovelace"), "+welcome ada");
        assert_eq!(ada.ask("SET key value"), "+stored");
        let folder = managed.folder.path().join("rules");
        let file = folder.join("releases/rules.mcrx");
        fs::create_dir_all(folder.join("releases")).unwrap();
        fs::create_dir_all(folder.join("facts")).unwrap();
        let text = fs::read_to_string(example("releases/larder-1-to-2.mcrx")).unwrap();
        let changed = rules(&text);
        fs::write(&file, changed).unwrap();
        fs::copy(example("facts/demo.mcrx"), folder.join("facts/demo.mcrx")).unwrap();
        let (facts, code) = managed.update(&new, &file, &[]);
        assert_eq!((facts["outcome"].as_str(), code), (Some("committed"), Some(0)), "{facts:#}");
        // What is needed of them is remembered.
        fs::remove_dir_all(folder).unwrap();
        let mut updated = Updated { managed, ada, old, new };
        updated.runs(Release::New);
        updated
    }

    fn undo(&self, options: &[&str]) -> (Value, Option<i32>) {
        self.managed.facts(self.managed.command("undo").args(options))
    }

    /// Its exit code, and what it says of it.
    fn refused(&self, options: &[&str]) -> (Option<i32>, String) {
        let output = self.managed.command("undo").args(options).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn runs(&mut self, release: Release) {
        assert_eq!(self.ada.ask("INFO key").starts_with("+text "), release == Release::New);
    }
}

impl Drop for Updated {
    fn drop(&mut self) {
        for program in [&self.old, &self.new] {
            let _ = fs::remove_file(program);
        }
    }
}

impl Managed {
    fn executable(&self) -> PathBuf {
        let record = fs::read(self.state().join("server.json")).expect("a record");
        let record: Value = serde_json::from_slice(&record).expect("JSON");
        record["executable"].as_str().expect("a path").into()
    }
}

/// A program that a test may replace.
fn copy(release: Release) -> PathBuf {
    let folder = tempfile::tempdir().expect("a folder").keep();
    let to = folder.join(format!("larder-{}", release.version()));
    fs::copy(release.program(), &to).expect("it can be copied");
    to
}

fn as_they_are(rules: &str) -> String {
    rules.to_owned()
}

#[test]
fn an_undo_brings_the_release_before_back_over_the_same_connections_and_undone_it_is_the_update_again() {
    let mut server = Updated::by(as_they_are);
    let root = server.managed.root();
    assert_eq!(server.ada.ask("MARK key"), "+marked");
    assert_eq!(server.ada.ask("SET since release 2"), "+stored");
    assert_eq!(server.ada.ask("PUSH list one"), ":1");
    let mut grace = server.managed.connect();
    grace.send("LOGIN grace ho");

    let (facts, code) = server.undo(&[]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("committed"), Some(0)), "{facts:#}");
    assert_eq!((&facts["schema"], &facts["release"]), (&"mcrx.undo/1".into(), &"1.0".into()), "{facts:#}");
    assert_eq!(facts["program"], server.old.to_str().unwrap());
    server.runs(Release::Old);
    assert_eq!(server.managed.root(), root);
    grace.send("pper\n");
    assert_eq!(grace.answer(), "+welcome grace");
    assert_eq!(server.ada.ask("GET since"), "$release 2");
    assert_eq!(server.ada.ask("MARKS"), "*1 $key");
    assert_eq!(server.ada.ask("PUSH list two"), ":2");

    let (facts, code) = server.undo(&[]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("committed"), Some(0)), "{facts:#}");
    assert_eq!(facts["program"], server.new.to_str().unwrap());
    server.runs(Release::New);
    assert_eq!(grace.ask("GET list"), "*2 $one $two");
}

#[test]
fn without_an_update_there_is_nothing_to_undo() {
    let managed = Managed::start(&[]);
    let output = managed.command("undo").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("has not been updated"), "{said}");
}

#[test]
fn a_dry_run_of_an_undo_leaves_the_new_release() {
    let mut server = Updated::by(as_they_are);
    let (facts, code) = server.undo(&["--dry-run"]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("possible"), Some(0)), "{facts:#}");
    server.runs(Release::New);
}

#[test]
fn a_program_that_is_not_the_one_of_before_any_more_refuses_the_undo() {
    let mut server = Updated::by(as_they_are);
    let aside = server.old.with_extension("aside");
    fs::rename(&server.old, &aside).unwrap();
    let (code, said) = server.refused(&[]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("is not there any more") && said.contains(server.old.to_str().unwrap()), "{said}");

    fs::copy(Release::New.program(), &server.old).unwrap();
    let (code, said) = server.refused(&[]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("is another file than the one that the release before ran from"), "{said}");
    server.runs(Release::New);

    fs::rename(&aside, &server.old).unwrap();
    assert_eq!(server.undo(&[]).1, Some(0));
    server.runs(Release::Old);
}

#[test]
fn what_the_derived_rules_leave_open_refuses_the_undo_and_a_rule_file_answers_it() {
    // Without what it says of the way back, nobody knows how an old hash is made.
    let mut server = Updated::by(|rules| {
        let (before, after) = (rules.find("define times33").unwrap(), rules.find("\ntest ").unwrap());
        format!("{}{}", &rules[..before], &rules[after..])
    });
    let (facts, code) = server.undo(&["--accept-loss"]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("refused"), Some(4)), "{facts:#}");
    assert!(facts["holes"].as_u64().unwrap() > 0, "{facts:#}");
    server.runs(Release::New);

    let down = server.managed.folder.path().join("down.mcrx");
    let derived = std::process::Command::new(env!("CARGO_BIN_EXE_mcrx"))
        .args(["rules", "reverse"])
        .args([&server.old, &server.new])
        .arg("--rules")
        .arg(example("releases/larder-1-to-2.mcrx"))
        .arg("-o")
        .arg(&down)
        .output()
        .expect("it runs");
    assert!(derived.status.success());
    let (facts, code) = server.undo(&["--rules", path(&down)]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("committed"), Some(0)), "{facts:#}");
    server.runs(Release::Old);
}

#[test]
fn what_may_not_come_back_as_it_was_has_to_be_accepted() {
    let commands = "session.commands      = old.commands";
    let mut server = Updated::by(|rules| {
        assert!(rules.contains(commands));
        rules.replace(commands, "session.commands      = clamp(old.commands)")
    });
    let (facts, code) = server.undo(&[]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("refused"), Some(4)), "{facts:#}");
    assert_eq!(facts["lost"][0]["code"], "MCX207", "{facts:#}");
    let (_, said) = server.refused(&[]);
    assert!(said.contains("--accept-loss"), "{said}");
    server.runs(Release::New);
    let (facts, code) = server.undo(&["--accept-loss"]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("committed"), Some(0)), "{facts:#}");
    assert_eq!(facts["lost"][0]["code"], "MCX207", "{facts:#}");
    server.runs(Release::Old);
}

#[test]
fn what_the_release_before_has_no_room_for_refuses_the_undo_and_the_server_goes_on() {
    let mut server = Updated::by(as_they_are);
    for number in 0..9 {
        assert_eq!(server.ada.ask(&format!("MARK key{number}")), "+marked");
    }
    let (facts, code) = server.undo(&[]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("refused"), Some(4)), "{facts:#}");
    assert!(facts["conflicts"][0]["message"].as_str().unwrap().contains("do not fit"), "{facts:#}");
    server.runs(Release::New);
    assert!(server.ada.ask("MARKS").starts_with("*9 "));
}

#[test]
fn two_commands_do_not_update_one_server_at_the_same_time() {
    let server = Updated::by(as_they_are);
    let lock = fs::File::open(server.managed.state().join("lock")).unwrap();
    lock.lock().unwrap();
    let (code, said) = server.refused(&[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("is being updated by another command"), "{said}");
    drop(lock);
    assert_eq!(server.undo(&["--dry-run"]).1, Some(0));
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
