//! Images of sites made by hand.

use super::image::{FORMAT, Parts};
use super::record::SourceRecord;
use super::*;
use crate::image::{ImageError, checksum};
use crate::table::TypeId;

const ORIGIN: u64 = 7;

fn sample() -> (Parts, Vec<Verdict>) {
    let verdicts = vec![
        Verdict::Deeper,
        Verdict::Untyped(Untyped::TooLarge),
        Verdict::Untyped(Untyped::Nowhere),
        Verdict::Typed { ty: TypeId(4), extent: Extent::Exactly(3), confidence: Confidence::Certain },
        Verdict::Typed { ty: TypeId(0), extent: Extent::Array, confidence: Confidence::Probable },
        Verdict::Typed { ty: TypeId(9), extent: Extent::AtLeastOne, confidence: Confidence::Probable },
    ];
    let mut parts = Parts::default();
    for (verdict, address) in verdicts.iter().zip(0x1000..) {
        let name = parts.string("node.next");
        let first_evidence = Parts::place(&parts.evidence);
        parts.evidence.push(EvidenceRecord::new(Landing::Member, TypeId(4), address - 3, name));
        parts.evidence.push(EvidenceRecord::new(Landing::Resized, TypeId(5), address - 2, 0));
        let site = SiteRecord {
            address,
            call: address - 5,
            callee: parts.string("malloc"),
            function: NONE,
            first_evidence,
            evidence_count: 2,
            ..SiteRecord::default()
        };
        parts.sites.push(site.with_size(Size::Bytes(24)).with_verdict(*verdict));
    }
    parts.code.push(CodeRecord { low: 0x400, high: 0x420 });
    let wrapper = WrapperRecord {
        function: 3,
        name: parts.string("xmalloc"),
        code_count: 1,
        ..WrapperRecord::default()
    };
    let asked = Asked::Elements { count: Gpr::ARGUMENTS[1], size: Gpr::ARGUMENTS[5] };
    parts.wrappers.push(wrapper.with_asked(asked).with_handed(Handed::Stored(Gpr::ARGUMENTS[2]), true));
    (parts, verdicts)
}

fn made() -> Sites {
    Sites::from_parts(sample().0, ORIGIN, &[1, 2, 3])
}

/// Asks everything there is to ask.
fn walk(sites: &Sites) -> usize {
    let mut asked = 0;
    for site in sites.iter() {
        let _ = (site.address(), site.call(), site.function(), site.callee(), site.offset());
        let _ = (sites.at(site.address()), sites.of_stack([site.address(), Address(0x1001)]));
        asked += site.evidence().count() + format!("{site:?}").len();
    }
    for wrapper in sites.wrappers() {
        asked += wrapper.code().count() + format!("{wrapper:?}").len();
        let _ = (wrapper.function(), wrapper.asked(), wrapper.handed(), wrapper.is_tail());
    }
    let _ = (sites.are_of(ORIGIN), sites.build_id().len());
    asked
}

#[test]
fn what_goes_in_comes_out() {
    let (sites, (_, verdicts)) = (Sites::from_bytes(made().as_bytes()).unwrap(), sample());
    assert_eq!(sites.iter().map(Site::verdict).collect::<Vec<_>>(), verdicts);
    assert_eq!(sites.build_id(), [1, 2, 3]);
    let site = sites.at(Address(0x1003)).unwrap();
    assert_eq!((site.callee(), site.size(), site.function()), ("malloc", Size::Bytes(24), None));
    let seen: Vec<Evidence<'_>> = site.evidence().collect();
    assert_eq!(
        seen[0],
        Evidence { landing: Landing::Member, ty: TypeId(4), at: Address(0x1000), name: "node.next" }
    );
    assert_eq!((seen[1].landing, seen[1].name, seen.len()), (Landing::Resized, "", 2));
    let wrapper = sites.wrappers().next().unwrap();
    assert_eq!((wrapper.name(), wrapper.is_tail()), ("xmalloc", true));
    assert_eq!(wrapper.asked(), Asked::Elements { count: Gpr::ARGUMENTS[1], size: Gpr::ARGUMENTS[5] });
    assert_eq!(wrapper.handed(), Handed::Stored(Gpr::ARGUMENTS[2]));
    assert_eq!(wrapper.code().collect::<Vec<_>>(), [(Address(0x400), Address(0x420))]);
}

#[test]
fn sites_are_known_by_what_was_asked_and_by_the_sources() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let mut parts = Parts::default();
    for path in [path.as_str(), "/nowhere/at/all.c"] {
        let source = SourceRecord { state: source::state(path), path: parts.string(path), reserved: 0 };
        parts.sources.push(source);
    }
    let sites = Sites::from_parts(parts, ORIGIN, &[]);
    assert!(sites.are_of(ORIGIN) && !sites.are_of(ORIGIN + 1));
    std::fs::write(&path, "more").unwrap();
    assert!(!sites.are_of(ORIGIN), "a source has changed");
}

#[test]
fn a_damaged_image_is_refused() {
    let bytes = made().as_bytes().to_vec();
    for len in 0..bytes.len() {
        assert!(Sites::from_bytes(&bytes[..len]).is_err(), "{len}");
    }
    for place in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[place / 8] ^= 1 << (place % 8);
        assert!(Sites::from_bytes(&bytes).is_err(), "bit {place}");
    }
    let mut newer = bytes;
    newer[8] += 1;
    assert_eq!(Sites::from_bytes(&newer).err(), Some(ImageError::Version { found: FORMAT.version + 1 }));
}

#[test]
fn wrong_indices_read_as_unknown_things() {
    // Whoever can forge the checksum can write any index: every accessor stays total.
    let honest = made().as_bytes().to_vec();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..2_000 {
        let mut bytes = honest.clone();
        for _ in 0..8 {
            let place = 96 + usize::try_from(random()).unwrap() % (bytes.len() - 96);
            bytes[place] = random().to_le_bytes()[0];
        }
        let sum = checksum(&bytes);
        bytes[16..24].copy_from_slice(&sum.to_le_bytes());
        walk(&Sites::from_bytes(&bytes).unwrap());
    }
}
