//! What the new release draws at random is what the old one's start-up drew, as far as that was recorded.
//!
//! Of what is alike (who draws, whence, how many bytes are asked for) the order counts. What goes beyond the record is drawn anew. All of it is
//! written down, one line of JSON each: it is the record of this start-up.

use super::notice::{Listener, Notice};
use crate::randomness::{Draw, Drawing, Draws, Place, Source};
use nix::errno::Errno;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Read as _, Write as _};

/// No call gets more bytes at once, whatever it asks for.
const MOST: u64 = 1 << 20;

/// What was recorded, and what has been drawn of it.
pub(super) struct Replay {
    left: HashMap<(Place, Source, u64), VecDeque<Vec<u8>>>,
    fresh: File,
    drawn: File,
}

impl Replay {
    /// `drawn`: where it is written down.
    pub(super) fn new(draws: Vec<Draw>, drawn: File) -> io::Result<Replay> {
        let mut left: HashMap<_, VecDeque<Vec<u8>>> = HashMap::new();
        for Draw { place, source, asked, bytes } in draws {
            left.entry((place, source, asked)).or_default().push_back(bytes);
        }
        Ok(Replay { left, fresh: File::open("/dev/urandom")?, drawn })
    }

    /// Answers a call that may draw. `place`: who makes it.
    pub(super) fn serve(
        &mut self,
        notice: &Notice,
        place: Option<Place>,
        listener: &Listener,
    ) -> io::Result<()> {
        let drawing = Drawing::of(notice.thread, notice.call, &notice.arguments);
        let Some(drawing) = drawing.filter(|drawing| drawing.asked() > 0) else {
            return listener.go_on(notice).map(drop);
        };
        let asked = drawing.asked();
        let recorded = place.as_ref().and_then(|place| {
            self.left.get_mut(&(place.clone(), drawing.source, asked)).and_then(VecDeque::pop_front)
        });
        let bytes = match recorded {
            Some(bytes) => bytes,
            None => self.fresh(asked)?,
        };
        if !listener.still_waits(notice) {
            self.put_back(place, &drawing, bytes);
            return Ok(());
        }
        let written = drawing.write(notice.thread, &bytes).map_err(|_| Errno::EFAULT);
        let result = written.map(|()| i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        if !listener.answer(notice, result)? {
            self.put_back(place, &drawing, bytes);
            return Ok(());
        }
        match place {
            Some(place) if result.is_ok() => self.note(&Draw { place, source: drawing.source, asked, bytes }),
            _ => Ok(()),
        }
    }

    /// Who was interrupted asks again.
    fn put_back(&mut self, place: Option<Place>, drawing: &Drawing, bytes: Vec<u8>) {
        if let Some(place) = place {
            let alike = self.left.entry((place, drawing.source, drawing.asked())).or_default();
            alike.push_front(bytes);
        }
    }

    fn fresh(&mut self, asked: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(asked.min(MOST)).unwrap_or(0)];
        self.fresh.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn note(&mut self, draw: &Draw) -> io::Result<()> {
        let mut line = serde_json::to_vec(draw)?;
        line.push(b'\n');
        self.drawn.write_all(&line)
    }
}

/// What was written down.
pub(in super::super) fn read(drawn: &[u8]) -> serde_json::Result<Draws> {
    let lines = drawn.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(serde_json::from_slice).collect::<Result<_, _>>().map(Draws::all)
}
