//! What the demo's clients say: the sessions that a live update is to carry over, and what release 2 answers differently
//! in them. The same is said to either release, so that their answers can be laid side by side.

use super::client::Client;
use super::interrupt::Interrupt;
use super::server::Server;
use crate::exit::Failure;
use anyhow::{Context, Result};
use serde::Serialize;

/// Who is connected, and stays so to the end. The guest has not logged in.
pub(super) const SESSIONS: [&str; 3] = ["ada", "grace", "guest"];
const ADA: usize = 0;
const GRACE: usize = 1;
const GUEST: usize = 2;

/// Sent by the guest and never finished: it waits in the server's input buffer.
pub(super) const HALF_A_LINE: &str = "LOGIN grace ho";

/// By session: what is said, in this order. A `!` marks what the server is to refuse.
const SCRIPT: [(usize, &str); 22] = [
    (ADA, "LOGIN ada lovelace"),
    (ADA, "SET greeting good morning"),
    (ADA, "EXPIRE greeting 600000"),
    (ADA, "ADD visitors 41"),
    (ADA, "ADD visitors 1"),
    (ADA, "PUSH basket apples"),
    (ADA, "PUSH basket brown bread"),
    (ADA, "GET basket"),
    (ADA, "MARK basket"),
    (ADA, "MARK greeting"),
    (GRACE, "!LOGIN grace murray"),
    (GRACE, "LOGIN grace hopper"),
    (GRACE, "GET visitors"),
    (GRACE, "MARK visitors"),
    (GRACE, "MARK k2"),
    (GRACE, "MARK k3"),
    (GRACE, "MARK k4"),
    (GRACE, "MARK k5"),
    (GRACE, "MARK k6"),
    (GRACE, "MARK k7"),
    (GRACE, "MARK k8"),
    (GUEST, "!GET greeting"),
];

/// What is said after that, where the releases differ, and what the difference is; without one it only leads to the next.
const PROBES: [(usize, &str, Option<&str>); 6] = [
    (ADA, "EXPIRE greeting 600000", None),
    (ADA, "SET greeting good evening", None),
    (ADA, "TTL greeting", Some("fixed: a value that is set anew no longer dies with the old one")),
    (ADA, "INFO basket", Some("new: the command INFO")),
    (GRACE, MARK_NINE, Some("a list for marks has no limit of 8")),
    (GRACE, "WHOAMI", Some("new: how long the session lasts")),
];

/// Release 1 has no room for its outcome: a session with nine marks cannot go back.
const MARK_NINE: &str = "MARK k9";

/// The rest of the half a line, by when the release has changed.
const REST_OF_THE_LINE: &str = "pper";

/// What release 2 makes of release 1's memory: how many there are (see [`Living`]), of what, and what becomes of it.
pub(super) const MIGRATIONS: [(Living, &str, &str); 6] = [
    (Living::Sessions, "struct session", "split into connection and session; peer dropped, since_ms new"),
    (Living::Marks, "session.marks[]", "the array becomes a linked list"),
    (Living::Keys, "struct item", "now struct entry, in another order, with a new field revision"),
    (Living::Keys, "enum value_kind", "renumbered: what was a text (0) is now nothing at all"),
    (Living::Keys, "store.buckets[]", "another hash function: each key belongs in another bucket"),
    (Living::One, "commands_served", "the counter moves into a structure: stats.commands"),
];

/// What to count.
#[derive(Clone, Copy)]
pub(super) enum Living {
    Sessions,
    Keys,
    Marks,
    One,
}

/// One line said, and the lines answered.
#[derive(Serialize)]
pub(super) struct Exchange {
    pub(super) session: &'static str,
    pub(super) request: &'static str,
    pub(super) answer: Vec<String>,
}

/// One request that the releases answer differently.
#[derive(Serialize)]
pub(super) struct Difference {
    pub(super) session: &'static str,
    pub(super) request: &'static str,
    pub(super) old: Vec<String>,
    pub(super) new: Vec<String>,
    pub(super) meaning: &'static str,
}

/// What lives in the server, by its own account.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct State {
    pub(super) sessions: usize,
    pub(super) keys: usize,
    pub(super) marks: usize,
}

/// The open connections to one server.
pub(super) struct Conversation {
    clients: Vec<Client>,
}

impl Conversation {
    pub(super) fn open(server: &Server, interrupt: &Interrupt) -> Result<Conversation> {
        let clients: Result<Vec<Client>> = SESSIONS.iter().map(|_| server.connect(interrupt)).collect();
        Ok(Conversation { clients: clients? })
    }

    /// How the server greeted.
    pub(super) fn greeting(&self) -> &str {
        self.clients.first().map_or("", |client| client.greeting.as_str())
    }

