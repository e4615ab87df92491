//! A program in two releases, as data: what it has, and what becomes of it.
//!
//! Old and new are said at once, member by member, so that a smaller change is a smaller value: that is what makes failures shrink.

/// Independent parts of one program: many cases cost one compilation.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) worlds: Vec<World>,
    /// Places in [`super::run::BUILDS`], of the old release and of the new one.
    pub(crate) builds: (usize, usize),
}

/// Types, variables, functions and the work that is done on them.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) structs: Vec<Struct>,
    pub(crate) globals: Vec<Global>,
    /// The place at which the new release has one more constant.
    pub(crate) constant_before: Option<usize>,
    pub(crate) functions_renamed: bool,
    /// Start-up gives some of what is never changed another value in the new release.
    pub(crate) start_differs: bool,
    pub(crate) seed: u16,
}

/// A type, and all objects of it.
#[derive(Debug, Clone)]
pub(crate) struct Struct {
    pub(crate) members: Vec<Member>,
    pub(crate) registry: Registry,
    pub(crate) is_renamed: bool,
    /// In the new release, `id` comes last.
    pub(crate) id_last: bool,
    /// Objects that start-up makes.
    pub(crate) first: u8,
    /// Objects that start-up makes, and that are freed later.
    pub(crate) freed: u8,
    /// Objects that are made later.
    pub(crate) later: u8,
    /// Objects that are changed later.
    pub(crate) changed: u8,
}

/// How objects are reached from a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registry {
    /// An array of pointers, larger by so many in the new release.
    Array(u8),
    List,
    Tree,
}

#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) what: What,
    pub(crate) change: Change,
    /// In the new release members are in the order of this, and then in that of the old one.
    pub(crate) rank: u8,
}

#[derive(Debug, Clone)]
pub(crate) struct Global {
    pub(crate) what: What,
    pub(crate) change: Change,
}

/// What a member or variable is. Numbers of types are taken modulo how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Int {
        old: Int,
        new: Int,
    },
    Bits {
        old: u8,
        new: u8,
        is_signed: bool,
    },
    Real {
        old_is_wide: bool,
        new_is_wide: bool,
    },
    Text {
        old: u8,
        new: u8,
    },
    Constant,
    Ints {
        of: Int,
        old: u8,
        new: u8,
    },
    /// A structure of another type, in place.
    Inside(usize),
    Object(usize),
    /// With the lowest bit used for something else.
    Tagged(usize),
    /// A pointer to a member of another object, or of what is merged into it.
    Id(usize),
    /// A pointer to what is merged into another object, and then to that; where nothing is, to the object.
    Part(usize),
    Function,
    /// A pointer into an array that is a variable.
    Variable,
    /// A string constant.
    Literal,
    /// A string on the heap.
    Name,
    /// `void *`, with a kind that says to what.
    Any,
    /// As many structures behind a pointer as a number says.
    Counted(usize),
    /// As many numbers.
    Numbers(Int),
    /// A union with a tag; its number gets more bits.
    Union {
        new_is_wide: bool,
        to: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Int {
    /// 8, 16, 32 or 64.
    pub(crate) bits: u8,
    pub(crate) is_signed: bool,
}

/// What becomes of a member or variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Stays,
    Renamed,
    Added(First),
    Dropped,
    /// Into a structure that only the new release has.
    MovedInside,
    /// From an object of its own, which only the old release has, and which the object leads to.
    Merged,
}

/// The first value of a new member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// This.
    Number(u8),
    /// That of `id`, and so much more.
    FromId(u8),
    /// What start-up sets; zero in what is made later.
    Reset(u8),
}

/// A release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    Old,
    New,
}

impl Int {
    pub(crate) fn spelled(self) -> String {
        format!("{}int{}_t", if self.is_signed { "" } else { "u" }, self.bits)
    }

    /// The least and the largest value that both have.
    pub(crate) fn common(self, other: Int) -> (i128, i128) {
        let least = |int: Int| if int.is_signed { -(1 << (int.bits - 1)) } else { 0_i128 };
        let most = |int: Int| (1_i128 << (int.bits - u8::from(int.is_signed))) - 1;
        (least(self).max(least(other)), most(self).min(most(other)))
    }
}

