//! What takes long, said to whoever waits: nothing in the first second, then on a terminal a line that is drawn anew, elsewhere lines.
//!
//! ```text
//! / writing nginx.snap  [##########----------]  50 %  4 s      on a terminal; without the bar where the end is not known
//! writing nginx.snap: 50 %                                     elsewhere, every tenth
//! reading debug info of 4711 (nginx): 4 s                      elsewhere, where the end is not known, after 1, 2, 4, 8 ... seconds
//! ```
//!
//! Who works only stores numbers; a thread of this module draws. A terminal that does not take our text holds up that thread and nothing
//! that holds a server. The thread takes no signals: one that stops us from the keyboard must not find a thread to arrive at while a
//! server is held, for that would stand still with us.

use super::shortened;
use nix::sys::signal::SigSet;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Nobody minds waiting as long as this.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is drawn on a terminal, and looked at elsewhere.
const INTERVAL: Duration = Duration::from_millis(100);
/// Of the bar, in characters.
const BAR: usize = 20;
/// Where the terminal does not say how wide it is.
const WIDTH: usize = 80;
const SPINNER: [char; 4] = ['|', '/', '-', '\\'];
/// Back to the line's beginning, and erase it (ECMA-48: CR, EL).
const ERASE: &str = "\r\x1b[K";

/// Something that is being done. It is over when this is dropped.
#[must_use = "it is over when this is dropped"]
pub(crate) struct Phase {
    state: Arc<State>,
    over: Option<Sender<()>>,
    drawing: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    name: String,
    done: AtomicU64,
    /// 0: not known.
    of: AtomicU64,
}

/// Where it is said.
struct Screen<W> {
    to: W,
    /// It is drawn over itself, in so many columns. `None`: line by line.
    columns: Option<usize>,
    patience: Duration,
}

impl Phase {
    /// On standard error.
    pub(super) fn start(name: String) -> Phase {
        let screen = Screen { columns: columns(), to: io::stderr(), patience: PATIENCE };
        Phase::on(screen, name)
    }

    fn on(screen: Screen<impl Write + Send + 'static>, name: String) -> Phase {
        let state = Arc::new(State { name, done: AtomicU64::new(0), of: AtomicU64::new(0) });
        let (over, when_over) = mpsc::channel();
        let drawn = Arc::clone(&state);
        let before = SigSet::all().thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK);
        // Without a thread it is done in silence.
        let drawing = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || screen.draw(&drawn, &when_over))
            .ok();
        if let Ok(before) = before {
            // It was a valid mask before.
            let _ = before.thread_set_mask();
        }
        Phase { state, over: Some(over), drawing }
    }

    /// So much of the whole is done.
    pub(crate) fn at(&self, done: u64, of: u64) {
        self.state.of.store(of, Ordering::Relaxed);
        self.state.done.store(done, Ordering::Relaxed);
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(drawing) = self.drawing.take() {
            // It does not panic; if it did, nothing but this line would be lost.
            let _ = drawing.join();
        }
    }
}

/// Of the terminal that standard error is; `None`: it is none that lines can be erased on.
fn columns() -> Option<usize> {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if is_dumb || !io::stderr().is_terminal() {
        return None;
    }
    // Some do not know how wide they are, and say 0.
    let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    Some(if columns == 0 { WIDTH } else { columns })
}

impl State {
    /// Per cent, if the end is known.
    fn percent(&self) -> Option<u64> {
        let (done, of) = (self.done.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed));
        let percent = u64::try_from(u128::from(done) * 100 / u128::from(of.max(1))).ok()?;
        (of > 0).then_some(percent.min(100))
    }
}

impl<W: Write> Screen<W> {
    /// Until it is over. Who closed standard error does not want to know.
    fn draw(mut self, state: &State, over: &Receiver<()>) {
        let start = Instant::now();
        let mut wait = self.patience;
        let mut lines = Lines::default();
        let mut turn = SPINNER.into_iter().cycle();
        while over.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            wait = INTERVAL.min(self.patience);
            let (percent, seconds) = (state.percent(), start.elapsed().as_secs());
            let written = match self.columns {
                Some(columns) => {
                    let line = drawn(&state.name, percent, seconds, turn.next().unwrap_or(' '), columns);
                    write!(self.to, "{ERASE}{line}").and_then(|()| self.to.flush())
                }
                None => match lines.next(&state.name, percent, seconds) {
                    Some(line) => writeln!(self.to, "{line}"),
                    None => Ok(()),
                },
            };
            if written.is_err() {
                return;
            }
        }
        if self.columns.is_some() && start.elapsed() >= self.patience {
            let _ = write!(self.to, "{ERASE}").and_then(|()| self.to.flush());
        }
    }
}

