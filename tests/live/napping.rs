//! A thread that waits elsewhere than the new release's: it is told, and rules can say that it does no harm.

use crate::managed::Managed;
use mcrx_harness::{Context, Invocation, Kind, Place, Result, Suite, ensure, program, until};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SOURCE: &str = "napping.c";

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([program("gcc")], a_thread_that_waits_elsewhere_refuses_the_update_and_the_server_goes_on)
        .test([program("gcc")], a_thread_of_which_rules_say_that_it_has_nothing_to_do_is_woken)
}

struct Napping(PathBuf);

impl Kind for Napping {
    fn name(&self) -> String {
        "napping".to_owned()
    }

    fn prepare(&self, place: &Place) -> Result<Invocation> {
        Ok(Invocation::new(&self.0, [place.port().to_string()]))
    }

    fn serves(&self, place: &Place) -> Result<()> {
        ensure!(Client::connect(place.address(0))?.ask("version")?.starts_with("release"));
        Ok(())
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Client(BufReader::new(stream)))
    }

    fn ask(&mut self, line: &str) -> Result<String> {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        self.0.read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }

    fn naps(&mut self) -> Result<u64> {
        Ok(self.ask("naps")?.parse()?)
    }
}

/// Compiled where its source is, so that both releases know it by one path.
fn compiled(test: &Context, release: u32) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live");
    let program = test.scratch().fresh(&format!("napping-{release}"));
    let mut gcc = Command::new("gcc");
    gcc.current_dir(folder).args(["-O2", "-g", "-pthread", SOURCE, &format!("-DRELEASE={release}"), "-o"]);
    ensure!(gcc.arg(&program).status()?.success(), "gcc");
    Ok(program)
}

/// A server whose thread naps, and a client that waits for an answer no more.
fn busy(test: &Context) -> Result<(Managed<Napping>, Client, PathBuf)> {
    let managed = Managed::start_without_facts(test, Napping(compiled(test, 1)?))?;
    let mut client = Client::connect(managed.running.address())?;
    ensure!(client.ask("busy")? == "ok");
    until(Duration::from_secs(20), "it to nap", || Ok((client.naps()? > 2).then_some(())))?;
    Ok((managed, client, compiled(test, 2)?))
}

fn rules(test: &Context, statement: &str) -> Result<PathBuf> {
    let file = test.scratch().fresh("rules.mcrx");
    std::fs::write(&file, format!("mcrx 1\nprogram napping\n{statement}\n"))?;
    Ok(file)
}

fn a_thread_that_waits_elsewhere_refuses_the_update_and_the_server_goes_on(test: &Context) -> Result<()> {
    let (managed, mut client, new) = busy(test)?;
    let outcome = managed.update(&new, &rules(test, "")?, &[])?;
    ensure!(outcome.code == Some(4), "{:#}", outcome.facts);
    let text = outcome.facts.to_string();
    let told = text.contains("usleep < napper") && text.contains("pthread_cond_wait < napper");
    ensure!(told && text.contains("quiesce at"), "{text}");
    ensure!(client.ask("version")? == "release 1");
    let before = client.naps()?;
    until(Duration::from_secs(20), "it to nap on", || Ok((client.naps()? > before).then_some(())))
}

fn a_thread_of_which_rules_say_that_it_has_nothing_to_do_is_woken(test: &Context) -> Result<()> {
    let (managed, mut client, new) = busy(test)?;
    let before = client.naps()?;
    let outcome = managed.update(&new, &rules(test, "quiesce at napper")?, &[])?;
    ensure!(outcome.code == Some(0), "{:#}", outcome.facts);
    let version = client.ask("version")?;
    ensure!(version == "release 2", "{version:?}");
    let after = client.naps()?;
    ensure!(after >= before, "the count goes on: {after}");
    until(Duration::from_secs(20), "it to nap on", || Ok((client.naps()? > after).then_some(())))
}