impl Struct {
    /// Something is merged into its objects.
    pub(crate) fn has_part(&self) -> bool {
        self.members.iter().any(|member| member.change == Change::Merged)
    }
}

impl Change {
    pub(crate) fn is_in(self, release: Release) -> bool {
        !matches!((self, release), (Change::Added(_), Release::Old) | (Change::Dropped, Release::New))
    }
}

impl What {
    /// It is read as a fact says, which names its owner.
    fn has_fact(self) -> bool {
        matches!(self, What::Tagged(_) | What::Any | What::Counted(_) | What::Numbers(_) | What::Union { .. })
    }

    /// It can be a variable, and a member of a structure that is new.
    fn is_simple(self) -> bool {
        !self.has_fact() && !matches!(self, What::Bits { .. } | What::Name)
    }
}

impl World {
    /// What cannot be is made what can: so that each value that a strategy makes up is a program.
    pub(crate) fn made_possible(mut self) -> World {
        let count = self.structs.len();
        for (index, one) in self.structs.iter_mut().enumerate() {
            let has_part = one.has_part();
            for member in &mut one.members {
                member.what = member.what.possible(index, count);
                member.change = member.change.possible(member.what);
                if has_part && matches!(member.change, Change::Renamed | Change::MovedInside) {
                    member.change = Change::Stays;
                }
                if member.change == Change::Merged {
                    member.what = member.what.not_shrunk();
                }
            }
        }
        for global in &mut self.globals {
            global.what = global.what.possible(count, count).not_shrunk();
            if !global.what.is_simple() {
                global.what = What::Constant;
            }
            // Of a variable nobody says how it gets fewer bits.
            if let What::Int { old, new } = &mut global.what
                && new.bits < old.bits
            {
                std::mem::swap(old, new);
            }
            if matches!(global.change, Change::MovedInside | Change::Merged) {
                global.change = Change::Renamed;
            }
        }
        // Facts name types, and are about both releases.
        let names_types = |one: &Struct| one.members.iter().any(|member| member.what.names_types());
        let has_facts = |one: &Struct| one.members.iter().any(|member| member.what.has_fact());
        let all_keep = self.structs.iter().any(names_types);
        for one in &mut self.structs {
            one.is_renamed &= !all_keep && !has_facts(one);
        }
        self
    }
}

impl What {
    fn names_types(self) -> bool {
        matches!(self, What::Any | What::Counted(_))
    }

    fn possible(self, own: usize, count: usize) -> What {
        match self {
            // Only types that were written before can be held by value.
            What::Inside(of) if own > 0 => What::Inside(of % own),
            What::Counted(of) if own > 0 => What::Counted(of % own),
            What::Inside(_) | What::Counted(_) => What::Constant,
            What::Object(of) => What::Object(of % count),
            What::Tagged(of) => What::Tagged(of % count),
            What::Id(of) => What::Id(of % count),
            What::Part(of) => What::Part(of % count),
            What::Union { new_is_wide, to } => What::Union { new_is_wide, to: to % count },
            What::Real { old_is_wide, new_is_wide } => {
                What::Real { old_is_wide, new_is_wide: new_is_wide || old_is_wide }
            }
            What::Text { old, new } => What::Text { old: old.min(new), new: old.max(new) },
            other => other,
        }
    }

    /// Of a variable nobody says how it gets fewer elements.
    pub(crate) fn not_shrunk(self) -> What {
        match self {
            What::Ints { of, old, new } => What::Ints { of, old: old.min(new), new: old.max(new) },
            other => other,
        }
    }
}

impl Change {
    fn possible(self, what: What) -> Change {
        match (self, what) {
            (Change::Added(first), What::Int { .. }) => Change::Added(first),
            (Change::Added(_), What::Object(_) | What::Text { .. }) => Change::Added(First::Number(0)),
            (Change::Added(_), _) => Change::Stays,
            (Change::Merged, What::Name) => Change::Merged,
            (Change::MovedInside | Change::Merged, what) if !what.is_simple() => Change::Stays,
            (Change::Renamed, what) if what.has_fact() => Change::Stays,
            (change, _) => change,
        }
    }
}
