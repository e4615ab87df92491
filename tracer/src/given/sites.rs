//! What a call of an allocation function says of the blocks that it makes: by the code that follows it, and by facts.

use super::Given;
use crate::debug::{Debug, Described};
use crate::facts::SiteReading;
use crate::image::Process;
use crate::model::Model;
use mcrx_debuginfo::dwarf::Dwarf;
use mcrx_debuginfo::lines::Lines;
use mcrx_debuginfo::sites::{Extent, Verdict};
use mcrx_debuginfo::table;
use rustc_hash::FxHashMap;
use std::cell::RefCell;

/// Who is asked what sites make.
pub(super) struct Asking<'a> {
    process: &'a Process,
    debug: &'a Debug,
    /// For each module the place of its table among those of the model.
    tables: &'a [Option<usize>],
    model: &'a Model<'a>,
    /// Functions that were inlined, for each module; where no fact names a function, they are not needed.
    lines: Vec<Option<Lines<'a>>>,
    /// What facts say of return addresses that were asked for: few calls make all blocks.
    seen: RefCell<FxHashMap<u64, Option<&'a SiteReading>>>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(
        process: &'a Process,
        debug: &'a Debug,
        tables: &'a [Option<usize>],
        model: &'a Model<'a>,
    ) -> Asking<'a> {
        let mut lines = Vec::new();
        if !model.facts().sites.is_empty() {
            let dwarf = |module: &'a Described| -> Option<Dwarf<'a>> {
                module.table.as_ref().and(module.binary.as_ref())?.dwarf().ok()
            };
            lines.extend(debug.modules.iter().map(|module| Lines::new(&dwarf(module)?).ok()));
        }
        Asking { process, debug, tables, model, lines, seen: RefCell::default() }
    }

    /// What is known of the blocks of a site, by its return addresses, innermost first.
    pub(super) fn given(&self, mut frames: Vec<u64>) -> Option<Given> {
        // The innermost function that a fact is about says it, unless that one leaves it to its callers.
        while let Some((place, reading)) = self.said(&frames) {
            let whole = |ty| Some(Given { ty, offset: 0, whole: true });
            match reading {
                SiteReading::Of(name) => return whole(self.model.named(name)?),
                SiteReading::NoPointers => return whole(self.model.byte()?),
                SiteReading::SaysNothing => return None,
                SiteReading::CallerDecides => frames.drain(..=place),
            };
        }
        let first = *frames.first()?;
        let index = self.process.module_index(first)?;
        let module = self.process.modules.get(index)?;
        if self.is_opaque(index) {
            return None;
        }
        // A wrapper is known within its own module only.
        let frames = frames.into_iter().take_while(|at| module.range.contains(at));
        let sites = &self.debug.modules.get(index)?.sites;
        let found = sites.of_stack(frames.map(|at| table::Address(module.linked(at))))?;
        let Verdict::Typed { ty, extent, .. } = found.verdict() else { return None };
        let ty = self.model.number_of((*self.tables.get(index)?)?, ty)?;
        let whole = matches!(extent, Extent::Exactly(_) | Extent::Array);
        Some(Given { ty, offset: u64::try_from(found.offset()).ok()?, whole })
    }

    /// What a fact says of the innermost frame that one is about, and which frame that is.
    fn said(&self, frames: &[u64]) -> Option<(usize, &'a SiteReading)> {
        let facts = self.model.facts();
        if facts.sites.is_empty() {
            return None;
        }
        let of_frame =
            |frame: &u64| *self.seen.borrow_mut().entry(*frame).or_insert_with(|| self.said_of(*frame));
        frames.iter().enumerate().find_map(|(place, frame)| Some((place, of_frame(frame)?)))
    }

    /// What a fact says of the functions that a call, of which this is the return address, is in.
    fn said_of(&self, frame: u64) -> Option<&'a SiteReading> {
        // The call is before the address that it returns to.
        let at = frame.checked_sub(1)?;
        let inlined = self.inlined(at);
        let function = self.debug.function(self.process, at).map(|(name, _)| name.to_owned());
        inlined.iter().chain(&function).find_map(|name| self.model.facts().site(name))
    }

    /// The functions that were inlined where an address is, innermost first, and the one that they were inlined into.
    fn inlined(&self, address: u64) -> Vec<String> {
        let found = self.process.module_index(address).and_then(|index| {
            let lines = self.lines.get(index)?.as_ref()?;
            let frames =
                lines.frames(table::Address(self.process.modules.get(index)?.linked(address))).ok()?;
            Some(frames.into_iter().filter_map(|frame| Some(frame.function?.into_owned())).collect())
        });
        found.unwrap_or_default()
    }

    fn is_opaque(&self, module: usize) -> bool {
        let module = self.process.modules.get(module);
        module.is_some_and(|module| self.model.facts().is_opaque(&module.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debug::Shelf;
    use crate::facts::{Facts, SiteFact};
    use crate::image::{Fake, Module};
    use mcrx_debuginfo::cache::Cache;
    use mcrx_debuginfo::sites;
    use std::process::Command;

    /// Where the program is loaded.
    const BIAS: u64 = 0x7000_0000;

    const SOURCE: &str = "
        #include <stdlib.h>
        #include <stddef.h>
        struct thing { struct thing *next; long a, b; };
        struct text { long length; char bytes[]; } *text;
        __attribute__((noinline)) void *with_header(size_t size) {
            size_t *block = malloc(size + 16);
            block[0] = size;
            return block + 2;
        }
        struct thing *make_thing(void) {
            struct thing *thing = with_header(sizeof *thing);
            thing->next = NULL;
            return thing;
        }
        static inline __attribute__((always_inline)) void *inlined(void) { return malloc(100); }
        void *outer(void) { void *made = inlined(); *(char *)made = 1; return made; }
        int main(void) { return make_thing() == outer(); }
    ";

    /// What is said of the blocks of calls from these functions to each other, innermost first.
    fn given(facts: &Facts, calls: &[(&str, &str)]) -> Option<(String, u64, bool)> {
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = (folder.path().join("made.c"), folder.path().join("made"));
        std::fs::write(&source, SOURCE).unwrap();
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let options = ["-O1", "-g", "-Wl,--build-id", "-fno-builtin", "-o"];
        assert!(Command::new(compiler).args(options).arg(&path).arg(&source).status().unwrap().success());
        let module = Module { path, build_id: None, bias: BIAS, range: BIAS..BIAS + 0x10_0000, tls: None };
        let process = Fake::new().module(module).process();
        let shelf = Shelf::knowing(Cache::default(), facts.wrappers());
        let debug = Debug { modules: vec![shelf.described(&process.modules[0], true)] };
        let described = &debug.modules[0];
        let table = described.table.as_ref().unwrap();
        let model = Model::loaded([(table, BIAS)], facts);
        let call = |(from, to): &(&str, &str)| {
            let is = |site: &sites::Site<'_>| {
                let function = site.function().and_then(|function| table.function(function));
                site.callee() == *to && function.is_some_and(|function| function.name() == *from)
            };
            described.sites.iter().find(is).expect("a call").address().0 + BIAS
        };
        let asking = Asking::new(&process, &debug, &[Some(0)], &model);
        let given = asking.given(calls.iter().map(call).collect())?;
        Some((model.name(given.ty), given.offset, given.whole))
    }

    fn facts(about: &[(&str, SiteReading)]) -> Facts {
        let fact = |(function, reading): &(&str, SiteReading)| SiteFact {
            function: (*function).to_owned(),
            reading: reading.clone(),
        };
        Facts { sites: about.iter().map(fact).collect(), ..Facts::default() }
    }

    const MADE: [(&str, &str); 2] = [("with_header", "malloc"), ("make_thing", "with_header")];

    fn of(ty: &str, offset: u64) -> Option<(String, u64, bool)> {
        Some((ty.to_owned(), offset, true))
    }

    #[test]
    fn what_a_wrapper_hands_out_lies_behind_its_header() {
        assert_eq!(given(&facts(&[]), &MADE), of("struct thing", 16));
    }

    #[test]
    fn a_fact_about_a_function_is_about_all_that_is_made_in_it() {
        let text = SiteReading::Of("text".to_owned());
        assert_eq!(given(&facts(&[("make_*", text.clone())]), &MADE), of("struct text", 0));
        let bytes = given(&facts(&[("with_header", SiteReading::NoPointers)]), &MADE);
        assert!(bytes.as_ref().is_some_and(|(ty, ..)| ty.ends_with("char")), "{bytes:?}");
        assert_eq!(given(&facts(&[("nobody", text.clone())]), &MADE), of("struct thing", 16));
        // The innermost function that a fact is about decides, unless it is said to leave it to its callers.
        let inner = ("with_header", SiteReading::NoPointers);
        assert_eq!(given(&facts(&[("make_thing", text.clone()), inner]), &MADE), bytes);
        assert_eq!(given(&facts(&[("with_header", SiteReading::SaysNothing)]), &MADE), None);
        let wrapper = ("with_header", SiteReading::CallerDecides);
        assert_eq!(given(&facts(&[("make_thing", text), wrapper]), &MADE), of("struct text", 0));
    }

    #[test]
    fn a_function_that_was_inlined_is_known_by_its_name() {
        let call = [("outer", "malloc")];
        let facts = facts(&[("inlined", SiteReading::Of("text".to_owned()))]);
        assert_eq!(given(&facts, &call), of("struct text", 0));
    }

    #[test]
    fn the_sites_of_an_opaque_module_say_nothing() {
        let facts = Facts { opaque_modules: vec!["mad".to_owned()], ..Facts::default() };
        assert_eq!(given(&facts, &MADE), None);
    }
}