/// A line for a terminal.
fn drawn(name: &str, percent: Option<u64>, seconds: u64, turn: char, columns: usize) -> String {
    let behind = match percent {
        // There has to be room for what is being done, too.
        Some(percent) if columns < 3 * BAR => format!("  {percent} %  {seconds} s"),
        Some(percent) => {
            let full = usize::try_from(percent).unwrap_or(0) * BAR / 100;
            format!("  [{}{}] {percent:>3} %  {seconds} s", "#".repeat(full), "-".repeat(BAR - full))
        }
        None => format!("  {seconds} s"),
    };
    // Not in the last column: some terminals begin a new line then.
    let room = columns.saturating_sub(behind.len() + "| ".len() + 1);
    format!("{turn} {}{behind}", shortened(name, room))
}

/// What has been said line by line.
#[derive(Default)]
struct Lines {
    tenths: u64,
    seconds: u64,
}

impl Lines {
    /// A line, if there is something new to say.
    fn next(&mut self, name: &str, percent: Option<u64>, seconds: u64) -> Option<String> {
        if let Some(percent) = percent {
            let tenths = percent / 10;
            let is_new = tenths > self.tenths;
            self.tenths = self.tenths.max(tenths);
            return is_new.then(|| format!("{name}: {percent} %"));
        }
        let is_new = seconds >= (self.seconds * 2).max(1);
        if is_new {
            self.seconds = seconds;
        }
        is_new.then(|| format!("{name}: {seconds} s"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// What was written, for who tests.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        fn wait_for(&self, part: &str) {
            while !self.text().contains(part) {
                std::thread::yield_now();
            }
        }
    }

    fn on(page: &Page, columns: Option<usize>, patience: Duration) -> Phase {
        Phase::on(Screen { to: page.clone(), columns, patience }, "copying".to_owned())
    }

    #[test]
    fn what_is_soon_over_is_not_spoken_of() {
        for columns in [None, Some(80)] {
            let page = Page::default();
            let phase = on(&page, columns, Duration::from_secs(1000));
            phase.at(5, 10);
            drop(phase);
            assert_eq!(page.text(), "");
        }
    }

    #[test]
    fn what_takes_long_is_said_by_tenths_and_erased_from_a_terminal() {
        let page = Page::default();
        let phase = on(&page, None, Duration::from_millis(1));
        phase.at(35, 100);
        page.wait_for("copying: 35 %\n");
        phase.at(39, 100);
        phase.at(80, 100);
        page.wait_for("copying: 80 %\n");
        drop(phase);
        assert!(!page.text().contains("39"), "{}", page.text());
        let page = Page::default();
        let phase = on(&page, Some(60), Duration::from_millis(1));
        phase.at(1, 2);
        page.wait_for("[##########----------]  50 %");
        drop(phase);
        assert!(page.text().ends_with(ERASE), "{:?}", page.text());
    }

    #[test]
    fn without_an_end_lines_come_ever_more_rarely() {
        let mut lines = Lines::default();
        let said: Vec<u64> =
            (0..20).filter(|seconds| lines.next("marking", None, *seconds).is_some()).collect();
        assert_eq!(said, [1, 2, 4, 8, 16]);
    }

    #[test]
    fn a_line_fits_the_terminal_whatever_it_is_about() {
        for columns in [40, 80, 200] {
            for percent in [None, Some(0), Some(57), Some(100)] {
                let line = drawn(&"a long name ".repeat(9), percent, 12_345, '|', columns);
                assert!(line.chars().count() < columns, "{line}");
            }
        }
        assert_eq!(drawn("marking", None, 3, '-', 80), "- marking  3 s");
    }
}
