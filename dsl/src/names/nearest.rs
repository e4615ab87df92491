//! Which names somebody may have meant who typed one that is not there.

use std::cmp::Reverse;

/// How many are offered.
const MOST: usize = 4;

/// The names most like this one, the likeliest first: those that differ in few letters, then those that hold it.
pub fn names<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<(Reverse<bool>, usize, &str)> = known
        .filter_map(|name| {
            // Tags and typedefs of one thing differ in their ends: ngx_str_s, ngx_str_t.
            let holds = wanted.len() >= 3 && name.contains(wanted);
            let distance = distance(wanted, name, wanted.len() / 3 + 1);
            match (holds, distance) {
                (_, Some(distance)) => Some((Reverse(true), distance, name)),
                (true, None) => Some((Reverse(false), name.len(), name)),
                (false, None) => None,
            }
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(MOST).map(|(_, _, name)| name).collect()
}

/// Whether one is so near to the other that it is most likely a slip of the pen: a letter or two in a name of some length, or the same
/// letters in another order.
pub fn is_slip(wanted: &str, name: &str) -> bool {
    let letters = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes
    };
    distance(wanted, name, wanted.len() / 5 + 1).is_some()
        || (wanted.len() > 2 && letters(wanted) == letters(name))
}

/// How many letters must be put in, left out or changed to make one name of the other (Levenshtein); `None`: more than the limit.
fn distance(one: &str, other: &str, limit: usize) -> Option<usize> {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len().abs_diff(other.len()) > limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (placed, letter) in one.iter().enumerate() {
        let mut diagonal = placed;
        let mut left = placed + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (above, letter_other) in row.iter_mut().skip(1).zip(other) {
            let change = diagonal + usize::from(!letter.eq_ignore_ascii_case(letter_other));
            diagonal = *above;
            left = change.min(diagonal + 1).min(left + 1);
            *above = left;
        }
    }
    row.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_counted_in_letters() {
        for (one, other, want) in
            [("", "", 0), ("abc", "abc", 0), ("kitten", "sitting", 3), ("", "ab", 2), ("ABC", "abc", 0)]
        {
            assert_eq!(distance(one, other, 9), Some(want), "{one} {other}");
            assert_eq!(distance(other, one, 9), Some(want), "{other} {one}");
        }
        assert_eq!(distance("kitten", "sitting", 2), None);
    }

    #[test]
    fn a_slip_of_the_pen_is_a_letter_or_two_or_their_order() {
        for (wanted, name, want) in [
            ("dta", "data", true),
            ("nmae", "name", true),
            ("ngx_conection_t", "ngx_connection_t", true),
            ("ht", "ht_table", false),
            ("ht_table", "ht", false),
            ("on_read", "on_ready", true),
            ("read", "write", false),
        ] {
            assert_eq!(is_slip(wanted, name), want, "{wanted} {name}");
        }
    }

    #[test]
    fn misspelt_names_come_before_longer_ones() {
        let known =
            ["ngx_connection_s", "ngx_connection_t", "ngx_conection", "other", "my_ngx_connection_sx_list"];
        assert_eq!(
            names("ngx_connection_x", known.into_iter()),
            ["ngx_connection_s", "ngx_connection_t", "ngx_conection"]
        );
        // ngx_connection_t is one letter further than a name of this length may be.
        assert_eq!(
            names("connection_sx", known.into_iter()),
            ["ngx_connection_s", "my_ngx_connection_sx_list"]
        );
    }
}
