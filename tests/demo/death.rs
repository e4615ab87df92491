//! `mcrx update` is killed while it updates the demo server: that goes on, as the old release or as the new one, whole.

use crate::build::Release;
use crate::client::Client;
use crate::server::{DEADLINE, lives, wait_for};
use crate::update::{Managed, example};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A dozen, or as many as the environment variable `MCRX_TEST_DEATHS` says.
fn deaths() -> u64 {
    std::env::var("MCRX_TEST_DEATHS").ok().and_then(|deaths| deaths.parse().ok()).unwrap_or(12)
}

/// A number below `most`, a different one each time (SplitMix64).
fn random(state: &mut u64, most: u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (word ^ (word >> 31)) % most
}

/// What a process has that must be as before: what is mapped, but for memory that grows, and what is open.
fn belongings(pid: i32) -> (Vec<String>, BTreeSet<String>) {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
    let of_files = maps.lines().filter(|line| line.contains('/') || line.contains("[v"));
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").flatten().map(|entry| {
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        format!("{} {}", entry.file_name().display(), target.display())
    });
    // Tables that the next run of the same program replaced are none of the server's.
    let of_files = of_files.map(|line| line.strip_suffix(" (deleted)").unwrap_or(line).to_owned());
    (of_files.collect(), open.collect())
}

/// All processes that execute this test's mcrx, but for services: they were started by an update.
fn of_updates() -> BTreeSet<i32> {
    let program = std::fs::canonicalize(env!("CARGO_BIN_EXE_mcrx")).expect("it is there");
    let processes = std::fs::read_dir("/proc").expect("it is there").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_one = |pid: &i32| {
        let exe = std::fs::read_link(format!("/proc/{pid}/exe"));
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        exe.is_ok_and(|exe| exe == program) && arguments.split(|byte| *byte == 0).nth(1) == Some(b"update")
    };
    pids.filter(is_one).collect()
}

/// An address at which the update lets threads wait while it changes their process.
fn is_changing(pid: i32) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    maps.lines().any(|line| line.starts_with("3f00"))
}

/// A server in use, and what it is to know through everything.
struct Scene {
    managed: Managed,
    root: i32,
    ada: Client,
    grace: Client,
    down: PathBuf,
    is_new: bool,
}

impl Scene {
    fn start() -> Scene {
        let managed = Managed::start(&[]);
        let (old, new) = (Release::Old.program(), Release::New.program());
        let down = managed.folder.path().join("down.mcrx");
        let mut derive = crate::update::mcrx(managed.folder.path());
        derive.args(["rules", "reverse"]).arg(&old).arg(&new);
        derive.arg("--rules").arg(example("releases/larder-1-to-2.mcrx")).arg("-o").arg(&down);
        assert!(derive.output().expect("it runs").status.success());
        let (mut ada, mut grace) = (managed.connect(), managed.connect());
        assert_eq!(ada.ask("LOGIN ada lovelace"), "+welcome ada");
        assert_eq!(grace.ask("LOGIN grace hopper"), "+welcome grace");
        for number in 0..100 {
            assert_eq!(ada.ask(&format!("SET key{number} value {number}")), "+stored");
        }
        assert_eq!(ada.ask("MARK key7"), "+marked");
        let root = managed.root();
        Scene { managed, root, ada, grace, down, is_new: false }
    }

    fn begin(&self) -> Child {
        let (program, rules): (PathBuf, &Path) = match self.is_new {
            false => (Release::New.program(), &example("releases/larder-1-to-2.mcrx")),
            true => (Release::Old.program(), &self.down),
        };
        let mut command = self.managed.command("update");
        command.arg(program).arg("--rules").arg(rules).arg("--json");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("it starts")
    }

    /// Everything is as it was, over the same connections, in one release or the other; says whether that is another than before.
    fn check(&mut self, round: u64) -> bool {
        let was_new = self.is_new;
        self.is_new = self.ada.ask("INFO key7").starts_with("+text ");
        for number in [0, 42, 99] {
            assert_eq!(self.ada.ask(&format!("GET key{number}")), format!("$value {number}"), "{round}");
        }
        assert_eq!(self.ada.ask("MARKS"), "*1 $key7", "{round}");
        let visitors = self.grace.ask("ADD visitors 1");
        assert_eq!(visitors, format!(":{}", round + 1), "each command is done once");
        let mut another = self.managed.connect();
        assert_eq!(another.ask("LOGIN ada lovelace"), "+welcome ada");
        assert_eq!(another.ask("GET key5"), "$value 5");
        let record = std::fs::read_to_string(self.managed.state().join("server.json")).expect("a record");
        let program = if self.is_new { Release::New.program() } else { Release::Old.program() };
        let program = program.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(record.contains(&program), "{round}: it runs {program}, and the record says {record}");
        self.is_new != was_new
    }

