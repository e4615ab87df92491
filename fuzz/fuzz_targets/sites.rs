//! Sites, as the cache keeps them, with checksums that are right.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcrx_debuginfo::sites::Sites;

fuzz_target!(|bytes: &[u8]| {
    let _ = Sites::from_bytes(bytes);
    if let Ok(sites) = Sites::from_bytes(&mcrx_fuzz::image::seal(bytes)) {
        for site in sites.iter().take(2_000) {
            let _ = (site.address(), site.call(), site.function(), site.callee(), site.size(), site.offset());
            let _ =
                (sites.at(site.address()).is_some(), sites.of_stack([site.address(), site.call()]).is_some());
            let _ = (site.verdict(), site.evidence().take(2_000).count(), sites.build_id());
        }
        for wrapper in sites.wrappers().take(2_000) {
            let _ =
                (wrapper.function(), wrapper.name(), wrapper.asked(), wrapper.handed(), wrapper.is_tail());
            let _ = wrapper.code().take(2_000).count();
        }
    }
});
