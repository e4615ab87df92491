//! Which descriptor of the old process means the same as one of the new release.
//!
//! The new release's start-up made its own: sockets in a network of its own, files on mounts of its own. What matters is what they mean:
//!
//! | kind | same meaning |
//! |---|---|
//! | socket | same domain, type and protocol, same own and other address, both or neither listening |
//! | socket without addresses | the same processes hold it |
//! | pipe | the same processes hold the same ends; both ends are of one pair |
//! | file | same path, opened for the same |
//! | epoll set | two threads that belong together wait for it |
//! | what is registered in an epoll set | same kind, in two sets that are a pair |
//! | any other | same kind |
//!
//! Of several with one meaning those in the same order are a pair; if there are more of them in one release, those with the same number come
//! first. What two processes share is a pair in both or in neither: of a socket pair of which a parent has both ends, the set that its child has
//! registered one of them in tells which is which. Descriptors 0 to 2 are the old process's, whatever they are. Where both listen on a port that
//! the kernel chose, at one address, they are a pair although the ports differ.

use crate::kernel::{Descriptor, Kind};
use nix::libc;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// A process of the old release and its partner of the new one.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'d> {
    /// By number.
    pub old: &'d [Descriptor],
    /// By number.
    pub new: &'d [Descriptor],
    /// Epoll sets that threads which belong together wait for: the number in the new release, and that in the old process.
    pub awaited: &'d [(i32, i32)],
}

/// Which descriptors of one process mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matches {
    /// A number in the new release, and that in the old process.
    pub pairs: BTreeMap<i32, i32>,
    /// Numbers that only the new release has.
    pub only_new: Vec<i32>,
    /// Numbers that only the old process has: connections, and what its own start-up had made.
    pub only_old: Vec<i32>,
}

/// Matches the descriptors of all processes of a server, each pair of processes apart.
#[must_use]
pub fn matches(pairs: &[Pair<'_>]) -> Vec<Matches> {
    let chosen = Ports::chosen_by_kernel();
    let (old, new) = (pairs.iter().map(|pair| pair.old), pairs.iter().map(|pair| pair.new));
    let (old, new) = (Holders::of(old), Holders::of(new));
    let mut shared = Shared::default();
    let begun = |pair: &Pair<'_>| {
        let mut matching = Matching::of(pair, &old, &new);
        matching.pair_awaited(pair.awaited);
        matching.pair_registered(pair);
        matching
    };
    // What one process registers in a set another one only holds.
    for pair in pairs {
        begun(pair).tell(pair, &mut shared.sockets);
    }
    pairs.iter().map(|pair| begun(pair).finish(pair, &chosen, &mut shared)).collect()
}

/// Of what processes share and that is a pair: what the new one is called, and what the old one.
#[derive(Default)]
struct Shared<'d> {
    pipes: HashMap<&'d OsStr, &'d OsStr>,
    sockets: HashMap<&'d OsStr, &'d OsStr>,
}

struct Matching {
    old: Vec<(i32, Meaning)>,
    new: Vec<(i32, Meaning)>,
    pairs: BTreeMap<i32, i32>,
}

impl Matching {
    fn of(pair: &Pair<'_>, old_holders: &Holders, new_holders: &Holders) -> Matching {
        let old: Vec<(i32, Meaning)> = meanings(pair.old, old_holders);
        let new: Vec<(i32, Meaning)> = meanings(pair.new, new_holders);
        Matching { old, new, pairs: BTreeMap::new() }
    }