    /// Kills the update, by now, and waits until nothing of it is left.
    fn kill(&self, update: &mut Child, round: u64) {
        let _ = update.kill();
        let _ = update.wait();
        let ours = update.id();
        wait_for("nothing of the update to be left", || {
            // Other tests have updates of their own: only what is about this server.
            let left = of_updates().into_iter().filter(|pid| {
                let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                arguments.split(|byte| *byte == 0).nth(2) == Some(self.root.to_string().as_bytes())
            });
            left.collect::<Vec<_>>().is_empty().then_some(())
        });
        // What was killed holds the lock, if it came so far, until the kernel has done away with it.
        if let Ok(lock) = std::fs::File::options().write(true).open(self.managed.state().join("lock")) {
            wait_for("the lock of the update", || lock.try_lock().is_ok().then_some(()));
        }
        assert!(!is_changing(self.root), "{round}: the page that threads waited in is gone ({ours})");
    }
}

#[test]
fn an_update_that_is_killed_leaves_the_server_whole_as_the_old_release_or_as_the_new_one() {
    let mut scene = Scene::start();
    let mut seed = 20_260_101;
    let (mut took, mut became_new, mut stayed, mut changing) = (Duration::from_millis(500), 0, 0, 0);
    for round in 0..deaths() {
        // The connections of the last round may not be closed yet.
        let before = wait_for("what was closed to be gone", || {
            let before = belongings(scene.root);
            let mut sockets = before.1.iter().filter(|open| open.contains("socket:"));
            (sockets.by_ref().count() <= sockets_of_a_quiet_server()).then_some(before)
        });
        let start = Instant::now();
        let mut update = scene.begin();
        if round % 3 == 0 {
            // At any moment.
            let part = u32::try_from(random(&mut seed, 1000)).expect("it is small");
            std::thread::sleep(took * part / 1000);
        } else {
            // While the server is changed, or a moment later.
            while !is_changing(scene.root) && update.try_wait().expect("it is ours").is_none() {
                assert!(start.elapsed() < DEADLINE, "the update takes too long");
            }
            std::thread::sleep(Duration::from_micros(random(&mut seed, 40_000)));
            changing += u64::from(is_changing(scene.root));
        }
        let was_running = update.try_wait().expect("it is ours").is_none();
        if !was_running {
            took = start.elapsed();
        }
        scene.kill(&mut update, round);
        let is_other = scene.check(round);
        if is_other {
            became_new += 1;
        } else {
            stayed += 1;
            let now = wait_for("what was closed to be gone", || {
                let now = belongings(scene.root);
                (now.1.len() <= before.1.len()).then_some(now)
            });
            assert_eq!(now, before, "{round}: the server has what it had");
        }
        assert!(lives(Pid::from_raw(scene.root).expect("a pid")), "{round}");
    }
    eprintln!(
        "{changing} times in the middle of the change; {became_new} times the other release runs, {stayed} times the same"
    );
    assert!(deaths() < 8 || (changing > 0 && stayed > 0), "{changing} {became_new} {stayed}");
    // It can still be updated.
    let was_new = scene.is_new;
    let update = scene.begin().wait_with_output().expect("it ends");
    assert!(update.status.success(), "{}", String::from_utf8_lossy(&update.stderr));
    scene.is_new = !was_new;
    scene.check(deaths());
    assert_eq!(scene.is_new, !was_new);
}

/// One that listens, two clients, and the helper's.
fn sockets_of_a_quiet_server() -> usize {
    4
}

#[test]
fn a_guardian_that_is_killed_leaves_the_update_alone() {
    let mut scene = Scene::start();
    let mut update = scene.begin();
    let guardian = wait_for("a guardian", || {
        let ours = i32::try_from(update.id()).expect("a pid");
        let is_it = |pid: &i32| *pid != ours && parent_of(*pid) == Some(ours) && is_leader(*pid);
        of_updates().into_iter().find(is_it).or_else(|| {
            assert!(update.try_wait().expect("it is ours").is_none(), "it ended, and none was seen");
            None
        })
    });
    kill_process(Pid::from_raw(guardian).expect("a pid"), Signal::KILL).expect("it is there");
    assert!(update.wait().expect("it ends").success());
    scene.check(0);
    assert!(scene.is_new);
}

fn parent_of(pid: i32) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Whether it leads a session.
fn is_leader(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields.split(' ').nth(3).map(str::to_owned));
    fields.flatten() == Some(pid.to_string())
}
