//! memcached 1.6.18 to 1.6.38: items, counters and connections in every state are in the new release's memory, and no rule is one too many.

use crate::images::{Done, Images, rules, rules_are_right, snapshot};
use crate::walk::{At, Program};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_harness::client::Memcached as Client;
use mcrx_harness::server::Memcached;
use mcrx_harness::{
    Context, Explain, Invocation, Kind, Pid, Place, Result, Running, Suite, bail, ensure, preload, server,
    until,
};
use mcrx_servers::Server;
use mcrx_tracer::snapshot::open;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

const RELEASES: (&str, &str) = ("1.6.18", "1.6.38");
const RULES: &str = "memcached-1.6.18-to-1.6.38";
const WORKERS: u64 = 4;

/// Bytes of the item that is under way, and of what has come of it.
const UNDER_WAY: (usize, usize) = (700_000, 300_000);

pub(crate) fn tests(suite: Suite) -> Suite {
    let needs = || [server("memcached", RELEASES.0), server("memcached", RELEASES.1)];
    suite
        .test(needs(), every_item_counter_and_connection_is_there)
        .test(needs(), each_of_its_rules_answers_something)
}

/// Items that are stored: a few thousand, or as many as the environment variable `MCRX_TEST_ITEMS` says.
fn items() -> usize {
    std::env::var("MCRX_TEST_ITEMS").ok().and_then(|items| items.parse().ok()).unwrap_or(3_000)
}

fn key(number: usize) -> String {
    format!("key-{number}-{}", "k".repeat(number % 60))
}

fn value(number: usize) -> Vec<u8> {
    // Now and then one of a larger class, and one of several chunks.
    let len = match number {
        7 => 900_000,
        number if number.is_multiple_of(500) => 20_000,
        number => number % 400,
    };
    number.to_string().into_bytes().into_iter().cycle().take(len).collect()
}

/// One that nobody asks whether it serves: what start-up leaves is to be without a connection.
struct Unasked(Memcached);

impl Kind for Unasked {
    fn name(&self) -> String {
        self.0.name()
    }

    fn prepare(&self, place: &Place) -> Result<Invocation> {
        self.0.prepare(place)
    }

    fn serves(&self, place: &Place) -> Result<()> {
        let listens = format!(":{:04X} 00000000:0000 0A ", place.port());
        let sockets = std::fs::read_to_string("/proc/net/tcp")?;
        ensure!(sockets.contains(&listens), "it does not listen yet");
        Ok(())
    }
}

fn client(running: &Running<Unasked>) -> Result<Client> {
    Client::connect(running.address())
}

/// Opens descriptors up to this one before the new release starts: an update gives it numbers that the old one does not use, since
/// memcached's table of connections goes by them.
const DESCRIPTORS: &str = "for n in $(seq 3 89); do eval \"exec $n</dev/null\"; done; exec \"$@\"";

/// A server as an operator starts it for an update.
fn started(test: &Context, release: &Server, epoch: u32) -> Result<Running<Unasked>> {
    let library = preload()?.to_str().context("text")?;
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{home}/.cache"));
    let shell = if epoch > 0 { vec!["bash", "-c", DESCRIPTORS, "bash"] } else { Vec::new() };
    let run = [env!("CARGO_BIN_EXE_mcrx"), "run", "--exec", "--library", library, "--"];
    let running = test
        .launch(Unasked(Memcached::of(release).threads(usize::try_from(WORKERS)?)))
        .under(shell.into_iter().chain(run))
        .environment("XDG_CACHE_HOME", cache)
        .environment("MCRX_EPOCH", epoch.to_string())
        .start()?;
    parked(&running)?;
    Ok(running)
}

fn parked<K: Kind>(running: &Running<K>) -> Result<()> {
    until(Duration::from_secs(20), "all threads to wait", || is_waiting(running.pid()))
}