    /// Says the script; leaves the guest in the middle of a line.
    pub(super) fn say_script(&mut self) -> Result<Vec<Exchange>> {
        let mut exchanges = Vec::with_capacity(SCRIPT.len());
        for (session, request) in SCRIPT {
            let (request, refusal) = match request.strip_prefix('!') {
                Some(request) => (request, true),
                None => (request, false),
            };
            let exchange = self.say(session, request)?;
            let refused = exchange.answer.first().is_some_and(|line| line.starts_with('-'));
            if refused != refusal {
                let answer = exchange.answer.join(" / ");
                let wanted = if refusal { "a refusal" } else { "no refusal" };
                return Err(Failure::Finding(format!(
                    "{request:?} was answered {answer:?}: expected {wanted}"
                ))
                .into());
            }
            exchanges.push(exchange);
        }
        self.client(GUEST)?.send(HALF_A_LINE)?;
        Ok(exchanges)
    }

    /// Says what the releases answer differently. `all`: though there may be no way back from it.
    pub(super) fn say_probes(&mut self, all: bool) -> Result<Vec<Exchange>> {
        let probes = PROBES.into_iter().filter(|(_, request, _)| all || *request != MARK_NINE);
        probes.map(|(session, request, _)| self.say(session, request)).collect()
    }

    /// The guest goes on with the line that is half said. What that is answered with.
    pub(super) fn finish_line(&mut self) -> Result<String> {
        let guest = self.client(GUEST)?;
        let answer = guest.ask(REST_OF_THE_LINE)?.join("  ");
        match answer.starts_with("+welcome grace") {
            true => Ok(answer),
            false => Err(Failure::Finding(format!("the rest of the line was answered {answer:?}")).into()),
        }
    }

    /// Half a line once more, of somebody who is logged in: for [`hear_basket`](Conversation::hear_basket).
    pub(super) fn ask_for_half_a_basket(&mut self) -> Result<()> {
        self.client(ADA)?.send("GET bas")
    }

    /// The other half, and what has been in the basket from the beginning.
    pub(super) fn hear_basket(&mut self) -> Result<String> {
        let answer = self.client(ADA)?.ask("ket")?;
        match answer.as_slice() == ["*2", "$apples", "$brown bread"] {
            true => Ok(answer.join("  ")),
            false => Err(Failure::Finding(format!("the basket has {:?}", answer.join("  "))).into()),
        }
    }

    /// Asks the server what lives in it.
    pub(super) fn state(&mut self) -> Result<State> {
        let stats = self.say(ADA, "STATS")?.answer;
        let number = |name: &str| {
            let value =
                stats.iter().find_map(|line| line.strip_prefix('$')?.strip_prefix(name)?.strip_prefix(' '));
            value.and_then(|value| value.parse().ok()).with_context(|| format!("STATS does not tell {name}"))
        };
        let mut marks = 0;
        for session in [ADA, GRACE] {
            marks += self.say(session, "MARKS")?.answer.len() - 1; // the first line is their number
        }
        Ok(State { sessions: number("sessions")?, keys: number("keys")?, marks })
    }

    fn say(&mut self, session: usize, request: &'static str) -> Result<Exchange> {
        let name = SESSIONS.get(session).copied().context("no such session")?;
        Ok(Exchange { session: name, request, answer: self.client(session)?.ask(request)? })
    }

    fn client(&mut self, session: usize) -> Result<&mut Client> {
        self.clients.get_mut(session).context("no such session")
    }
}

impl State {
    pub(super) fn count(&self, living: Living) -> usize {
        match living {
            Living::Sessions => self.sessions,
            Living::Keys => self.keys,
            Living::Marks => self.marks,
            Living::One => 1,
        }
    }
}

/// Says the probes to both, who heard the same before. An error if they do not differ where they should.
pub(super) fn compare(old: &mut Conversation, new: &mut Conversation) -> Result<Vec<Difference>> {
    let answers = (old.say_probes(true)?, new.say_probes(true)?);
    differences(answers.0, answers.1)
}

/// What both have answered, where they differ. An error if they do not where they should.
pub(super) fn differences(old: Vec<Exchange>, new: Vec<Exchange>) -> Result<Vec<Difference>> {
    let mut differences = Vec::new();
    for (old, new) in old.into_iter().zip(new) {
        let probe = PROBES.iter().find(|(_, request, _)| *request == old.request);
        let Some(meaning) = probe.and_then(|(_, _, meaning)| *meaning) else { continue };
        if old.answer == new.answer {
            let finding = format!("both releases answer {:?} with {:?}", old.request, old.answer.join(" / "));
            return Err(Failure::Finding(finding).into());
        }
        let Exchange { session, request, answer } = old;
        differences.push(Difference { session, request, old: answer, new: new.answer, meaning });
    }
    Ok(differences)
}
