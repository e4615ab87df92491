//! The demo server becomes its next release while clients are connected.

use crate::build::Release;
use crate::client::Client;
use crate::server::wait_for;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::TempDir;

/// A server under `mcrx run`; it ends with this.
pub(crate) struct Managed {
    pub(crate) service: Child,
    address: SocketAddr,
    pub(crate) folder: TempDir,
    /// It would die of writing to nobody.
    _stdout: BufReader<ChildStdout>,
}

impl Managed {
    pub(crate) fn start(options: &[&str]) -> Managed {
        Managed::start_from(&Release::Old.program(), options)
    }

    /// Of a copy of the program, say.
    pub(crate) fn start_from(program: &Path, options: &[&str]) -> Managed {
        Managed::start_with(program, options, |_, _| {})
    }

    /// `prepare` gets the command before it is run, and the folder for what it keeps.
    pub(crate) fn start_with(
        program: &Path,
        options: &[&str],
        prepare: impl FnOnce(&mut Command, &Path),
    ) -> Managed {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = mcrx(folder.path());
        prepare(&mut command, folder.path());
        command.args(["run", "--library"]).arg(mcrx_harness::preload().expect("libmcrx.so"));
        command.arg("--callers").arg(folder.path().join("callers"));
        command.arg("--").arg(program).args(["--port", "0"]).args(options);
        let mut service = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdout = BufReader::new(service.stdout.take().expect("piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it says where it listens");
        let address = line.trim_end().rsplit_once(' ').and_then(|(_, it)| it.parse().ok());
        let address = address.expect("an address");
        let managed = Managed { service, address, folder, _stdout: stdout };
        wait_for("its start-up to be taken note of", || {
            managed.state().join("start.snap").exists().then_some(())
        });
        managed
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state").join(self.service.id().to_string())
    }

    pub(crate) fn root(&self) -> i32 {
        let record = std::fs::read(self.state().join("server.json")).expect("a record");
        let record: Value = serde_json::from_slice(&record).expect("JSON");
        record["root"].as_i64().and_then(|pid| pid.try_into().ok()).expect("a pid")
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// What an update to this program says of itself in JSON, and its exit code.
    pub(crate) fn update(&self, program: &Path, rules: &Path, options: &[&str]) -> (Value, Option<i32>) {
        let mut command = self.command("update");
        command.arg(program).arg("--rules").arg(rules).args(options);
        self.facts(&mut command)
    }

    /// A subcommand about the server.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let mut command = mcrx(self.folder.path());
        command.args([subcommand, &self.root().to_string()]);
        command
    }

    /// What a command prints as JSON, and its exit code.
    pub(crate) fn facts(&self, command: &mut Command) -> (Value, Option<i32>) {
        let output = command.arg("--json").output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        let facts = serde_json::from_slice(&output.stdout);
        (facts.unwrap_or_else(|error| panic!("{error}: {said}")), output.status.code())
    }
}

pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

pub(crate) fn mcrx(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    command.env("MCRX_STATE", folder.join("state"));
    command
}

impl Drop for Managed {
    fn drop(&mut self) {
        let root = self.state().join("server.json").exists().then(|| self.root());
        if let Some(root) = root.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(root, rustix::process::Signal::KILL);
        }
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
}

#[test]
fn a_running_server_becomes_its_next_release_and_keeps_connections_sessions_and_keys() {
    let managed = Managed::start(&[]);
    let root = managed.root();
    let mut ada = managed.connect();
    assert_eq!(ada.ask("LOGIN ada lovelace"), "+welcome ada");
    let mut grace = managed.connect();
    for number in 0..200 {
        assert_eq!(ada.ask(&format!("SET key{number} value {number}")), "+stored");
    }
    assert_eq!(ada.ask("PUSH list one"), ":1");
    assert_eq!(ada.ask("PUSH list two"), ":2");
    assert_eq!(ada.ask("ADD number 41"), ":41");
    assert_eq!(ada.ask("MARK key7"), "+marked");
    // A line of which only a part has come.
    grace.send("LOGIN grace ho");
    assert!(ada.ask("INFO key7").starts_with('-'), "release 1 does not know it");

    let (facts, code) = managed.update(&Release::New.program(), &example("releases/larder-1-to-2.mcrx"), &[]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("committed"), Some(0)), "{facts:#}");

    assert_eq!(managed.root(), root);
    assert!(ada.ask("INFO key7").starts_with("+text "), "release 2 does");
    assert_eq!(ada.ask("GET key199"), "$value 199");
    assert_eq!(ada.ask("GET list"), "*2 $one $two");
    assert_eq!(ada.ask("ADD number 1"), ":42");
    assert_eq!(ada.ask("MARKS"), "*1 $key7");
    grace.send("pper\n");
    assert_eq!(grace.answer(), "+welcome grace");
    let mut another = managed.connect();
    assert_eq!(another.ask("LOGIN ada lovelace"), "+welcome ada");
    assert_eq!(another.ask("GET key0"), "$value 0");
}

