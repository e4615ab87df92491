//! The facts files of examples/facts: each speaks of what every release of its program has, and with the demo's nothing is pinned.
//!
//! What they do for servers at work is in `servers`; that what is read by them is true, in `truth`.

use crate::command::{facts, number};
use mcrx_harness::{Context, Explain, Result, Suite, ensure, preload, until};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    let each = |suite: Suite, name| suite.each(name, [], what_a_facts_file_speaks_of_is_there);
    ["nginx", "redis", "memcached", "vsftpd"]
        .into_iter()
        .fold(suite, each)
        .test([], nothing_of_the_demo_is_pinned)
}

/// The facts file of a program, by the name of a release of it: that of `redis-6.0` if there is one, else that of `redis`.
pub(crate) fn file_of(release: &str) -> Option<PathBuf> {
    let program = release.split_once('-').map_or(release, |(program, _)| program);
    let line = release.rsplit_once('.').map_or(release, |(line, _)| line);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/facts");
    let files = [line, program].map(|name| folder.join(format!("{name}.mcrx")));
    files.into_iter().find(|file| file.is_file())
}

/// In this release or in the newest: a fact may be about what came later, or went.
fn what_a_facts_file_speaks_of_is_there(test: &Context) -> Result<()> {
    let server = test.first_server()?;
    let releases = mcrx_servers::list(std::slice::from_ref(&server.name))?;
    let newest = releases.last().and_then(|last| mcrx_servers::find(last.name, last.version).ok());
    let newest = newest.map_or_else(|| server.path.clone(), |newest| newest.path);
    let release = format!("{}-{}", server.name, server.version);
    for name in [&server.name, &release] {
        check(name, &server.path, &newest)?;
    }
    Ok(())
}

/// No error, and no warning either.
fn check(name: &str, old: &Path, new: &Path) -> Result<()> {
    let file = file_of(name).context("a facts file")?;
    let [file, old, new] = [&file, old, new].map(|path| path.to_str().unwrap_or_default());
    let found = facts(&["rules", "check", file, old, new])?;
    let is_quiet = |one: &serde_json::Value| one["severity"] == "note";
    let diagnostics = found["diagnostics"].as_array().context("diagnostics")?;
    ensure!(diagnostics.iter().all(is_quiet), "{name}: {found}");
    Ok(())
}

/// A running demo server; it ends with this.
struct Larder {
    child: Child,
    address: String,
}

impl Larder {
    /// As an operator starts it.
    fn start(test: &Context, program: &Path) -> Result<Larder> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
        command.args(["run", "--exec", "--library"]).arg(preload()?);
        command.arg("--callers").arg(test.scratch().fresh("callers"));
        command.arg("--").arg(program).args(["--port", "0"]).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().context("it starts")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        Ok(Larder { child, address })
    }

    /// A client that has logged in, and stored one of each sort.
    fn client(&self, name: &str) -> Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut client = BufReader::new(stream);
        let mut line = String::new();
        client.read_line(&mut line)?;
        let commands =
            ["LOGIN ada lovelace".to_owned()].into_iter().chain((0..200).map(|number| match number % 5 {
                0 => format!("SET {name}{number} a text of the client {name}, number {number}"),
                1 => format!("ADD {name}{number} {}", 0x1002_0000_0000_u64 + number * 4096),
                2 | 3 => format!("PUSH {name}list{} element {number} of {name}", number / 20),
                _ => format!("EXPIRE {name}{} 10000000", number - 4),
            }));
        for command in commands.chain((0..6).map(|mark| format!("MARK {name}{}", mark * 5))) {
            client.get_mut().write_all(format!("{command}\n").as_bytes())?;
            line.clear();
            client.read_line(&mut line)?;
            ensure!(line.starts_with(['+', ':']), "{command}: {line}");
        }
        Ok(client)
    }
}

impl Drop for Larder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn nothing_of_the_demo_is_pinned(test: &Context) -> Result<()> {
    let rules = file_of("demo").context("a facts file")?;
    let rules = rules.to_str().context("text")?;
    let releases = [("v1", compile(test, "v1")?), ("v2", compile(test, "v2")?)];
    check("demo", &releases[0].1, &releases[1].1)?;
    for (release, program) in releases {
        let larder = Larder::start(test, &program)?;
        let clients = ["a", "b", "c"].map(|name| larder.client(name));
        let clients = clients.into_iter().collect::<Result<Vec<_>>>()?;
        let pid = larder.child.id().to_string();
        // All its threads wait for what comes next: in epoll_wait(2), which is system call 232.
        until(Duration::from_secs(20), "the server to wait", || waits(&pid))?;
        let traced = facts(&["trace", &pid, "--rules", rules, "--paranoid", "--alone"])?;
        let own = &traced["own"];
        ensure!(number(own, &["pinned", "blocks"])? == 0, "{release}: {own}");
        ensure!(number(own, &["blocks", "live"])? > 300, "{release}: {own}");
        let without = facts(&["trace", &pid, "--alone"])?;
        ensure!(number(&without, &["own", "pinned", "blocks"])? > 0, "{release}: {without}");
        drop(clients);
    }
    Ok(())
}

fn waits(pid: &str) -> Result<Option<()>> {
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        if !std::fs::read_to_string(task?.path().join("syscall"))?.starts_with("232 ") {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

fn compile(test: &Context, release: &str) -> Result<PathBuf> {
    let program = test.scratch().fresh("larder");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo").join(release);
    let sources = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let sources = sources.filter(|path| path.extension().is_some_and(|ending| ending == "c"));
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let options = ["-std=c11", "-O2", "-g", "-pthread", "-Wl,--build-id", "-o"];
    let status = Command::new(&compiler).args(options).arg(&program).args(sources).status()?;
    ensure!(status.success(), "{compiler}: {status}");
    Ok(program)
}
