//! redis with keys of all kinds, and clients in the middle of something: to the next fix it is carried over whole; from 7.0 to 8.0 it is refused, with
//! the reasons named.

use crate::images::{Images, rules, rules_are_right, snapshot, utf8};
use crate::walk::{At, Program};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_harness::server::Redis;
use mcrx_harness::{
    Context, Explain, Pid, Result, Running, Suite, bail, client, ensure, preload, server, until,
};
use mcrx_tracer::image::Image;
use mcrx_tracer::snapshot::open;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Keys, if the environment variable `MCRX_TEST_KEYS` does not say how many.
const KEYS: usize = 2000;

/// Elements that are too many for the compact encodings.
const MANY: usize = 600;

pub(crate) fn tests(suite: Suite) -> Suite {
    let needs = |old, new| [server("redis", old), server("redis", new)];
    suite
        .test(needs("8.0.2", "8.0.6"), the_next_fix_has_all_keys_and_clients_but_for_the_seed_of_their_hashes)
        .test(needs("7.0.15", "8.0.2"), another_key_space_is_refused_by_its_name)
}

/// A release under the allocator.
fn start(test: &Context, version: &str, epoch: u32) -> Result<Running<Redis>> {
    let words = [env!("CARGO_BIN_EXE_mcrx"), "run", "--exec", "--library", utf8(preload()?)?];
    let callers = test.scratch().fresh("callers").display().to_string();
    let words =
        words.map(str::to_owned).into_iter().chain(["--callers".to_owned(), callers, "--".to_owned()]);
    let redis = Redis::of(test.release("redis", version)?);
    let redis = test.launch(redis).under(words).environment("MCRX_EPOCH", epoch.to_string()).start()?;
    wait(redis.pid())?;
    Ok(redis)
}

