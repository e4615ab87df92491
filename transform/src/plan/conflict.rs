//! What stops an update, or would lose something: found before anything is written.

use std::collections::BTreeMap;

/// What sort of conflict. Its number is a promise: scripts go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A question that the releases ask and no rule answers.
    Question,
    /// A value that cannot be made as the rules say, or without rules.
    Value,
    /// A pointer that leads to what the new release does not have.
    Pointer,
    /// An object of a type that changes, pointed into by words that may be no pointers.
    Pinned,
    /// A part of a block that has no type as a whole would have to grow.
    Room,
    /// Live memory with pointers in it and without a type, which may hold what changes.
    Untyped,
    /// An object of the old start-up changed since, and nothing of the new release corresponds to it.
    Unpaired,
    /// Memory without a type that both start-ups have made, and that changed since.
    Opaque,
    /// Objects of a type that the rules say to wait for.
    Drained,
    /// A thread's own variable changed since start-up.
    ThreadLocal,
    /// A variable whose value is no longer asked for, and nobody has said what becomes of it.
    Variable,
    /// An `assert` of the rules does not hold.
    Assert,
}

impl Code {
    /// `MCX801`
    pub fn id(self) -> &'static str {
        match self {
            Code::Question => "MCX801",
            Code::Value => "MCX802",
            Code::Pointer => "MCX803",
            Code::Pinned => "MCX804",
            Code::Room => "MCX805",
            Code::Untyped => "MCX806",
            Code::Unpaired => "MCX807",
            Code::Opaque => "MCX808",
            Code::Drained => "MCX809",
            Code::ThreadLocal => "MCX810",
            Code::Variable => "MCX811",
            Code::Assert => "MCX812",
        }
    }

    /// What a release engineer can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Code::Question => "answer it in a `type` or `global` statement",
            Code::Value => "say in a rule what the value is, or `fail` where there is none",
            Code::Pointer => {
                "say what has come for it (`function OLD -> NEW`, `global OLD -> NEW`), or drain the objects that hold it"
            }
            Code::Pinned => {
                "say by a fact how the words that point into it are to be read (`mcrx pins`), or drain it"
            }
            Code::Room => "give the block a type by a fact, or drain it",
            Code::Untyped => "give it a type by a fact (`site`, `field`), or say by one that it holds bytes",
            Code::Unpaired => {
                "make both start-ups make it, or carry what it says over in a rule of what leads to it"
            }
            Code::Opaque => "give it a type by a fact, or let it be made anew",
            Code::Drained => "wait until they are gone, and try again",
            Code::ThreadLocal => {
                "it is not carried over: keep such state in a variable of the program, or wait until it is as it was"
            }
            Code::Variable => "say `global NAME drop`, or what it becomes",
            Code::Assert => "mend the rules, or the `assert`",
        }
    }
}

/// One conflict, of however many objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// What sort.
    pub code: Code,
    /// The type or variable that it is about.
    pub object: String,
    /// The member of it, or nothing.
    pub member: String,
    /// One sentence.
    pub message: String,
    /// The first object's old address; 0 where it is about none.
    pub address: u64,
    /// How many objects.
    pub objects: u64,
}

/// Conflicts while they are found: those of many objects become one.
#[derive(Debug, Default)]
pub(super) struct Conflicts(BTreeMap<(Code, String, String, String), Conflict>);

impl Conflicts {
    /// One more. Those of one sort, object, member and `kind` are one; it keeps the first message.
    pub(super) fn add(
        &mut self,
        code: Code,
        (object, member): (&str, &str),
        kind: &str,
        address: u64,
        message: String,
    ) {
        let key = (code, object.to_owned(), member.to_owned(), kind.to_owned());
        let fresh = || Conflict {
            code,
            object: object.to_owned(),
            member: member.to_owned(),
            message,
            address,
            objects: 0,
        };
        let conflict = self.0.entry(key).or_insert_with(fresh);
        conflict.objects += 1;
        if address != 0 && (conflict.address == 0 || address < conflict.address) {
            conflict.address = address;
        }
    }

    pub(super) fn merge(&mut self, other: Conflicts) {
        for (key, conflict) in other.0 {
            match self.0.entry(key) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(conflict);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    let known = entry.get_mut();
                    known.objects += conflict.objects;
                    known.address = known.address.min(conflict.address);
                }
            }
        }
    }

    /// By sort, the most frequent first.
    pub(super) fn finish(self) -> Vec<Conflict> {
        let mut all: Vec<Conflict> = self.0.into_values().collect();
        all.sort_by_key(|conflict| (conflict.code, std::cmp::Reverse(conflict.objects)));
        all
    }
}
