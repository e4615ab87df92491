//! A generated file, and the command that made it.

use mcrx_harness::{Context, Explain, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A rule file between two programs.
pub(crate) struct NewRules {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) old: String,
    pub(crate) new: String,
    cache: PathBuf,
}

impl NewRules {
    pub(crate) fn write(test: &Context, old: &Path, new: &Path) -> Result<NewRules> {
        let path = test.scratch().directory().join("new.mcrx");
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let cache = test.scratch().directory().to_owned();
        let mut rules = NewRules { path, text: String::new(), old: text(old), new: text(new), cache };
        let output = rules.run(&["rules", "new", &rules.old, &rules.new, "-o", &rules.file()])?;
        ensure!(output.status.success(), "{output:?}");
        rules.text = std::fs::read_to_string(&rules.path)?;
        Ok(rules)
    }

    /// Its path.
    pub(crate) fn file(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Lines with a hole that are no comment.
    pub(crate) fn holes(&self) -> usize {
        self.text.lines().filter(|line| is_hole(line)).count()
    }

    /// Whether a name is in it, as a word.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == name)
    }

    pub(crate) fn says(&self, text: &str) -> Result<()> {
        ensure!(self.text.contains(text), "no {text:?} in\n{}", self.text);
        Ok(())
    }

    /// `mcrx`, without colours and with a cache of its own.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Output> {
        run(arguments, &self.cache)
    }
}

fn run(arguments: &[&str], cache: &Path) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    command.args(arguments).env("XDG_CACHE_HOME", cache).env("NO_COLOR", "1");
    command.output().context("mcrx runs")
}

pub(crate) fn is_hole(line: &str) -> bool {
    !line.trim_start().starts_with("//") && line.contains("todo \"")
}

pub(crate) fn json(output: &Output) -> Result<Value> {
    serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Without comments.
pub(crate) fn bare(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Two releases of a small program.
fn small(test: &Context) -> Result<[String; 2]> {
    let one = |name: &str, member: &str| -> Result<String> {
        let folder = test.scratch().directory();
        let (source, program) = (folder.join(format!("{name}.c")), folder.join(name));
        std::fs::write(
            &source,
            format!(
                "struct t {{ int a; {member} }}; struct t *variable; int main(void) {{ return variable != 0; }}"
            ),
        )?;
        let mut command = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
        let output =
            command.args(["-g", "-o"]).arg(&program).arg(&source).output().context("a C compiler")?;
        ensure!(output.status.success(), "{output:?}");
        Ok(program.to_string_lossy().into_owned())
    };
    Ok([one("small-1.0", "")?, one("small-1.1", "int b; char *c;")?])
}

pub(crate) fn a_file_that_is_there_is_left_alone(test: &Context) -> Result<()> {
    let [old, new] = small(test)?;
    let path = test.scratch().directory().join("mine.mcrx");
    std::fs::write(&path, "what somebody wrote")?;
    let file = path.to_string_lossy().into_owned();
    let output = run(&["rules", "new", &old, &new, "-o", &file], test.scratch().directory())?;
    ensure!(output.status.code() == Some(2), "{output:?}");
    ensure!(String::from_utf8_lossy(&output.stderr).contains("is there already"), "{output:?}");
    ensure!(std::fs::read_to_string(&path)? == "what somebody wrote", "it was overwritten");
    Ok(())
}

pub(crate) fn json_says_how_many_questions_there_are(test: &Context) -> Result<()> {
    let [old, new] = small(test)?;
    let output = run(&["rules", "new", "--json", &old, &new], test.scratch().directory())?;
    ensure!(output.status.success(), "{output:?}");
    let facts = json(&output)?;
    ensure!(facts["schema"] == "mcrx.rules/1" && facts["holes"] == 2, "{facts:#}");
    let text = facts["text"].as_str().context("text")?;
    ensure!(
        text.contains("program \"small-1.0\"")
            && text.contains("from \"1.0\"")
            && text.contains("to \"1.1\""),
        "{text}"
    );
    Ok(())
}
