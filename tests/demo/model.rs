//! What the server should answer, in the plainest terms: keys in a vector, the last used at its end.

use crate::build::Release;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(i64),
    List(Vec<String>),
}

struct Entry {
    key: String,
    value: Value,
    revision: u64,
    has_deadline: bool,
}

/// A store that many clients share, and what each of them marked.
pub(crate) struct Model {
    release: Release,
    max_keys: usize,
    entries: Vec<Entry>,
    marks: Vec<Vec<String>>,
    pub(crate) evicted: u64,
    pub(crate) expired: u64,
}

impl Model {
    pub(crate) fn new(release: Release, max_keys: usize, clients: usize) -> Model {
        let marks = vec![Vec::new(); clients];
        Model { release, max_keys, entries: Vec::new(), marks, evicted: 0, expired: 0 }
    }

    pub(crate) fn keys(&self) -> usize {
        self.entries.len()
    }

    /// Finds and makes the last used.
    fn find(&mut self, key: &str) -> Option<&mut Entry> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        let entry = self.entries.remove(at);
        self.entries.push(entry);
        self.entries.last_mut()
    }

    fn find_or_add(&mut self, key: &str, empty: Value) -> &mut Entry {
        if self.find(key).is_none() {
            if self.entries.len() == self.max_keys {
                self.entries.remove(0);
                self.evicted += 1;
            }
            let key = key.to_owned();
            self.entries.push(Entry { key, value: empty, revision: 0, has_deadline: false });
        }
        self.entries.last_mut().expect("found or added")
    }

    pub(crate) fn set(&mut self, key: &str, text: &str) -> String {
        let fixed = self.release == Release::New;
        let entry = self.find_or_add(key, Value::Number(0));
        entry.value = Value::Text(text.to_owned());
        entry.revision += 1;
        entry.has_deadline &= !fixed;
        "+stored".to_owned()
    }

    pub(crate) fn add(&mut self, key: &str, more: i64) -> String {
        let entry = self.find_or_add(key, Value::Number(0));
        let Value::Number(number) = &mut entry.value else {
            return format!("-KIND {key} does not hold a number");
        };
        let Some(sum) = number.checked_add(more) else {
            return "-RANGE the sum does not fit 64 bits".to_owned();
        };
        *number = sum;
        entry.revision += 1;
        format!(":{sum}")
    }

    pub(crate) fn push(&mut self, key: &str, text: &str) -> String {
        let entry = self.find_or_add(key, Value::List(Vec::new()));
        let Value::List(list) = &mut entry.value else {
            return format!("-KIND {key} does not hold a list");
        };
        list.push(text.to_owned());
        entry.revision += 1;
        format!(":{}", list.len())
    }

    pub(crate) fn get(&mut self, key: &str) -> String {
        match self.find(key).map(|entry| &entry.value) {
            None => "_".to_owned(),
            Some(Value::Text(text)) => format!("${text}"),
            Some(Value::Number(number)) => format!(":{number}"),
            Some(Value::List(list)) => {
                let texts: String = list.iter().map(|text| format!(" ${text}")).collect();
                format!("*{}{texts}", list.len())
            }
        }
    }

    pub(crate) fn delete(&mut self, key: &str) -> String {
        let found = self.find(key).is_some();
        if found {
            self.entries.pop();
        }
        format!(":{}", i32::from(found))
    }

    /// A deadline that is not reached while the test runs.
    pub(crate) fn expire_later(&mut self, key: &str) -> String {
        let entry = self.find(key).map(|entry| entry.has_deadline = true);
        format!(":{}", i32::from(entry.is_some()))
    }

    /// A deadline that is waited for.
    pub(crate) fn expire_now(&mut self, key: &str) -> String {
        let answer = self.delete(key);
        self.expired += u64::from(answer == ":1");
        answer
    }

    /// `:later` stands for any time that is left.
    pub(crate) fn ttl(&mut self, key: &str) -> String {
        match self.find(key) {
            None => "_".to_owned(),
            Some(entry) if entry.has_deadline => ":later".to_owned(),
            Some(_) => ":-1".to_owned(),
        }
    }

    pub(crate) fn info(&mut self, key: &str) -> String {
        if self.release == Release::Old {
            return "-UNKNOWN there is no such command; HELP lists them".to_owned();
        }
        let Some(entry) = self.find(key) else { return "_".to_owned() };
        let kind = match entry.value {
            Value::Text(_) => "text",
            Value::Number(_) => "number",
            Value::List(_) => "list",
        };
        let ttl = if entry.has_deadline { "later" } else { "-1" };
        format!("+{kind} revision {} ttl {ttl}", entry.revision)
    }

    pub(crate) fn mark(&mut self, client: usize, key: &str) -> String {
        let most = match self.release {
            Release::Old => 8,
            Release::New => 64,
        };
        let marks = &mut self.marks[client];
        if !marks.iter().any(|mark| mark == key) {
            if marks.len() == most {
                return format!("-FULL a session has at most {most} marks");
            }
            marks.push(key.to_owned());
        }
        "+marked".to_owned()
    }

    pub(crate) fn marks(&self, client: usize) -> String {
        let keys: String = self.marks[client].iter().map(|key| format!(" ${key}")).collect();
        format!("*{}{keys}", self.marks[client].len())
    }
}