    fn finish<'d>(mut self, pair: &Pair<'d>, chosen: &Ports, shared: &mut Shared<'d>) -> Matches {
        self.pair_told(pair, &shared.sockets);
        self.pair_pipes(pair, &mut shared.pipes);
        self.pair(|meaning| Some(meaning.clone()));
        self.tell(pair, &mut shared.sockets);
        self.pair_standard();
        self.pair(|meaning| meaning.on_a_port_of(chosen));
        let taken: BTreeSet<i32> = self.pairs.values().copied().collect();
        let rest = |numbers: &[(i32, Meaning)], is_taken: &dyn Fn(&i32) -> bool| {
            numbers.iter().map(|(number, _)| *number).filter(|number| !is_taken(number)).collect()
        };
        Matches {
            only_new: rest(&self.new, &|number| self.pairs.contains_key(number)),
            only_old: rest(&self.old, &|number| taken.contains(number)),
            pairs: self.pairs,
        }
    }

    /// Tells which nameless sockets are a pair here.
    fn tell<'d>(&self, pair: &Pair<'d>, sockets: &mut HashMap<&'d OsStr, &'d OsStr>) {
        let called = |list: &'d [Descriptor], number: i32| -> Option<&'d OsStr> {
            let socket = list.iter().find(|one| one.number == number)?;
            matches!(socket.kind, Kind::Socket { .. }).then_some(socket.target.as_os_str())
        };
        let is_nameless = |number: i32| {
            let meaning = self.new.iter().find(|(other, _)| *other == number);
            matches!(meaning, Some((_, Meaning::Nameless { .. })))
        };
        for (new, old) in self.pairs.iter().filter(|(new, _)| is_nameless(**new)) {
            if let Some((new, old)) = called(pair.new, *new).zip(called(pair.old, *old)) {
                sockets.entry(new).or_insert(old);
            }
        }
    }

    /// Pairs the sockets that are a pair in another process.
    fn pair_told(&mut self, pair: &Pair<'_>, sockets: &HashMap<&OsStr, &OsStr>) {
        let numbers = |list: &[Descriptor], target: &OsStr| -> BTreeSet<i32> {
            list.iter().filter(|one| one.target == target).map(|one| one.number).collect()
        };
        let targets: BTreeSet<&OsStr> = pair.new.iter().map(|one| one.target.as_os_str()).collect();
        for (new, old) in targets.iter().filter_map(|new| Some((*new, *sockets.get(*new)?))) {
            let (new, old) = (numbers(pair.new, new), numbers(pair.old, old));
            let nameless = |meaning: &Meaning| meaning.is_nameless().then(|| meaning.clone());
            self.pair_among(|number| old.contains(&number), |number| new.contains(&number), nameless);
        }
    }
}

impl Matching {
    /// Pairs what is still alone and has the same key.
    fn pair(&mut self, key: impl Fn(&Meaning) -> Option<Meaning>) {
        self.pair_among(|_| true, |_| true, key);
    }

    /// The same, of some only.
    fn pair_among(
        &mut self,
        is_old: impl Fn(i32) -> bool,
        is_new: impl Fn(i32) -> bool,
        key: impl Fn(&Meaning) -> Option<Meaning>,
    ) {
        let taken: BTreeSet<i32> = self.pairs.values().copied().collect();
        // In the order of their kinds: a hash table's would be another each time.
        let mut groups: Vec<(Meaning, Vec<i32>, Vec<i32>)> = Vec::new();
        let mut places: HashMap<Meaning, usize> = HashMap::new();
        let mut group = |key: Meaning| -> usize {
            *places.entry(key.clone()).or_insert_with(|| {
                groups.push((key, Vec::new(), Vec::new()));
                groups.len() - 1
            })
        };
        let alone = self.old.iter().filter(|(number, _)| !taken.contains(number) && is_old(*number));
        let of_old: Vec<(usize, i32)> =
            alone.filter_map(|(number, meaning)| Some((group(key(meaning)?), *number))).collect();
        let alone = self.new.iter().filter(|(number, _)| !self.pairs.contains_key(number) && is_new(*number));
        let of_new: Vec<(usize, i32)> =
            alone.filter_map(|(number, meaning)| Some((group(key(meaning)?), *number))).collect();
        for (place, number) in of_old {
            groups.get_mut(place).into_iter().for_each(|(_, old, _)| old.push(number));
        }
        for (place, number) in of_new {
            groups.get_mut(place).into_iter().for_each(|(_, _, new)| new.push(number));
        }
        for (_, old, new) in groups {
            self.pairs.extend(in_order(old, new, |one, other| one == other));
        }
    }

