//! Flame graphs, drawn by inferno.

use inferno::flamegraph::{self, Options};
use std::io::{self, Write};

/// Draws the lines of [`folded`](super::folded::lines).
///
/// # Errors
/// There is nothing to be drawn, or it cannot be written.
pub fn draw(title: &str, lines: &[String], out: impl Write) -> io::Result<()> {
    if lines.is_empty() {
        return Err(io::Error::other("there are no blocks: nothing to draw"));
    }
    let mut options = Options::default();
    options.title = title.to_owned();
    options.count_name = "bytes".to_owned();
    options.name_type = "Call:".to_owned();
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), out).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_has_a_box_with_its_name_and_bytes() {
        let mut svg = Vec::new();
        draw("heap", &["main;make;[struct node] 300".to_owned(), "main;[char] 100".to_owned()], &mut svg)
            .unwrap();
        let svg = String::from_utf8(svg).unwrap();
        for title in
            ["main (400 bytes, 100.00%)", "[struct node] (300 bytes, 75.00%)", "[char] (100 bytes, 25.00%)"]
        {
            assert!(svg.contains(&format!("<title>{title}</title>")), "{svg}");
        }
        assert!(draw("heap", &[], Vec::new()).is_err());
    }
}
