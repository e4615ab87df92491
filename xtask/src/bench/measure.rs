//! Taking turns: A B, B A, A B ... after one turn each that is not counted.

use super::area::{Case, Figure, Side};
use super::stats::Spread;
use anyhow::{Context, Result, ensure};
use std::io::IsTerminal;
use std::num::NonZeroUsize;

/// A case, measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) area: &'static str,
    pub(crate) case: &'static str,
    /// One for each figure and peer.
    pub(crate) comparisons: Vec<Comparison>,
}

/// One figure of our side beside one peer's.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) figure: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) ours: SideOf,
    pub(crate) peer: SideOf,
    /// Ours divided by the peer's.
    pub(crate) ratio: Spread,
}

/// What one side came to.
#[derive(Debug)]
pub(crate) struct SideOf {
    pub(crate) name: String,
    pub(crate) samples: Vec<f64>,
    pub(crate) spread: Spread,
}

pub(crate) fn case(area: &'static str, case: &Case, rounds: NonZeroUsize) -> Result<Measured> {
    ensure!(case.sides.len() >= 2, "{area}, {}: nothing to compare with", case.name);
    let turn = |side: &Side| {
        (side.turn)().with_context(|| format!("{area}, {}: the turn of {}", case.name, side.name))
    };
    for side in &case.sides {
        turn(side)?;
    }
    let mut turns: Vec<Vec<Vec<Figure>>> = vec![Vec::new(); case.sides.len()];
    for round in 0..rounds.get() {
        // One line that is written over, in a terminal; none in a log.
        if std::io::stderr().is_terminal() {
            eprint!("\r{}: round {} of {rounds} ", case.name, round + 1);
        }
        // Whoever goes second finds the machine warmer, or its neighbour's pages still cached: each goes second in turn.
        let mut order: Vec<usize> = (0..case.sides.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            turns[index].push(turn(&case.sides[index])?);
        }
    }
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    Ok(Measured { area, case: case.name, comparisons: compare(&case.sides, &turns) })
}

fn compare(sides: &[Side], turns: &[Vec<Vec<Figure>>]) -> Vec<Comparison> {
    let figures = turns[0].first().map(Vec::as_slice).unwrap_or_default();
    let side = |side: usize, figure: usize| {
        let samples: Vec<f64> = turns[side].iter().map(|turn| turn[figure].value).collect();
        let spread = Spread::of(&samples)?;
        Some(SideOf { name: sides[side].name.clone(), samples, spread })
    };
    let mut comparisons = Vec::new();
    for (index, figure) in figures.iter().enumerate() {
        for peer in 1..sides.len() {
            let compared = side(0, index).zip(side(peer, index)).and_then(|(ours, peer)| {
                let ratio = Spread::of_ratios(&ours.samples, &peer.samples)?;
                Some(Comparison { figure: figure.name, unit: figure.unit, ours, peer, ratio })
            });
            comparisons.extend(compared);
        }
    }
    comparisons
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[test]
    fn sides_take_turns_and_the_first_turn_is_not_counted() {
        let log = Rc::new(RefCell::new(String::new()));
        let side = |name: &'static str, value: f64| {
            let log = Rc::clone(&log);
            Side::new(name, move || {
                log.borrow_mut().push_str(name);
                Ok(vec![Figure { name: "work", unit: "x", value }])
            })
        };
        let sides = vec![side("a", 3.0), side("b", 2.0), side("c", 1.0)];
        let measured = case("area", &Case { name: "case", sides }, NonZeroUsize::new(3).unwrap()).unwrap();
        assert_eq!(*log.borrow(), "abc".to_owned() + "abc" + "cba" + "abc");
        let ratios: Vec<(&str, f64, usize)> = measured
            .comparisons
            .iter()
            .map(|it| (it.peer.name.as_str(), it.ratio.median, it.peer.samples.len()))
            .collect();
        assert_eq!(ratios, [("b", 1.5, 3), ("c", 3.0, 3)]);
    }

    #[test]
    fn a_turn_that_fails_is_named() {
        let sides = vec![Side::new("a", || Ok(Vec::new())), Side::new("b", || anyhow::bail!("no luck"))];
        let error = case("area", &Case { name: "case", sides }, NonZeroUsize::MIN).unwrap_err();
        assert_eq!(format!("{error:#}"), "area, case: the turn of b: no luck");
    }
}
