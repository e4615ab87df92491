//! Each command, and each way to get it wrong.

use crate::build::{Release, on_both};
use crate::server::Server;

/// Asks one client a series of requests with the answers that are due.
fn converse(release: Release, conversation: &[(&str, &str)]) {
    let server = Server::start(release, &[]);
    let mut client = server.ada();
    for (request, answer) in conversation {
        assert_eq!(client.ask(request), *answer, "to {request:?}");
    }
    server.end_well();
}

#[test]
fn a_text_is_set_read_overwritten_and_deleted() {
    on_both(|release| {
        converse(
            release,
            &[
                ("GET a", "_"),
                ("SET a good morning", "+stored"),
                ("GET a", "$good morning"),
                ("SET a  two  spaces ", "+stored"),
                ("GET a", "$ two  spaces "),
                ("SET a ", "+stored"),
                ("GET a", "$"),
                ("DELETE a", ":1"),
                ("DELETE a", ":0"),
                ("GET a", "_"),
            ],
        );
    });
}

#[test]
fn a_number_is_made_by_adding_and_does_not_overflow() {
    on_both(|release| {
        converse(
            release,
            &[
                ("ADD n 5", ":5"),
                ("ADD n -7", ":-2"),
                ("GET n", ":-2"),
                ("ADD n 9223372036854775807", ":9223372036854775805"),
                ("ADD n 3", "-RANGE the sum does not fit 64 bits"),
                ("GET n", ":9223372036854775805"),
                ("ADD n 9223372036854775808", "-NUMBER expected a whole number of 64 bits"),
                ("ADD n 1x", "-NUMBER expected a whole number of 64 bits"),
                ("ADD n  1", "-NUMBER expected a whole number of 64 bits"),
                ("ADD n ", "-NUMBER expected a whole number of 64 bits"),
                ("DELETE n", ":1"),
            ],
        );
    });
}

#[test]
fn a_list_grows_at_its_end() {
    on_both(|release| {
        converse(
            release,
            &[
                ("PUSH l apples", ":1"),
                ("PUSH l brown bread", ":2"),
                ("PUSH l ", ":3"),
                ("GET l", "*3 $apples $brown bread $"),
                ("DELETE l", ":1"),
                ("PUSH l anew", ":1"),
            ],
        );
    });
}

#[test]
fn a_key_of_one_kind_is_not_used_as_another_but_can_be_set() {
    on_both(|release| {
        converse(
            release,
            &[
                ("SET t text", "+stored"),
                ("ADD n 1", ":1"),
                ("PUSH l item", ":1"),
                ("ADD t 1", "-KIND t does not hold a number"),
                ("ADD l 1", "-KIND l does not hold a number"),
                ("PUSH t x", "-KIND t does not hold a list"),
                ("PUSH n x", "-KIND n does not hold a list"),
                ("SET n text", "+stored"),
                ("SET l text", "+stored"),
                ("GET n", "$text"),
                ("GET l", "$text"),
            ],
        );
    });
}

#[test]
fn keys_with_the_same_hash_are_kept_apart() {
    // To release 1's hash function these two are one.
    on_both(|release| {
        converse(
            release,
            &[
                ("SET Az first", "+stored"),
                ("SET BY second", "+stored"),
                ("GET Az", "$first"),
                ("GET BY", "$second"),
                ("DELETE Az", ":1"),
                ("GET BY", "$second"),
            ],
        );
    });
}

#[test]
fn a_session_has_marks_of_its_own_in_its_own_order() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let (mut ada, mut other) = (server.ada(), server.ada());
        assert_eq!(ada.ask("MARKS"), "*0");
        for key in ["pears", "apples", "pears"] {
            assert_eq!(ada.ask(&format!("MARK {key}")), "+marked");
        }
        assert_eq!(ada.ask("MARKS"), "*2 $pears $apples");
        assert_eq!(other.ask("MARKS"), "*0");
        server.end_well();
    });
}

#[test]
fn whoami_tells_the_session_and_counts_its_commands() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        assert_eq!(ada.ask("NONSENSE"), "-UNKNOWN there is no such command; HELP lists them");
        let whoami = ada.ask("WHOAMI");
        assert!(whoami.starts_with("+ada session 1 commands 3 logins 1"), "{whoami}");
        let whoami = server.ada().ask("WHOAMI");
        assert!(whoami.starts_with("+ada session 2 commands 2 logins 2"), "{whoami}");
        server.end_well();
    });
}

#[test]
fn stats_tell_the_release_and_count() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let (mut ada, _other) = (server.ada(), server.connect());
        for request in ["SET a 1", "SET b 2", "GET a", "GET b", "GET c"] {
            ada.ask(request);
        }
        assert!(ada.ask("STATS").contains(&format!("$release {}", release.version())));
        assert_eq!(ada.stat("sessions"), 2);
        assert_eq!(ada.stat("keys"), 2);
        assert_eq!(ada.stat("hits"), 2);
        assert_eq!(ada.stat("misses"), 1);
        assert_eq!(ada.stat("commands"), 12);
        server.end_well();
    });
}

#[test]
fn help_lists_every_command_with_its_arguments() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut client = server.connect();
        let help = client.ask("help");
        let commands =
            ["ADD KEY NUMBER", "DELETE KEY", "EXPIRE KEY MILLISECONDS", "GET KEY", "LOGIN NAME PASSWORD"];
        for command in
            commands.into_iter().chain(["MARKS", "QUIT", "SET KEY TEXT", "STATS", "TTL KEY", "WHOAMI"])
        {
            assert!(help.contains(&format!("${command}")), "{command} is not in {help}");
        }
        server.end_well();
    });
}

#[test]
fn a_command_with_too_few_or_too_many_arguments_is_explained() {
    on_both(|release| {
        converse(
            release,
            &[
                ("SET", "-USAGE SET KEY TEXT"),
                ("set k", "-USAGE SET KEY TEXT"),
                ("GET", "-USAGE GET KEY"),
                ("MARKS all", "-USAGE MARKS"),
                ("EXPIRE k", "-USAGE EXPIRE KEY MILLISECONDS"),
                ("", "-UNKNOWN there is no such command; HELP lists them"),
                (" GET k", "-UNKNOWN there is no such command; HELP lists them"),
            ],
        );
    });
}

#[test]
fn quit_ends_the_connection_after_the_answer_and_runs_nothing_more() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        ada.send("SET a 1\nQUIT\nSET a 2\n");
        assert_eq!(ada.rest(), "+stored\n+goodbye\n");
        assert_eq!(server.ada().ask("GET a"), "$1");
        server.end_well();
    });
}
