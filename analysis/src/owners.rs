//! Who holds blocks: the way from a variable to them, as C would write it.
//!
//! ```text
//!   server.clients              the variable `server`, its member `clients`
//!     ->head                    of the list there the member `head`
//!       ->value                 of each node in it the member `value`
//! ```
//!
//! Owners are a tree with a name on each branch. What holds its own kind (a list's next node, a tree's left one) is no step: all nodes of a
//! list have one owner. A step that was on the way already leads back to where it was, so the tree is as deep as there are different steps,
//! whatever memory looks like.

use rustc_hash::FxHashMap;

/// An owner, by its number in [`Owners`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub u32);

/// A step of a way: a member of a type, or where a way begins. By its number in [`Owners`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(u32);

/// All owners of a process.
#[derive(Debug, Default)]
pub struct Owners {
    /// For each the one that it is held by, if it is not the beginning of a way; and the last step to it. Holders come first.
    nodes: Vec<(Option<Owner>, Step)>,
    children: FxHashMap<(Option<Owner>, Step), Owner>,
    /// What steps are called; of those within objects what tells them from others of the same words comes first, and a NUL.
    steps: Vec<String>,
    numbers: FxHashMap<String, Step>,
}

/// Owners are no longer told apart when there are as many: it would be no way that anybody wants to read.
const MAX: usize = 1 << 20;

impl Owners {
    /// What nothing leads to has this one.
    pub const NOBODY: &str = "(nothing leads to it)";

    fn step(&mut self, key: &str) -> Step {
        if let Some(step) = self.numbers.get(key) {
            return *step;
        }
        let step = Step(number(self.steps.len()));
        self.steps.push(key.to_owned());
        self.numbers.insert(key.to_owned(), step);
        step
    }

    /// Where a way begins: a variable's member, for example.
    pub fn start(&mut self, name: &str) -> Owner {
        let step = self.step(name);
        self.child(None, step)
    }

    /// A step from an object of a type: a path of members such as `.pool`, or something in brackets.
    pub fn member(&mut self, of: &str, path: &str) -> Step {
        self.step(&format!("{of}\0{path}"))
    }

    /// What is held by an owner through a step.
    pub fn through(&mut self, holder: Owner, step: Step) -> Owner {
        let mut above = Some(holder);
        while let Some(owner) = above {
            let Some((parent, last)) = self.nodes.get(at(owner)) else { break };
            if *last == step {
                return owner;
            }
            above = *parent;
        }
        self.child(Some(holder), step)
    }

    fn child(&mut self, holder: Option<Owner>, step: Step) -> Owner {
        if let Some(owner) = self.children.get(&(holder, step)) {
            return *owner;
        }
        if let (true, Some(holder)) = (self.nodes.len() >= MAX, holder) {
            return holder;
        }
        let owner = Owner(number(self.nodes.len()));
        self.nodes.push((holder, step));
        self.children.insert((holder, step), owner);
        owner
    }

