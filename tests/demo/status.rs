//! What one hears of servers under `mcrx run`: by the command, and over the control socket.

use crate::build::Release;
use crate::server::wait_for;
use crate::update::{Managed, example, mcrx};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Output};

impl Managed {
    fn status(&self, options: &[&str]) -> Output {
        self.command("status").args(options).output().expect("it runs")
    }

    /// The server, as the command tells of it in JSON.
    fn server(&self) -> Value {
        let (facts, code) = self.facts(&mut self.command("status"));
        assert_eq!((&facts["schema"], code), (&"mcrx.status/1".into(), Some(0)), "{facts:#}");
        facts["servers"][0].clone()
    }

    fn socket(&self) -> PathBuf {
        self.state().join("control.sock")
    }
}

/// A connection to the control socket.
struct Control(BufReader<UnixStream>);

impl Control {
    fn of(managed: &Managed) -> Control {
        Control(BufReader::new(UnixStream::connect(managed.socket()).expect("it listens")))
    }

    fn ask(&mut self, line: &str) -> Value {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).expect("it takes requests");
        let mut answer = String::new();
        self.0.read_line(&mut answer).expect("it answers");
        serde_json::from_str(&answer).expect("JSON")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_status_tells_release_program_processes_updates_and_what_an_undo_goes_back_to() {
    let managed = Managed::start(&[]);
    let (old, new) = (Release::Old.program(), Release::New.program());
    let server = managed.server();
    assert_eq!(server["pid"], managed.root());
    assert_eq!(server["service"], json!({ "pid": managed.service.id(), "answers": true }));
    assert_eq!(
        (&server["state"], &server["release"], &server["undo"]),
        (&"serving".into(), &Value::Null, &Value::Null)
    );
    assert_eq!(server["program"], old.to_str().unwrap());
    assert_eq!(server["build_id"].as_str().map(str::len), Some(40));
    assert_eq!(server["processes"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&server["processes"][0]["pid"], &server["processes"][0]["threads"]),
        (&managed.root().into(), &3.into())
    );
    assert!(server["since"].as_u64().is_some_and(|since| since > 1_600_000_000), "{server:#}");

    let rules = example("releases/larder-1-to-2.mcrx");
    assert_eq!(managed.update(&new, &rules, &["--dry-run"]).1, Some(0));
    assert_eq!(managed.update(&new, &rules, &[]).1, Some(0));
    let updated = managed.server();
    assert_eq!((&updated["release"], &updated["program"]), (&"2.0".into(), &new.to_str().unwrap().into()));
    assert_ne!(updated["build_id"], server["build_id"]);
    let attempts = updated["updates"]["attempts"].as_array().expect("attempts");
    assert_eq!(attempts.len(), 1, "a dry run is none: {updated:#}");
    assert_eq!((&attempts[0]["kind"], &attempts[0]["outcome"]), (&"update".into(), &"committed".into()));
    assert!(attempts[0]["held_ms"].as_f64().is_some_and(|held| held > 0.0), "{updated:#}");
    assert_eq!(updated["undo"]["program"], old.to_str().unwrap());
    assert_eq!((&updated["undo"]["release"], &updated["undo"]["reason"]), (&"1.0".into(), &Value::Null));

    // What is refused is told, too.
    assert_eq!(managed.update(&old, &rules, &[]).1, Some(4));
    assert_eq!(managed.server()["updates"]["counts"]["refused"], 1);
    let said = text(&managed.status(&[]).stdout);
    for part in ["serving", "(2.0)", "held ", "refused", "goes back to"] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    let all = mcrx(managed.folder.path()).arg("status").output().expect("it runs");
    assert!(text(&all.stdout).contains(new.to_str().unwrap()), "{}", text(&all.stdout));
}

#[test]
fn metrics_are_prometheuss_and_the_service_gives_the_same() {
    let managed = Managed::start(&[]);
    let output = managed.status(&["--metrics"]);
    let metrics = text(&output.stdout);
    let labels = format!("{{server=\"{}\"", managed.root());
    for line in [
        format!("mcrx_server_processes{labels}}} 2"),
        format!("mcrx_updates_total{labels},outcome=\"committed\"}} 0"),
        format!("mcrx_service_up{labels}}} 1"),
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} is not in\n{metrics}");
    }
    let answer = Control::of(&managed).ask("{\"request\": \"metrics\"}");
    let names = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("# TYPE")).map(str::to_owned).collect()
    };
    assert_eq!(names(answer["text"].as_str().expect("text")), names(&metrics));
}