/// Until all threads of a process sleep.
fn wait(pid: Pid) -> Result<()> {
    until(Duration::from_secs(60), "redis to wait", || {
        for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let stat = std::fs::read_to_string(task?.path().join("stat"))?;
            if stat.rsplit_once(") ").is_none_or(|(_, rest)| !rest.starts_with('S')) {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

/// Two releases, and what is in the old one.
struct Ready {
    images: Images,
    /// It runs as long as its images are looked at.
    _old: Running<Redis>,
    _clients: Vec<client::Redis>,
    tables: (Table, Table),
}

impl Ready {
    fn of(test: &Context, (old, new): (&str, &str)) -> Result<Ready> {
        let images = Images::of(test);
        let taken =
            |redis: &Running<Redis>, file: &Path| snapshot(u32::try_from(redis.pid().as_raw())?, file);
        let server = start(test, old, 0)?;
        taken(&server, &images.start)?;
        taken(&start(test, new, 1)?, &images.new)?;
        let clients = work(&server)?;
        wait(server.pid())?;
        taken(&server, &images.now)?;
        let table = |version| -> Result<Table> {
            let program = &test.release("redis", version)?.path;
            Ok(mcrx_debuginfo::load::load(&Binary::open(program)?)?)
        };
        Ok(Ready { images, _old: server, _clients: clients, tables: (table(old)?, table(new)?) })
    }
}

fn keys() -> Result<usize> {
    match std::env::var("MCRX_TEST_KEYS") {
        Ok(keys) => keys.parse().context("MCRX_TEST_KEYS"),
        Err(_) => Ok(KEYS),
    }
}

/// Keys of all kinds, small and large; clients who have subscribed, are in a transaction, and wait.
fn work(redis: &Running<Redis>) -> Result<Vec<client::Redis>> {
    let mut client = redis.client()?;
    client.pipeline((0..keys()?).map(command))?;
    let long = |number: usize| format!("{number} ").repeat(40);
    let large = |words: &[&str], rest: fn(usize) -> Vec<String>| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        (0..MANY).map(move |number| [words.clone(), rest(number)].concat())
    };
    client
        .pipeline((0..MANY).map(|number| vec!["RPUSH".to_owned(), "large list".to_owned(), long(number)]))?;
    client.pipeline(large(&["HSET", "large hash"], |number| {
        vec![format!("field {number}").repeat(9), "1".into()]
    }))?;
    client.pipeline(large(&["SADD", "large set"], |number| vec![format!("member {number}").repeat(9)]))?;
    client.pipeline(large(&["SADD", "large set of numbers"], |number| vec![number.to_string()]))?;
    client.pipeline(large(&["ZADD", "large sorted"], |number| {
        vec![format!("{number}.25"), format!("member {number}").repeat(9)]
    }))?;
    client.pipeline(large(&["XADD", "large stream", "*"], |number| {
        vec!["field".to_owned(), format!("{number} ").repeat(30)]
    }))?;
    client.command(["XGROUP", "CREATE", "large stream", "group", "0"])?;
    client.command(["XREADGROUP", "GROUP", "group", "one", "COUNT", "50", "STREAMS", "large stream", ">"])?;
    client.command(["EVAL", "return redis.call('GET', KEYS[1])", "1", "key 0"])?;
    let mut subscribed = redis.client()?;
    subscribed.command(["SUBSCRIBE", "news"])?;
    subscribed.send(["PSUBSCRIBE", "n*"])?;
    subscribed.receive()?;
    let mut transacting = redis.client()?;
    transacting.command(["WATCH", "watched"])?;
    transacting.command(["MULTI"])?;
    transacting.command(["GET", "key 0"])?;
    transacting.command(["INCR", "counter"])?;
    let mut blocked = redis.client()?;
    blocked.send(["BLPOP", "to come", "0"])?;
    until(Duration::from_secs(60), "a client to be blocked", || {
        let client::Value::Bulk(said) = client.command(["INFO", "clients"])? else { bail!("no INFO") };
        Ok(String::from_utf8_lossy(said.as_ref()).contains("blocked_clients:1").then_some(()))
    })?;
    Ok(vec![client, subscribed, transacting, blocked])
}

/// What makes a key of a kind, and of strings what it holds.
fn command(number: usize) -> Vec<String> {
    let key = format!("key {number}");
    let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let two = |first: &str, second: &str| [first.to_owned(), second.to_owned()];
    match (number % 8, text(number)) {
        (_, Some(text)) => of(&["SET", &key, &text]),
        (3, _) => of(&["RPUSH", &key, "first", "second", &number.to_string()]),
        (4, _) => of(&["HSET", &key, "field", &number.to_string(), "other", "value"]),
        (5, _) => of(&["SADD", &key, "1", "2", "70000", &number.to_string()]),
        (6, _) => [of(&["ZADD", &key]), two("1.5", "one").into(), two("2.5", "two").into()].concat(),
        _ => of(&["XADD", &key, "*", "field", &number.to_string()]),
    }
}

/// What a key holds that is a string: a number, a text that lies beside its object, or one of its own.
fn text(number: usize) -> Option<String> {
    match number % 8 {
        0 => Some(number.to_string()),
        1 => Some(format!("value of {number}")),
        2 => Some(format!("{number} ").repeat(40)),
        _ => None,
    }
}

/// What lies in the database, as the server's code finds it: by key the kind and encoding, and of what is one text the text, else where it is.
fn database(image: &Image, table: &Table) -> Result<BTreeMap<String, (i64, String)>> {
    let server = Program::of(image, table)?.variable("server")?;
    let keys = server.member("db")?.target()?.context("the first database")?.member("keys")?;
    let store = keys.target()?.context("its keys")?;
    let dict =
        store.member("dicts")?.target()?.context("its tables")?.target()?.context("the first table")?;
    let mut found = BTreeMap::new();
    let tables = dict.member("ht_table")?.elements()?;
    for (table, exponent) in tables.iter().zip(dict.member("ht_size_exp")?.elements()?) {
        let Some(first) = table.target()? else { continue };
        for bucket in 0..1_u64 << exponent.number()? {
            let mut link = first.beside(bucket)?;
            // Most units know it only by its name.
            while let Some(entry) = link.target_as("dictEntry")? {
                let key = entry.member("key")?.target_as("char")?.context("a key")?.text()?;
                let value = entry
                    .member("v")
                    .and_then(|value| value.member("val"))
                    .or_else(|_| entry.member("val"))?;
                let value = value.target_as("redisObject")?.context("a value")?;
                found.insert(key, held(value)?);
                link = entry.member("next")?;
            }
        }
    }
    let counted = usize::try_from(store.number_of("key_count")?)?;
    ensure!(counted == found.len(), "{counted} keys are counted, and {} there", found.len());
    Ok(found)
}

/// The kind in the lower four bits, the encoding above.
fn held(value: At<'_>) -> Result<(i64, String)> {
    let kind = i64::from(value.bytes(1)?[0]);
    let to = value.member("ptr")?;
    let text = match (kind & 15, kind >> 4) {
        (0, 1) => to.number()?.to_string(),
        (0, _) => to.target_as("char")?.context("a text")?.text()?,
        _ => format!("at {:#x}", to.number()?),
    };
    Ok((kind, text))
}

/// Each client's number and descriptor.
fn clients(image: &Image, table: &Table) -> Result<BTreeMap<i64, i64>> {
    let server = Program::of(image, table)?.variable("server")?;
    let list = server.member("clients")?.target()?.context("the clients")?;
    let mut found = BTreeMap::new();
    for node in list.member("head")?.list("next")? {
        let client = node.member("value")?.target_as("client")?.context("a client")?;
        let connection = client.member("conn")?.target()?.context("its connection")?;
        found.insert(client.number_of("id")?, connection.number_of("fd")?);
    }
    ensure!(usize::try_from(list.number_of("len")?)? == found.len(), "{found:?} are not as many");
    Ok(found)
}

/// The rules without what they assert: what the update would do if both releases had drawn one seed.
fn without_asserts(test: &Context, rules: &Path) -> Result<PathBuf> {
    let facts = rules.parent().and_then(Path::parent).context("a folder")?.join("facts");
    let text = std::fs::read_to_string(rules)?.replace("../facts", utf8(&facts)?);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("assert ")).collect();
    let without = test.scratch().fresh("rules").with_extension("mcrx");
    std::fs::write(&without, lines.join("\n") + "\n")?;
    Ok(without)
}

fn the_next_fix_has_all_keys_and_clients_but_for_the_seed_of_their_hashes(test: &Context) -> Result<()> {
    let rules = rules("redis-8.0.2-to-8.0.6");
    let program = |version| test.release("redis", version).map(|server| server.path.clone());
    rules_are_right(&rules, &program("8.0.2")?, &program("8.0.6")?)?;
    let ready = Ready::of(test, ("8.0.2", "8.0.6"))?;
    let refused = ready.images.plan(Some(&rules))?;
    let is_of_seed = |conflict: &String| conflict.contains("MCX812");
    ensure!(
        !refused.conflicts().is_empty() && refused.conflicts().iter().all(is_of_seed),
        "{:?}",
        refused.facts
    );
    let rules = without_asserts(test, &rules)?;
    let begun = Instant::now();
    let (done, after) = ready.images.transform(&rules, "after")?;
    println!("{} keys: {:.1} s for all of it, {}", keys()?, begun.elapsed().as_secs_f64(), done.facts);
    done.expect_no_conflict()?;
    let (now, after) = (open(&ready.images.now)?, open(&after)?);
    let before = database(&now, &ready.tables.0)?;
    let found = database(&after, &ready.tables.1)?;
    for number in 0..keys()? {
        let (_, held) = found.get(&format!("key {number}")).with_context(|| format!("key {number}"))?;
        ensure!(text(number).is_none_or(|text| text == *held), "key {number}: {held}");
    }
    for (key, value) in &before {
        ensure!(found.get(key) == Some(value), "{key}: {value:?} before, {:?} after", found.get(key));
    }
    ensure!(found.len() == before.len() && found.len() == keys()? + 6, "{} keys", found.len());
    let (before, found) = (clients(&now, &ready.tables.0)?, clients(&after, &ready.tables.1)?);
    ensure!(before == found && found.len() == 4, "{before:?} before, {found:?} after");
    Ok(())
}

/// What stands in the way from 7.0 to 8.0: what the code begins with, what the name of the object does, the member, and what the way to the first
/// of them begins with.
const IN_THE_WAY: &[(&str, &str, &str, &str)] = &[
    // The key space.
    ("MCX801", "redisDb", "dict", ""),
    ("MCX801", "redisDb", "expires", ""),
    ("MCX807", "", "", "server.db"),
    // Also where the shortest way to the first of them begins with a word that only looks like a pointer.
    ("MCX807", "block of", "", ""),
    // What clients have subscribed to.
    ("MCX801", "redisServer", "pubsub_channels", ""),
    ("MCX801", "redisServer", "pubsubshard_channels", ""),
    ("MCX801", "client", "pubsub_patterns", ""),
    ("MCX803", "struct list", "match", "server.clients"),
    ("MCX807", "struct list", "", "server.pubsub_channels"),
    // Answers lie behind clients, and nothing says that they do.
    ("MCX805", "struct client", "", "server.clients"),
    // One that is in a transaction, and one that waits.
    ("MCX809", "struct watchedKey", "", ""),
    ("MCX801", "struct bkinfo", "", ""),
    // Lua's memory, and what leads into it. What of it has changed is not always the same.
    ("MCX80", "block of", "", "lctx."),
    ("MCX80", "lctx.", "", "lctx."),
    ("MCX80", "block of", "", "engines->"),
    ("MCX804", "struct luaScript", "", "lctx."),
    // Which nodes the tree of clients has depends on how many have come.
    ("MCX80", "block of", "", "server.clients_index"),
    // Where the new release accepts clients, the old one has something else under that number.
    ("MCX813", "server.el->events", "[]", "server.el"),
    // How often commands have been called, and how long they took.
    ("MCX807", "redisCommandTable", "", ""),
    ("MCX807", "", "", "redisCommandTable["),
    ("MCX806", "block of", "", "redisCommandTable["),
    ("MCX805", "struct streamConsumer", "", ""),
];

fn another_key_space_is_refused_by_its_name(test: &Context) -> Result<()> {
    let ready = Ready::of(test, ("7.0.15", "8.0.2"))?;
    let done = ready.images.plan(Some(&rules("redis-7.0.15-to-8.0.2")))?;
    ensure!(done.code == 4, "{}: {}", done.code, done.stderr);
    let mut met = vec![false; IN_THE_WAY.len()];
    for conflict in done.facts["conflicts"].as_array().context("conflicts")? {
        let text = |key: &str| conflict[key].as_str().unwrap_or_default();
        let is_it = |(code, object, member, path): &(&str, &str, &str, &str)| {
            let is_there = text("code").starts_with(code) && text("object").starts_with(object);
            // One of the elements.
            let found = if text("member").starts_with('[') { "[]" } else { text("member") };
            // `*(*lctx.lua->l_gt.value)`
            let begins = text("path").trim_start_matches(['*', '(']).starts_with(path);
            is_there && *member == found && begins
        };
        let named: Vec<usize> = (0..IN_THE_WAY.len()).filter(|place| is_it(&IN_THE_WAY[*place])).collect();
        ensure!(!named.is_empty(), "nobody has named this: {conflict}");
        named.into_iter().for_each(|place| met[place] = true);
    }
    let missing =
        IN_THE_WAY.iter().zip(&met).filter(|(one, met)| !**met && one.0 != "MCX80").map(|(one, _)| one);
    let missing: Vec<_> = missing.collect();
    ensure!(missing.is_empty(), "{missing:?} are no longer in the way");
    Ok(())
}
