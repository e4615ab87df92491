//! redis 8.0.2 becomes 8.0.6 while clients are connected: keys of all kinds, and clients in the middle of all that clients can be in the
//! middle of.

use crate::managed::{Managed, example};
use mcrx_harness::client::{Redis as Client, Value};
use mcrx_harness::server::Redis;
use mcrx_harness::{Context, Explain as _, Pid, Result, Suite, ensure, server, until};
use serde_json::Value as Json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const RELEASES: (&str, &str) = ("8.0.2", "8.0.6");
const RULES: &str = "redis-8.0.2-to-8.0.6";
const PATIENCE: Duration = Duration::from_secs(20);
/// Connections that do nothing special.
const CLIENTS: usize = 50;

pub(crate) fn tests(suite: Suite) -> Suite {
    let needs = || [server("redis", RELEASES.0), server("redis", RELEASES.1)];
    suite
        .test(needs(), every_key_and_every_client_goes_on_in_the_same_process)
        .test(needs(), without_the_random_numbers_of_its_start_up_it_is_refused_and_goes_on)
}

/// Keys of plain text: a few thousand, or as many as the environment variable `MCRX_TEST_ITEMS` says.
fn keys() -> usize {
    std::env::var("MCRX_TEST_ITEMS").ok().and_then(|items| items.parse().ok()).unwrap_or(3_000)
}

