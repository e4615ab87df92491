//! Small programs: each test is a fact about what pairs.

use crate::releases::Releases;
use mcrx_harness::{Context, Result, Suite, ensure, program};
use mcrx_transform::pairs::Why;

pub(crate) fn tests(suite: Suite) -> Suite {
    let gcc = || [program("gcc")];
    suite.test(gcc(), what_a_path_leads_to_in_both_pairs_wherever_members_lie)
}

fn what_a_path_leads_to_in_both_pairs_wherever_members_lie(test: &Context) -> Result<()> {
    let old = "
        struct limits { long soft, hard; };
        struct server { char *name; struct limits *limits; };
        struct server *server;
        int main(void) {
            server = malloc(sizeof *server);
            server->name = strdup(\"one\");
            server->limits = malloc(sizeof *server->limits);
            server->limits->soft = 1;
            show(\"server\", server); show(\"limits\", server->limits);
            park();
        }";
    let new = "
        struct limits { long soft, hard, hardest; };
        struct server { int version; struct limits *limits; char *name; };
        struct server *server;
        int main(void) {
            void *other = malloc(sizeof *server);
            show(\"other\", other);
            server = malloc(sizeof *server);
            server->limits = malloc(sizeof *server->limits);
            server->limits->soft = 1;
            server->name = strdup(\"one\");
            show(\"server\", server); show(\"limits\", server->limits);
            park();
        }";
    Releases::of(test, old, new)?.look(|found| {
        found.pair(&["server", "limits"])?;
        let pair = found.pairs.at(found.old("limits")? + 8);
        ensure!(pair.is_some_and(|pair| pair.path == "server->limits" && pair.types.is_some()), "{pair:?}");
        ensure!(found.why("server")? != Some(Why::NoPath));
        Ok(())
    })
}