fn is_waiting(pid: Pid) -> Result<Option<()>> {
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = std::fs::read_to_string(task?.path().join("stat"))?;
        if stat.rsplit_once(") ").is_none_or(|(_, rest)| !rest.starts_with('S')) {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

/// Images of a server at work: connections that wait, have sent half a command or half an item, or watch.
fn images(test: &Context) -> Result<Images> {
    let images = Images::of(test);
    let (old, new) = (test.release("memcached", RELEASES.0)?, test.release("memcached", RELEASES.1)?);
    let (old, new) = (started(test, old, 0)?, started(test, new, 1)?);
    let take =
        |running: &Running<Unasked>, file: &Path| snapshot(running.pid().as_raw().cast_unsigned(), file);
    take(&old, &images.start)?;
    take(&new, &images.new)?;
    let mut clients: Vec<Client> = (0..16).map(|_| client(&old)).collect::<Result<_>>()?;
    for (client, turn) in clients.iter_mut().zip(0..) {
        let own = (0..items()).filter(|number| number % 16 == turn);
        client.set_all(own.map(|number| (key(number), value(number))))?;
        ensure!(client.get(&key(turn))? == Some(value(turn)), "an item came altered");
    }
    let (mut half, mut under_way, mut watcher, idle) =
        (client(&old)?, client(&old)?, client(&old)?, client(&old)?);
    ensure!(watcher.command("watch fetchers mutations")? == "OK", "it cannot watch");
    let read = |client: &mut Client| -> Result<usize> {
        let stats = client.stats("")?;
        Ok(stats.get("bytes_read").context("no count of bytes")?.parse()?)
    };
    let first = clients.first_mut().context("a client")?;
    let before = read(first)?;
    half.send(b"get half")?;
    under_way.send(format!("set under-way 0 0 {}\r\n", UNDER_WAY.0).as_bytes())?;
    under_way.send(&vec![b'u'; UNDER_WAY.1])?;
    until(Duration::from_secs(20), "all that was sent to be read", || {
        Ok((read(first)? >= before + UNDER_WAY.1 + 8).then_some(()))
    })?;
    parked(&old)?;
    take(&old, &images.now)?;
    drop((clients, half, under_way, watcher, idle));
    old.stop()?.expect_clean()?;
    new.stop()?.expect_clean()?;
    Ok(images)
}

/// What a release has in memory, told by its debug info.
#[derive(Debug, Default, PartialEq, Eq)]
struct State {
    /// By key.
    items: BTreeMap<String, Vec<u8>>,
    /// Of each LRU list: how many items there are on it.
    lists: Vec<i64>,
    /// Of each class of slabs: the size of a piece, how many a page has, how many are free, and how many pages there are.
    classes: Vec<[i64; 4]>,
    connections: BTreeMap<u64, Connection>,
    /// Of each worker.
    counters: Vec<BTreeMap<&'static str, i64>>,
    settings: BTreeMap<&'static str, i64>,
    /// Of all of the server.
    totals: BTreeMap<&'static str, i64>,
}

#[derive(Debug, PartialEq, Eq)]
struct Connection {
    state: String,
    /// Which of the workers.
    worker: u64,
    functions: [String; 4],
    /// What has been read, and has not been looked at.
    read: Vec<u8>,
    /// Bytes of an item that are to come.
    to_come: i64,
    event: [i64; 2],
}

fn numbers(at: At<'_>, names: &[&'static str]) -> Result<BTreeMap<&'static str, i64>> {
    names.iter().map(|name| Ok((*name, at.number_of(name)?))).collect()
}

impl State {
    fn read(program: Program<'_>) -> Result<State> {
        let mut state = State::default();
        state.read_items(program)?;
        let classes = program.variable("slabclass")?.elements()?;
        for class in classes {
            let mut numbers = [0; 4];
            for (number, name) in numbers.iter_mut().zip(["size", "perslab", "sl_curr", "slabs"]) {
                *number = class.number_of(name)?;
            }
            state.classes.push(numbers);
        }
        let first = program.variable("threads")?.target()?.context("no workers")?;
        for number in 0..WORKERS {
            let stats = first.beside(number)?.member("stats")?;
            let names = ["get_cmds", "get_misses", "bytes_read", "bytes_written", "conn_yields"];
            state.counters.push(numbers(stats, &names)?);
        }
        state.read_connections(program, first)?;
        let names = ["maxbytes", "maxconns", "verbose", "num_threads", "oldest_live", "item_size_max"];
        state.settings = numbers(program.variable("settings")?, &names)?;
        state.totals = numbers(program.variable("stats")?, &["total_items", "total_conns"])?;
        let names = ["curr_items", "curr_bytes", "curr_conns", "hash_power_level"];
        state.totals.extend(numbers(program.variable("stats_state")?, &names)?);
        Ok(state)
    }

