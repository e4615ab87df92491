//! The demo server's releases: what its clients have put into the old one is in the new one's memory, all of it and nothing else.

use crate::images::{Done, Images, mcrx, rules, rules_are_right, snapshot, utf8};
use crate::larder::{Holds, Larder, Logical, MAX_KEYS, Release, Scene, Session, compile, work};
use crate::walk::{At, Program};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_harness::{Context, Explain, Result, Suite, bail, ensure};
use mcrx_tracer::snapshot::open;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([], all_that_clients_have_put_in_is_there)
        .test([], by_the_derived_rules_it_comes_back)
        .test([], without_any_of_its_rules_it_is_noticed)
}

/// What a release keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    logical: Logical,
    /// Of each key: when it expires.
    deadlines: BTreeMap<String, i64>,
    connections: BTreeMap<i64, Connection>,
    /// Sessions of each worker, as they are on its ring.
    workers: Vec<Vec<i64>>,
    commands: i64,
    /// The alarm, the limit, and the numbers of the last session and the next worker.
    settings: [i64; 3],
    /// What only one release has: how often keys have been changed, since when sessions last; where clients are.
    own: (Vec<i64>, Vec<i64>, Vec<String>),
}

/// How bytes come and go, by the number of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Connection {
    address: u64,
    fd: i64,
    epoll: i64,
    interest: i64,
    flags: [i64; 4],
    unsent: Vec<u8>,
    on_line: String,
}

/// Bernstein's, and FNV-1a.
fn hash_of(key: &str, release: Release) -> u32 {
    let (start, step): (u32, fn(u32, u32) -> u32) = match release {
        Release::Old => (5381, |hash, byte| hash.wrapping_mul(33).wrapping_add(byte)),
        Release::New => (2_166_136_261, |hash, byte| (hash ^ byte).wrapping_mul(16_777_619)),
    };
    key.bytes().fold(start, |hash, byte| step(hash, u32::from(byte)))
}

impl State {
    fn read(program: Program<'_>, release: Release) -> Result<State> {
        let mut state = State {
            logical: Logical::default(),
            deadlines: BTreeMap::new(),
            connections: BTreeMap::new(),
            workers: Vec::new(),
            commands: 0,
            settings: [0; 3],
            own: Default::default(),
        };
        state.read_store(program.variable("store")?, release)?;
        state.read_workers(program.variable("workers")?, release)?;
        for account in program.variable("accounts")?.list("next")? {
            let name = account.member("name")?.text_behind()?;
            state.logical.logins.insert(name, account.number_of("logins")?);
        }
        state.commands = match release {
            Release::Old => program.variable("commands_served")?.number()?,
            Release::New => program.variable("stats")?.number_of("commands")?,
        };
        if release == Release::New {
            let logins = program.variable("stats")?.number_of("logins")?;
            ensure!(logins == state.logical.logins.values().sum::<i64>(), "{logins} logins in all");
        }
        state.settings[1] = program.variable("last_id")?.number()?;
        state.settings[2] = program.variable("turn")?.number()?;
        Ok(state)
    }

    fn read_store(&mut self, store: At<'_>, release: Release) -> Result<()> {
        let (entry, most) = match release {
            Release::Old => ("item", "max_items"),
            Release::New => ("entry", "max_entries"),
        };
        let mut addresses = BTreeMap::new();
        for (number, bucket) in (0..).zip(store.member("buckets")?.elements()?) {
            for entry in bucket.list("next")? {
                let key = entry.member("key")?.text_behind()?;
                let hash = hash_of(&key, release);
                ensure!(u32::try_from(entry.number_of("hash")?)? == hash, "the hash of {key}");
                ensure!(hash % 1024 == number, "{key} is in bucket {number}");
                self.logical.keys.insert(key.clone(), held(entry.member("value")?, release)?);
                if release == Release::New {
                    self.own.0.push(entry.number_of("revision")?);
                }
                self.deadlines.insert(key.clone(), entry.number_of("deadline_ms")?);
                ensure!(addresses.insert(key.clone(), entry.address).is_none(), "{key} is there twice");
            }
        }
        // An object that is on no ring leads to itself.
        for (ring, is_timer) in [("recent", false), ("timers", true)] {
            let mut keys = Vec::new();
            for entry in store.member(ring)?.ring(entry, if is_timer { "timer" } else { ring })? {
                let key = entry.member("key")?.text_behind()?;
                ensure!(addresses.get(&key) == Some(&entry.address), "another {key} is on the ring");
                keys.push(key);
            }
            *(if is_timer { &mut self.logical.timers } else { &mut self.logical.recent }) = keys;
        }
        let counts = store.member("counts")?;
        let count = counts.number_of(if release == Release::Old { "items" } else { "entries" })?;
        ensure!(usize::try_from(count)? == self.logical.keys.len(), "{count} keys are counted");
        for (count, name) in self.logical.counts.iter_mut().zip(["hits", "misses", "evicted", "expired"]) {
            *count = counts.number_of(name)?;
        }
        self.settings[0] = store.number_of("alarm_ms")?;
        ensure!(usize::try_from(store.number_of(most)?)? == MAX_KEYS, "another limit");
        Ok(())
    }

