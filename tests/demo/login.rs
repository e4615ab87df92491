//! Who may say what.

use crate::build::on_both;
use crate::server::Server;
use std::io::Write;

#[test]
fn before_login_only_help_login_and_quit_are_heard() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut client = server.connect();
        for request in
            ["SET a 1", "GET a", "DELETE a", "STATS", "WHOAMI", "MARKS", "MARK a", "ADD a 1", "SET"]
        {
            assert_eq!(client.ask(request), "-LOGIN first: LOGIN NAME PASSWORD", "to {request}");
        }
        assert!(client.ask("HELP").starts_with('*'));
        assert_eq!(client.ask("QUIT"), "+goodbye");
        assert_eq!(server.ada().stat("keys"), 0);
        server.end_well();
    });
}

#[test]
fn a_wrong_name_or_password_is_refused_alike() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        for wrong in ["ada hopper", "nobody lovelace", "ada lovelac", "ada lovelace ", "ada ", "ADA lovelace"]
        {
            let mut client = server.connect();
            assert_eq!(client.ask(&format!("LOGIN {wrong}")), "-DENIED wrong name or password", "{wrong:?}");
            assert_eq!(client.ask("WHOAMI"), "-LOGIN first: LOGIN NAME PASSWORD");
        }
        server.end_well();
    });
}

#[test]
fn the_third_failed_login_ends_the_connection() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut client = server.connect();
        for _ in 0..2 {
            assert_eq!(client.ask("LOGIN ada wrong"), "-DENIED wrong name or password");
        }
        client.send("LOGIN ada wrong\nLOGIN ada lovelace\n");
        assert_eq!(client.rest(), "-DENIED too many tries, goodbye\n");
        server.end_well();
    });
}

#[test]
fn two_failed_logins_are_forgiven() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut client = server.connect();
        for _ in 0..2 {
            client.ask("LOGIN grace wrong");
        }
        assert_eq!(client.ask("LOGIN grace hopper"), "+welcome grace");
        server.end_well();
    });
}

#[test]
fn who_is_logged_in_stays_who_they_are() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        assert_eq!(ada.ask("LOGIN grace hopper"), "-LOGIN you are ada already");
        assert!(ada.ask("WHOAMI").starts_with("+ada "));
        server.end_well();
    });
}

#[test]
fn accounts_come_from_a_file_where_one_is_given() {
    on_both(|release| {
        let mut users = tempfile::NamedTempFile::new().expect("a file for accounts");
        users.write_all(b"edsger:goto considered\n\nbarbara:liskov:85").expect("the file can be written");
        let server = Server::start(release, &["--users", users.path().to_str().expect("a path in UTF-8")]);
        assert_eq!(server.connect().ask("LOGIN edsger goto considered"), "+welcome edsger");
        assert_eq!(server.connect().ask("LOGIN barbara liskov:85"), "+welcome barbara");
        assert_eq!(server.connect().ask("LOGIN ada lovelace"), "-DENIED wrong name or password");
        server.end_well();
    });
}
