//! What becomes of notices when the threads that were to give or to read them vanish.

use super::stage::{Block, Stage};
use super::*;

impl Stage {
    /// What a thread does that vanishes once its block is pushed.
    fn push(&self, block: Block) {
        let slab = Slab::at(self.region, block.slice);
        let tag = slab.tag(block.index);
        assert!(Remote(&slab.descriptor.remote).push(block.index, |next| tag.set(tag.get().freed(next))));
        self.forget(block);
    }
}

fn mailbox(heap: &Heap) -> Mailbox<'_> {
    Mailbox(&heap.mailbox.0)
}

#[test]
fn a_slab_in_the_mailbox_of_a_vanished_thread_is_posted_to_its_next_owner() {
    let stage = Stage::new();
    let (gone, survivor) = (stage.claim(), stage.claim());
    let full = stage.fill(gone);
    stage.malloc(gone);
    stage.free(full[0]);
    assert!(!mailbox(gone).is_empty());

    orphan::owners_vanished(stage.region, Some(survivor));
    assert_eq!(stage.malloc(survivor), full[0], "the slab is adopted");
    stage.malloc(survivor);
    assert!(mailbox(survivor).is_empty());
    stage.free(full[1]);
    assert!(!mailbox(survivor).is_empty());
    survivor.leave();
    stage.end();
}

#[test]
fn a_notice_that_a_thread_vanished_with_is_given_for_it() {
    let stage = Stage::new();
    let survivor = stage.claim();
    let (pushed, mailed) = (stage.fill(survivor), stage.fill(survivor));
    stage.malloc(survivor);
    for block in [pushed[0], mailed[0]] {
        stage.push(block);
    }
    // And the other is on its way: all done but the last step of posting it.
    let descriptor = Slab::at(stage.region, mailed[0].slice).descriptor;
    Mailbox(&AtomicU32::new(0)).post(mailed[0].slice, &letter(descriptor), orphan::mail_stamp(stage.region));

    orphan::owners_vanished(stage.region, Some(survivor));
    survivor.read_mail();
    for block in [pushed[0], mailed[0]] {
        let place = Slab::at(stage.region, block.slice).descriptor.place.get();
        assert_eq!(place, place::QUEUED, "{block:?} is there to be handed out");
    }
    survivor.leave();
    stage.end();
}

#[test]
fn a_survivors_own_mail_outlives_the_others() {
    let stage = Stage::new();
    let survivor = stage.claim();
    let full = stage.fill(survivor);
    stage.malloc(survivor);
    stage.free(full[0]);

    orphan::owners_vanished(stage.region, Some(survivor));
    stage.free(full[1]);
    survivor.read_mail();
    assert_eq!(Slab::at(stage.region, full[0].slice).descriptor.place.get(), place::QUEUED);
    survivor.leave();
    stage.end();
}