    fn read_workers(&mut self, workers: At<'_>, release: Release) -> Result<()> {
        for worker in workers.elements()? {
            let (ring, count, ty) = match release {
                Release::Old => ("sessions", "session_count", "session"),
                Release::New => ("connections", "connection_count", "connection"),
            };
            let mut ids = Vec::new();
            for connection in worker.member(ring)?.ring(ty, "link")? {
                let owner = connection.member("worker")?.target()?.context("its worker")?;
                ensure!(owner.address == worker.address, "it is another worker's");
                ids.push(self.read_connection(connection, worker.number_of("epoll_fd")?, release)?);
            }
            ensure!(usize::try_from(worker.number_of(count)?)? == ids.len(), "{ids:?} are not as many");
            self.workers.push(ids);
        }
        Ok(())
    }

    fn read_connection(&mut self, connection: At<'_>, epoll: i64, release: Release) -> Result<i64> {
        let session = match release {
            Release::Old => connection,
            Release::New => connection.member("session")?.target()?.context("its session")?,
        };
        let unread = connection.member("in")?.bytes(usize::try_from(connection.number_of("in_used")?)?)?;
        let range = usize::try_from(connection.number_of("out_sent")?)?
            ..usize::try_from(connection.number_of("out_used")?)?;
        let unsent = match connection.member("out")?.target()? {
            Some(out) => out.bytes(range.end)?.get(range).unwrap_or_default(),
            None => &[],
        };
        let marks = session.member("marks")?;
        let count = usize::try_from(session.number_of("mark_count")?)?;
        let marks: Vec<String> = match release {
            Release::Old => {
                marks.elements()?.iter().take(count).map(At::text_behind).collect::<Result<_>>()?
            }
            Release::New => {
                let marks = marks.list("next")?;
                marks.iter().map(|mark| mark.member("key")?.text_behind()).collect::<Result<_>>()?
            }
        };
        ensure!(marks.len() == count, "{count} marks are counted, and {marks:?} there");
        let account = session.member("account")?.target()?;
        let account = account.map(|account| account.member("name")?.text_behind()).transpose()?;
        let id = session.number_of("id")?;
        match release {
            Release::Old => self.own.2.push(session.member("peer")?.text_behind()?),
            Release::New => self.own.1.push(session.number_of("since_ms")?),
        }
        let known = Session {
            account,
            failed_logins: session.number_of("failed_logins")?,
            commands: session.number_of("commands")?,
            marks,
            unread: String::from_utf8(unread.to_vec())?,
        };
        let flag = |name: &str| connection.number_of(name);
        self.connections.insert(
            id,
            Connection {
                address: connection.address,
                fd: connection.number_of("fd")?,
                epoll,
                interest: connection.number_of("interest")?,
                flags: [flag("skipping")?, flag("closing")?, flag("said_goodbye")?, flag("hung_up")?],
                unsent: unsent.to_vec(),
                on_line: session.member("on_line")?.function()?,
            },
        );
        ensure!(self.logical.sessions.insert(id, known).is_none(), "session {id} is there twice");
        Ok(id)
    }