    /// Makes all owners of another tree owners of this one, too; says for each which it is here.
    pub fn absorb(&mut self, other: &Owners) -> Vec<Owner> {
        let steps: Vec<Step> = other.steps.iter().map(|key| self.step(key)).collect();
        let mut here: Vec<Owner> = Vec::with_capacity(other.nodes.len());
        for (holder, Step(step)) in &other.nodes {
            let holder = holder.and_then(|holder| here.get(at(holder)).copied());
            let step = usize::try_from(*step).ok().and_then(|step| steps.get(step)).copied();
            here.push(self.child(holder, step.unwrap_or(Step(0))));
        }
        here
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All of them; each comes after its holder.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Owner> + use<> {
        (0..number(self.nodes.len())).map(Owner)
    }

    /// Who holds this one. `None`: it is the beginning of a way.
    pub fn holder(&self, owner: Owner) -> Option<Owner> {
        self.nodes.get(at(owner))?.0
    }

    /// The last step of the way, as C writes it: `->next`, or a variable.
    pub fn last_step(&self, owner: Owner) -> String {
        let Some((holder, Step(step))) = self.nodes.get(at(owner)) else { return String::new() };
        let key =
            usize::try_from(*step).ok().and_then(|step| self.steps.get(step)).map_or("", String::as_str);
        let name = key.rsplit_once('\0').map_or(key, |(_, name)| name);
        match (holder, name.strip_prefix('.')) {
            (Some(_), Some(member)) => format!("->{member}"),
            (Some(_), None) if name.starts_with('[') => name.to_owned(),
            (Some(_), None) => format!("->{name}"),
            (None, _) => name.to_owned(),
        }
    }

    /// The way to it.
    pub fn name(&self, owner: Owner) -> String {
        let mut steps = Vec::new();
        let mut above = Some(owner);
        while let Some(owner) = above {
            steps.push(self.last_step(owner));
            above = self.holder(owner);
        }
        steps.reverse();
        steps.concat()
    }
}

/// A member path with every index left out: elements of an array are held alike.
pub fn without_indices(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        plain.push('[');
        rest = after.trim_start_matches(|character: char| character.is_ascii_digit());
    }
    plain + rest
}

fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn at(owner: Owner) -> usize {
    usize::try_from(owner.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_written_as_in_c() {
        let mut owners = Owners::default();
        let clients = owners.start("server.clients");
        let head = owners.member("struct list", ".head");
        let value = owners.member("struct listNode", ".value");
        let table = owners.member("struct dictEntry *", "[]");
        let unknown = owners.member("", "?");
        let list = owners.through(clients, head);
        let node = owners.through(list, value);
        assert_eq!(owners.name(node), "server.clients->head->value");
        let element = owners.through(node, table);
        assert_eq!(owners.name(element), "server.clients->head->value[]");
        let last = owners.through(element, unknown);
        assert_eq!(owners.name(last), "server.clients->head->value[]->?");
        assert_eq!(owners.holder(list), Some(clients));
    }

    #[test]
    fn a_step_that_was_on_the_way_leads_back_to_where_it_was() {
        let mut owners = Owners::default();
        let tree = owners.start("tree");
        let (left, right) = (owners.member("struct node", ".left"), owners.member("struct node", ".right"));
        let one = owners.through(tree, left);
        let two = owners.through(one, right);
        assert_eq!(owners.through(two, left), one);
        assert_eq!(owners.through(one, left), one);
        assert_eq!(owners.len(), 3);
    }

    #[test]
    fn members_of_two_types_are_two_steps_even_if_they_have_one_name() {
        let mut owners = Owners::default();
        let (list, tree) = (owners.member("struct list", ".next"), owners.member("struct tree", ".next"));
        assert_ne!(list, tree);
        let start = owners.start("all");
        let first = owners.through(start, list);
        let second = owners.through(first, tree);
        assert_eq!(owners.name(second), "all->next->next");
    }

    #[test]
    fn what_is_absorbed_keeps_its_names_and_is_not_there_twice() {
        let tree = |start: &str, ways: &[&str]| {
            let mut owners = Owners::default();
            let start = owners.start(start);
            for way in ways {
                let step = owners.member("struct list", way);
                owners.through(start, step);
            }
            owners
        };
        let mut owners = tree("all", &[".head"]);
        let other = tree("all", &[".tail", ".head"]);
        let here = owners.absorb(&other);
        let names: Vec<String> = here.iter().map(|owner| owners.name(*owner)).collect();
        assert_eq!(names, ["all", "all->tail", "all->head"]);
        assert_eq!(owners.len(), 3);
    }

    #[test]
    fn elements_of_an_array_are_held_alike() {
        assert_eq!(without_indices("slabs[12].list[3]"), "slabs[].list[]");
        assert_eq!(without_indices(".next"), ".next");
        assert_eq!(without_indices("[7]"), "[]");
    }
}
