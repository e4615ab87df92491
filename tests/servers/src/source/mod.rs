//! From a recipe's [`Source`](crate::recipe::Source) to an unpacked tree, in two steps: fetching, after which the
//! content key is known, and unpacking, which is left out when a build with that key is there.

use crate::command::{command, output_of};
use crate::key::SourceFile;
use std::path::{Path, PathBuf};

pub(crate) mod debian;
pub(crate) mod registry;

/// A source that is on this machine now.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// What it is made of, for the content key.
    pub files: Vec<SourceFile>,
    /// What a person should know about it.
    pub notes: Vec<String>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// A Debian source package, by its `.dsc`; its other files lie beside it.
    Package(PathBuf),
    /// An archive with one directory at its top.
    Tarball(PathBuf),
    /// A tree to be copied.
    Tree(PathBuf),
}

impl Fetched {
    /// A source that lies here already.
    #[cfg(test)]
    pub(crate) fn of_tree(tree: &Path) -> Self {
        Self { files: Vec::new(), notes: Vec::new(), form: Form::Tree(tree.to_owned()) }
    }

    /// Puts the source, with Debian's patches if it has any, into a directory that is not there yet.
    pub(crate) fn unpack(&self, directory: &Path) -> Result<(), String> {
        let mut command = match &self.form {
            Form::Package(dsc) => {
                let mut command = command("dpkg-source");
                command.args(["--no-copy", "--extract"]).arg(dsc).arg(directory);
                command
            }
            Form::Tarball(path) => {
                std::fs::create_dir_all(directory).map_err(|cause| cause.to_string())?;
                let mut command = command("tar");
                command.args(["--extract", "--no-same-owner", "--strip-components=1", "--file"]);
                command.arg(path).arg("--directory").arg(directory);
                command
            }
            Form::Tree(path) => {
                let mut command = command("cp");
                command.arg("--recursive").arg(path).arg(directory);
                command
            }
        };
        output_of(&mut command).map(drop)
    }
}