    /// Whether it is what clients have put in.
    fn is_as_clients_know(&self, scene: &Scene) -> Result<()> {
        let mut expected = scene.known.clone();
        // How much the client that does not read has been answered is the kernel's affair; but each answer was of a key that is there.
        let slow = self.logical.sessions.get(&4).context("the client that does not read")?;
        let own = expected.sessions.get_mut(&4).context("the client that does not read")?;
        expected.counts[0] += slow.commands - own.commands;
        ensure!(slow.unread.len() % "GET wide\n".len() == 0 && !slow.unread.is_empty(), "{:?}", slow.unread);
        (own.commands, own.unread) = (slow.commands, slow.unread.clone());
        differ(&expected, &self.logical)?;
        let commands: i64 = self.logical.sessions.values().map(|session| session.commands).sum();
        ensure!(self.commands == commands, "{} commands in all", self.commands);
        for (key, deadline) in &self.deadlines {
            ensure!((*deadline != 0) == self.logical.timers.contains(key), "{key} expires at {deadline}");
        }
        for (id, connection) in &self.connections {
            let is_in = self.logical.sessions.get(id).is_some_and(|session| session.account.is_some());
            let wanted = if is_in { "command_after_login" } else { "command_before_login" };
            ensure!(connection.on_line == wanted, "{id}: {}", connection.on_line);
            ensure!(connection.unsent.is_empty() != (*id == 4), "{id}: answers that wait");
        }
        Ok(())
    }
}

/// An error that says what is different, in the first lines of it.
fn differ<T: std::fmt::Debug + PartialEq>(expected: &T, found: &T) -> Result<()> {
    let (expected_text, found_text) = (format!("{expected:#?}"), format!("{found:#?}"));
    let lines = expected_text.lines().zip(found_text.lines());
    let different = lines.filter(|(one, other)| one != other).take(8);
    let different: Vec<String> = different.map(|(one, other)| format!("{one} / {other}")).collect();
    ensure!(expected == found, "expected / found:\n{}", different.join("\n"));
    Ok(())
}

fn held(value: At<'_>, release: Release) -> Result<Holds> {
    let number = value.member("kind")?.number()?;
    let constant = value.member("kind")?.constant()?;
    let wanted = match constant {
        "VALUE_TEXT" => 0,
        "VALUE_NUMBER" => 1,
        _ => 2,
    };
    ensure!(number == wanted + i64::from(release == Release::New), "{constant} is {number}");
    let inside = value.member("as")?;
    Ok(match constant {
        "VALUE_TEXT" => Holds::Text(inside.member("text")?.text_behind()?),
        "VALUE_NUMBER" => Holds::Number(inside.number_of("number")?),
        _ => {
            let list = inside.member("list")?;
            let nodes = list.member("first")?.list("next")?;
            let last = list.member("last")?.target()?.map(|node| node.address);
            ensure!(last == nodes.last().map(|node| node.address), "the list ends elsewhere");
            ensure!(usize::try_from(list.number_of("length")?)? == nodes.len(), "it has another length");
            let texts = nodes.iter().map(|node| node.member("text")?.text());
            Holds::List(texts.collect::<Result<_>>()?)
        }
    })
}

fn table(program: &Path) -> Result<Table> {
    Ok(mcrx_debuginfo::load::load(&Binary::open(program)?)?)
}

/// Both releases at work, and their images.
struct Ready {
    images: Images,
    scene: Scene,
    old: Larder,
    tables: (Table, Table),
    /// What the old process has now.
    state: State,
    programs: (PathBuf, PathBuf),
    /// The release that is to run.
    to: Release,
}

impl Ready {
    /// With one of them at work, and the other one beside it.
    fn of(test: &Context, from: Release) -> Result<Ready> {
        let to = from.other();
        let programs = (compile(test, from.folder())?, compile(test, to.folder())?);
        let images = Images::of(test);
        let old = Larder::start(test, &programs.0, 0)?;
        snapshot(old.pid(), &images.start)?;
        {
            let new = Larder::start(test, &programs.1, 1)?;
            snapshot(new.pid(), &images.new)?;
        }
        let scene = work(&old, from)?;
        snapshot(old.pid(), &images.now)?;
        let tables = (table(&programs.0)?, table(&programs.1)?);
        let image = open(&images.now)?;
        let state = State::read(Program::of(&image, &tables.0)?, from)?;
        state.is_as_clients_know(&scene)?;
        Ok(Ready { images, scene, old, tables, state, programs, to })
    }

