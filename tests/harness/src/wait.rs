//! Waiting on a condition, with a deadline. Nothing in the tests sleeps for a time somebody guessed.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// How soon a condition is looked at again. Short beside a server's start-up, long beside the look itself.
const INTERVAL: Duration = Duration::from_millis(5);

/// Asks `condition` again and again until it yields a value, for at most `patience`.
///
/// `what` completes the sentence "waited 3 s for ...". An error of the condition ends the wait at once.
pub fn until<T>(
    patience: Duration,
    what: impl AsRef<str>,
    mut condition: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("waited {patience:?} for {}", what.as_ref());
        }
        std::thread::sleep(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_comes_back_once_the_condition_holds() {
        let mut asked = 0;
        let value = until(Duration::from_secs(5), "the third ask", || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        });
        assert_eq!(value.unwrap(), 3);
    }

    #[test]
    fn a_wait_in_vain_says_for_what() {
        let error = until(Duration::from_millis(1), "rain", || Ok(None::<()>)).unwrap_err();
        assert_eq!(error.to_string(), "waited 1ms for rain");
    }
}