#[test]
fn an_update_that_is_announced_is_under_way_until_the_connection_ends_and_no_other_is_meanwhile() {
    let managed = Managed::start(&[]);
    let mut updating = Control::of(&managed);
    assert_eq!(updating.ask("{\"request\": \"update\", \"program\": \"/bin/new\"}"), json!({}));
    let server = managed.server();
    assert_eq!((&server["state"], &server["updating_to"]), (&"updating".into(), &"/bin/new".into()));
    let other = Control::of(&managed).ask("{\"request\": \"update\", \"program\": \"/bin/other\"}");
    assert!(other["error"].as_str().is_some_and(|error| error.contains("/bin/new")), "{other}");
    drop(updating);
    wait_for("the end of it", || (managed.server()["state"] == "serving").then_some(()));
}

#[test]
fn what_is_no_request_is_told_and_the_next_one_is_answered() {
    let managed = Managed::start(&[]);
    let mut control = Control::of(&managed);
    for nonsense in ["hello", "{}", "[1, 2", "{\"request\": \"stop\"}", "\u{0}"] {
        let answer = control.ask(nonsense);
        assert!(
            answer["error"].as_str().is_some_and(|error| error.contains("this is no request")),
            "{answer}"
        );
    }
    assert_eq!(control.ask("{\"request\": \"status\"}")["pid"], managed.root());
    let answer = control.ask(&"x".repeat(5000));
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("at most")), "{answer}");
    assert_eq!(Control::of(&managed).ask("{\"request\": \"status\"}")["pid"], managed.root());
}

#[test]
fn nobody_else_is_answered() {
    let managed = Managed::start(&[]);
    let mode = fs::metadata(managed.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Were the way to it open, who asks would still be told from its owner, before anything is read.
    let state = managed.state();
    for folder in [managed.folder.path(), state.parent().unwrap(), &state] {
        fs::set_permissions(folder, Permissions::from_mode(0o711)).unwrap();
    }
    fs::set_permissions(managed.socket(), Permissions::from_mode(0o666)).unwrap();
    let script = "$s = IO::Socket::UNIX->new($ARGV[0]) or die $!; print <$s>;";
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--clear-groups", "--", "perl", "-MIO::Socket::UNIX", "-e", script])
        .arg(managed.socket())
        .output()
        .expect("setpriv runs");
    let said = text(&output.stdout);
    assert!(said.contains("only the server's owner and root"), "{said}{}", text(&output.stderr));
}

#[test]
fn a_server_without_its_service_is_told_and_one_that_has_ended_is_left_over() {
    let mut managed = Managed::start(&[]);
    managed.service.kill().unwrap();
    managed.service.wait().unwrap();
    let server = managed.server();
    assert_eq!(server["service"]["answers"], false, "{server:#}");
    assert_eq!(server["processes"].as_array().map(Vec::len), Some(2));
    assert!(text(&managed.status(&[]).stdout).contains("it is gone"));

    let root = managed.root();
    kill_process(Pid::from_raw(root).unwrap(), Signal::KILL).unwrap();
    wait_for("the server's end", || (!fs::exists(format!("/proc/{root}")).unwrap()).then_some(()));
    let output = managed.status(&[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        text(&output.stderr).contains("has ended; what was kept of it is left over"),
        "{}",
        text(&output.stderr)
    );
    let all = mcrx(managed.folder.path()).arg("status").output().expect("it runs");
    assert_eq!(
        (all.status.code(), text(&all.stdout).trim_end()),
        (Some(0), "No server runs under `mcrx run`.")
    );
}

#[test]
fn processes_that_are_not_under_mcrx_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let status = |pid: &str| {
        let output = mcrx(folder.path()).args(["status", pid]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(3));
        text(&output.stderr)
    };
    assert!(status(&std::process::id().to_string()).contains("was not started by `mcrx run`"));
    assert!(status("2000000000").contains("there is no process 2000000000"));
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o777)).unwrap();
    assert!(status("1").contains("others may write to it"));
}
