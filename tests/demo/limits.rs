//! Lines in pieces and in heaps, lines that are too long, clients that are slow, many, or suddenly gone.

use crate::build::on_both;
use crate::client::Client;
use crate::server::{Server, wait_for};

const TOO_LONG: &str = "-TOOLONG a line has at most 1024 bytes";

#[test]
fn a_thousand_lines_in_one_write_get_a_thousand_answers_in_order() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        ada.send("ADD n 1\n".repeat(1000));
        for sum in 1..=1000 {
            assert_eq!(ada.line(), format!(":{sum}"));
        }
        server.end_well();
    });
}

#[test]
fn a_line_may_come_byte_by_byte_and_end_in_cr_lf() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut client = server.connect();
        for byte in b"LOGIN ada lovelace\r\nSET a x\n" {
            client.send([*byte]);
        }
        assert_eq!(client.answer(), "+welcome ada");
        assert_eq!(client.answer(), "+stored");
        server.end_well();
    });
}

#[test]
fn a_line_of_1024_bytes_is_heard_and_a_longer_one_is_not() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        let text = "x".repeat(1024 - "SET a ".len());
        assert_eq!(ada.ask(&format!("SET a {text}")), "+stored");
        assert_eq!(ada.ask(&format!("SET a {text}\r")), "+stored");
        assert_eq!(ada.ask(&format!("SET a {text}y")), TOO_LONG);
        assert_eq!(ada.ask("GET a"), format!("${text}"));
        server.end_well();
    });
}

#[test]
fn a_line_of_a_megabyte_is_refused_once_and_the_next_line_is_heard() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        ada.send("y".repeat(1 << 20));
        assert_eq!(ada.line(), TOO_LONG, "before its end has come");
        ada.send("end of it\nADD n 1\n");
        assert_eq!(ada.line(), ":1");
        server.end_well();
    });
}

#[test]
fn a_line_with_a_zero_byte_is_refused() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        assert_eq!(ada.ask("SET a b\0c"), "-BAD a line has no zero bytes");
        assert_eq!(ada.ask("GET a"), "_");
        server.end_well();
    });
}

#[test]
fn a_key_is_1_to_64_printable_characters() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        let longest = "k".repeat(64);
        assert_eq!(ada.ask(&format!("SET {longest} x")), "+stored");
        for wrong in [format!("{longest}k"), "tab\tbed".to_owned(), "\u{e4}".to_owned(), String::new()] {
            for request in [format!("SET {wrong} x"), format!("ADD {wrong} 1"), format!("MARK {wrong}")] {
                let answer = ada.ask(&request);
                assert_eq!(
                    answer, "-KEY a key is 1 to 64 printable characters without spaces",
                    "to {request:?}"
                );
            }
        }
        assert_eq!(ada.stat("keys"), 1);
        server.end_well();
    });
}

#[test]
fn a_list_has_at_most_1024_texts() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        ada.send("PUSH l x\n".repeat(1024));
        (1..=1024).for_each(|length| assert_eq!(ada.line(), format!(":{length}")));
        assert_eq!(ada.ask("PUSH l x"), "-FULL a list has at most 1024 texts");
        server.end_well();
    });
}

/// Makes a list whose text is about a megabyte.
fn make_long_list(client: &mut Client) {
    let line = format!("PUSH long {}\n", "z".repeat(1000));
    client.send(line.repeat(1024));
    (1..=1024).for_each(|length| assert_eq!(client.line(), format!(":{length}")));
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody_and_loses_nothing() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let (mut slow, mut on_other_worker, mut on_same_worker) = (server.ada(), server.ada(), server.ada());
        make_long_list(&mut slow);
        // Far more than both sockets' buffers take.
        slow.send("GET long\n".repeat(40));
        slow.send("ADD done 1\n");
        for other in [&mut on_other_worker, &mut on_same_worker] {
            assert_eq!(other.ask("GET done"), "_", "no command is run while its answers are not read");
        }
        for _ in 0..40 {
            assert!(slow.answer().starts_with("*1024 $zzz"));
        }
        assert_eq!(slow.answer(), ":1");
        server.end_well();
    });
}

#[test]
fn a_client_that_goes_while_answers_are_on_their_way_harms_nobody() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let (mut ada, mut gone) = (server.ada(), server.ada());
        make_long_list(&mut gone);
        gone.send("GET long\n".repeat(40));
        drop(gone); // with answers unread, so that the connection is reset
        wait_for("the session to end", || (ada.stat("sessions") == 1).then_some(()));
        assert_eq!(ada.ask("ADD n 1"), ":1");
        server.end_well();
    });
}

#[test]
fn a_client_that_hangs_up_still_gets_its_answers() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        ada.send("SET a x\nGET a\nSET a unfinished");
        ada.hang_up();
        assert_eq!(ada.rest(), "+stored\n$x\n");
        let mut other = server.ada();
        assert_eq!(other.ask("GET a"), "$x", "half a line is no line");
        wait_for("the session to end", || (other.stat("sessions") == 1).then_some(()));
        server.end_well();
    });
}

#[test]
fn one_client_too_many_is_told_so_and_room_is_made_when_one_leaves() {
    on_both(|release| {
        let server = Server::start(release, &["--max-clients", "2"]);
        let (mut ada, second) = (server.ada(), server.connect());
        assert_eq!(Client::connect_silently(server.address).rest(), "-BUSY too many clients\n");
        drop(second);
        wait_for("the session to end", || (ada.stat("sessions") == 1).then_some(()));
        server.ada();
        server.end_well();
    });
}
