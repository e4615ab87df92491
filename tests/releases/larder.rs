//! The demo server at work, and what its clients have put into it.

use crate::images::utf8;
use mcrx_harness::{Context, Explain, Result, ensure, preload, until};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Far longer than anything takes here, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keys that the server holds at most.
pub(crate) const MAX_KEYS: usize = 60;

/// A release, compiled as its README says.
pub(crate) fn compile(test: &Context, release: &str) -> Result<PathBuf> {
    let program = test.scratch().fresh("larder");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo").join(release);
    let sources = std::fs::read_dir(&folder)?.flatten().map(|entry| PathBuf::from(entry.file_name()));
    let sources = sources.filter(|path| path.extension().is_some_and(|ending| ending == "c"));
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let options = ["-std=c11", "-O2", "-g", "-pthread", "-Wl,--build-id", "-o"];
    let status =
        Command::new(&compiler).args(options).arg(&program).args(sources).current_dir(&folder).status()?;
    ensure!(status.success(), "{compiler}: {status}");
    Ok(program)
}

/// A running server; it ends with this.
pub(crate) struct Larder {
    child: Child,
    address: String,
    /// It would die of writing to nobody.
    _stdout: BufReader<ChildStdout>,
}

impl Larder {
    /// As an operator starts it. The old release's heap is epoch 0, the new one's 1.
    pub(crate) fn start(test: &Context, program: &Path, epoch: u32) -> Result<Larder> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
        command.args(["run", "--exec", "--library", utf8(preload()?)?]);
        command.arg("--callers").arg(test.scratch().fresh("callers"));
        command.arg("--").arg(program).args(["--port", "0", "--max-keys", &MAX_KEYS.to_string()]);
        command.env("MCRX_EPOCH", epoch.to_string()).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().context("it starts")?;
        let mut stdout = BufReader::new(child.stdout.take().context("piped")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        let larder = Larder { child, address, _stdout: stdout };
        larder.wait()?;
        Ok(larder)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Until all its threads wait for what comes next: in epoll_wait(2), which is system call 232.
    pub(crate) fn wait(&self) -> Result<()> {
        until(PATIENCE, "the server to wait", || {
            let mut threads = 0;
            for task in std::fs::read_dir(format!("/proc/{}/task", self.pid()))? {
                if !std::fs::read_to_string(task?.path().join("syscall"))?.starts_with("232 ") {
                    return Ok(None);
                }
                threads += 1;
            }
            Ok((threads == 3).then_some(()))
        })
    }

    /// What the kernel gives back for each descriptor that is waited for at an epoll instance (proc_pid_fdinfo(5)).
    pub(crate) fn epoll_data(&self, epoll: i64) -> Result<BTreeMap<i64, u64>> {
        let text = std::fs::read_to_string(format!("/proc/{}/fdinfo/{epoll}", self.pid()))?;
        let mut found = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with("tfd:")) {
            let mut words = line.split_whitespace();
            let mut after = |word| words.by_ref().skip_while(|other| *other != word).nth(1);
            let (fd, data) = after("tfd:").zip(after("data:")).context("fdinfo reads otherwise")?;
            found.insert(fd.parse()?, u64::from_str_radix(data, 16)?);
        }
        Ok(found)
    }

    pub(crate) fn client(&self) -> Result<Client> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Client { stream: BufReader::new(stream), commands: 0 };
        ensure!(client.line()?.starts_with("+larder "), "another greeting");
        Ok(client)
    }
}

impl Drop for Larder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to the server.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// That it has sent.
    pub(crate) commands: i64,
}

impl Client {
    /// Sends a line; the first line of the answer.
    pub(crate) fn ask(&mut self, command: &str) -> Result<String> {
        self.send(&format!("{command}\n"))?;
        self.commands += 1;
        self.line()
    }

    /// A command that is done.
    pub(crate) fn tell(&mut self, command: &str) -> Result<()> {
        let answer = self.ask(command)?;
        ensure!(answer.starts_with(['+', ':', '$']), "{command}: {answer}");
        Ok(())
    }

    /// One of the server's counts.
    pub(crate) fn count(&mut self, name: &str) -> Result<i64> {
        let lines = self.ask("STATS")?.trim_start_matches('*').parse()?;
        let mut found = None;
        for _ in 0..lines {
            let line = self.line()?;
            found = found.or(line.strip_prefix(&format!("${name} ")).map(str::to_owned));
        }
        Ok(found.with_context(|| format!("no {name}"))?.parse()?)
    }

