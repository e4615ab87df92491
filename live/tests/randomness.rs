//! What a start-up draws at random is recorded, without its noticing, and another start draws the same.

use mcrx_harness::{Context, Explain as _, Pid, Result, Suite, bail, ensure, process, program, root, until};
use mcrx_live::birth::Birth;
use mcrx_live::capture::capture;
use mcrx_live::hold::Scope;
use mcrx_live::park::{self, Patience, Watch};
use mcrx_live::process::status::{Status, threads};
use mcrx_live::randomness::recorder::Ended;
use mcrx_live::randomness::{Draw, Draws, Place, Recorder, Source};
use mcrx_live::shadow::{Shadow, Wanted};
use nix::sys::signal::{Signal, kill};
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// Long enough on a busy machine.
const LONG: Duration = Duration::from_secs(60);
const PATIENCE: Patience = Patience { settle: Duration::from_millis(60), limit: LONG };

fn main() -> ExitCode {
    mcrx_live::shadow::take_over();
    let needs = || [program("cc"), root()];
    Suite::new()
        .test(needs(), all_that_a_start_up_draws_is_recorded_by_process_and_thread)
        .test(needs(), a_start_up_that_was_recorded_goes_on_untraced_and_has_not_noticed)
        .test(needs(), a_start_up_that_job_control_stops_stays_stopped_until_it_goes_on)
        .test(needs(), who_ends_while_he_is_recorded_is_told_of)
        .test(needs(), a_program_that_cannot_be_executed_is_told_of_as_ever)
        .test(needs(), after_its_time_nothing_is_recorded_any_more)
        .test(needs(), the_first_client_is_let_in_when_the_start_up_is_written_down)
        .test(needs(), the_first_client_is_not_kept_for_ever)
        .test(needs(), a_shadow_draws_what_was_recorded)
        .test(needs(), what_a_shadow_draws_beyond_the_record_is_drawn_anew_and_recorded)
        .run()
}

/// A program that draws, recorded from its first instruction on. Dropping it ends it.
struct Started {
    recorder: Recorder,
    child: Child,
    output: PathBuf,
    birth: Birth,
}

impl Started {
    fn start(test: &Context, words: &[&str], limit: Duration) -> Result<Started> {
        Started::start_program(test, "draws", words, limit)
    }

    fn start_program(test: &Context, name: &str, words: &[&str], limit: Duration) -> Result<Started> {
        let directory = test.scratch().directory();
        let (program, output) = (directory.join(name), directory.join("output"));
        if !program.exists() {
            compile(test, name, &program)?;
        }
        let arguments = [program.as_os_str().to_owned()];
        let arguments = arguments.into_iter().chain(words.iter().map(Into::into));
        let variables = [("PATH".into(), "/usr/bin:/bin".into())];
        let birth = Birth::from_here(&program, arguments, variables)?;
        let (recorder, gate) = Recorder::start(limit, || {})?;
        let mut command = Command::new(&program);
        command.args(words).env_clear().stdin(Stdio::null()).stdout(File::create(&output)?);
        // SAFETY: the gate makes system calls only.
        unsafe { command.pre_exec(move || gate.pass()) };
        let child = command.spawn()?;
        Ok(Started { recorder, child, output, birth })
    }

