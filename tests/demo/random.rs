//! Random operations from several clients, each answer compared with the model's.

use crate::build::{Release, on_both};
use crate::client::Client;
use crate::model::Model;
use crate::server::{Server, wait_for};

const OPERATIONS: usize = 2000;
const CLIENTS: usize = 3;
/// More keys than the server keeps, so that some are evicted all the time.
const KEYS: u64 = 40;
const MAX_KEYS: usize = 25;

/// Marsaglia's xorshift64: the same operations for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(u64::try_from(limit).expect("a usize fits"))).expect("below a usize")
    }

    fn key(&mut self) -> String {
        // Pairs of these have one hash in release 1: chains are longer than one.
        let letters = ["Az", "BY", "a", "b"];
        let number = self.below(KEYS);
        format!("{}{}", letters[self.index(letters.len())], number / 4)
    }

    fn text(&mut self) -> String {
        let length = self.index(60);
        (0..length).map(|_| char::from(b' ' + u8::try_from(self.below(95)).expect("below 95"))).collect()
    }

    fn number(&mut self) -> i64 {
        match self.below(10) {
            0 => i64::MAX,
            1 => i64::MIN,
            _ => i64::try_from(self.below(2000)).expect("below 2000") - 1000,
        }
    }
}

/// One operation: what is asked, and what the model answers.
fn operation(random: &mut Random, model: &mut Model, client: usize) -> (String, String) {
    let key = random.key();
    match random.below(24) {
        0..=3 => {
            let text = random.text();
            (format!("SET {key} {text}"), model.set(&key, &text))
        }
        4..=6 => {
            let number = random.number();
            (format!("ADD {key} {number}"), model.add(&key, number))
        }
        7..=10 => {
            let text = random.text();
            (format!("PUSH {key} {text}"), model.push(&key, &text))
        }
        11..=14 => (format!("GET {key}"), model.get(&key)),
        15..=16 => (format!("DELETE {key}"), model.delete(&key)),
        17..=18 => (format!("EXPIRE {key} 31536000000"), model.expire_later(&key)),
        19 => (format!("EXPIRE {key} 1"), model.expire_now(&key)),
        20 => (format!("TTL {key}"), model.ttl(&key)),
        21 => (format!("INFO {key}"), model.info(&key)),
        22 => (format!("MARK {key}"), model.mark(client, &key)),
        _ => ("MARKS".to_owned(), model.marks(client)),
    }
}

/// Puts `later` for a time that is left of a year.
fn without_times(answer: &str) -> String {
    let at = answer.find("315").filter(|at| answer.len() - at == "31536000000".len());
    at.map_or_else(|| answer.to_owned(), |at| format!("{}later", &answer[..at]))
}

fn run(release: Release, seed: u64) {
    println!("seed {seed}");
    let server = Server::start(release, &["--max-keys", &MAX_KEYS.to_string()]);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.ada()).collect();
    let mut model = Model::new(release, MAX_KEYS, CLIENTS);
    let mut random = Random(seed);
    for number in 0..OPERATIONS {
        let client = random.index(CLIENTS);
        let (request, expected) = operation(&mut random, &mut model, client);
        let mut answer = clients[client].ask(&request);
        if request.starts_with("TTL") || request.starts_with("INFO") {
            answer = without_times(&answer);
        }
        assert_eq!(answer, expected, "operation {number} of seed {seed}: {request:?}");
        if request.ends_with(" 1") && request.starts_with("EXPIRE") {
            wait_for("a key to expire", || (clients[0].stat("expired") == model.expired).then_some(()));
        }
    }
    assert_eq!(clients[0].stat("keys"), u64::try_from(model.keys()).expect("a usize fits"));
    assert_eq!(clients[0].stat("evicted"), model.evicted);
    assert!(model.evicted > 20 && model.expired > 20, "the operations reach both");
    server.end_well();
}

#[test]
fn two_thousand_random_operations_are_answered_as_the_model_answers() {
    for seed in [1, 0x9e37_79b9_7f4a_7c15] {
        on_both(|release| run(release, seed));
    }
}
