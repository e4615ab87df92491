use super::*;
use crate::managed::{Attempt, History, Kind, Outcome};
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

fn all(bytes: &[u8]) -> Vec<Result<Request, String>> {
    let requests = Requests::new(Cursor::new(bytes));
    requests.map(|request| request.map_err(|error| error.to_string())).collect()
}

#[test]
fn requests_are_lines_and_one_that_is_none_does_not_end_the_conversation() {
    let read = all(b"{\"request\": \"status\"}\n{\"request\": \"hello\"}\n\n{\"request\":\"metrics\"}");
    assert_eq!(read.len(), 4, "{read:?}");
    assert_eq!((&read[0], &read[3]), (&Ok(Request::Status), &Ok(Request::Metrics)));
    assert!(read[1].as_ref().unwrap_err().contains("hello"), "{read:?}");
    assert!(read[2].is_err(), "{read:?}");
}

#[test]
fn a_line_that_does_not_end_is_not_read_for_ever() {
    let read = all(&vec![b'x'; MOST * 3]);
    assert_eq!(read.len(), 1);
    assert!(read[0].as_ref().unwrap_err().contains("at most 4096 bytes"), "{read:?}");
    assert!(Request::parse(&vec![b' '; MOST + 1]).is_err());
    let deep = "[".repeat(MOST);
    assert!(Request::parse(deep.as_bytes()).is_err());
}

fn status(pid: i32, program: &str) -> Status {
    let mut updates = History::default();
    let paths = (Path::new("/a"), Path::new("/b"));
    let held = Some(Duration::from_millis(250));
    updates.add(Attempt::now(Kind::Update, paths, Outcome::Committed, held, Duration::from_secs(1)));
    let process = ProcessStatus { pid, name: "server".to_owned(), threads: 3, resident_bytes: 8192 };
    Status {
        pid,
        service: ServiceStatus { pid: 1, answers: true },
        state: State::Serving,
        updating_to: None,
        program: std::ffi::OsString::from(program).into(),
        build_id: Some("ab".to_owned()),
        release: None,
        since: 1_700_000_000,
        processes: vec![process.clone(), process],
        updates,
        undo: None,
    }
}

#[test]
fn metrics_of_several_servers_stand_together_and_what_labels_hold_is_escaped() {
    let text = prometheus(&[status(7, "/bin/a\"b\\c\nd"), status(8, "/bin/x")]);
    for line in [
        "mcrx_server_info{server=\"7\",program=\"/bin/a\\\"b\\\\c\\nd\",build_id=\"ab\",release=\"\"} 1",
        "mcrx_server_start_time_seconds{server=\"8\"} 1700000000",
        "mcrx_server_threads{server=\"7\"} 6",
        "mcrx_server_resident_bytes{server=\"7\"} 16384",
        "mcrx_updates_total{server=\"7\",outcome=\"committed\"} 1",
        "mcrx_updates_total{server=\"8\",outcome=\"refused\"} 0",
        "mcrx_last_update_held_seconds{server=\"7\"} 0.25",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
    let names = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('{').next());
    let mut names: Vec<_> = names.collect();
    names.dedup();
    assert_eq!(names.len(), text.matches("# TYPE ").count(), "{text}");
}

#[test]
fn a_status_is_read_as_it_was_sent() {
    let sent = status(7, "/bin/x").updating(Some("/bin/y".to_owned()));
    assert_eq!(sent.state, State::Updating);
    let text = serde_json::to_string(&sent).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), sent);
}
