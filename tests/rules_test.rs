//! `mcrx rules test` as its users run it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The two programs of `examples/rules/new-list`, and a copy of its rules.
struct Example {
    folder: tempfile::TempDir,
}

impl Example {
    fn new() -> Example {
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/rules/new-list");
        for program in ["old", "new"] {
            let compiler = Command::new("gcc")
                .args(["-O2", "-g", "-o"])
                .arg(folder.path().join(program))
                .arg(example.join(program).with_extension("c"))
                .status()
                .expect("gcc");
            assert!(compiler.success());
        }
        std::fs::copy(example.join("rules.mcrx"), folder.path().join("rules.mcrx")).unwrap();
        Example { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts one text in the place of another in the rules.
    fn with(self, from: &str, to: &str) -> Example {
        let rules = std::fs::read_to_string(self.file("rules.mcrx")).unwrap();
        assert!(rules.contains(from), "{rules}");
        std::fs::write(self.file("rules.mcrx"), rules.replace(from, to)).unwrap();
        self
    }

    fn run(&self, more: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_mcrx"))
            .args(["rules", "test"])
            .args([self.file("rules.mcrx"), self.file("old"), self.file("new")])
            .args(more)
            .output()
            .unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn tests_that_pass_are_named_and_counted() {
    let output = Example::new().run(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "passed  idle connections are linked in, busy ones are not\n1 passed\n");
}

#[test]
fn a_test_that_fails_says_where_which_member_and_both_values() {
    let example = Example::new().with("requests = 17, reusable", "requests = 18, reusable");
    let output = example.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let stdout = text(&output.stdout);
    assert!(stdout.contains("FAILED  idle connections"), "{stdout}");
    assert!(stdout.contains("first.requests: expected 18, found 17"), "{stdout}");
    assert!(text(&output.stderr).contains("0 passed, 1 failed"), "{}", text(&output.stderr));

    let output = example.run(&["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(facts["schema"], "mcrx.rules.test/1");
    assert_eq!((facts["passed"].as_u64(), facts["failed"].as_u64()), (Some(0), Some(1)));
    let problem = &facts["tests"][0]["problems"][0];
    assert_eq!(problem["path"], "first.requests");
    assert_eq!((problem["expected"].as_str(), problem["found"].as_str()), (Some("18"), Some("17")));
    assert!(problem["line"].as_u64().is_some_and(|line| line > 20), "{problem}");
}

#[test]
fn rules_that_cannot_be_read_are_shown_and_nothing_is_run() {
    let output = Example::new().with("insert c.reusable", "insert").run(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!text(&output.stdout).contains("passed"), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("mcrx rules check"), "{}", text(&output.stderr));
}

#[test]
fn a_mistake_in_a_rule_is_found_though_no_test_is_about_it() {
    let example = Example::new().with("type server {", "type server {\n    count = old.missing\n");
    let output = example.run(&["--only", "nothing is called so"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("has no member `missing`"), "{}", text(&output.stdout));
}

#[test]
fn tests_are_chosen_by_a_part_of_their_names() {
    let example = Example::new();
    assert_eq!(example.run(&["--only", "busy ones"]).status.code(), Some(0));
    let output = example.run(&["--only", "no such"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no test of"), "{}", text(&output.stderr));
}

/// A process of a program whose next release has narrower ports, one more member, and fewer states.
struct Running {
    folder: tempfile::TempDir,
    child: Child,
}

impl Running {
    fn start() -> Running {
        let folder = tempfile::tempdir().unwrap();
        for program in ["old", "new"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules_test").join(program);
            let compiler = Command::new("gcc")
                .args(["-O1", "-g", "-fno-builtin", "-Wl,--build-id", "-o"])
                .arg(folder.path().join(program))
                .arg(source.with_extension("c"))
                .status()
                .expect("gcc");
            assert!(compiler.success());
        }
        let mut child = Command::new(folder.path().join("old"))
            .env("LD_PRELOAD", mcrx_harness::preload().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        Running { folder, child }
    }

    fn rehearse(&self, rules: &str) -> (Output, serde_json::Value) {
        let file = |name: &str| self.folder.path().join(name);
        std::fs::write(file("rules.mcrx"), rules).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_mcrx"))
            .args(["rules", "test"])
            .args([file("rules.mcrx"), file("old"), file("new")])
            .args(["--json", "--on", &self.child.id().to_string()])
            .output()
            .unwrap();
        let facts = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output, facts)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_rehearsal_finds_the_objects_that_rules_cannot_carry_over() {
    let running = Running::start();
    let (output, facts) = running.rehearse(
        "type conn {\n    port  = old.port\n    added = 7\n    state = match old.state { 0 => 0, 1 => 1, 2 => 2 }\n}\n",
    );
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert_eq!(facts["schema"], "mcrx.rules.rehearsal/1");
    let of =
        |name: &str| facts["types"].as_array().unwrap().iter().find(|ty| ty["name"] == name).unwrap().clone();
    assert_eq!(
        (of("conn")["objects"].as_u64(), of("conn")["refused"].as_u64()),
        (Some(100), Some(2)),
        "{facts:#}"
    );
    let refusals = facts["refusals"].as_array().unwrap();
    let of = |path: &str| refusals.iter().find(|refusal| refusal["path"] == path).unwrap();
    assert!(of("port")["message"].as_str().unwrap().contains("70000 does not fit"), "{facts:#}");
    assert!(of("state")["message"].as_str().unwrap().contains("no arm of the match is for 9"), "{facts:#}");
    assert_eq!((of("port")["objects"].as_u64(), of("port")["line"].as_u64()), (Some(1), Some(2)));

    let (output, facts) = running.rehearse(
        "type conn {\n    port  = clamp(old.port)\n    added = 7\n    state = old.state <= 2 ? old.state : 0\n}\n",
    );
    assert_eq!(output.status.code(), Some(0), "{facts:#} {}", text(&output.stderr));
    assert_eq!(facts["refusals"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_rehearsal_asks_what_objects_that_live_depend_on() {
    let running = Running::start();
    let (output, facts) = running.rehearse("type conn {\n    port = clamp(old.port)\n}\n");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let refusal = &facts["refusals"][0];
    assert_eq!(
        (refusal["path"].as_str(), refusal["objects"].as_u64()),
        (Some("added"), Some(100)),
        "{facts:#}"
    );
    assert!(refusal["message"].as_str().unwrap().contains("is new"), "{facts:#}");
}

#[test]
fn a_rehearsal_is_of_the_old_release_only() {
    let running = Running::start();
    std::fs::rename(running.folder.path().join("new"), running.folder.path().join("old")).unwrap();
    std::fs::copy(running.folder.path().join("old"), running.folder.path().join("new")).unwrap();
    let (output, _) = running.rehearse("type conn {\n    added = 7\n}\n");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("does not run the old release"), "{}", text(&output.stderr));
}
