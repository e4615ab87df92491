//! Requests to the process that looks after a server, from whoever can connect.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcrx_live::control::{MOST, Request, Requests, Status};
use std::io::{BufReader, Cursor};

fuzz_target!(|bytes: &[u8]| {
    let _ = Request::parse(bytes);
    // However the bytes come, they are the same requests.
    let all = |reader: BufReader<Cursor<&[u8]>>| -> Vec<Option<Request>> {
        Requests::new(reader).map(Result::ok).collect()
    };
    let at_once = all(BufReader::with_capacity(bytes.len() + 1, Cursor::new(bytes)));
    let in_pieces = all(BufReader::with_capacity(3, Cursor::new(bytes)));
    assert_eq!(at_once, in_pieces);
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| line.len() < MOST);
    // What is a request is one when it is written and read again.
    for request in lines.filter_map(|line| Request::parse(line).ok()) {
        if let Ok(line) = serde_json::to_vec(&request) {
            assert_eq!(Request::parse(&line).ok(), Some(request));
        }
    }
    let _ = serde_json::from_slice::<Status>(bytes);
});
