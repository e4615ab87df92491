//! A clean end.

use crate::build::on_both;
use crate::server::{Server, lives};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;

#[test]
fn sigterm_and_sigint_end_every_session_and_the_helper() {
    on_both(|release| {
        for signal in [Signal::TERM, Signal::INT] {
            let mut server = Server::start(release, &[]);
            let mut clients: Vec<_> = (0..5).map(|_| server.ada()).collect();
            clients[0].send("SET half a li");
            let helper = server.helper();
            server.signal(signal);
            let (status, said) = server.wait();
            assert!(status.success() && said.is_empty(), "{status}, saying {said:?}");
            assert!(!lives(helper), "the helper is waited for");
            for client in clients.iter_mut().skip(1) {
                assert_eq!(client.rest(), "");
            }
            assert!(TcpStream::connect(server.address).is_err(), "nobody listens any more");
        }
    });
}

#[test]
fn a_server_full_of_state_ends_well() {
    // Under a sanitizer this finds what is not given back.
    on_both(|release| {
        let server = Server::start(release, &[]);
        let mut ada = server.ada();
        for number in 0..200 {
            ada.ask(&format!("SET text{number} some text"));
            ada.ask(&format!("PUSH list{} some text", number % 10));
            ada.ask(&format!("ADD number{} {number}", number % 10));
            ada.ask(&format!("EXPIRE text{number} {}", 600_000 - number));
            ada.ask(&format!("MARK text{number}"));
        }
        server.end_well();
    });
}

#[test]
fn a_server_under_load_ends_well() {
    // A worker may be in the middle of a command that looks at the other worker when both are to end.
    const CLIENTS: usize = 4;
    on_both(|release| {
        let server = Server::start(release, &[]);
        let at_work = Barrier::new(CLIENTS + 1);
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut stream = TcpStream::connect(server.address).expect("the server accepts");
                    stream.write_all(b"LOGIN ada lovelace\n").expect("the server takes what is sent");
                    at_work.wait();
                    let mut answers = [0; 4096];
                    while stream.write_all(b"STATS\nADD n 1\nPUSH l x\n").is_ok() {
                        if !stream.read(&mut answers).is_ok_and(|count| count > 0) {
                            break;
                        }
                    }
                });
            }
            at_work.wait();
            server.signal(Signal::TERM);
        });
        server.end_well();
    });
}
