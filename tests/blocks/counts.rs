//! What is counted, and how it is printed.

use crate::resident::{Resident, compiled};
use crate::{facts, mcrx, row_of, rows};
use serde_json::json;

#[test]
fn blocks_are_counted_by_the_call_that_made_them() {
    let resident = Resident::start(&["2"]);
    let facts = facts(resident.pid(), &[]);
    assert_eq!(facts["schema"], "mcrx.blocks/1");
    assert_eq!(
        (&facts["by"], &facts["consistency"], &facts["torn"]),
        (&json!("site"), &json!("stopped"), &json!(0))
    );
    assert_eq!(
        (facts["pid"].as_i64(), &facts["name"]),
        (Some(resident.pid().as_raw().into()), &json!("resident"))
    );
    let small = row_of(&facts, "make_small").expect("small blocks");
    assert_eq!((&small["count"], &small["bytes"]), (&json!(100), &json!(2400)));
    let big = row_of(&facts, "make_big").expect("big blocks");
    assert_eq!((&big["count"], &big["bytes"]), (&json!(3), &json!(600_000)));
    let frame = &small["frames"][0];
    assert_eq!(frame["file"], compiled().to_str().unwrap());
    assert_eq!(frame["build_id"].as_str().unwrap().len(), 40);
    let site = small["site"].as_str().unwrap();
    assert!(site.starts_with("make_small+0x") && site.ends_with(" (resident)"), "{site}");
    assert_eq!(
        facts["regions"],
        json!([{ "base": "0x100000000000", "epoch": 0, "era": 1, "draining": false }])
    );
}

#[test]
fn blocks_are_counted_by_the_size_that_was_asked_for() {
    let resident = Resident::start(&["0"]);
    let facts = facts(resident.pid(), &["--by", "size"]);
    let row = |size: u64| rows(&facts).iter().find(|row| row["size"] == size).expect("a row").clone();
    assert!(row(24)["count"].as_u64() >= Some(100), "{}", row(24));
    assert_eq!(row(200_000), json!({ "size": 200_000, "count": 3, "bytes": 600_000 }));
}

#[test]
fn rows_add_up_and_the_most_bytes_come_first() {
    let resident = Resident::start(&["0"]);
    for by in ["site", "size"] {
        let facts = facts(resident.pid(), &["--by", by]);
        for field in ["count", "bytes"] {
            let sum: u64 = rows(&facts).iter().map(|row| row[field].as_u64().unwrap()).sum();
            assert_eq!(Some(sum), facts[field].as_u64(), "{field} by {by}");
        }
        assert!(rows(&facts).is_sorted_by_key(|row| std::cmp::Reverse(row["bytes"].as_u64())));
    }
}

#[test]
fn a_person_gets_a_table() {
    let resident = Resident::start(&["0"]);
    let output = mcrx(&["blocks", &resident.pid().to_string()]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert!(
        lines[0].starts_with(&format!("{} (resident): ", resident.pid())) && lines[0].contains(" ms)"),
        "{text}"
    );
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["BYTES", "COUNT", "SITE"]);
    assert!(lines[2].starts_with("      600000          3  make_big+0x"), "{text}");
    assert_eq!(*lines.last().unwrap(), format!("Next: mcrx blocks {} --by size", resident.pid()));
}

#[test]
fn a_running_process_is_read_without_being_held() {
    let mut resident = Resident::start(&["2"]);
    let facts = facts(resident.pid(), &["--running"]);
    assert_eq!((&facts["consistency"], &facts["pause_ms"]), (&json!("running"), &json!(null)));
    assert_eq!(row_of(&facts, "make_small").unwrap()["count"], 100);
    resident.assert_goes_on();
}
