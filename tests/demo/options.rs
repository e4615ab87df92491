//! How the server is started, rightly and wrongly.

use crate::build::{Release, on_both};
use crate::server::Server;
use std::process::{Command, Output};

fn run(release: Release, arguments: &[&str]) -> Output {
    Command::new(release.program()).args(arguments).output().expect("the server can be run")
}

#[test]
fn a_wrong_option_is_explained_and_ends_with_2() {
    on_both(|release| {
        let wrong: [&[&str]; 9] = [
            &["--port", "65536"],
            &["--port", "-1"],
            &["--port", ""],
            &["--max-keys", "0"],
            &["--max-clients", "many"],
            &["--listen", "localhost"],
            &["--listen"],
            &["--nonsense"],
            &["stray"],
        ];
        for arguments in wrong {
            let output = run(release, arguments);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
        }
    });
}

#[test]
fn what_the_machine_does_not_give_is_explained_and_ends_with_1() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let port = server.address.port().to_string();
        let wrong: [(&[&str], &str); 4] = [
            (&["--port", &port], "cannot listen on port"),
            (&["--port", "0", "--users", "/nonexistent/users"], "cannot open /nonexistent/users"),
            (&["--port", "0", "--journal", "/nonexistent/journal"], "cannot open /nonexistent/journal"),
            (&["--port", "0", "--users", "/proc/version"], "/proc/version:1: expected name:password"),
        ];
        for (arguments, message) in wrong {
            let output = run(release, arguments);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}");
            assert!(said.contains(message), "{arguments:?}: {said}");
        }
        server.end_well();
    });
}

#[test]
fn it_listens_on_loopback_unless_told_otherwise() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        assert!(server.address.ip().is_loopback());
        server.end_well();
        let server = Server::start(release, &["--listen", "127.0.0.2"]);
        assert_eq!(server.address.ip().to_string(), "127.0.0.2");
        server.ada();
        server.end_well();
    });
}

#[test]
fn help_and_version_are_printed() {
    on_both(|release| {
        let output = run(release, &["--version"]);
        assert_eq!(output.stdout, format!("larder {}\n", release.version()).into_bytes());
        let output = run(release, &["--help"]);
        assert!(output.status.success() && output.stdout.starts_with(b"Usage: larder"));
    });
}