    /// What the new release finds.
    fn state_in(&self, after: &Path) -> Result<State> {
        let image = open(after)?;
        State::read(Program::of(&image, &self.tables.1)?, self.to)
    }

    /// Whether it finds what the old one has.
    fn is_all_there(&self, after: &Path) -> Result<State> {
        let state = self.state_in(after)?;
        state.is_as_clients_know(&self.scene)?;
        let shared = |state: &State| {
            let mut state = State { own: Default::default(), ..state.clone() };
            state.connections.values_mut().for_each(|connection| connection.address = 0);
            state
        };
        differ(&shared(&self.state), &shared(&state))?;
        let (revisions, since, peers) = &state.own;
        let is_so = revisions.iter().all(|revision| *revision == 1)
            && since.iter().all(|since| *since == 0)
            && peers.iter().all(|peer| peer == "unknown");
        ensure!(is_so, "{:?}", state.own);
        Ok(state)
    }
}

fn all_that_clients_have_put_in_is_there(test: &Context) -> Result<()> {
    let ready = Ready::of(test, Release::Old)?;
    let rules = rules("larder-1-to-2");
    rules_are_right(&rules, &ready.programs.0, &ready.programs.1)?;
    ensure!(ready.scene.clients.len() == ready.state.connections.len(), "{:?}", ready.state.workers);
    ensure!(ready.state.workers.iter().all(|ids| ids.len() == 2), "{:?}", ready.state.workers);
    let (done, after) = ready.images.transform(&rules, "after")?;
    done.expect_no_conflict()?;
    // What the kernel knows a session by is where its connection is now.
    for (id, connection) in &ready.is_all_there(&after)?.connections {
        let data = ready.old.epoll_data(connection.epoll)?;
        ensure!(data.get(&connection.fd) == Some(&connection.address), "{id}: epoll gives {data:x?}");
    }
    Ok(())
}

/// A connection and its session are one again, which takes more room: the kernel is to be told where it is.
fn by_the_derived_rules_it_comes_back(test: &Context) -> Result<()> {
    let ready = Ready::of(test, Release::New)?;
    let back = test.scratch().fresh("back").with_extension("mcrx");
    let rules = rules("larder-1-to-2");
    let words =
        ["rules", "reverse", "--rules", utf8(&rules)?, utf8(&ready.programs.1)?, utf8(&ready.programs.0)?];
    let derived = mcrx(&[&words[..], &["-o", utf8(&back)?]].concat())?;
    ensure!(derived.status.success(), "{}", String::from_utf8_lossy(&derived.stderr));
    ensure!(!std::fs::read_to_string(&back)?.contains("todo"), "a hole is left");
    rules_are_right(&back, &ready.programs.0, &ready.programs.1)?;
    let (done, after) = ready.images.transform(&back, "after")?;
    done.expect_no_conflict()?;
    ready.is_all_there(&after)?;
    Ok(())
}

