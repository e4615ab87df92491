//! The few statistics that side-by-side runs need: robust ones, since a machine's disturbances are not normal.

/// The middle of a sample and how far its inner half spreads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    /// First quartile: a quarter of the sample is below.
    pub(crate) low: f64,
    /// Third quartile: a quarter of the sample is above.
    pub(crate) high: f64,
}

impl Spread {
    /// Nothing, if there is no sample.
    pub(crate) fn of(sample: &[f64]) -> Option<Spread> {
        let mut sorted = sample.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Spread {
            median: quantile(&sorted, 2)?,
            low: quantile(&sorted, 1)?,
            high: quantile(&sorted, 3)?,
        })
    }

    /// Of `ours / theirs`, turn by turn: what a turn's neighbourhood in time did to both cancels out.
    pub(crate) fn of_ratios(ours: &[f64], theirs: &[f64]) -> Option<Spread> {
        let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        Spread::of(&ratios)
    }
}

/// The quarter-th quartile of a sorted sample, linear between neighbours (Hyndman and Fan's type 7, R's default).
fn quantile(sorted: &[f64], quarter: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let (whole, part) = (last * quarter / 4, last * quarter % 4);
    let (below, above) = (sorted[whole], sorted[(whole + 1).min(last)]);
    let part = [0.0, 0.25, 0.5, 0.75][part];
    Some(below + (above - below) * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(sample: &[f64]) -> (f64, f64, f64) {
        let spread = Spread::of(sample).unwrap();
        (spread.low, spread.median, spread.high)
    }

    #[test]
    fn quartiles_are_those_of_r() {
        // quantile(c(7, 15, 36, 39, 40, 41)): 20.25, 37.5, 39.75
        assert_eq!(spread(&[36.0, 7.0, 41.0, 15.0, 40.0, 39.0]), (20.25, 37.5, 39.75));
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (1.5, 2.0, 2.5));
    }

    #[test]
    fn one_value_is_its_own_spread_and_none_has_none() {
        assert_eq!(spread(&[5.0]), (5.0, 5.0, 5.0));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn an_outlier_moves_nothing() {
        assert_eq!(spread(&[1.0, 1.0, 1.0, 1.0, 1000.0]), (1.0, 1.0, 1.0));
    }

    #[test]
    fn a_drift_that_both_sides_share_cancels_out() {
        let ours = [2.0, 4.0, 8.0, 16.0];
        let theirs = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(Spread::of_ratios(&ours, &theirs), Some(Spread { median: 2.0, low: 2.0, high: 2.0 }));
    }
}
