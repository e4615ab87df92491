//! The sorts of conflict: what each means, why it stops an update, and what to do.
//!
//! What it does not do: find any.

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
    /// Something of the new release's start-up that would be lost, as something old takes its place.
    Overwritten,
}

/// What there is to say of a sort of conflict.
#[derive(Debug)]
pub struct Entry {
    /// The sort.
    pub code: Code,
    /// `MCX801`
    pub id: &'static str,
    /// What it is called for short: `unpaired`.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// What it means, and why that matters.
    pub text: &'static str,
    /// What a release engineer can do about it.
    pub advice: &'static str,
    /// A statement that settles such a one.
    pub example: &'static str,
}

impl Code {
    /// All that there is to say of it.
    pub fn entry(self) -> &'static Entry {
        // They stand in the order of the codes.
        ALL.iter().find(|entry| entry.code == self).unwrap_or(&ALL[0])
    }

    /// `MCX801`
    pub fn id(self) -> &'static str {
        self.entry().id
    }

    /// What a release engineer can do about it.
    pub fn advice(self) -> &'static str {
        self.entry().advice
    }

    /// The sort that somebody means by `MCX801`, `801` or `question`.
    pub fn find(text: &str) -> Option<Code> {
        let text = text.trim();
        let is_it = |entry: &&Entry| {
            entry.id.eq_ignore_ascii_case(text) || entry.id.get(3..) == Some(text) || entry.name == text
        };
        ALL.iter().find(is_it).map(|entry| entry.code)
    }
}

/// All of them, by their numbers.
pub const ALL: [Entry; 13] = [
    Entry {
        code: Code::Question,
        id: "MCX801",
        name: "question",
        title: "a question of the releases that no rule answers",
        text: "The releases differ in what no comparison can decide: a member is new and has no value in objects that \
live, one is gone, a value became one of another kind, a union changed. Zero is not always right: a \
`start_time` of 0 closed every connection. It is only asked about types and variables of which something \
lives.",
        advice: "answer it in a `type` or `global` statement",
        example: "type conn {\n    start_time = from.now\n}",
    },
    Entry {
        code: Code::Value,
        id: "MCX802",
        name: "value",
        title: "a value that cannot be made",
        text: "An object has a value that the new release's member cannot hold, or a rule has none for it: a number that \
does not fit, a text that is too long, a null pointer on the way, `fail`. The message has the first such \
object's value.",
        advice: "say in a rule what the value is, or `fail` where there is none",
        example: "type quota {\n    limit = clamp(old.limit)\n}",
    },
    Entry {
        code: Code::Pointer,
        id: "MCX803",
        name: "pointer",
        title: "a pointer to what the new release does not have",
        text: "A function, a variable, a member or a constant text is gone while something that lives on points to it; \
or a pointer leads into a stack, which is given up, or to the middle of a function. Nothing would be \
there for it.",
        advice: "say what has come for it (`function OLD -> NEW`, `global OLD -> NEW`), or drain the objects that hold it",
        example: "function on_read -> handle_read",
    },
    Entry {
        code: Code::Pinned,
        id: "MCX804",
        name: "pinned",
        title: "words that may be no pointers lead into what changes",
        text: "A number that looks like the address of an object may be one, or a number. If it is a pointer it has to \
follow when the object moves; if it is not it must not be touched. Nobody may guess, so the object would \
have to stay as it is, and its type changes.",
        advice: "say by a fact how the words that point into it are to be read (`mcrx pins`), or drain it",
        example: "field watch.cookie : conn",
    },
    Entry {
        code: Code::Room,
        id: "MCX805",
        name: "room",
        title: "no room for what grows",
        text: "A part of a block whose type is not known as a whole cannot grow in its place, and nothing says what else \
is in the block: text behind an object, objects that share it.",
        advice: "give the block a type by a fact, or drain it",
        example: "site make_page : item",
    },
    Entry {
        code: Code::Untyped,
        id: "MCX806",
        name: "untyped",
        title: "memory without a type that may hold what changes",
        text: "A live block has no type, is large enough for one that changes, and has words that look like pointers. If \
it holds such an object it would be left as the old release made it, and the new one would read it wrong. \
Blocks of one function are one conflict.",
        advice: "give it a type by a fact (`site`, `field`), or say by one that it holds bytes",
        example: "site make_slot : conn",
    },
    Entry {
        code: Code::Unpaired,
        id: "MCX807",
        name: "unpaired",
        title: "what changed since start-up has no counterpart",
        text: "The old release's start-up made an object, it changed since, and nothing that the new release's start-up \
made corresponds to it; or only a function that runs leads to it. What it says would be lost.",
        advice: "make both start-ups make it, carry what it says over in a rule of what leads to it, or give it up (`type T drop`)",
        example: "type history drop",
    },
    Entry {
        code: Code::Opaque,
        id: "MCX808",
        name: "opaque",
        title: "memory without a type, or of a library, changed since start-up",
        text: "Both start-ups have made it, so the new one's is in use; what the old one's holds since cannot be carried \
over by its bytes, as nothing says what they are. What a library keeps for itself is told anew by an \
adapter, if there is one.",
        advice: "give it a type by a fact, or let it be made anew (`adapter NAME`)",
        example: "adapter libevent",
    },
    Entry {
        code: Code::Drained,
        id: "MCX809",
        name: "drained",
        title: "objects that the rules wait for are alive",
        text: "A `drain` statement says that the update waits until none of these lives. Some do.",
        advice: "wait until they are gone, and try again",
        example: "drain request within 30s",
    },
    Entry {
        code: Code::ThreadLocal,
        id: "MCX810",
        name: "thread-local",
        title: "a thread's own variable changed since start-up",
        text: "The new process has no such thread, or the new release no such variable. What it holds would be lost.",
        advice: "give it up (`global NAME drop`, `global NAME keep new`), keep such state in a variable of the program, or wait until it is as it was",
        example: "global served drop",
    },
    Entry {
        code: Code::Variable,
        id: "MCX811",
        name: "variable",
        title: "a variable is gone whose value changed",
        text: "Nobody has said what becomes of the value. A counter may be a member of a structure now, a cache may be \
given up.",
        advice: "say `global NAME drop`, or what it becomes",
        example: "global served -> stats.served",
    },
    Entry {
        code: Code::Assert,
        id: "MCX812",
        name: "assert",
        title: "an `assert` of the rules does not hold",
        text: "The rules say what has to be true of the new release's memory, and in the image that the update would \
leave it is not.",
        advice: "mend the rules, or the `assert`",
        example: "assert every conn c : c.slot >= 0",
    },
    Entry {
        code: Code::Overwritten,
        id: "MCX813",
        name: "overwritten",
        title: "something of the new release's start-up would be lost",
        text: "The new start-up has registered something, a handler in a slot, a watcher in a list, and what is carried \
over from the old process would take its place. The new release's code relies on it.",
        advice: "insert it by a rule (`for each NAME where CONDITION : insert NAME into ...`), or keep the new one (`global NAME keep new`)",
        example: "for each watch w where w.id == 2 {\n    insert w into watches at tail via next\n}",
    },
];
