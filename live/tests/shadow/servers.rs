//! Real servers: the next release of each starts out of sight, from the very configuration that the old one serves with.

use super::old::PATIENCE;
use mcrx_harness::server::{Memcached, Nginx, Redis, Vsftpd};
use mcrx_harness::{
    Context, Explain as _, Invocation, Kind, Place, Result, Running, Suite, ensure, preload, program, root,
    server,
};
use mcrx_live::birth::Birth;
use mcrx_live::park::await_parked;
use mcrx_live::shadow::{Parked, ParkedMember, Shadow, Wanted};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    let two = |name: &str, old: &str, new: &str| [server(name, old), server(name, new), root()];
    suite
        .test([program("cc"), root()], the_demo_with_its_helper)
        .test(two("nginx", "1.22.1", "1.26.3"), nginx_with_two_workers_that_gave_up_root)
        .test(two("nginx", "1.26.3", "1.28.3"), nginx_as_a_daemon)
        .test(two("memcached", "1.6.18", "1.6.38"), memcached_with_its_threads)
        .test(two("redis", "7.0.15", "8.0.2"), redis_with_a_pid_file_a_log_and_a_unix_socket)
        .test(two("vsftpd", "3.0.5", "3.0.5+mcrx1"), vsftpds_listener)
}

/// What a server's start may change: files of its directory, and the unix sockets there are.
fn traces(place: &Place) -> Result<BTreeMap<PathBuf, String>> {
    let mut traces = BTreeMap::new();
    list(place.directory(), &mut traces)?;
    traces.insert("mounts".into(), fs::read_to_string("/proc/self/mountinfo")?);
    Ok(traces)
}

fn list(folder: &Path, traces: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let metadata = fs::symlink_metadata(&path)?;
        let (ino, mode, len) = (metadata.ino(), metadata.mode(), metadata.len());
        let changed = if metadata.is_file() { metadata.mtime_nsec() } else { 0 };
        traces.insert(path.clone(), format!("{ino} {mode} {len} {changed}"));
        if metadata.is_dir() {
            list(&path, traces)?;
        }
    }
    Ok(())
}

/// Starts the old release under the allocator, and the new one out of its sight; `look` at it.
fn beside<K: Kind>(
    test: &Context,
    old: K,
    new: &Path,
    look: impl FnOnce(&Shadow, &Parked) -> Result<()>,
) -> Result<()> {
    let library = preload()?;
    let old = test.launch(old).preload(library).environment("MCRX_EPOCH", "1").start()?;
    await_parked(old.pid(), PATIENCE)?;
    let birth = birth(&old, library)?.of_release(new)?;
    let before = traces(old.place())?;
    let daemonised = old.kind().pid_file(old.place()).is_some();
    let wanted = Wanted { daemonised, epoch: Some(2), ..Wanted::of(old.pid())? };
    let shadow = Shadow::start(&birth, &wanted, PATIENCE)?;
    let inside: Vec<i32> = shadow.members.iter().map(|member| member.inside).collect();
    let pids: Vec<i32> = wanted.processes.iter().map(|process| process.pid).collect();
    ensure!(inside == pids, "{:?}", shadow.members);
    for member in &shadow.members {
        let program = fs::read_link(format!("/proc/{}/exe", member.outside))?;
        ensure!(program == new.canonicalize()?, "{} executes {}", member.inside, program.display());
        ensure!(member.partner == Some(member.inside), "{member:?}");
    }
    let parked = shadow.capture()?;
    let name = old.kind().name();
    let (took, attempts, held) = (shadow.took, shadow.attempts, parked.image.taken.held);
    eprintln!(
        "{name}: {} processes at rest after {took:.0?} ({attempts} starts), read in {held:.1?}",
        inside.len()
    );
    for ParkedMember { member, kernel } in &parked.members {
        ensure!(kernel.threads[0].tid == member.inside, "{kernel:?}");
        let process = parked.process(member).context("its image")?;
        ensure!(process.modules.iter().any(|module| module.path == *library), "{:?}", process.modules);
        ensure!(process.modules.iter().all(|module| module.build_id.is_some()), "{:#?}", process.modules);
    }
    look(&shadow, &parked)?;
    let said = shadow.said();
    drop(shadow);
    ensure!(traces(old.place())? == before, "{before:#?}\nhas become\n{:#?}", traces(old.place())?);
    old.kind().serves(old.place()).with_context(|| format!("the new one said {said:?}"))?;
    old.stop()?.expect_clean()
}

/// As `mcrx run` writes it down.
fn birth<K: Kind>(old: &Running<K>, library: &Path) -> Result<Birth> {
    // The same configuration is written once more.
    let Invocation { program, arguments } = old.kind().prepare(old.place())?;
    let words = std::iter::once(program.display().to_string()).chain(arguments).map(Into::into);
    let home = old.place().directory().display().to_string();
    let variables = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("LANG", "C.UTF-8"),
        ("HOME", home.as_str()),
        ("LD_PRELOAD", library.to_str().context("text")?),
    ];
    let variables = variables.map(|(name, value)| (name.into(), value.into()));
    let mut birth = Birth::from_here(&program, words, variables)?;
    birth.directory = old.place().directory().to_owned().into();
    Ok(birth)
}

