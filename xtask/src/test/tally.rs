//! Counting tests by what their runners print.
//!
//! Two runners: libtest, and libtest-mimic, which follows it but for the reason of an ignored test (`ignored, why` and
//! `ignored (why)`). The closing line of each test program counts; the lines of single tests only name.

use std::ops::AddAssign;

/// What a number of tests came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(crate) failures: Vec<String>,
    pub(crate) skips: Vec<Skip>,
}

/// A test that was not run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    pub(crate) test: String,
    pub(crate) reason: String,
}

impl Tally {
    /// Takes in a line of a runner's standard output.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.read_result(result);
        } else if let Some((test, outcome)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        {
            let test = test.trim_end().to_owned();
            if outcome == "FAILED" {
                self.failures.push(test);
            } else if let Some(reason) = outcome.strip_prefix("ignored") {
                self.skips.push(Skip { test, reason: bare(reason).to_owned() });
            }
        }
    }

    /// `ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s`
    fn read_result(&mut self, result: &str) {
        let counts = result.split_once(". ").map_or("", |(_, counts)| counts);
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// How many tests were run or skipped.
    pub(crate) fn total(&self) -> u64 {
        self.passed + self.failed + self.ignored
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.failures.extend(other.failures);
        self.skips.extend(other.skips);
    }
}

/// The reason itself, out of `, why` or ` (why)`.
fn bare(reason: &str) -> &str {
    let reason = reason.trim_start_matches([',', ' ']);
    let inner = reason.strip_prefix('(').and_then(|reason| reason.strip_suffix(')')).unwrap_or(reason);
    if inner.is_empty() { "marked #[ignore]" } else { inner }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Tally {
        let mut tally = Tally::default();
        text.lines().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn both_runners_reasons_are_understood() {
        let tally = read(
            "running 4 tests\n\
             test a::b ... ok\n\
             test c ... ignored, too slow\n\
             test nginx::d::nginx_1.18.0          ... ignored (nginx 1.18.0: no source (404))\n\
             test src/lib.rs - e (line 4) ... ignored\n\
             test result: ok. 1 passed; 0 failed; 3 ignored; 0 measured; 7 filtered out; finished in 0.00s\n",
        );
        assert_eq!((tally.passed, tally.failed, tally.ignored, tally.total()), (1, 0, 3, 4));
        let skips: Vec<_> = tally.skips.iter().map(|skip| (&*skip.test, &*skip.reason)).collect();
        assert_eq!(
            skips,
            [
                ("c", "too slow"),
                ("nginx::d::nginx_1.18.0", "nginx 1.18.0: no source (404)"),
                ("src/lib.rs - e (line 4)", "marked #[ignore]"),
            ]
        );
    }

    #[test]
    fn failures_of_several_programs_add_up_and_are_named() {
        let mut tally =
            read("test x ... FAILED\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured");
        tally += read("test y - should panic ... FAILED\ntest result: FAILED. 4 passed; 1 failed; 0 ignored");
        assert_eq!((tally.passed, tally.failed), (4, 2));
        assert_eq!(tally.failures, ["x", "y - should panic"]);
    }

    #[test]
    fn what_a_test_prints_is_not_counted() {
        assert_eq!(
            read("5 passed; 6 failed\nthe test result: ok. 7 passed;\ntesting 1 2 3"),
            Tally::default()
        );
    }
}