    /// As the hash table has them; and each is on one list, there and back.
    fn read_items(&mut self, program: Program<'_>) -> Result<()> {
        let table = program.variable("primary_hashtable")?.target()?.context("no hash table")?;
        let buckets = 1_u64 << program.variable("hashpower")?.number()?;
        for bucket in 0..buckets {
            for item in table.beside(bucket)?.list("h_next")? {
                let (key, value) = item_of(item)?;
                ensure!(self.items.insert(key.clone(), value).is_none(), "{key} is there twice");
            }
        }
        let [heads, tails, sizes] = ["heads", "tails", "sizes"].map(|name| program.variable(name));
        for ((head, tail), size) in
            heads?.elements()?.into_iter().zip(tails?.elements()?).zip(sizes?.elements()?)
        {
            let (forth, back) = (head.list("next")?, tail.list("prev")?);
            let same = forth.iter().map(|item| item.address).eq(back.iter().rev().map(|item| item.address));
            ensure!(same, "a list is another one backwards");
            ensure!(i64::try_from(forth.len())? == size.number()?, "{} on a list", forth.len());
            self.lists.push(size.number()?);
        }
        Ok(())
    }

    fn read_connections(&mut self, program: Program<'_>, first_worker: At<'_>) -> Result<()> {
        let table = program.variable("conns")?.target()?.context("no connections")?;
        let size = first_worker.beside(1)?.address - first_worker.address;
        for fd in 0..u64::try_from(program.variable("max_fds")?.number()?)? {
            let Some(conn) = table.beside(fd)?.target()? else { continue };
            let state = conn.member("state")?.constant()?.to_owned();
            if matches!(state.as_str(), "conn_closed" | "conn_listening") {
                continue;
            }
            let worker = conn.number_of("thread")?.cast_unsigned();
            ensure!((worker - first_worker.address).is_multiple_of(size), "a worker at {worker:#x}");
            let functions = ["try_read_command", "read", "sendmsg", "write"];
            let [one, two, three, four] = functions.map(|name| conn.member(name)?.function());
            let count = usize::try_from(conn.number_of("rbytes")?)?;
            let read = match conn.member("rcurr")?.target()? {
                Some(text) if count > 0 => text.bytes(count)?.to_vec(),
                _ => Vec::new(),
            };
            let event = conn.member("event")?;
            let connection = Connection {
                state,
                worker: (worker - first_worker.address) / size,
                functions: [one?, two?, three?, four?],
                read,
                to_come: conn.number_of("rlbytes")?,
                event: [event.number_of("ev_fd")?, event.number_of("ev_events")?],
            };
            ensure!(conn.number_of("sfd")?.cast_unsigned() == fd, "another descriptor than {fd}");
            self.connections.insert(fd, connection);
        }
        Ok(())
    }
}

/// An item's key and value, as memcached.h says where they are.
fn item_of(item: At<'_>) -> Result<(String, Vec<u8>)> {
    /// `ITEM_CAS`, `ITEM_CHUNKED` and `ITEM_CFLAGS`.
    const FLAGS: [i64; 3] = [2, 32, 128];
    let flags = item.number_of("it_flags")?;
    let [has_cas, is_chunked, has_flags] = FLAGS.map(|flag| flags & flag != 0);
    let key_len = usize::try_from(item.number_of("nkey")?)?;
    let value_len = usize::try_from(item.number_of("nbytes")?)?;
    let key_at = if has_cas { 8 } else { 0 };
    let value_at = key_at + key_len + 1 + if has_flags { 4 } else { 0 };
    let data = item.member("data")?;
    let text = data.bytes(value_at)?;
    let key = String::from_utf8(text.get(key_at..key_at + key_len).unwrap_or_default().to_vec())?;
    let mut value = if is_chunked {
        chunks_of(item, value_at, value_len)?
    } else {
        data.bytes(value_at + value_len)?.get(value_at..).unwrap_or_default().to_vec()
    };
    ensure!(value.ends_with(b"\r\n"), "the end of {key}");
    value.truncate(value_len - 2);
    Ok((key, value))
}

/// A large item begins with a chunk that has no text.
fn chunks_of(item: At<'_>, at: usize, len: usize) -> Result<Vec<u8>> {
    let first = item.member("data")?.at("_strchunk", u64::try_from(at)?)?;
    let mut value = Vec::new();
    for chunk in first.member("next")?.list("next")? {
        let used = usize::try_from(chunk.number_of("used")?)?;
        value.extend_from_slice(chunk.member("data")?.bytes(used)?);
        let head = chunk.member("head")?.number()?.cast_unsigned();
        ensure!(head == item.address, "a chunk of another item");
    }
    ensure!(value.len() == len, "{} of {len} bytes", value.len());
    Ok(value)
}

fn table(test: &Context, version: &str) -> Result<Table> {
    Ok(mcrx_debuginfo::load::load(&Binary::open(program(test, version)?)?)?)
}

