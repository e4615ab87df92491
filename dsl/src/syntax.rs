//! From text to a tree of all of it, and from the tree to rules.
//!
//! ```text
//!   text --lexer--> tokens --parser, by the functions of grammar--> tree --build--> rules
//!                     |                      |                                |
//!                     +------- errors -------+--------------------------------+
//! ```
//!
//! The tree has every byte of the text, in order, white space and comments too, whatever is wrong with it: what cannot be read is in it
//! as an error. Its depth is limited, so who walks it may call itself.
//!
//! What it does not do: follow imports ([`crate::load`]), or know any program.

mod build;
mod errors;
mod grammar;
mod kind;
mod lexer;
mod literal;
mod parser;

pub(crate) use build::{Statement, build};
pub(crate) use errors::{did_you_mean, either, either_of, quoted};
pub(crate) use kind::{Node, SyntaxKind, Token};

use crate::diagnostic::Diagnostic;
use crate::source::FileId;

/// What a text is.
#[derive(Debug)]
pub struct Parse {
    pub(crate) tree: Node,
    /// What is wrong with it, by place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parse {
    /// The text that the tree has.
    pub fn text(&self) -> String {
        self.tree.text().to_string()
    }
}

/// Reads a text as [`crate::source::Files`] takes it: of less than 4 GiB. Places are in the file that is given.
pub fn parse(text: &str, file: FileId) -> Parse {
    let (tree, diagnostics) = parser::Parser::new(text, file).run();
    Parse { tree, diagnostics }
}