    /// Bytes, perhaps no whole line.
    pub(crate) fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.stream.get_mut().write_all(text.as_bytes())?)
    }

    /// Waits for the beginning of an answer.
    pub(crate) fn hear(&mut self, bytes: usize) -> Result<()> {
        Ok(self.stream.get_mut().read_exact(&mut vec![0; bytes])?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        ensure!(line.ends_with('\n'), "it hung up: {line:?}");
        Ok(line.trim_end().to_owned())
    }
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    Old,
    New,
}

impl Release {
    /// Where its sources are.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Release::Old => "v1",
            Release::New => "v2",
        }
    }

    pub(crate) fn other(self) -> Release {
        match self {
            Release::Old => Release::New,
            Release::New => Release::Old,
        }
    }
}

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holds {
    Text(String),
    Number(i64),
    List(Vec<String>),
}

/// What the server knows, as a client could hear it: the same whatever the release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Logical {
    pub(crate) keys: BTreeMap<String, Holds>,
    /// Keys by when they were used, the last first.
    pub(crate) recent: Vec<String>,
    /// Keys by when they expire, the soonest first.
    pub(crate) timers: Vec<String>,
    /// By its number.
    pub(crate) sessions: BTreeMap<i64, Session>,
    /// How often each account has logged in.
    pub(crate) logins: BTreeMap<String, i64>,
    /// Keys found, not found, evicted, expired.
    pub(crate) counts: [i64; 4],
}

/// Who is connected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) account: Option<String>,
    pub(crate) failed_logins: i64,
    pub(crate) commands: i64,
    pub(crate) marks: Vec<String>,
    /// What it has sent and the server has not looked at yet.
    pub(crate) unread: String,
}

/// Clients who have done things, and are still connected.
pub(crate) struct Scene {
    pub(crate) clients: Vec<Client>,
    /// What the server knows of it all; of what the client that does not read has sent, nothing.
    pub(crate) known: Logical,
}

impl Logical {
    /// A key is used.
    fn used(&mut self, key: &str) {
        self.recent.retain(|other| other != key);
        self.recent.insert(0, key.to_owned());
        while self.recent.len() > MAX_KEYS {
            let evicted = self.recent.pop().unwrap_or_default();
            self.timers.retain(|other| *other != evicted);
            self.keys.remove(&evicted);
            self.counts[2] += 1;
        }
    }

    /// A key is looked for before it is used.
    fn looked_for(&mut self, key: &str) {
        let is_there = self.keys.contains_key(key);
        self.counts[usize::from(!is_there)] += 1;
        if is_there {
            self.used(key);
        }
    }

    fn set(&mut self, client: &mut Client, key: &str, text: &str) -> Result<()> {
        client.tell(&format!("SET {key} {text}"))?;
        self.keys.insert(key.to_owned(), Holds::Text(text.to_owned()));
        self.used(key);
        Ok(())
    }

    fn add(&mut self, client: &mut Client, key: &str, number: i64) -> Result<()> {
        client.tell(&format!("ADD {key} {number}"))?;
        match self.keys.entry(key.to_owned()).or_insert(Holds::Number(0)) {
            Holds::Number(sum) => *sum += number,
            other => return Err(mcrx_harness::anyhow!("{other:?} is no number")),
        }
        self.used(key);
        Ok(())
    }

    /// Release 1 looks for the key first.
    fn push(&mut self, client: &mut Client, (key, text): (&str, &str), release: Release) -> Result<()> {
        client.tell(&format!("PUSH {key} {text}"))?;
        if release == Release::Old {
            self.looked_for(key);
        }
        match self.keys.entry(key.to_owned()).or_insert_with(|| Holds::List(Vec::new())) {
            Holds::List(texts) => texts.push(text.to_owned()),
            other => return Err(mcrx_harness::anyhow!("{other:?} is no list")),
        }
        self.used(key);
        Ok(())
    }

    /// Later than what has a deadline already.
    fn expire(&mut self, client: &mut Client, key: &str, milliseconds: u64) -> Result<()> {
        client.tell(&format!("EXPIRE {key} {milliseconds}"))?;
        self.looked_for(key);
        self.timers.push(key.to_owned());
        Ok(())
    }

    fn delete(&mut self, client: &mut Client, key: &str) -> Result<()> {
        client.tell(&format!("DELETE {key}"))?;
        self.looked_for(key);
        self.forget(key);
        Ok(())
    }