fn started(test: &Context) -> Result<Managed<Redis>> {
    let kind = Redis::of(test.release("redis", RELEASES.0)?).with("enable-debug-command yes");
    Managed::start(test, kind, "redis")
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

fn ask(client: &mut Client, line: &str) -> Result<Value> {
    client.command(words(line)).with_context(|| line.to_owned())
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(value.bytes().unwrap_or_default()).into_owned()
}

fn version(client: &mut Client) -> Result<String> {
    let facts = text(&ask(client, "INFO server")?);
    let line = facts.lines().find_map(|line| line.strip_prefix("redis_version:"));
    Ok(line.context("a version")?.to_owned())
}

/// Keys of all kinds, small and large.
fn fill(client: &mut Client) -> Result<()> {
    client.pipeline(
        (0..keys()).map(|number| ["SET".into(), format!("key{number}"), format!("value {number}")]),
    )?;
    let commands = (0..300).flat_map(|number| {
        [
            format!("RPUSH list element-{number}-{number}"),
            format!("HSET hash field{number} value{number}"),
            format!("SADD set member{number}"),
            format!("SADD numbers {number}"),
            format!("ZADD sorted {number} member{number}"),
            format!("XADD stream 1-{} field {number}", number + 1),
            format!("PFADD estimate {number}"),
        ]
    });
    let few = [
        "HSET small a 1",
        "ZADD few 1 one",
        "SETBIT bits 1000 1",
        "GEOADD places 13.3 38.1 palermo",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group me COUNT 5 STREAMS stream >",
        "SET number 41",
        "SET expires 1 EX 1000",
        "HSET hash-expires a 1 b 2",
        "HEXPIRE hash-expires 1000 FIELDS 1 a",
    ];
    client.pipeline(
        commands
            .chain(few.map(str::to_owned))
            .map(|line| line.split(' ').map(str::to_owned).collect::<Vec<String>>()),
    )?;
    ask(client, "SELECT 3")?;
    ask(client, "SET other database")?;
    ask(client, "SELECT 0").map(drop)
}

/// What it says of all that is in it: a sum over all keys and their values.
fn digest(client: &mut Client) -> Result<String> {
    Ok(text(&ask(client, "DEBUG DIGEST")?))
}

fn expect(client: &mut Client, line: &str, wanted: &Value) -> Result<()> {
    let answer = ask(client, line)?;
    ensure!(answer == *wanted, "{line}: {answer:?}");
    Ok(())
}

fn expect_text(client: &mut Client, line: &str, wanted: &str) -> Result<()> {
    let answer = text(&ask(client, line)?);
    ensure!(answer == wanted, "{line}: {answer:?}");
    Ok(())
}

/// Each key is found, and each kind of value answers.
fn expect_all(client: &mut Client) -> Result<()> {
    for number in 0..keys() {
        expect_text(client, &format!("GET key{number}"), &format!("value {number}"))?;
    }
    for (line, wanted) in [
        ("LLEN list", 300),
        ("HLEN hash", 300),
        ("SISMEMBER set member7", 1),
        ("SISMEMBER numbers 299", 1),
        ("ZRANK sorted member250", 250),
        ("XLEN stream", 300),
        ("GETBIT bits 1000", 1),
        ("HLEN small", 1),
        ("HLEN hash-expires", 2),
    ] {
        expect(client, line, &Value::Integer(wanted))?;
    }
    expect_text(client, "LINDEX list 299", "element-299-299")?;
    expect_text(client, "HGET hash field9", "value9")?;
    let pending = ask(client, "XPENDING stream group - + 10")?;
    ensure!(matches!(&pending, Value::Array(five) if five.len() == 5), "{pending:?}");
    let left = ask(client, "TTL expires")?;
    ensure!(matches!(left, Value::Integer(1..=1000)), "{left:?}");
    Ok(())
}

fn every_key_and_every_client_goes_on_in_the_same_process(test: &Context) -> Result<()> {
    let managed = started(test)?;
    let root = managed.root()?;
    let address = managed.running.address();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::connect(address)).collect::<Result<_>>()?;
    let mut first = Client::connect(address)?;
    fill(&mut first)?;
    for (number, client) in clients.iter_mut().enumerate() {
        ask(client, &format!("CLIENT SETNAME client{number}"))?;
        ensure!(version(client)? == RELEASES.0);
    }
    ask(&mut first, "CONFIG SET maxmemory 1gb slowlog-log-slower-than 12345 notify-keyspace-events KEA")?;
    // Those who wait for something.
    let waiting = |line: &str| -> Result<Client> {
        let mut client = Client::connect(address)?;
        client.send(words(line))?;
        Ok(client)
    };
    let (mut subscriber, mut blocked, mut reader) =
        (waiting("SUBSCRIBE news")?, waiting("BLPOP later 0")?, waiting("XREAD BLOCK 0 STREAMS future $")?);
    subscriber.receive()?;
    let (mut queued, mut watching, mut monitor) =
        (Client::connect(address)?, Client::connect(address)?, Client::connect(address)?);
    for line in ["MULTI", "SET queued 1", "INCR number"] {
        ask(&mut queued, line)?;
    }
    for line in ["WATCH watched", "MULTI", "SET watched mine"] {
        ask(&mut watching, line)?;
    }
    ask(&mut monitor, "MONITOR")?;
    let mut half = TcpStream::connect(address)?;
    half.write_all(b"*3\r\n$3\r\nSET\r\n$4\r\nhal")?;
    let all = format!("connected_clients:{}\r", CLIENTS + 8);
    let blocked_clients = "blocked_clients:2\r";
    until(PATIENCE, "all clients", || {
        let facts = text(&ask(&mut first, "INFO clients")?);
        Ok((facts.contains(&all) && facts.contains(blocked_clients)).then_some(()))
    })?;
    let before = digest(&mut first)?;

    update(test, &managed)?;

    ensure!(managed.root()? == root && executable(root)?.contains(RELEASES.1));
    for (number, client) in clients.iter_mut().enumerate() {
        ensure!(version(client)? == RELEASES.1, "an open connection has the new release");
        expect_text(client, "CLIENT GETNAME", &format!("client{number}"))?;
    }
    ensure!(digest(&mut first)? == before, "not all is as it was");
    expect_all(&mut first)?;
    let setting = ask(&mut first, "CONFIG GET slowlog-log-slower-than")?;
    ensure!(matches!(&setting, Value::Array(two) if two.get(1).map(text).as_deref() == Some("12345")));

    expect(&mut first, "PUBLISH news hello", &Value::Integer(1))?;
    let heard = format!("{:?}", subscriber.receive()?);
    ensure!(heard.contains(&format!("{:?}", Value::Bulk(b"hello".to_vec()))), "{heard}");
    ask(&mut first, "RPUSH later arrived")?;
    ensure!(
        matches!(blocked.receive()?, Value::Array(two) if two.get(1).map(text).as_deref() == Some("arrived"))
    );
    ask(&mut first, "XADD future * a b")?;
    ensure!(matches!(reader.receive()?, Value::Array(_)));
    let done = ask(&mut queued, "EXEC")?;
    ensure!(matches!(&done, Value::Array(two) if two.get(1) == Some(&Value::Integer(42))), "{done:?}");
    ask(&mut first, "SET watched theirs")?;
    ensure!(ask(&mut watching, "EXEC")? == Value::Nil, "somebody else has changed what was watched");
    ensure!(text(&monitor.receive()?).contains('['), "a monitor hears of commands");
    half.write_all(b"f\r\n$4\r\nsent\r\n")?;
    let mut answer = [0; 5];
    half.read_exact(&mut answer)?;
    ensure!(&answer == b"+OK\r\n");
    expect_text(&mut first, "GET half", "sent")?;

    goes_on(&mut first)?;
    Ok(())
}