    /// Sets for which threads wait that belong together.
    fn pair_awaited(&mut self, awaited: &[(i32, i32)]) {
        let is_set = |list: &[(i32, Meaning)], number: i32| list.contains(&(number, Meaning::Epoll));
        for (new, old) in awaited {
            let is_free = !self.pairs.contains_key(new) && !self.pairs.values().any(|taken| taken == old);
            if is_free && is_set(&self.new, *new) && is_set(&self.old, *old) {
                self.pairs.insert(*new, *old);
            }
        }
    }

    /// What is registered in sets that are a pair. Of what has a name only that tells what it is.
    fn pair_registered(&mut self, pair: &Pair<'_>) {
        let registered = |list: &[Descriptor], set: i32| -> BTreeSet<i32> {
            let set = list.iter().find(|one| one.number == set);
            let entries = set.map_or(&[][..], |set| match &set.kind {
                Kind::Epoll { entries } => entries,
                _ => &[],
            });
            entries.iter().map(|entry| entry.descriptor).collect()
        };
        for (new, old) in self.pairs.clone() {
            let (new, old) = (registered(pair.new, new), registered(pair.old, old));
            let nameless = |meaning: &Meaning| meaning.is_nameless().then(|| meaning.clone());
            self.pair_among(|number| old.contains(&number), |number| new.contains(&number), nameless);
        }
    }

    /// Pipes: whole ones, not ends.
    fn pair_pipes<'d>(&mut self, pair: &Pair<'d>, pipes: &mut HashMap<&'d OsStr, &'d OsStr>) {
        let (old, new) = (Pipe::all(pair.old, &self.old), Pipe::all(pair.new, &self.new));
        for (new_end, old_end) in &self.pairs {
            let called = |pipes: &BTreeMap<&'d OsStr, Pipe>, end: &i32| {
                pipes.iter().find(|(_, pipe)| pipe.numbers.contains(end)).map(|(name, _)| *name)
            };
            if let Some((new, old)) = called(&new, new_end).zip(called(&old, old_end)) {
                pipes.entry(new).or_insert(old);
            }
        }
        let taken: BTreeSet<&OsStr> = pipes.values().copied().collect();
        // Those that have the same ends, of the old release and of the new one.
        let mut groups: BTreeMap<&[End], [Vec<Named<'_, 'd>>; 2]> = BTreeMap::new();
        let of_old = old.iter().filter(|(name, _)| !taken.contains(*name)).map(|one| (0, one));
        let of_new = new.iter().filter(|(name, _)| !pipes.contains_key(*name)).map(|one| (1, one));
        for (side, (name, pipe)) in of_old.chain(of_new) {
            let group = groups.entry(&pipe.ends).or_default();
            group.get_mut(side).into_iter().for_each(|side| side.push((pipe, name)));
        }
        for [mut old, mut new] in groups.into_values() {
            old.sort_unstable_by_key(|(pipe, _)| &pipe.numbers);
            new.sort_unstable_by_key(|(pipe, _)| &pipe.numbers);
            let pairs = in_order(old, new, |(one, _), (other, _)| one.numbers == other.numbers);
            pipes.extend(pairs.into_iter().map(|((_, new), (_, old))| (new, old)));
        }
        for (name, pipe) in &new {
            let Some(partner) = pipes.get(name).and_then(|partner| old.get(partner)) else { continue };
            self.pair_among(
                |number| partner.numbers.contains(&number),
                |number| pipe.numbers.contains(&number),
                |meaning| Some(meaning.clone()),
            );
        }
    }

    /// Input, output and errors are where the old process has them.
    fn pair_standard(&mut self) {
        let taken: BTreeSet<i32> = self.pairs.values().copied().collect();
        let old =
            |number: i32| self.old.iter().any(|(other, _)| *other == number) && !taken.contains(&number);
        let standard =
            self.new.iter().map(|(number, _)| *number).filter(|number| {
                (0..=2).contains(number) && !self.pairs.contains_key(number) && old(*number)
            });
        let standard: Vec<i32> = standard.collect();
        self.pairs.extend(standard.into_iter().map(|number| (number, number)));
    }
}