fn program<'t>(test: &'t Context, version: &str) -> Result<&'t Path> {
    Ok(&test.release("memcached", version)?.path)
}

fn every_item_counter_and_connection_is_there(test: &Context) -> Result<()> {
    let rules = rules(RULES);
    rules_are_right(&rules, program(test, RELEASES.0)?, program(test, RELEASES.1)?)?;
    let images = images(test)?;
    let (done, after) = images.transform(&rules, "after")?;
    done.expect_no_conflict()?;
    let adapters = done.facts["adapters"].as_array().context("adapters")?;
    let is_libevent = |one: &serde_json::Value| one.as_str().is_some_and(|one| one.starts_with("libevent"));
    ensure!(matches!(adapters.as_slice(), [one] if is_libevent(one)), "{adapters:?}");
    let (old, new) = (table(test, RELEASES.0)?, table(test, RELEASES.1)?);
    let (now, after, fresh) = (open(&images.now)?, open(&after)?, open(&images.new)?);
    let before = State::read(Program::of(&now, &old)?)?;
    ensure!(before.items.len() == items(), "{} items", before.items.len());
    for number in 0..items() {
        ensure!(before.items.get(&key(number)) == Some(&value(number)), "the old item {number}");
    }
    let states: Vec<&str> = before.connections.values().map(|one| one.state.as_str()).collect();
    for state in ["conn_read", "conn_nread", "conn_watch"] {
        ensure!(states.contains(&state), "none is in {state}: {states:?}");
    }
    let program = Program::of(&after, &new)?;
    let state = State::read(program)?;
    for (fd, connection) in &before.connections {
        let other = state.connections.get(fd);
        ensure!(other == Some(connection), "connection {fd} was {connection:?}, and is {other:?}");
    }
    ensure!(state == before, "before:\n{:?}\nafter:\n{:?}", short(&before), short(&state));
    // What is the new release's own stays so.
    let fresh = Program::of(&fresh, &new)?;
    for program in [program, fresh] {
        let thread = program.variable("threads")?.target()?.context("no workers")?;
        ensure!(thread.member("ion")?.number_of("notify_event_fd")? > 0, "its second eventfd");
    }
    let own = |program: Program<'_>| program.variable("settings")?.number_of("slab_rebal");
    ensure!(own(program)? == own(fresh)? && own(fresh)? != 0, "the page mover is another");
    Ok(())
}

/// Without what is too much to be read.
fn short(state: &State) -> String {
    let State { items, lists, classes, counters, settings, totals, .. } = state;
    format!("{} items, {lists:?} {classes:?} {counters:?} {settings:?} {totals:?}", items.len())
}

/// What is left out, and what is said then: the code, and whom it is about. Which of libevent's blocks is the example does not matter.
const LEFT_OUT: [(&str, &str, &str); 7] = [
    ("adapter libevent\n", "MCX808", ": libevent-2.1"),
    ("    notify_event_fd -> n.notify_event_fd\n", "MCX801", " LIBEVENT_THREAD:"),
    ("    suspended = false\n", "MCX801", " _mc_resp:"),
    ("    r      = old.r\n", "MCX801", " _mc_resp_bundle:"),
    ("    drop io_queues_submitted, io_queues\n", "MCX801", " conn:"),
    ("    drop cbuf\n", "MCX801", " crawler_client_t:"),
    ("    drop slab_reassign_evictions_nomem\n", "MCX801", " stats:"),
];

fn each_of_its_rules_answers_something(test: &Context) -> Result<()> {
    let images = images(test)?;
    let mut text = std::fs::read_to_string(rules(RULES))?;
    for (part, ..) in LEFT_OUT {
        ensure!(text.contains(part), "the rules do not say {part:?}");
        text = text.replace(part, "");
    }
    let done = plan(test, &images, &text)?;
    let conflicts = done.conflicts();
    ensure!(done.code == 4, "nothing stops it");
    for (part, code, whom) in LEFT_OUT {
        if !conflicts.iter().any(|conflict| conflict.starts_with(code) && conflict.contains(whom)) {
            bail!("without {part:?} nothing is said: {}", conflicts.join("\n"));
        }
    }
    Ok(())
}

/// With rules of which the facts are the usual ones.
fn plan(test: &Context, images: &Images, text: &str) -> Result<Done> {
    let file: PathBuf = test.scratch().fresh("rules").with_extension("mcrx");
    let facts = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/facts/memcached.mcrx");
    std::fs::write(&file, text.replace("../facts/memcached.mcrx", facts.to_str().context("text")?))?;
    images.plan(Some(&file))
}