/// It works as ever: what is written, expires, is counted by a script, saved in the background, and deleted by other threads.
fn goes_on(client: &mut Client) -> Result<()> {
    ask(client, "SET soon 1 PX 50")?;
    ask(client, "PEXPIRE expires 50")?;
    for key in ["soon", "expires"] {
        let gone = |client: &mut Client| {
            Ok((ask(client, &format!("EXISTS {key}"))? == Value::Integer(0)).then_some(()))
        };
        until(PATIENCE, "a key to expire", || gone(client))?;
    }
    let script = "for i = 1, 100 do redis.call('INCR', KEYS[1]) end return redis.call('GET', KEYS[1])";
    ensure!(text(&client.command(["EVAL", script, "1", "counter"])?) == "100");
    ask(client, "SAVE")?;
    ask(client, "BGSAVE")?;
    until(PATIENCE, "a child to save all keys", || {
        let facts = text(&ask(client, "INFO persistence")?);
        let done = facts.contains("rdb_bgsave_in_progress:0") && facts.contains("rdb_last_bgsave_status:ok");
        Ok(done.then_some(()))
    })?;
    let before = digest(client)?;
    ask(client, "DEBUG RELOAD")?;
    ensure!(digest(client)? == before, "what was saved is not what there was");
    expect(client, "UNLINK hash set sorted list", &Value::Integer(4))?;
    ask(client, "FLUSHALL ASYNC")?;
    expect(client, "DBSIZE", &Value::Integer(0))?;
    fill(client)
}

fn update(test: &Context, managed: &Managed<Redis>) -> Result<()> {
    let new = test.release("redis", RELEASES.1)?;
    let outcome = managed.update(&new.path, &example("releases", RULES), &[])?;
    ensure!(outcome.code == Some(0), "{:#}", outcome.facts);
    eprintln!("held for {} ms", outcome.facts["pause_ms"]);
    Ok(())
}

fn executable(root: Pid) -> Result<String> {
    Ok(std::fs::read_to_string(format!("/proc/{root}/maps"))?)
}

/// Each start draws another seed: without the old one no key would be found.
fn without_the_random_numbers_of_its_start_up_it_is_refused_and_goes_on(test: &Context) -> Result<()> {
    let managed = started(test)?;
    let mut client = Client::connect(managed.running.address())?;
    ask(&mut client, "SET key value")?;
    let record = managed.folder().join("random.json");
    let mut draws: Json = serde_json::from_slice(&std::fs::read(&record)?)?;
    ensure!(!draws["draws"].as_array().context("draws")?.is_empty());
    draws["draws"] = Json::Array(Vec::new());
    std::fs::write(&record, draws.to_string())?;
    let new = test.release("redis", RELEASES.1)?;
    let outcome = managed.update(&new.path, &example("releases", RULES), &[])?;
    ensure!(outcome.code == Some(4) && outcome.facts.to_string().contains("MCX812"), "{:#}", outcome.facts);
    expect_text(&mut client, "GET key", "value")?;
    ensure!(version(&mut client)? == RELEASES.0);
    Ok(())
}
