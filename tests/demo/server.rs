//! A demo server under test: started on a free port, ended with the test, however that ends.

use crate::build::Release;
use crate::client::Client;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Far longer than anything takes here, even under a sanitizer on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(release: Release, options: &[&str]) -> Server {
        // setpriv becomes the server, which then ends even if this process is killed outright.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(release.program())
            .args(["--port", "0"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the server says where it listens");
        let Some(address) = line.trim_end().rsplit_once(' ').and_then(|(_, it)| it.parse().ok()) else {
            child.kill().expect("the server can be killed");
            panic!("no address in {line:?}; on stderr: {}", rest_of(&mut child));
        };
        Server { child, address }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// A client that has logged in.
    pub(crate) fn ada(&self) -> Client {
        let mut client = self.connect();
        assert_eq!(client.ask("LOGIN ada lovelace"), "+welcome ada");
        client
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The helper: the server's only child.
    pub(crate) fn helper(&self) -> Pid {
        let children = children_of(self.pid());
        assert_eq!(children.len(), 1, "the server has one helper");
        let helper = children[0];
        // The first that it does is to ignore what is meant for the server.
        let term = 1_u64 << (Signal::TERM.as_raw() - 1);
        wait_for("the helper to be at work", || {
            let status = fs::read_to_string(format!("/proc/{}/status", helper.as_raw_nonzero())).ok()?;
            let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
            (u64::from_str_radix(ignored.trim(), 16).ok()? & term != 0).then_some(())
        });
        helper
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the server is there");
    }

    /// Waits for the end that a signal asked for. How it ended, and what it said on stderr.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let child = &mut self.child;
        let status = wait_for("the server's end", || child.try_wait().expect("the server can be waited for"));
        (status, rest_of(child))
    }

    /// Asks it to end, and checks that it ends well and without a word: a sanitizer's findings would be on stderr.
    pub(crate) fn end_well(mut self) {
        self.signal(Signal::TERM);
        let (status, said) = self.wait();
        assert!(status.success() && said.is_empty(), "the server ended with {status}, saying:\n{said}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            println!("the server's stderr: {}", rest_of(&mut self.child));
        }
    }
}

/// Nothing is left of it when both are over: the helper holds the other end of stderr.
fn rest_of(child: &mut Child) -> String {
    let mut said = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut said).expect("stderr is text");
    }
    said
}

/// Waits until `ready` has something; panics after a time that nothing should take.
pub(crate) fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(it) = ready() {
            return it;
        }
        assert!(start.elapsed() < DEADLINE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether the process is there and not only waiting to be reaped.
pub(crate) fn lives(pid: Pid) -> bool {
    stat_of(pid.as_raw_nonzero().get()).is_some_and(|stat| stat[0] != "Z")
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let parent = parent.as_raw_nonzero().to_string();
    processes()
        .filter(|pid| stat_of(*pid).is_some_and(|stat| stat[1] == parent))
        .filter_map(Pid::from_raw)
        .collect()
}

/// The processes in the session that `leader` leads.
pub(crate) fn session_of(leader: i64) -> Vec<i32> {
    let leader = leader.to_string();
    processes().filter(|pid| stat_of(*pid).is_some_and(|stat| stat[3] == leader && stat[0] != "Z")).collect()
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").expect("/proc can be listed");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The fields of /proc/PID/stat behind the name: state, parent, group, session, ... None: there is no such process.
fn stat_of(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