/// How it is noticed that a part of the rules is missing.
enum Noticed {
    /// A conflict has this in it.
    Refused(&'static str),
    /// The same, and others would not be asked about then.
    Alone(&'static str),
    /// The new release's memory is wrong, as whoever wrote the rule would see: no type shows what it says.
    Seen(&'static str),
}
use Noticed::{Alone, Refused, Seen};

/// Parts of the rules, each left out, or put in the place of another.
const LEFT_OUT: &[(&str, &str, Noticed)] = &[
    (
        "    connection.session    = &session\n",
        "",
        Refused("MCX801 connection: `struct session *session` is new"),
    ),
    (
        "    session.account       = old.account\n",
        "",
        Refused("MCX801 connection: `struct account *account` is new"),
    ),
    (
        "    session.mark_count    = old.mark_count\n",
        "",
        Refused("MCX801 connection: `size_t mark_count` is new"),
    ),
    (
        "    session.marks         = list(old.marks[0 .. old.mark_count], via next)\n",
        "",
        Refused("MCX801 connection: `struct mark *marks` is new"),
    ),
    (
        "    session.arena         = old.arena\n",
        "",
        Refused("MCX801 connection: `struct arena arena` is new"),
    ),
    (
        "    session.since_ms ",
        "    // session.since_ms ",
        Refused("MCX801 connection: `int64_t since_ms` is new"),
    ),
    ("    drop peer ", "    // drop peer ", Refused("MCX801 connection: `char *peer` is gone")),
    ("    sessions      -> connections\n", "", Refused("MCX801 worker: `struct link sessions` is gone")),
    ("    session_count -> connection_count\n", "", Refused("MCX801 worker: `size_t session_count` is gone")),
    ("    revision = 1 ", "    // revision = 1 ", Refused("MCX801 entry")),
    ("    max_items -> max_entries\n", "", Refused("MCX801 store: `size_t max_items` is gone")),
    ("    items -> entries\n", "", Refused("MCX801 store_counts")),
    ("global commands_served -> stats.commands\n", "", Refused("MCX811 commands_served")),
    ("type item -> entry", "type entry", Alone("MCX801 struct item: the new release has no such type")),
    // The same members of the same types: only a person knows that they mean something else.
    ("    hash     = fold(text(old.key), 2166136261, fnv1a)\n", "", Seen("the hash of")),
    (
        "    insert e into store.buckets[e.hash % len(store.buckets)] at head via next\n",
        "",
        Seen("is on the ring"),
    ),
    ("    reset buckets\n", "", Seen("")),
    ("    stats.logins = stats.logins + a.logins\n", "", Seen("logins in all")),
];

/// The rules with parts of them replaced.
fn lessened(test: &Context, parts: &[(&str, &str)]) -> Result<PathBuf> {
    let mut text = std::fs::read_to_string(rules("larder-1-to-2"))?;
    for (part, instead) in parts {
        ensure!(text.matches(part).count() == 1, "not one time in the rules: {part}");
        text = text.replace(part, instead);
    }
    let facts = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/facts/demo.mcrx");
    let file = test.scratch().fresh("rules").with_extension("mcrx");
    std::fs::write(&file, text.replace("../facts/demo.mcrx", utf8(&facts)?))?;
    Ok(file)
}

fn is_refused(done: &Done, after: &Path, (part, why): (&str, &str)) -> Result<()> {
    let conflicts = done.conflicts();
    ensure!(done.code == 4 && !after.exists(), "without {part:?} it is done: {}", done.stderr);
    ensure!(conflicts.iter().any(|one| one.starts_with(why)), "without {part:?}: {conflicts:#?}");
    Ok(())
}

/// All that is refused at once; by the environment variable `MCRX_TEST_LEFT_OUT=each` one by one, which takes minutes.
fn without_any_of_its_rules_it_is_noticed(test: &Context) -> Result<()> {
    let ready = Ready::of(test, Release::Old)?;
    let each = std::env::var("MCRX_TEST_LEFT_OUT").is_ok_and(|how| how == "each");
    let mut refused = Vec::new();
    for (place, (part, instead, noticed)) in LEFT_OUT.iter().enumerate() {
        let name = format!("without{place}");
        match noticed {
            Refused(why) | Alone(why) if each || matches!(noticed, Alone(_)) => {
                let (done, after) = ready.images.transform(&lessened(test, &[(part, instead)])?, &name)?;
                is_refused(&done, &after, (part, why))?;
            }
            Refused(why) | Alone(why) => refused.push(((*part, *instead), *why)),
            Seen(what) => {
                let (done, after) = ready.images.transform(&lessened(test, &[(part, instead)])?, &name)?;
                done.expect_no_conflict().with_context(|| format!("without {part:?}"))?;
                match ready.is_all_there(&after) {
                    Ok(_) => bail!("without {part:?} nothing is wrong"),
                    Err(why) => ensure!(format!("{why:#}").contains(what), "without {part:?}: {why:#}"),
                }
            }
        }
    }
    let parts: Vec<(&str, &str)> = refused.iter().map(|(part, _)| *part).collect();
    let (done, after) = ready.images.transform(&lessened(test, &parts)?, "without_all")?;
    refused.iter().try_for_each(|((part, _), why)| is_refused(&done, &after, (part, why)))
}
