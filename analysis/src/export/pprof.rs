//! pprof: gzipped protobuf, as [profile.proto](https://github.com/google/pprof/blob/main/proto/profile.proto) declares it.
//!
//! Samples have two values, blocks and bytes, and the type of the blocks as a label. By site, locations are calls; by owner, they are the steps
//! of the way to the blocks, since a site tells who made something and not who keeps it.

use super::folded::{self, By};
use crate::diff::Diff;
use crate::edges::at;
use crate::sources::Frame;
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use rustc_hash::FxHashMap;
use std::io::{self, Write};

mod proto;

use proto::{Function, Label, Line, Location, Mapping, Profile, Sample, ValueType};

/// Writes what there is after: a diff of a snapshot with itself is a profile of it.
///
/// # Errors
/// It cannot be written.
pub fn write(diff: &Diff, by: By, out: impl Write) -> io::Result<()> {
    let mut out = GzEncoder::new(out, Compression::default());
    out.write_all(&profile(diff, by).encode_to_vec())?;
    out.finish()?;
    Ok(())
}

fn profile(diff: &Diff, by: By) -> Profile {
    let mut builder = Builder::default();
    // The table begins with the empty string: 0 means that there is none.
    builder.text("");
    let mut value = |ty, unit| ValueType { r#type: builder.text(ty), unit: builder.text(unit) };
    let sample_type = vec![value("objects", "count"), value("space", "bytes")];
    let key = builder.text("type");
    let mut sample = Vec::new();
    for (group, change) in diff.rows.iter().filter(|(_, change)| change.count_after > 0) {
        let location_id = match by {
            By::Site => {
                let frames = diff.sites.get(at(group.site)).map_or(&[][..], Vec::as_slice);
                frames.iter().map(|frame| builder.call(frame)).collect()
            }
            // The leaf comes first.
            By::Owner => {
                folded::steps(diff, group.owner).iter().rev().map(|step| builder.step(step)).collect()
            }
        };
        let ty = diff.types.get(at(group.ty)).map_or("", String::as_str);
        let label = vec![Label { key, str: builder.text(ty), num: 0, num_unit: 0 }];
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        sample.push(Sample {
            location_id,
            value: vec![number(change.count_after), number(change.bytes_after)],
            label,
        });
    }
    let default_sample_type = builder.text("space");
    let Builder { strings, mapping, location, function, .. } = builder;
    Profile {
        sample_type,
        sample,
        mapping,
        location,
        function,
        string_table: strings,
        default_sample_type,
        ..Profile::default()
    }
}

#[derive(Default)]
struct Builder {
    strings: Vec<String>,
    texts: FxHashMap<String, i64>,
    mapping: Vec<Mapping>,
    mappings: FxHashMap<String, u64>,
    location: Vec<Location>,
    locations: FxHashMap<(u64, u64, u64), u64>,
    function: Vec<Function>,
    functions: FxHashMap<(i64, i64), u64>,
}

impl Builder {
    fn text(&mut self, text: &str) -> i64 {
        if let Some(place) = self.texts.get(text) {
            return *place;
        }
        let place = i64::try_from(self.strings.len()).unwrap_or(i64::MAX);
        self.strings.push(text.to_owned());
        self.texts.insert(text.to_owned(), place);
        place
    }

    fn call(&mut self, frame: &Frame) -> u64 {
        let mapping = frame.file.as_ref().map_or(0, |file| self.mapping(file, frame));
        let function = self.function(&folded::name(frame), frame.source.as_deref().unwrap_or(""));
        self.location(mapping, frame.offset, function, frame.line.unwrap_or(0))
    }

    fn step(&mut self, step: &str) -> u64 {
        let function = self.function(step, "");
        self.location(0, 0, function, 0)
    }

    /// Numbers begin with 1: 0 means that there is none.
    fn mapping(&mut self, file: &str, frame: &Frame) -> u64 {
        if let Some(id) = self.mappings.get(file) {
            return *id;
        }
        let id = next(self.mapping.len());
        let build_id = frame.build_id.map(|id| id.to_string()).unwrap_or_default();
        let mapping = Mapping {
            id,
            filename: self.text(file),
            build_id: self.text(&build_id),
            has_functions: true,
            has_filenames: true,
            has_line_numbers: true,
            ..Mapping::default()
        };
        self.mapping.push(mapping);
        self.mappings.insert(file.to_owned(), id);
        id
    }

    fn function(&mut self, name: &str, source: &str) -> u64 {
        let (name, filename) = (self.text(name), self.text(source));
        let id = next(self.function.len());
        let Builder { function, functions, .. } = self;
        *functions.entry((name, filename)).or_insert_with(|| {
            function.push(Function { id, name, system_name: name, filename, start_line: 0 });
            id
        })
    }

    fn location(&mut self, mapping_id: u64, address: u64, function_id: u64, line: u32) -> u64 {
        let id = next(self.location.len());
        let Builder { location, locations, .. } = self;
        *locations.entry((mapping_id, address, function_id)).or_insert_with(|| {
            let line = vec![Line { function_id, line: line.into() }];
            location.push(Location { id, mapping_id, address, line });
            id
        })
    }
}

fn next(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Change;
    use crate::index::Group;
    use crate::owners::Owners;
    use std::io::Read;

    fn diff() -> Diff {
        let frame = |function: &str, line| Frame {
            function: Some(function.to_owned()),
            function_offset: Some(1),
            file: Some("/bin/server".to_owned()),
            offset: u64::from(line) * 16,
            source: Some("server.c".to_owned()),
            line: Some(line),
            build_id: None,
        };
        let mut owners = Owners::default();
        let list = owners.start("list");
        let text = owners.member("struct node", ".text");
        let text = owners.through(list, text);
        let change = |count, bytes| Change { count_after: count, bytes_after: bytes, ..Change::default() };
        Diff {
            rows: vec![
                (Group { ty: 0, site: 0, owner: list }, change(3, 300)),
                (Group { ty: 1, site: 1, owner: text }, change(2, 20)),
                (Group { ty: 1, site: 0, owner: text }, Change::default()),
            ],
            types: vec!["struct node".to_owned(), "char".to_owned()],
            sites: vec![vec![frame("zmalloc", 7), frame("make", 9)], vec![frame("make", 10)]],
            owners,
            ..Diff::default()
        }
    }

    /// Of each sample the functions of its stack, leaf first, its values and its type; as who reads the file sees it.
    fn read(by: By) -> Vec<(Vec<String>, Vec<i64>, String)> {
        let mut file = Vec::new();
        write(&diff(), by, &mut file).unwrap();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(file.as_slice()).read_to_end(&mut bytes).unwrap();
        let profile = Profile::decode(bytes.as_slice()).unwrap();
        let text = |place: i64| profile.string_table[usize::try_from(place).unwrap()].clone();
        assert_eq!(profile.string_table[0], "");
        assert_eq!(text(profile.sample_type[1].r#type), "space");
        let name = |id: &u64| {
            let location = profile.location.iter().find(|location| location.id == *id).unwrap();
            assert!(
                location.mapping_id == 0
                    || profile.mapping.iter().any(|mapping| mapping.id == location.mapping_id)
            );
            let function = location.line[0].function_id;
            text(profile.function.iter().find(|found| found.id == function).unwrap().name)
        };
        let sample = |sample: &Sample| {
            let names = sample.location_id.iter().map(name).collect();
            (names, sample.value.clone(), text(sample.label[0].str))
        };
        profile.sample.iter().map(sample).collect()
    }

    #[test]
    fn by_site_the_stack_is_that_of_the_calls() {
        let calls = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        assert_eq!(
            read(By::Site),
            [
                (calls(&["zmalloc", "make"]), vec![3, 300], "struct node".to_owned()),
                (calls(&["make"]), vec![2, 20], "char".to_owned()),
            ]
        );
    }

    #[test]
    fn by_owner_it_is_the_way_to_the_blocks() {
        let found = read(By::Owner);
        assert_eq!(found[1].0, ["->text", "list"]);
    }
}
