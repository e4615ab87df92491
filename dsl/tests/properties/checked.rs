//! What holds of checking any text, shared by a test and by a fuzz target.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_dsl::check;
use mcrx_dsl::load;
use mcrx_dsl::releases::Releases;
use mcrx_dsl::source::Load;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// A text that imports nothing.
struct Alone<'t>(&'t str);

impl Load for Alone<'_> {
    fn load(&self, path: &Path) -> Result<String, String> {
        if path == Path::new("rules.mcrx") {
            Ok(self.0.to_owned())
        } else {
            Err("it is not there".to_owned())
        }
    }
}

/// The two releases of the catalogue's small server, compiled once.
static RELEASES: LazyLock<[Table; 2]> =
    LazyLock::new(|| ["old", "new"].map(|name| compiled(name).expect("cc compiles them")));

fn compiled(name: &str) -> Result<Table, Box<dyn std::error::Error>> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = if sources.ends_with("fuzz") { sources.join("../dsl") } else { sources.to_owned() };
    let program = std::env::temp_dir().join(format!("mcrx-checked-{name}-{}", std::process::id()));
    let mut command = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
    command.current_dir(sources.join("tests/wrong").join(name)).args(["-g", "-O0", "-w", "-o"]).arg(&program);
    let output = command.args(["server.c", "worker.c"]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let table = mcrx_debuginfo::load::load(&Binary::open(&program)?);
    std::fs::remove_file(&program)?;
    Ok(table?)
}

/// Checks a text without debug info, against one release and against two, and looks at what is said.
pub(crate) fn is_checked(text: &str) -> Result<(), String> {
    let loaded = load::rules(Path::new("rules.mcrx"), &Alone(text));
    let [old, new] = &*RELEASES;
    for releases in [Releases::none(), Releases::one(old), Releases::both(old, new)] {
        let found = check::loaded(&loaded, releases, None);
        if found != check::loaded(&loaded, releases, None) {
            return Err("a second time something else is said".to_owned());
        }
        for diagnostic in &found {
            let spans = diagnostic.others.iter().map(|other| other.span).chain([diagnostic.span]);
            let fixes = diagnostic.fix.iter().map(|fix| fix.span);
            if let Some(span) = spans.chain(fixes).find(|span| text.get(span.range()).is_none()) {
                return Err(format!("{} is said of {span:?}, where there is no text", diagnostic.message));
            }
            if diagnostic.message.is_empty() || diagnostic.message.ends_with('.') {
                return Err(format!("{}: no message", diagnostic.code));
            }
        }
    }
    Ok(())
}
