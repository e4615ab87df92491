//! Keys that go by themselves: when their time is over, or when there are too many.

use crate::build::on_both;
use crate::client::Client;
use crate::server::{Server, wait_for};

fn ms_left(client: &mut Client, key: &str) -> i64 {
    let answer = client.ask(&format!("TTL {key}"));
    answer.strip_prefix(':').and_then(|ms| ms.parse().ok()).unwrap_or_else(|| panic!("TTL answered {answer}"))
}

#[test]
fn a_key_has_no_deadline_until_it_is_given_one() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        ada.ask("SET a 1");
        assert_eq!(ada.ask("TTL a"), ":-1");
        assert_eq!(ada.ask("TTL missing"), "_");
        assert_eq!(ada.ask("EXPIRE missing 1000"), ":0");
        assert_eq!(ada.ask("EXPIRE a 600000"), ":1");
        let left = ms_left(&mut ada, "a");
        assert!((540_000..=600_000).contains(&left), "{left}");
        assert_eq!(ada.ask("EXPIRE a 1200000"), ":1");
        let left = ms_left(&mut ada, "a");
        assert!((1_140_000..=1_200_000).contains(&left), "{left}");
        server.end_well();
    });
}

#[test]
fn a_time_to_live_is_between_a_millisecond_and_a_year() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        ada.ask("SET a 1");
        for wrong in ["0", "-1", "31536000001"] {
            let answer = ada.ask(&format!("EXPIRE a {wrong}"));
            assert_eq!(answer, "-RANGE expected milliseconds, from 1 to a year of them");
        }
        assert_eq!(ada.ask("EXPIRE a soon"), "-NUMBER expected a whole number of 64 bits");
        assert_eq!(ada.ask("EXPIRE a 31536000000"), ":1");
        server.end_well();
    });
}

#[test]
fn an_expired_key_goes_without_being_asked_for() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        // Not in the order of their deadlines, and one that stays.
        for (key, ms) in [("c", 90), ("a", 30), ("later", 600_000), ("b", 60)] {
            ada.ask(&format!("SET {key} x"));
            assert_eq!(ada.ask(&format!("EXPIRE {key} {ms}")), ":1");
        }
        wait_for("three keys to expire", || (ada.stat("keys") == 1).then_some(()));
        assert_eq!(ada.stat("expired"), 3);
        assert_eq!(ada.ask("GET later"), "$x");
        server.end_well();
    });
}

#[test]
fn a_key_is_there_before_its_deadline_and_never_after() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        ada.ask("SET a x");
        ada.ask("EXPIRE a 50");
        wait_for("the key to be gone", || (ada.ask("TTL a") == "_").then_some(()));
        assert_eq!(ada.ask("GET a"), "_");
        assert_eq!(ada.stat("expired"), 1);
        assert_eq!(ada.stat("keys"), 0);
        server.end_well();
    });
}

#[test]
fn an_expired_key_that_is_made_anew_does_not_expire() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        ada.ask("SET a x");
        ada.ask("EXPIRE a 1");
        wait_for("the key to expire", || (ada.ask("GET a") == "_").then_some(()));
        ada.ask("SET a y");
        assert_eq!(ada.ask("TTL a"), ":-1");
        server.end_well();
    });
}

#[test]
fn the_least_recently_used_key_makes_room_for_a_new_one() {
    on_both(|release| {
        let server = Server::start(release, &["--max-keys", "3"]);
        let mut ada = server.ada();
        for request in ["SET a 1", "ADD b 2", "PUSH c 3", "GET a", "SET d 4"] {
            ada.ask(request);
        }
        assert_eq!(ada.ask("GET b"), "_", "b was used least recently");
        assert_eq!(ada.ask("GET a"), "$1");
        ada.ask("ADD e 5"); // c goes: a and d were used after it
        assert_eq!(ada.ask("GET c"), "_");
        assert_eq!(ada.stat("keys"), 3);
        assert_eq!(ada.stat("evicted"), 2);
        ada.ask("SET a again"); // is there already: nothing needs to go
        assert_eq!(ada.stat("evicted"), 2);
        server.end_well();
    });
}

#[test]
fn an_evicted_key_with_a_deadline_is_not_expired_again() {
    on_both(|release| {
        let server = Server::start(release, &["--max-keys", "1"]);
        let mut ada = server.ada();
        for request in ["SET a 1", "EXPIRE a 40", "SET b 2", "EXPIRE b 80"] {
            ada.ask(request);
        }
        wait_for("b to expire", || (ada.stat("keys") == 0).then_some(()));
        assert_eq!(ada.stat("expired"), 1);
        assert_eq!(ada.stat("evicted"), 1);
        server.end_well();
    });
}
