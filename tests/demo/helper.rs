//! The forked helper and the journal that it writes.

use crate::build::on_both;
use crate::server::{Server, lives, wait_for};
use rustix::process::{Signal, kill_process};
use std::fs;

#[test]
fn the_journal_tells_what_clients_did_in_order() {
    on_both(|release| {
        let folder = tempfile::tempdir().expect("a folder for the journal");
        let path = folder.path().join("journal");
        let server = Server::start(release, &["--journal", path.to_str().expect("a path in UTF-8")]);
        let mut ada = server.ada();
        for request in ["SET a 1", "DELETE a", "DELETE a", "SET b 2", "EXPIRE b 1"] {
            ada.ask(request);
        }
        // Not looked at: what is asked for when it is over is dropped at once, and not noted.
        wait_for("b to expire", || (ada.stat("expired") == 1).then_some(()));
        server.end_well();

        let journal = fs::read_to_string(&path).expect("the journal was written");
        let records: Vec<Vec<&str>> = journal.lines().map(|line| line.splitn(3, ' ').collect()).collect();
        let numbers: Vec<&str> = records.iter().map(|record| record[0]).collect();
        assert_eq!(numbers, ["1", "2", "3", "4", "5"]);
        assert!(records[0][2].starts_with("login ada session 1 from 127.0.0.1:"), "{journal}");
        let texts: Vec<&str> = records.iter().skip(1).map(|record| record[2]).collect();
        assert_eq!(texts, ["set a by ada", "delete a by ada", "set b by ada", "expired 1"]);
    });
}

#[test]
fn the_journal_is_appended_to() {
    on_both(|release| {
        let folder = tempfile::tempdir().expect("a folder for the journal");
        let path = folder.path().join("journal");
        fs::write(&path, "from before\n").expect("the journal can be made");
        let server = Server::start(release, &["--journal", path.to_str().expect("a path in UTF-8")]);
        server.ada();
        server.end_well();
        let journal = fs::read_to_string(&path).expect("the journal was written");
        assert!(journal.starts_with("from before\n1 "), "{journal}");
    });
}

#[test]
fn the_server_goes_on_when_its_helper_is_killed() {
    on_both(|release| {
        let mut server = Server::start(release, &[]);
        let mut ada = server.ada();
        let helper = server.helper();
        kill_process(helper, Signal::KILL).expect("the helper is there");
        wait_for("the server to notice", || {
            ada.ask("SET a x");
            (ada.stat("journal_dropped") > 0 && !lives(helper)).then_some(())
        });
        assert_eq!(ada.ask("GET a"), "$x");
        server.signal(Signal::TERM);
        let (status, said) = server.wait();
        assert!(status.success(), "{status}");
        assert_eq!(said, "larder: the helper has ended; going on without a journal\n");
    });
}

#[test]
fn the_helper_outlives_a_signal_to_both_until_the_server_is_done() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let helper = server.helper();
        for signal in [Signal::TERM, Signal::INT] {
            kill_process(helper, signal).expect("the helper is there");
        }
        assert_eq!(server.ada().stat("journal_dropped"), 0);
        server.end_well();
        assert!(!lives(helper));
    });
}

#[test]
fn the_helper_ends_when_the_server_is_killed_outright() {
    on_both(|release| {
        let mut server = Server::start(release, &[]);
        let helper = server.helper();
        server.signal(Signal::KILL);
        server.wait();
        wait_for("the helper to end", || (!lives(helper)).then_some(()));
    });
}