#[test]
fn a_dry_run_says_that_it_could_be_done_and_leaves_the_server_as_it_was() {
    let managed = Managed::start(&[]);
    let mut ada = managed.connect();
    assert_eq!(ada.ask("LOGIN ada lovelace"), "+welcome ada");
    assert_eq!(ada.ask("SET key value"), "+stored");
    let (facts, code) =
        managed.update(&Release::New.program(), &example("releases/larder-1-to-2.mcrx"), &["--dry-run"]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("possible"), Some(0)), "{facts:#}");
    assert!(ada.ask("INFO key").starts_with('-'), "still release 1");
    assert_eq!(ada.ask("GET key"), "$value");
}

#[test]
fn what_the_rules_do_not_answer_refuses_the_update_and_the_server_goes_on() {
    let managed = Managed::start(&[]);
    let mut ada = managed.connect();
    assert_eq!(ada.ask("LOGIN ada lovelace"), "+welcome ada");
    assert_eq!(ada.ask("SET key value"), "+stored");
    let (facts, code) = managed.update(&Release::New.program(), &example("facts/demo.mcrx"), &[]);
    assert_eq!((facts["outcome"].as_str(), code), (Some("refused"), Some(4)), "{facts:#}");
    let conflicts = facts["conflicts"].as_array().expect("conflicts");
    assert!(conflicts.iter().any(|conflict| conflict["code"] == "MCX801"), "{facts:#}");
    assert_eq!(ada.ask("GET key"), "$value");
    assert!(ada.ask("INFO key").starts_with('-'), "still release 1");
}

/// How many mappings a process has, and how many regions of the heap (a place for each every 1 TiB).
fn memory(pid: i32) -> (usize, usize) {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
    let starts = maps.lines().filter_map(|line| u64::from_str_radix(line.split('-').next()?, 16).ok());
    let of_heap = |start: &u64| (0x1000_0000_0000..0x3000_0000_0000).contains(start);
    let regions: std::collections::BTreeSet<u64> = starts.filter(of_heap).map(|start| start >> 40).collect();
    (maps.lines().count(), regions.len())
}

/// Five, or as many as the environment variable `MCRX_TEST_UPDATES` says.
fn updates() -> usize {
    std::env::var("MCRX_TEST_UPDATES").ok().and_then(|updates| updates.parse().ok()).unwrap_or(5)
}

#[test]
fn updates_up_and_down_follow_each_other_over_one_connection() {
    let managed = Managed::start(&[]);
    let (old, new) = (Release::Old.program(), Release::New.program());
    let (up, down) = (example("releases/larder-1-to-2.mcrx"), managed.folder.path().join("down.mcrx"));
    let mut derive = mcrx(managed.folder.path());
    derive.args(["rules", "reverse"]).arg(&old).arg(&new).arg("--rules").arg(&up).arg("-o").arg(&down);
    let derived = derive.output().expect("it runs");
    assert!(derived.status.success(), "{}", String::from_utf8_lossy(&derived.stderr));

    let mut ada = managed.connect();
    assert_eq!(ada.ask("LOGIN ada lovelace"), "+welcome ada");
    for number in 0..50 {
        assert_eq!(ada.ask(&format!("SET key{number} value {number}")), "+stored");
    }
    assert_eq!(ada.ask("MARK key7"), "+marked");
    let mut before = None;
    for (round, (program, rules)) in
        [(&new, &up), (&old, &down)].into_iter().cycle().take(updates()).enumerate()
    {
        let (facts, code) = managed.update(program, rules, &[]);
        assert_eq!((facts["outcome"].as_str(), code), (Some("committed"), Some(0)), "{round}: {facts:#}");
        assert_eq!(ada.ask("INFO key7").starts_with("+text "), round % 2 == 0);
        assert_eq!(ada.ask("GET key49"), "$value 49");
        assert_eq!(ada.ask("MARKS"), "*1 $key7");
        // What lives since one release is freed by the next.
        let number = round % 40;
        assert_eq!(ada.ask(&format!("DELETE key{number}")), ":1");
        assert_eq!(ada.ask(&format!("SET key{number} value {number}")), "+stored");
        assert_eq!(ada.ask(&format!("SET new{number} value")), "+stored");
        assert_eq!(ada.ask("ADD number 1"), format!(":{}", round + 1));
        // What the new release has no use for is freed, and regions of the heap go with their last block.
        let now = memory(managed.root());
        let (mappings, regions) = *before.get_or_insert(now);
        assert!(now.0 <= mappings + 16 && now.1 <= regions + 1, "{round}: {before:?}, and then {now:?}");
    }
    assert_eq!(ada.ask("GET new0"), "$value");
    assert_eq!(ada.ask("GET key0"), "$value 0");
}
