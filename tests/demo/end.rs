//! A clean end.

use crate::build::on_both;
use crate::server::{Server, lives};
use rustix::process::Signal;
use std::net::TcpStream;

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