    fn root(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    fn said(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.output)?)
    }

    fn await_ready(&self) -> Result<()> {
        until(LONG, "its start-up", || Ok(self.said()?.contains("ready").then_some(())))?;
        park::await_parked(self.root(), PATIENCE)?;
        Ok(())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.recorder.finish();
        for process in process::descendants(self.root()) {
            let _ = kill(process.pid(), Signal::SIGKILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn compile(test: &Context, name: &str, program: &Path) -> Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/randomness/{name}.c"));
    let mut command = Command::new(test.program("cc")?);
    command
        .args(["-O1", "-g", "-pthread", "-D_GNU_SOURCE", "-Wall", "-Werror", "-o"])
        .arg(program)
        .arg(source);
    let status = command.status()?;
    ensure!(status.success(), "cc: {status}");
    Ok(())
}

/// What a program has said that it drew: who, whence, and the first bytes.
fn told(said: &str) -> Result<Vec<(Place, Source, String)>> {
    let mut told = Vec::new();
    for line in said.lines().filter(|line| !line.starts_with("ready")) {
        let words: Vec<&str> = line.split(' ').collect();
        let [who, whence, bytes] = words.as_slice() else { bail!("it said {line:?}") };
        let (path, thread) = match *who {
            "" => (vec![], 0),
            "t1" => (vec![], 1),
            "t2" => (vec![], 2),
            "1" => (vec![1], 0),
            "1t1" => (vec![1], 1),
            other => bail!("who is {other}?"),
        };
        let source = if *whence == "call" { Source::Call } else { Source::Device };
        told.push((Place { path, thread }, source, (*bytes).to_owned()));
    }
    told.sort();
    Ok(told)
}

/// All that was told of must be in a record; what the program's libraries have drawn is there, too. Says how much that is.
fn expect_same(draws: &[Draw], said: &str) -> Result<usize> {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let told = told(said)?;
    for (place, source, bytes) in &told {
        let is_it = |draw: &Draw| {
            (&draw.place, draw.source) == (place, *source) && hex(&draw.bytes).starts_with(bytes.as_str())
        };
        ensure!(draws.iter().any(is_it), "{place:?} {source:?} {bytes} in {draws:?}");
    }
    Ok(told.len())
}

fn all_that_a_start_up_draws_is_recorded_by_process_and_thread(test: &Context) -> Result<()> {
    let started = Started::start(test, &[], LONG)?;
    started.await_ready()?;
    let draws = started.recorder.finish();
    ensure!(draws.missing.is_none(), "{draws:?}");
    let told = expect_same(&draws.draws, &started.said()?)?;
    ensure!(told == 14, "{told} draws were told of");
    // stdio has asked for more than it gave away.
    ensure!(draws.draws.iter().filter(|draw| draw.bytes.len() == 4096).count() == 2, "{draws:?}");
    Ok(())
}

fn a_start_up_that_was_recorded_goes_on_untraced_and_has_not_noticed(test: &Context) -> Result<()> {
    let started = Started::start(test, &[], LONG)?;
    started.await_ready()?;
    let traced = Status::of(started.root()).and_then(|status| status.tracer());
    ensure!(traced.is_some(), "it is recorded");
    drop(started.recorder.finish());
    let tree = process::descendants(started.root());
    ensure!(tree.len() == 1, "{} children", tree.len());
    for process in tree.iter().map(process::Process::pid).chain([started.root()]) {
        for thread in threads(process) {
            let status = Status::of_thread(process, thread).context("a thread")?;
            ensure!(status.tracer().is_none(), "{thread} of {process} is still traced");
        }
    }
    let said = started.said()?;
    ensure!(said.contains("ready 10 signals\n") && !said.contains("woken"), "{said}");
    Ok(())
}

fn a_start_up_that_job_control_stops_stays_stopped_until_it_goes_on(test: &Context) -> Result<()> {
    let started = Started::start(test, &["stop"], LONG)?;
    let state = || -> Result<Option<()>> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", started.root()))?;
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        // A tracee that job control has stopped is shown as one that its tracer stops.
        Ok(matches!(state, Some('t' | 'T')).then_some(()))
    };
    let spawned = || -> Result<Option<()>> {
        // All draws are told of when it stops.
        Ok((started.said()?.lines().count() == 14).then_some(()))
    };
    until(LONG, "its draws", spawned)?;
    // Between two system calls it is shown as stopped, too, but not for long.
    let mut seen = 0;
    until(LONG, "it to go on", || {
        seen = if state()?.is_some() { seen + 1 } else { 0 };
        let ready = started.said()?.contains("ready");
        if seen == 20 {
            ensure!(!ready);
            kill(started.root(), Signal::SIGCONT)?;
            seen = 0;
        }
        Ok(ready.then_some(()))
    })?;
    started.await_ready()?;
    let draws = started.recorder.finish();
    expect_same(&draws.draws, &started.said()?).map(drop)
}

fn who_ends_while_he_is_recorded_is_told_of(test: &Context) -> Result<()> {
    let started = Started::start(test, &["end"], LONG)?;
    let ended =
        until(LONG, "its end", || Ok(Some(started.recorder.ended()).filter(|ended| !ended.is_empty())))?;
    ensure!(ended[0] == (started.root(), Ended::Exited(9)), "{ended:?}");
    let draws = started.recorder.finish();
    expect_same(&draws.draws, &started.said()?)?;
    Ok(())
}

fn a_program_that_cannot_be_executed_is_told_of_as_ever(_: &Context) -> Result<()> {
    let (recorder, gate) = Recorder::start(LONG, || {})?;
    let mut command = Command::new("/nowhere/at/all");
    // SAFETY: the gate makes system calls only.
    unsafe { command.pre_exec(move || gate.pass()) };
    let error = command.spawn().err().context("there is no such program")?;
    ensure!(error.kind() == ErrorKind::NotFound, "{error}");
    drop(command);
    ensure!(recorder.ended().is_empty() && recorder.finish().draws.is_empty());
    Ok(())
}

fn after_its_time_nothing_is_recorded_any_more(test: &Context) -> Result<()> {
    let mut started = Started::start(test, &["end"], Duration::ZERO)?;
    until(LONG, "the end of recording", || Ok((!started.recorder.is_tracing()).then_some(())))?;
    let status = started.child.wait()?;
    ensure!(status.code() == Some(9) && status.signal().is_none(), "{status}");
    let draws = started.recorder.finish();
    ensure!(draws.missing.is_some_and(|why| why.contains("too long")) && draws.draws.is_empty());
    Ok(())
}

fn shadow(started: &Started, birth: &Birth, draws: &Draws) -> Result<Shadow> {
    let wanted = Wanted { draws: draws.draws.clone(), ..Wanted::of(started.root())? };
    Ok(Shadow::start(birth, &wanted, PATIENCE)?)
}

/// A server that has let in its first client, but not served it, and how many it says it has served: where that is.
fn with_a_first_client(test: &Context) -> Result<(Started, TcpStream, u64)> {
    let started = Started::start_program(test, "serves", &[], LONG)?;
    let words = until(LONG, "its port", || {
        let said = started.said()?;
        let words: Vec<u64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        Ok(said.ends_with('\n').then_some(words))
    })?;
    let [port, place] = words.as_slice() else { bail!("it said {words:?}") };
    let client = TcpStream::connect(("127.0.0.1", u16::try_from(*port)?))?;
    until(LONG, "its first client", || Ok(started.recorder.keeps(started.root()).then_some(())))?;
    Ok((started, client, *place))
}

fn the_first_client_is_let_in_when_the_start_up_is_written_down(test: &Context) -> Result<()> {
    let (started, mut client, place) = with_a_first_client(test)?;
    let mut watch = Watch::new(started.root(), PATIENCE);
    until(LONG, "the others' rest", || Ok(watch.look_sparing(&|thread| started.recorder.keeps(thread))?))?;
    let draws = started.recorder.settle();
    ensure!(draws.missing.is_none(), "{draws:?}");
    let image = capture(Scope::Tree(started.root()))?;
    let process = image.processes.first().context("a process")?;
    ensure!(process.threads.len() == 2, "{} threads", process.threads.len());
    ensure!(process.memory.word(place) == Some(0), "{:?} were served", process.memory.word(place));
    client.set_nonblocking(true)?;
    let early = client.read(&mut [0]);
    ensure!(early.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "{early:?}");
    ensure!(!started.recorder.has_let_in(), "it serves nobody yet");
    drop(started.recorder.finish());
    client.set_nonblocking(false)?;
    client.read_exact(&mut [0])?;
    TcpStream::connect(client.peer_addr()?)?.read_exact(&mut [0])?;
    let traced = Status::of(started.root()).and_then(|status| status.tracer());
    ensure!(traced.is_none(), "it is still traced");
    Ok(())
}

fn the_first_client_is_not_kept_for_ever(test: &Context) -> Result<()> {
    let (started, mut client, _) = with_a_first_client(test)?;
    ensure!(started.recorder.kept_for() < LONG);
    started.recorder.keep_nobody();
    client.read_exact(&mut [0])?;
    // Nor is any other, while what is drawn is still recorded.
    TcpStream::connect(client.peer_addr()?)?.read_exact(&mut [0])?;
    ensure!(started.recorder.is_tracing() && !started.recorder.keeps(started.root()));
    ensure!(started.recorder.has_let_in(), "nothing says that it serves clients");
    Ok(())
}

fn a_shadow_draws_what_was_recorded(test: &Context) -> Result<()> {
    let started = Started::start(test, &[], LONG)?;
    started.await_ready()?;
    let draws = started.recorder.finish();
    let shadow = shadow(&started, &started.birth, &draws)?;
    ensure!(told(&shadow.said())? == told(&started.said()?)?, "{}\n{}", shadow.said(), started.said()?);
    let sorted = |draws: Draws| {
        let mut draws = draws.draws;
        draws.sort_by_key(|draw| format!("{draw:?}"));
        draws
    };
    ensure!(sorted(shadow.draws()?) == sorted(draws), "{:?}", shadow.draws()?);
    Ok(())
}

fn what_a_shadow_draws_beyond_the_record_is_drawn_anew_and_recorded(test: &Context) -> Result<()> {
    let started = Started::start(test, &[], LONG)?;
    started.await_ready()?;
    let draws = started.recorder.finish();
    let mut birth = started.birth.clone();
    birth.arguments.push(std::ffi::OsString::from("more").into());
    let shadow = shadow(&started, &birth, &draws)?;
    let (its, the_old_ones) = (told(&shadow.said())?, told(&started.said()?)?);
    ensure!(its.len() == the_old_ones.len() + 1, "{its:?}");
    // One more was drawn of the same kind; all others are what they were.
    let new = its.iter().filter(|draw| !the_old_ones.contains(draw)).count();
    ensure!(new == 1, "{new} are new");
    expect_same(&shadow.draws()?.draws, &shadow.said())?;
    Ok(())
}