/// Pairs, new and old. As many of both are in one order. Else those that are the `same` are pairs, then those in the same order: some have
/// come or gone, and the others may have stayed where they were.
fn in_order<T: Copy>(mut old: Vec<T>, mut new: Vec<T>, same: impl Fn(&T, &T) -> bool) -> Vec<(T, T)> {
    if old.len() == new.len() {
        return new.into_iter().zip(old).collect();
    }
    let mut pairs = Vec::new();
    new.retain(|one| match old.iter().position(|other| same(one, other)) {
        Some(place) => {
            pairs.push((*one, old.remove(place)));
            false
        }
        None => true,
    });
    pairs.extend(new.into_iter().zip(old));
    pairs
}

/// Of a pipe or a socket: which processes hold it, by their places, and whether to write to it.
type Holding = Vec<(usize, bool)>;

/// What a process has of a pipe.
#[derive(Debug, Default)]
struct Pipe {
    numbers: Vec<i32>,
    ends: Vec<End>,
}

/// A pipe, and what the kernel calls it.
type Named<'p, 'd> = (&'p Pipe, &'d OsStr);

/// Whether it is for writing, and who holds the pipe.
type End = (bool, Holding);

impl Pipe {
    /// All of a process, by what the kernel calls them.
    fn all<'d>(descriptors: &'d [Descriptor], meanings: &[(i32, Meaning)]) -> BTreeMap<&'d OsStr, Pipe> {
        let mut pipes: BTreeMap<&OsStr, Pipe> = BTreeMap::new();
        for (descriptor, (number, meaning)) in descriptors.iter().zip(meanings) {
            if let Meaning::Pipe { writes, holders } = meaning {
                let pipe = pipes.entry(descriptor.target.as_os_str()).or_default();
                pipe.numbers.push(*number);
                pipe.ends.push((*writes, holders.clone()));
                pipe.ends.sort_unstable();
            }
        }
        pipes
    }
}

/// What a descriptor means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Meaning {
    Socket {
        domain: i32,
        r#type: i32,
        protocol: i32,
        local: Vec<u8>,
        peer: Vec<u8>,
        listening: bool,
    },
    /// With neither name: who has it.
    Nameless {
        domain: i32,
        r#type: i32,
        protocol: i32,
        holders: Holding,
    },
    Pipe {
        writes: bool,
        holders: Holding,
    },
    File {
        path: OsString,
        access: i32,
    },
    Epoll,
    EventFd,
    SignalFd,
    TimerFd,
    Other(OsString),
}

