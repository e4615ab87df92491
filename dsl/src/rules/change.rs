//! How memory migrates from one release to the next.

use super::{Expression, Hole, Milliseconds, Path, Symbol, TypeName};
use crate::source::At;

/// A statement about one pair of releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `type conn { … }`: how objects of a type migrate.
    Type(TypeChange),
    /// `type history drop`: objects of these types are given up on purpose where nothing that is carried over leads to them.
    GivenUp(Vec<At<TypeName>>),
    /// `global a …`: how a variable does.
    Global {
        /// The variable; of the old release, or for `keep new` and `=` of the new one.
        name: At<Symbol>,
        /// What becomes of it.
        change: At<GlobalChange>,
    },
    /// `function on_read -> handle_read`: another name.
    Function {
        /// In the old release.
        from: At<Symbol>,
        /// In the new one.
        to: At<Symbol>,
    },
    /// `string "a" -> "b"`: pointers to one constant lead to another.
    Text {
        /// In the old release.
        from: At<String>,
        /// In the new one.
        to: At<String>,
    },
    /// `for each conn c where … { … }`: done with each object after all have migrated.
    ForEach(ForEach),
    /// `drain ngx_http_request_s within 5s`: wait until none lives, instead of converting.
    Drain {
        /// The type.
        ty: At<TypeName>,
        /// For so long.
        within: At<Milliseconds>,
    },
    /// `call rebuild(1) after transfer`: a function of the new release, run in it.
    Call {
        /// The function.
        function: At<Symbol>,
        /// What it is given.
        arguments: Vec<At<Expression>>,
    },
    /// `adapter libevent`: how a library's registrations are made anew.
    Adapter(At<String>),
    /// `assert every conn c : c.fd >= -1`: what is to be true afterwards.
    Assert {
        /// Of each object of this type, under this name. `None`: once.
        every: Option<(At<TypeName>, At<String>)>,
        /// What.
        that: At<Expression>,
    },
    /// `define blocks(bytes) = (bytes + 4095) / 4096`
    Define {
        /// Its name.
        name: At<String>,
        /// What it is given.
        parameters: Vec<At<String>>,
        /// What it gives.
        body: At<Expression>,
    },
    /// `down { … }`: changes for the way back that cannot be derived.
    Down(Vec<At<Change>>),
    /// Something that a person has to look at.
    Hole(Hole),
}

/// How objects of some types become objects of some types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeChange {
    /// One; several are merged.
    pub from: Vec<At<TypeName>>,
    /// One; several: it is split. The same as `from` if nothing else is written.
    pub to: Vec<At<TypeName>>,
    /// Member by member.
    pub items: Vec<At<TypeItem>>,
}

/// What becomes of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeItem {
    /// `state = …`: a member of the new type gets this value. If several types are made the path begins with the type's name.
    Set {
        /// The member.
        path: At<Path>,
        /// Its value; `old` is the old object.
        value: At<Expression>,
    },
    /// `old_name -> new_name`
    Rename {
        /// In the old type.
        from: At<Path>,
        /// In the new type.
        to: At<Path>,
    },
    /// `drop a, b`: members of the old type that are given up on purpose.
    Drop(Vec<At<Path>>),
    /// `reset a, b`: members of the new type that are as its start-up leaves them.
    Reset(Vec<At<Path>>),
    /// `keep new a, b`: members of objects that both releases have made.
    Keep {
        /// Whose value counts.
        which: Which,
        /// The members.
        paths: Vec<At<Path>>,
    },
    /// Not known yet.
    Hole(Hole),
}

/// One of the two releases' values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// What the old process has now.
    Old,
    /// What the new release's start-up has made.
    New,
}

/// What becomes of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GlobalChange {
    /// `-> stats.requests`: it is that one, or that member, of the new release.
    Becomes(At<Path>),
    /// `= …`
    Set(At<Expression>),
    /// `keep old`, `keep new`
    Keep(Which),
    /// `drop`: given up on purpose.
    Drop,
}

/// Something done with each object of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForEach {
    /// `old`: all that were objects of this type in the old release. `new` or nothing: that are in the new one.
    pub which: Option<At<Which>>,
    /// The type.
    pub ty: At<TypeName>,
    /// What the object is called below.
    pub name: At<String>,
    /// Those of this sequence. `None`: all that there are.
    pub among: Option<At<Expression>>,
    /// Only those of which this is true.
    pub condition: Option<At<Expression>>,
    /// In order.
    pub actions: Vec<At<Action>>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `insert c.queue into ngx_cycle.reusable at head`
    Insert {
        /// A link in the object, or the object.
        what: At<Path>,
        /// The head of a list: a member of the object, or of a variable; elements by any number.
        into: At<Expression>,
        /// At which end. `None`: at the tail.
        at: Option<At<End>>,
        /// The member that leads to the next, where the list is not one of links.
        via: Option<At<Path>>,
    },
    /// `c.count = 1`
    Set {
        /// A member of the object, or a variable.
        path: At<Path>,
        /// Its value.
        value: At<Expression>,
    },
    /// `call table_add(c)`: a function of the new release, run in it when all memory is as it is to be.
    Call {
        /// The function.
        function: At<Symbol>,
        /// What it is given.
        arguments: Vec<At<Expression>>,
    },
}

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first element.
    Head,
    /// The last.
    Tail,
}