    fn forget(&mut self, key: &str) {
        self.keys.remove(key);
        self.recent.retain(|other| other != key);
        self.timers.retain(|other| other != key);
    }

    /// The next who comes.
    fn login(&mut self, client: &mut Client, name: &str, password: &str) -> Result<Session> {
        client.tell(&format!("LOGIN {name} {password}"))?;
        *self.logins.entry(name.to_owned()).or_default() += 1;
        Ok(Session { account: Some(name.to_owned()), ..Session::default() })
    }
}

/// Clients who do all that can be done: keys of all kinds, full marks, a half line, answers that nobody reads, a login that failed.
pub(crate) fn work(larder: &Larder, release: Release) -> Result<Scene> {
    let mut known = Logical::default();
    let [mut ada, mut grace, mut guest, mut slow] =
        [larder.client()?, larder.client()?, larder.client()?, larder.client()?];

    let mut ada_s = known.login(&mut ada, "ada", "lovelace")?;
    known.set(&mut ada, "greeting", "good morning")?;
    known.set(&mut ada, "greeting", "good evening")?;
    known.add(&mut ada, "visitors", 41)?;
    known.add(&mut ada, "visitors", 1)?;
    known.add(&mut ada, "debt", -9_000_000_000)?;
    known.set(&mut ada, "gone", "soon")?;
    known.expire(&mut ada, "gone", 1)?;
    until(PATIENCE, "a key to expire", || Ok((ada.count("expired")? == 1).then_some(())))?;
    known.forget("gone");
    known.counts[3] += 1;
    // More than there is room for: the first ones go again.
    for number in 0..MAX_KEYS {
        known.set(&mut ada, &format!("filler{number}"), &format!("text {number} of ada"))?;
    }
    known.set(&mut ada, "greeting", "good night")?;
    known.expire(&mut ada, "greeting", 400_000)?;
    known.push(&mut ada, ("basket", "apples"), release)?;
    known.push(&mut ada, ("basket", "brown bread"), release)?;
    known.expire(&mut ada, "filler59", 500_000)?;
    known.expire(&mut ada, "basket", 600_000)?;
    known.add(&mut ada, "visitors", 7)?;
    // "Az" and "BY" are the same to release 1's hash function.
    known.set(&mut ada, "Az", "first")?;
    known.set(&mut ada, "BY", "second")?;
    known.delete(&mut ada, "filler58")?;
    ensure!(ada.ask("GET nothing")? == "_", "nothing is there");
    known.looked_for("nothing");
    for mark in ["basket", "greeting", "basket"] {
        ada.tell(&format!("MARK {mark}"))?;
    }
    ada_s.marks = vec!["basket".to_owned(), "greeting".to_owned()];

    ensure!(grace.ask("LOGIN grace murray")?.starts_with("-DENIED"), "a wrong password");
    let mut grace_s = known.login(&mut grace, "grace", "hopper")?;
    grace_s.failed_logins = 1;
    for number in 0..8 {
        // The last does not fit where the first ones are kept.
        let mark = format!("k{number}{}", "x".repeat(number * 7));
        grace.tell(&format!("MARK {mark}"))?;
        grace_s.marks.push(mark);
    }
    if release == Release::Old {
        ensure!(grace.ask("MARK one_more")?.starts_with("-FULL"), "eight marks");
    }

    ensure!(guest.ask("GET greeting")?.starts_with("-LOGIN"), "not logged in");
    guest.send("LOGIN grace ho")?;
    let guest_s = Session { unread: "LOGIN grace ho".to_owned(), ..Session::default() };

    let slow_s = known.login(&mut slow, "ada", "lovelace")?;
    for number in 0..900 {
        known.push(&mut slow, ("wide", &format!("{number} {}", "wide ".repeat(180))), release)?;
    }
    let own = slow.commands;
    // Far more than the kernel takes from the server for who does not read; the beginning says that it is under way.
    slow.send(&"GET wide\n".repeat(24))?;
    slow.hear(1)?;
    slow.commands = own;
    known.used("wide");
    larder.wait()?;

    let clients = vec![ada, grace, guest, slow];
    for ((session, id), client) in [ada_s, grace_s, guest_s, slow_s].into_iter().zip(1..).zip(&clients) {
        known.sessions.insert(id, Session { commands: client.commands, ..session });
    }
    Ok(Scene { clients, known })
}
