//! What a client sees of the difference between the releases.

use crate::build::Release;
use crate::client::Client;
use crate::server::{Server, wait_for};

fn on(release: Release, test: impl Fn(&mut Client)) {
    let server = Server::start(release, &[]);
    test(&mut server.ada());
    server.end_well();
}

#[test]
fn in_release_1_a_value_set_anew_dies_with_the_old_one() {
    on(Release::Old, |ada| {
        ada.ask("SET a old");
        ada.ask("EXPIRE a 40");
        ada.ask("SET a new");
        wait_for("the bug to bite", || (ada.ask("GET a") == "_").then_some(()));
    });
}

#[test]
fn in_release_2_a_value_set_anew_outlives_the_old_one() {
    on(Release::New, |ada| {
        ada.ask("SET a old");
        ada.ask("SET witness x");
        ada.ask("EXPIRE a 40");
        ada.ask("EXPIRE witness 41");
        ada.ask("SET a new");
        assert_eq!(ada.ask("TTL a"), ":-1");
        wait_for("the witness to expire", || (ada.ask("GET witness") == "_").then_some(()));
        assert_eq!(ada.ask("GET a"), "$new");
    });
}

#[test]
fn in_both_releases_adding_and_pushing_keep_the_deadline() {
    for release in [Release::Old, Release::New] {
        on(release, |ada| {
            for request in
                ["ADD n 1", "EXPIRE n 600000", "ADD n 1", "PUSH l x", "EXPIRE l 600000", "PUSH l y"]
            {
                ada.ask(request);
            }
            assert_ne!(ada.ask("TTL n"), ":-1");
            assert_ne!(ada.ask("TTL l"), ":-1");
        });
    }
}

#[test]
fn info_is_unknown_to_release_1() {
    on(Release::Old, |ada| {
        assert_eq!(ada.ask("INFO a"), "-UNKNOWN there is no such command; HELP lists them");
        assert!(!ada.ask("HELP").contains("INFO"));
    });
}

#[test]
fn info_in_release_2_tells_kind_and_counts_changes() {
    on(Release::New, |ada| {
        assert_eq!(ada.ask("INFO a"), "_");
        ada.ask("SET a x");
        assert_eq!(ada.ask("INFO a"), "+text revision 1 ttl -1");
        ada.ask("SET a y");
        assert_eq!(ada.ask("INFO a"), "+text revision 2 ttl -1");
        ada.ask("ADD a 1"); // refused: no change
        assert_eq!(ada.ask("INFO a"), "+text revision 2 ttl -1");
        ada.ask("ADD n 1");
        assert_eq!(ada.ask("INFO n"), "+number revision 1 ttl -1");
        ada.ask("PUSH l x");
        ada.ask("PUSH l y");
        assert_eq!(ada.ask("INFO l"), "+list revision 2 ttl -1");
        assert!(ada.ask("HELP").contains("$INFO KEY"));
    });
}

#[test]
fn a_session_has_8_marks_in_release_1_and_64_in_release_2() {
    for (release, most) in [(Release::Old, 8), (Release::New, 64)] {
        on(release, |ada| {
            let mut keys = String::new();
            for number in 0..most {
                assert_eq!(ada.ask(&format!("MARK key{number}")), "+marked");
                keys.push_str(&format!(" $key{number}"));
            }
            assert_eq!(ada.ask("MARK another"), format!("-FULL a session has at most {most} marks"));
            assert_eq!(ada.ask("MARK key3"), "+marked", "it is one of them");
            assert_eq!(ada.ask("MARKS"), format!("*{most}{keys}"));
        });
    }
}

#[test]
fn whoami_in_release_2_tells_how_long_the_session_lasts() {
    on(Release::New, |ada| {
        let whoami = ada.ask("WHOAMI");
        let (_, seconds) = whoami.rsplit_once(" seconds ").expect("seconds come last");
        assert!(seconds.parse::<u64>().is_ok(), "{whoami}");
    });
}
