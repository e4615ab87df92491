//! Many clients at once, on both workers.

use crate::build::on_both;
use crate::server::{Server, wait_for};
use std::thread;

#[test]
fn two_hundred_connections_are_served_side_by_side() {
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut clients: Vec<_> = (0..200).map(|_| server.ada()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.ask(&format!("SET key{number} value{number}")), "+stored");
            assert_eq!(client.ask(&format!("MARK key{number}")), "+marked");
        }
        for (number, client) in clients.iter_mut().enumerate().rev() {
            assert_eq!(client.ask(&format!("GET key{}", 199 - number)), format!("$value{}", 199 - number));
            assert_eq!(client.ask("MARKS"), format!("*1 $key{number}"));
        }
        let mut last = clients.pop().expect("there are 200");
        assert_eq!(last.stat("sessions"), 200);
        drop(clients);
        wait_for("199 sessions to end", || (last.stat("sessions") == 1).then_some(()));
        server.end_well();
    });
}

#[test]
fn no_addition_is_lost_between_the_workers() {
    on_both(|release| {
        let server = Server::start(release, &["--max-keys", "10"]);
        thread::scope(|scope| {
            for number in 0..4 {
                let mut client = server.ada();
                scope.spawn(move || {
                    for round in 0..250 {
                        client.ask("ADD sum 1");
                        // Churn beside it: keys made, expired, evicted, deleted by all at once.
                        let key = format!("k{}", (round * 7 + number) % 13);
                        client.ask(&format!("PUSH {key} text"));
                        client.ask(&format!("EXPIRE {key} {}", 1 + round % 3));
                        client.ask(&format!("SET k{} text", round % 13));
                        client.ask(&format!("DELETE k{}", (round + 5) % 13));
                        client.ask("STATS");
                    }
                });
            }
        });
        assert_eq!(server.ada().ask("GET sum"), ":1000");
        server.end_well();
    });
}
