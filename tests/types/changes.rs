//! What is known to have changed between releases of the servers.

use crate::programs;
use mcrx_harness::{Context, Explain, Result, Suite, ensure, server};
use mcrx_servers::Server;
use serde_json::Value;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([server("nginx", "1.18.0"), server("nginx", "1.22.1")], a_member_that_was_added_is_found)
        .test([server("nginx", "1.22.1"), server("nginx", "1.26.3")], an_array_that_became_a_list_is_retyped)
        .test(
            [server("memcached", "1.6.18"), server("memcached", "1.6.38")],
            a_member_that_moved_into_a_structure_is_guessed,
        )
        .test([server("openssh", "9.2p1"), server("openssh", "10.0p1")], a_structure_that_shrank_is_found)
        .test([server("redis", "7.0.15"), server("redis", "8.0.2")], a_replaced_type_is_found)
}

fn compared(test: &Context, old: &Server, new: &Server) -> Result<Value> {
    let paths = [&old.path, &new.path].map(|path| path.to_string_lossy().into_owned());
    let output = programs::types(test, &["--json", &paths[0], &paths[1]])?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn of<'a>(facts: &'a Value, name: &str) -> Result<&'a Value> {
    let mut changed = facts["changed"].as_array().context("changed")?.iter();
    changed.find(|change| change["name"] == name).with_context(|| format!("{name} has not changed"))
}

fn has(list: &Value, name: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|entry| entry == name))
}

fn a_member_that_was_added_is_found(test: &Context) -> Result<()> {
    let facts = compared(test, test.release("nginx", "1.18.0")?, test.release("nginx", "1.22.1")?)?;
    let connection = of(&facts, "ngx_connection_s")?;
    ensure!(has(&connection["fields_added"], "start_time"), "{connection:#}");
    ensure!(connection["effect"] == "incompatible", "{connection:#}");
    ensure!(connection["size_before"].as_u64() < connection["size_after"].as_u64(), "{connection:#}");
    Ok(())
}

fn an_array_that_became_a_list_is_retyped(test: &Context) -> Result<()> {
    let facts = compared(test, test.release("nginx", "1.22.1")?, test.release("nginx", "1.26.3")?)?;
    let headers = of(&facts, "ngx_http_headers_in_t")?;
    ensure!(
        has(&headers["fields_removed"], "cookies") && has(&headers["fields_added"], "cookie"),
        "{headers:#}"
    );
    // It got a tag, and that is one change and not one for each of its dozens of users.
    let element = of(&facts, "ngx_table_elt_s")?;
    ensure!(element["tags"][0].is_null() && element["tags"][1] == "ngx_table_elt_s", "{element:#}");
    ensure!(!has(&headers["fields_retyped"], "host"), "{headers:#}");
    Ok(())
}

fn a_member_that_moved_into_a_structure_is_guessed(test: &Context) -> Result<()> {
    let facts = compared(test, test.release("memcached", "1.6.18")?, test.release("memcached", "1.6.38")?)?;
    let thread = of(&facts, "LIBEVENT_THREAD")?;
    let renamed = thread["fields_renamed"].as_array().context("renamed")?;
    ensure!(
        renamed.iter().any(|guess| guess["from"] == "notify_event" && guess["to"] == "n.notify_event"),
        "{thread:#}"
    );
    ensure!(
        of(&facts, "conn")?["size_after"].as_u64() < of(&facts, "conn")?["size_before"].as_u64(),
        "{facts:#}"
    );
    Ok(())
}

fn a_structure_that_shrank_is_found(test: &Context) -> Result<()> {
    let old = test.release("openssh", "9.2p1")?.path.clone();
    let new = test.release("openssh", "10.0p1")?.prefix().join("libexec/sshd-session");
    let output = programs::types(test, &["--json", &old.to_string_lossy(), &new.to_string_lossy()])?;
    let facts: Value = serde_json::from_slice(&output.stdout)?;
    let options = of(&facts, "ServerOptions")?;
    ensure!(options["size_before"] == 7896 && options["size_after"] == 1872, "{options:#}");
    Ok(())
}

fn a_replaced_type_is_found(test: &Context) -> Result<()> {
    let facts = compared(test, test.release("redis", "7.0.15")?, test.release("redis", "8.0.2")?)?;
    ensure!(has(&facts["added"], "_kvstore"), "{:#}", facts["added"]);
    let database = of(&facts, "redisDb")?;
    ensure!(has(&database["fields_retyped"], "expires"), "{database:#}");
    Ok(())
}