impl Meaning {
    fn of(descriptor: &Descriptor, holders: &Holders) -> Meaning {
        let held = || holders.0.get(descriptor.target.as_os_str()).cloned().unwrap_or_default();
        match &descriptor.kind {
            Kind::Socket { domain, r#type, protocol, local, peer, listening } => {
                let (domain, r#type, protocol) = (*domain, *r#type, *protocol);
                if is_nameless(local) && is_nameless(peer) && !listening {
                    return Meaning::Nameless { domain, r#type, protocol, holders: held() };
                }
                let (local, peer, listening) = (local.clone(), peer.clone(), *listening);
                Meaning::Socket { domain, r#type, protocol, local, peer, listening }
            }
            Kind::Pipe => Meaning::Pipe { writes: writes(descriptor), holders: held() },
            Kind::File { path, flags, .. } => Meaning::File {
                path: without_deletion(path),
                access: flags & (libc::O_ACCMODE | libc::O_APPEND),
            },
            Kind::Epoll { .. } => Meaning::Epoll,
            Kind::EventFd => Meaning::EventFd,
            Kind::SignalFd => Meaning::SignalFd,
            Kind::TimerFd => Meaning::TimerFd,
            Kind::Other => Meaning::Other(descriptor.target.clone()),
        }
    }

    /// Whether others may mean the same.
    fn is_nameless(&self) -> bool {
        match self {
            Meaning::Socket { .. } | Meaning::File { .. } => false,
            Meaning::Nameless { .. }
            | Meaning::Pipe { .. }
            | Meaning::Epoll
            | Meaning::EventFd
            | Meaning::SignalFd
            | Meaning::TimerFd
            | Meaning::Other(_) => true,
        }
    }

    /// The same without its port, if it listens on one that the kernel may have chosen.
    fn on_a_port_of(&self, chosen: &Ports) -> Option<Meaning> {
        let mut without = self.clone();
        let Meaning::Socket {
            domain: libc::AF_INET | libc::AF_INET6, local, peer, r#type, listening, ..
        } = &mut without
        else {
            return None;
        };
        let serves = *listening || (*r#type == libc::SOCK_DGRAM && peer.is_empty());
        let port = local.get_mut(2..4)?;
        let number = u16::from_be_bytes([*port.first()?, *port.last()?]);
        if !serves || !chosen.0.contains(&number) {
            return None;
        }
        port.fill(0);
        Some(without)
    }
}

fn meanings(descriptors: &[Descriptor], holders: &Holders) -> Vec<(i32, Meaning)> {
    descriptors.iter().map(|descriptor| (descriptor.number, Meaning::of(descriptor, holders))).collect()
}

/// Whether an address names nothing: none at all, a family alone, the wildcard with no port.
pub(super) fn is_nameless(address: &[u8]) -> bool {
    address.get(2..).is_none_or(|name| name.iter().all(|byte| *byte == 0))
}

fn writes(descriptor: &Descriptor) -> bool {
    let flags = rustix::fs::fcntl_getfl(&descriptor.file).unwrap_or(rustix::fs::OFlags::empty());
    flags.contains(rustix::fs::OFlags::WRONLY) || flags.contains(rustix::fs::OFlags::RDWR)
}

/// A file is the same before and after it was removed.
fn without_deletion(path: &OsStr) -> OsString {
    let bytes = path.as_bytes();
    OsString::from_vec(bytes.strip_suffix(b" (deleted)").unwrap_or(bytes).to_vec())
}

/// Which processes hold a pipe or socket, and whether to write to it: by what the kernel calls it.
struct Holders(HashMap<OsString, Holding>);

impl Holders {
    fn of<'d>(processes: impl Iterator<Item = &'d [Descriptor]>) -> Holders {
        let mut holders: HashMap<OsString, Holding> = HashMap::new();
        for (process, descriptors) in processes.enumerate() {
            for descriptor in descriptors {
                let end = match descriptor.kind {
                    Kind::Pipe => writes(descriptor),
                    Kind::Socket { .. } => false,
                    _ => continue,
                };
                holders.entry(descriptor.target.clone()).or_default().push((process, end));
            }
        }
        for held in holders.values_mut() {
            held.sort_unstable();
            held.dedup();
        }
        Holders(holders)
    }
}

/// Ports that the kernel chooses from for who asks for none (ip_local_port_range of ip(7)).
struct Ports(RangeInclusive<u16>);

impl Ports {
    fn chosen_by_kernel() -> Ports {
        let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
        let mut words = text.split_whitespace().map(|word| word.parse().ok());
        match (words.next().flatten(), words.next().flatten()) {
            (Some(first), Some(last)) => Ports(first..=last),
            _ => Ports(32768..=60999),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::kernel::EpollEntry;
    use std::fs::File;

    pub(crate) fn descriptor(number: i32, kind: Kind) -> Descriptor {
        let file = File::open("/dev/null").unwrap().into();
        let target = match &kind {
            Kind::File { path, .. } => path.clone(),
            _ => "whatever".into(),
        };
        Descriptor { number, close_on_exec: true, target, kind, file }
    }

    pub(crate) fn listener(number: i32, port: u16) -> Descriptor {
        let [high, low] = port.to_be_bytes();
        let local = vec![2, 0, high, low, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let (domain, r#type) = (libc::AF_INET, libc::SOCK_STREAM);
        let kind = Kind::Socket { domain, r#type, protocol: 6, local, peer: Vec::new(), listening: true };
        descriptor(number, kind)
    }

    pub(crate) fn file(number: i32, path: &str) -> Descriptor {
        descriptor(number, Kind::File { path: path.into(), flags: libc::O_WRONLY, offset: 0 })
    }

    fn matched(old: &[Descriptor], new: &[Descriptor]) -> (Vec<(i32, i32)>, Vec<i32>, Vec<i32>) {
        let matches = matches(&[Pair { old, new, awaited: &[] }]).remove(0);
        (matches.pairs.into_iter().collect(), matches.only_new, matches.only_old)
    }

    #[test]
    fn listeners_are_matched_by_their_address_whatever_their_numbers() {
        let old = [listener(5, 80), listener(6, 443), listener(9, 8080)];
        let new = [listener(5, 443), listener(6, 80)];
        assert_eq!(matched(&old, &new), (vec![(5, 6), (6, 5)], vec![], vec![9]));
    }

    #[test]
    fn a_port_that_the_kernel_chose_may_be_another() {
        assert_eq!(matched(&[listener(4, 40000)], &[listener(4, 40001)]).0, [(4, 4)]);
        assert_eq!(matched(&[listener(4, 80)], &[listener(4, 8080)]), (vec![], vec![4], vec![4]));
    }

    #[test]
    fn of_several_that_mean_the_same_those_with_one_number_are_a_pair() {
        let event = |number| descriptor(number, Kind::EventFd);
        let (old, new) = ([event(3), event(5), event(8)], [event(5), event(7)]);
        assert_eq!(matched(&old, &new), (vec![(5, 5), (7, 3)], vec![], vec![8]));
    }

    #[test]
    fn files_are_matched_by_path_and_what_they_are_opened_for() {
        let read = descriptor(3, Kind::File { path: "/log".into(), flags: libc::O_RDONLY, offset: 0 });
        let old = [file(7, "/log (deleted)"), read];
        assert_eq!(matched(&old, &[file(3, "/log"), file(4, "/other")]), (vec![(3, 7)], vec![4], vec![3]));
    }

    #[test]
    fn input_output_and_errors_are_the_old_ones() {
        let old = [file(0, "/dev/pts/1"), file(1, "/log"), file(2, "/log")];
        let new = [file(0, "/dev/null"), descriptor(1, Kind::Pipe), file(2, "/log")];
        assert_eq!(matched(&old, &new).0, [(0, 0), (1, 1), (2, 2)]);
    }

    #[test]
    fn sockets_without_names_are_matched_by_who_holds_them() {
        let socket = |number, target: &str| {
            let (domain, r#type) = (libc::AF_UNIX, libc::SOCK_STREAM);
            let (local, peer) = (vec![1, 0], vec![1, 0]);
            let kind = Kind::Socket { domain, r#type, protocol: 0, local, peer, listening: false };
            Descriptor { target: target.into(), ..descriptor(number, kind) }
        };
        // The parent keeps one end of each, its child the other of the second.
        let (old, old_child) = ([socket(3, "a"), socket(4, "b")], [socket(7, "b")]);
        let (new, new_child) = ([socket(3, "d"), socket(4, "c")], [socket(7, "d")]);
        let pairs = [
            Pair { old: &old, new: &new, awaited: &[] },
            Pair { old: &old_child, new: &new_child, awaited: &[] },
        ];
        let matches = matches(&pairs);
        assert_eq!(matches[0].pairs.clone().into_iter().collect::<Vec<_>>(), [(3, 4), (4, 3)]);
        assert_eq!(matches[1].pairs.clone().into_iter().collect::<Vec<_>>(), [(7, 7)]);
    }

    /// nginx's channels: the master has both ends of each, a worker the far end of its own, and the near ends of the others'.
    #[test]
    fn ends_of_socket_pairs_are_told_apart_by_who_waits_for_them() {
        let socket = |number, target: &str| {
            let (domain, r#type) = (libc::AF_UNIX, libc::SOCK_STREAM);
            let kind = Kind::Socket {
                domain,
                r#type,
                protocol: 0,
                local: vec![1, 0],
                peer: vec![1, 0],
                listening: false,
            };
            Descriptor { target: target.into(), ..descriptor(number, kind) }
        };
        let set = |number, registered: i32| {
            let entries = vec![EpollEntry { descriptor: registered, events: 1, data: 0 }];
            descriptor(number, Kind::Epoll { entries })
        };
        // Which numbers are free when a start-up makes them is another each time: 8 is the far end of one pair, or the near end of the other.
        let server = |[near_1, far_1, near_2, far_2]: [i32; 4], name: &str| {
            let end = |number, which: &str| socket(number, &format!("{name}{which}"));
            let master = vec![end(near_1, "n1"), end(far_1, "f1"), end(near_2, "n2"), end(far_2, "f2")];
            let first = vec![end(near_1, "n2"), end(far_1, "f1"), set(20, far_1)];
            let second = vec![end(near_1, "n1"), end(far_2, "f2"), set(20, far_2)];
            [master, first, second]
        };
        let (old, new) = (server([3, 8, 9, 10], "old"), server([3, 7, 8, 14], "new"));
        let pairs: Vec<Pair<'_>> = old
            .iter()
            .zip(&new)
            .map(|(old, new)| Pair { old, new, awaited: if old.len() == 3 { &[(20, 20)] } else { &[] } })
            .collect();
        let pairs_of = |matches: &Matches| matches.pairs.clone().into_iter().collect::<Vec<_>>();
        let matches: Vec<_> = matches(&pairs).iter().map(pairs_of).collect();
        let master = vec![(3, 3), (7, 8), (8, 9), (14, 10)];
        assert_eq!(matches, [master, vec![(3, 3), (7, 8), (20, 20)], vec![(3, 3), (14, 10), (20, 20)]]);
    }

    /// A pipe's reading end: a file that cannot be written to.
    fn pipe(number: i32, target: &str, writes: bool) -> Descriptor {
        let file = File::options().read(!writes).write(writes).open("/dev/null").unwrap().into();
        Descriptor { target: target.into(), file, ..descriptor(number, Kind::Pipe) }
    }

    #[test]
    fn both_ends_of_a_pipe_are_of_one_pair() {
        let pipes = |all: [(i32, i32, &str); 3]| -> Vec<Descriptor> {
            all.into_iter()
                .flat_map(|(one, two, name)| [pipe(one, name, false), pipe(two, name, true)])
                .collect()
        };
        let old = pipes([(4, 5, "a"), (8, 9, "b"), (13, 14, "c")]);
        // The reading end of the second has the number that the third's had.
        let new = pipes([(4, 5, "d"), (13, 15, "e"), (20, 21, "f")]);
        assert_eq!(matched(&old, &new).0, [(4, 4), (5, 5), (13, 8), (15, 9), (20, 13), (21, 14)]);
    }

    #[test]
    fn what_is_registered_belongs_with_the_sets_that_threads_wait_for() {
        let set = |number, registered: &[i32]| {
            let entry = |descriptor: &i32| EpollEntry { descriptor: *descriptor, events: 1, data: 0 };
            descriptor(number, Kind::Epoll { entries: registered.iter().map(entry).collect() })
        };
        let event = |number| descriptor(number, Kind::EventFd);
        let old = [event(6), set(7, &[6]), event(11), set(12, &[11, 30])];
        let new = [event(6), event(7), set(8, &[6, 7]), event(12), event(13), set(14, &[12, 13])];
        let matches = matches(&[Pair { old: &old, new: &new, awaited: &[(8, 7), (14, 12)] }]).remove(0);
        assert_eq!(matches.pairs.into_iter().collect::<Vec<_>>(), [(6, 6), (8, 7), (12, 11), (14, 12)]);
        assert_eq!((matches.only_new, matches.only_old), (vec![7, 13], vec![]));
    }
}