fn nginx_with_two_workers_that_gave_up_root(test: &Context) -> Result<()> {
    let (old, new) = (test.release("nginx", "1.22.1")?, test.release("nginx", "1.26.3")?);
    beside(test, Nginx::of(old).workers(2), &new.path, |shadow, parked| {
        ensure!(shadow.attempts == 1, "{} starts", shadow.attempts);
        let titles: Vec<&str> = parked.members.iter().map(|one| one.member.title.as_str()).collect();
        ensure!(titles[1..] == ["nginx: worker process"; 2], "{titles:?}");
        for ParkedMember { member, .. } in &parked.members[1..] {
            let status = fs::read_to_string(format!("/proc/{}/status", member.outside))?;
            ensure!(status.contains("\nUid:\t65534\t65534\t65534\t65534\n"), "{status}");
        }
        Ok(())
    })
}

fn nginx_as_a_daemon(test: &Context) -> Result<()> {
    let (old, new) = (test.release("nginx", "1.26.3")?, test.release("nginx", "1.28.3")?);
    beside(test, Nginx::of(old).workers(2).daemon(), &new.path, |_, parked| {
        ensure!(parked.members.len() == 3, "{:?}", parked.members);
        Ok(())
    })
}

fn memcached_with_its_threads(test: &Context) -> Result<()> {
    let (old, new) = (test.release("memcached", "1.6.18")?, test.release("memcached", "1.6.38")?);
    beside(test, Memcached::of(old), &new.path, |_, parked| {
        let threads = parked.image.processes[0].threads.len();
        ensure!(threads > 8, "{threads} threads");
        Ok(())
    })
}

fn redis_with_a_pid_file_a_log_and_a_unix_socket(test: &Context) -> Result<()> {
    let (old, new) = (test.release("redis", "7.0.15")?, test.release("redis", "8.0.2")?);
    let settings = "pidfile redis.pid\nlogfile redis-server.log\nunixsocket redis.sock\n";
    beside(test, Redis::of(old).with(settings), &new.path, |shadow, _| {
        // It has written its own pid file and log, where only itself sees them.
        let root = shadow.root().context("a root")?;
        let folder = fs::read_link(format!("/proc/{}/cwd", root.outside))?;
        let inside = PathBuf::from(format!("/proc/{}/root{}", root.outside, folder.display()));
        let log = fs::read_to_string(inside.join("redis-server.log"))?;
        ensure!(log.contains("Redis version=7.0.15") && log.contains("Redis version=8.0.2"), "{log}");
        let pid = fs::read_to_string(inside.join("redis.pid"))?;
        ensure!(pid.trim() == root.inside.to_string(), "{pid}");
        let outside = fs::read_to_string(folder.join("redis-server.log"))?;
        ensure!(!outside.contains("Redis version=8.0.2"), "{outside}");
        Ok(())
    })
}

fn vsftpds_listener(test: &Context) -> Result<()> {
    let (old, new) = (test.release("vsftpd", "3.0.5")?, test.release("vsftpd", "3.0.5+mcrx1")?);
    beside(test, Vsftpd::of(old), &new.path, |_, _| Ok(()))
}

/// The demo server.
#[derive(Debug)]
struct Larder {
    program: PathBuf,
}

impl Larder {
    /// Compiles a release.
    fn of(test: &Context, release: &str) -> Result<Larder> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/demo").join(release);
        let program = test.scratch().directory().join(format!("larder-{release}"));
        let mut command = Command::new(test.program("cc")?);
        command.args(["-std=c11", "-O2", "-g", "-pthread", "-o"]).arg(&program);
        for entry in fs::read_dir(sources)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "c") {
                command.arg(path);
            }
        }
        ensure!(command.status()?.success(), "the demo does not compile");
        Ok(Larder { program })
    }
}

impl Kind for Larder {
    fn name(&self) -> String {
        "larder".to_owned()
    }

    fn prepare(&self, place: &Place) -> Result<Invocation> {
        let (port, journal) = (place.port().to_string(), place.text("journal"));
        Ok(Invocation::new(&self.program, ["--port", &port, "--journal", &journal]))
    }

    fn serves(&self, place: &Place) -> Result<()> {
        let mut stream = TcpStream::connect(place.address(0))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut greeting = [0; 9];
        stream.read_exact(&mut greeting)?;
        ensure!(&greeting == b"+larder 1", "it greets with {greeting:?}");
        Ok(())
    }
}

fn the_demo_with_its_helper(test: &Context) -> Result<()> {
    let (old, new) = (Larder::of(test, "v1")?, Larder::of(test, "v2")?);
    beside(test, old, &new.program, |shadow, parked| {
        ensure!(shadow.attempts == 1 && parked.members.len() == 2, "{:?}", parked.members);
        ensure!(parked.image.processes[0].threads.len() == 3);
        Ok(())
    })
}
