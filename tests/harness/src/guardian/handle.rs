//! The test's end of the control pipe.

use super::{Ended, Exit, MARK, Order, Reply, Request};
use anyhow::{Context, Result, anyhow, bail};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A guardian process and, below it, the server's tree. Dropping it ends both.
#[derive(Debug)]
pub(crate) struct Guardian {
    child: Child,
    pipe: Option<Pipe>,
    ended: Option<Ended>,
}

#[derive(Debug)]
struct Pipe {
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Guardian {
    /// Starts a guardian and has it start what `order` says. Returns the started process too.
    pub(crate) fn start(order: Order) -> Result<(Guardian, Pid)> {
        let mut child = Command::new("/proc/self/exe")
            .arg(MARK)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("this program cannot be executed again as the guardian of a server")?;
        let (requests, replies) = child.stdin.take().zip(child.stdout.take()).expect("both are piped");
        let pipe = Pipe { requests, replies: BufReader::new(replies) };
        let mut guardian = Guardian { child, pipe: Some(pipe), ended: None };
        match guardian.ask(&Request::Start(order))? {
            Reply::Started { pid } => Ok((guardian, Pid::from_raw(pid))),
            reply => Err(unexpected(reply)),
        }
    }

    /// The guardian itself: the server's processes are its descendants.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// How the started process ended, if it has.
    pub(crate) fn status(&mut self) -> Result<Option<Exit>> {
        match self.ask(&Request::Status)? {
            Reply::Status { exit } => Ok(exit),
            reply => Err(unexpected(reply)),
        }
    }

    /// Signals one process of the tree.
    pub(crate) fn signal(&mut self, pid: Pid, signal: nix::sys::signal::Signal) -> Result<()> {
        match self.ask(&Request::Signal { pid: pid.as_raw(), signal: signal as i32 })? {
            Reply::Signalled => Ok(()),
            reply => Err(unexpected(reply)),
        }
    }

    /// Kills what is left of the tree and waits until the guardian has gone too. Asked again, it answers the same.
    pub(crate) fn end(&mut self) -> Result<Ended> {
        if let Some(ended) = &self.ended {
            return Ok(ended.clone());
        }
        let reply = self.ask(&Request::End);
        self.pipe = None;
        self.child.wait().context("the guardian process cannot be waited for")?;
        match reply? {
            Reply::Ended(ended) => Ok(self.ended.insert(ended).clone()),
            reply => Err(unexpected(reply)),
        }
    }

    fn ask(&mut self, request: &Request) -> Result<Reply> {
        let Some(pipe) = &mut self.pipe else { bail!("this server has been ended") };
        let mut line = serde_json::to_string(request).context("only UTF-8 names can be passed on")?;
        line.push('\n');
        let mut answer = String::new();
        let exchanged =
            pipe.requests.write_all(line.as_bytes()).and_then(|()| pipe.replies.read_line(&mut answer));
        match exchanged {
            Ok(length) if length > 0 => serde_json::from_str(&answer).map_err(|_| no_guardian()),
            _ => Err(no_guardian()),
        }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        // A guardian that does not answer any more has nothing left to say: its end of the pipe is closed.
        let _ = self.end();
        let _ = self.child.wait();
    }
}

fn no_guardian() -> anyhow::Error {
    anyhow!("the guardian process does not answer: was it killed, or does main() not begin with take_over()?")
}

fn unexpected(reply: Reply) -> anyhow::Error {
    match reply {
        Reply::Failed { message } => anyhow!(message),
        reply => anyhow!("the guardian process answered something else: {reply:?}"),
    }
}
