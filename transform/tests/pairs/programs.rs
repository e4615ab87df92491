//! Small programs: each test is a fact about what pairs.

use crate::releases::Releases;
use mcrx_harness::{Context, Explain, Result, Suite, ensure, program};
use mcrx_transform::pairs::Why;

pub(crate) fn tests(suite: Suite) -> Suite {
    let gcc = || [program("gcc")];
    suite
        .test(gcc(), what_a_path_leads_to_in_both_pairs_wherever_members_lie)
        .test(gcc(), elements_pair_by_index_up_to_the_shorter)
        .test(gcc(), lists_pair_in_their_order_however_long)
        .test(gcc(), a_list_in_another_order_pairs_what_has_the_same_name_or_nothing)
        .test(gcc(), the_order_of_a_list_gives_way_to_what_else_leads_there)
        .test(gcc(), what_stands_in_a_hash_table_pairs_by_its_name)
        .test(gcc(), a_type_that_became_something_else_does_not_pair)
        .test(gcc(), a_pointer_to_anything_pairs_what_is_typed_by_itself_and_nothing_blindly)
        .test(gcc(), untyped_blocks_of_one_maker_and_size_pair_and_others_do_not)
        .test(gcc(), what_two_paths_lead_to_and_do_not_agree_on_is_doubtful)
        .test(gcc(), a_pointer_to_another_element_pairs_nothing)
        .test(gcc(), a_variable_that_a_rule_renames_or_moves_is_begun_with)
        .test(gcc(), threads_and_frames_are_begun_with)
        .test(gcc(), pools_do_not_pair)
        .test(gcc(), every_block_is_counted_once)
}

/// Two sources that differ in these texts.
fn both(source: &str, old: &[(&str, &str)], new: &[(&str, &str)]) -> (String, String) {
    let with = |texts: &[(&str, &str)]| {
        texts.iter().fold(source.to_owned(), |source, (from, to)| source.replace(from, to))
    };
    (with(old), with(new))
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
            show(\"other\", malloc(sizeof *server));
            server = malloc(sizeof *server);
            server->limits = malloc(sizeof *server->limits);
            server->limits->soft = 1;
            server->name = strdup(\"one\");
            show(\"server\", server); show(\"limits\", server->limits);
            park();
        }";
    Releases::of(test, old, new)?.look(|found| {
        found.pair(&["server", "limits"])?;
        let pair = found.pairs.at(found.place("limits")? + 8).context("no pair in the middle of a block")?;
        ensure!(pair.path == "server->limits" && pair.types.is_some(), "{pair:?}");
        ensure!(pair.old.end - pair.old.start == 16 && pair.new.end - pair.new.start == 24, "{pair:?}");
        Ok(())
    })
}

fn elements_pair_by_index_up_to_the_shorter(test: &Context) -> Result<()> {
    let source = "
        struct buffer { long len; };
        struct conn { long fd; EXTRA struct buffer *buffer; };
        struct conn *conns;
        struct buffer **table;
        struct conn fixed[COUNT];
        static void name(const char *what, int index, void *at) {
            char text[32]; snprintf(text, sizeof text, \"%s%d\", what, index); show(text, at);
        }
        static struct buffer *buffer(void) {
            struct buffer *made = malloc(sizeof *made); made->len = 5; return made;
        }
        int main(void) {
            conns = calloc(COUNT, sizeof *conns);
            table = calloc(COUNT, sizeof *table);
            for (int i = 0; i < COUNT; i++) {
                name(\"in_array\", i, conns[i].buffer = buffer());
                name(\"in_table\", i, table[i] = buffer());
                name(\"in_fixed\", i, fixed[i].buffer = buffer());
            }
            show(\"conns\", conns); show(\"table\", table);
            park();
        }";
    let (old, new) =
        both(source, &[("EXTRA", ""), ("COUNT", "3")], &[("EXTRA", "long extra;"), ("COUNT", "5")]);
    for (old, new, names) in [(&old, &new, 3), (&new, &old, 3)] {
        Releases::of(test, old, new)?.look(|found| {
            found.pair(&["conns", "table"])?;
            for what in ["in_array", "in_table", "in_fixed"] {
                let named: Vec<String> = (0..names).map(|index| format!("{what}{index}")).collect();
                found.pair(&named.iter().map(String::as_str).collect::<Vec<_>>())?;
                if found.place(&format!("{what}4")).is_ok() {
                    found.alone(&[&format!("{what}4")])?;
                }
            }
            let pair = found.pairs.at(found.place("in_array2")?).context("no pair")?;
            ensure!(pair.path == "conns[2].buffer", "{pair:?}");
            Ok(())
        })?;
    }
    Ok(())
}

/// A list of this length, whose third, middle and last element are shown.
const LIST: &str = "
    struct item { struct item *next; EXTRA long value; long *payload; };
    struct item *head;
    __attribute__((noinline)) static void fill(void) {
        struct item **end = &head;
        for (long i = 0; i < COUNT; i++) {
            struct item *item = malloc(sizeof *item);
            *item = (struct item){ .value = i, .payload = malloc(sizeof(long)) };
            *item->payload = i;
            *end = item;
            end = &item->next;
            if (i == 2) { show(\"third\", item); show(\"its payload\", item->payload); }
            if (i == COUNT / 2) show(\"middle\", item);
            if (i == COUNT - 1) show(\"last\", item);
        }
    }
    int main(void) { fill(); park(); }";

fn lists_pair_in_their_order_however_long(test: &Context) -> Result<()> {
    let (old, new) =
        both(LIST, &[("EXTRA", ""), ("COUNT", "20000")], &[("EXTRA", "int more;"), ("COUNT", "20000")]);
    Releases::of(test, &old, &new)?.look(|found| {
        found.pair(&["third", "its payload", "middle", "last"])?;
        ensure!(found.pairs.doubts.is_empty(), "{:?}", found.pairs.doubts);
        let pair = found.pairs.at(found.place("last")?).context("no pair")?;
        ensure!(pair.path.starts_with("head->...(19994 more)...->next"), "{pair:?}");
        Ok(())
    })?;
    let (old, new) = both(LIST, &[("EXTRA", ""), ("COUNT", "5")], &[("EXTRA", ""), ("COUNT", "3")]);
    Releases::of(test, &old, &new)?.look(|found| {
        found.pair(&["third"])?;
        found.alone(&["last"])
    })
}

fn a_list_in_another_order_pairs_what_has_the_same_name_or_nothing(test: &Context) -> Result<()> {
    let source = "
        struct module { struct module *next; const char *name; long *state; };
        struct module *modules;
        static void add(const char *name) {
            struct module *module = malloc(sizeof *module);
            *module = (struct module){ .next = modules, .name = name, .state = malloc(sizeof(long)) };
            *module->state = 1;
            modules = module;
            show(name, module);
        }
        int main(void) { ORDER park(); }";
    let (old, new) = both(
        source,
        &[("ORDER", "add(\"core\"); add(\"log\"); add(\"http\");")],
        &[("ORDER", "add(\"core\"); add(\"tls\"); add(\"http\");")],
    );
    Releases::of(test, &old, &new)?.look(|found| {
        found.pair(&["http"])?;
        // What stands behind the one that is another is not looked for.
        found.alone(&["log", "core"])?;
        let why = found.why("log")?;
        ensure!(why == Some(Why::OtherName), "{why:?}");
        Ok(())
    })
}

fn the_order_of_a_list_gives_way_to_what_else_leads_there(test: &Context) -> Result<()> {
    let source = "
        struct logger { struct logger *next; long number; };
        struct worker { long number; struct logger *logger; };
        struct logger *loggers;
        struct worker *workers;
        struct worker fixed[2];
        static struct logger *add(long number) {
            struct logger *one = malloc(sizeof *one);
            one->number = number;
            one->next = loggers;
            loggers = one;
            return one;
        }
        int main(void) {
            workers = calloc(2, sizeof *workers);
            workers[FIRST].logger = add(FIRST);
            fixed[FIRST].logger = add(FIRST);
            workers[1 - FIRST].logger = add(1 - FIRST);
            fixed[1 - FIRST].logger = add(1 - FIRST);
            add(7);
            show(\"one\", workers[0].logger); show(\"other\", workers[1].logger);
            show(\"third\", fixed[0].logger); show(\"fourth\", fixed[1].logger);
            show(\"last\", loggers);
            park();
        }";
    let (old, new) = both(source, &[("FIRST", "0")], &[("FIRST", "1")]);
    Releases::of(test, &old, &new)?.look(|found| {
        found.pair(&["one", "other", "third", "fourth", "last"])?;
        ensure!(found.pairs.doubts.is_empty(), "{:?}", found.pairs.doubts);
        Ok(())
    })
}

fn what_stands_in_a_hash_table_pairs_by_its_name(test: &Context) -> Result<()> {
    let source = "
        struct entry { struct entry *next; char *key; long *value; };
        struct dict { struct entry **buckets; long size; };
        struct dict *dict;
        static void put(const char *key) {
            unsigned long hash = SEED;
            for (const char *at = key; *at; at++) hash = hash * 31 + *at;
            struct entry *entry = malloc(sizeof *entry), **bucket = &dict->buckets[hash % 8];
            *entry = (struct entry){ .next = *bucket, .key = strdup(key), .value = malloc(sizeof(long)) };
            *entry->value = 1;
            *bucket = entry;
            show(key, entry);
            char text[32]; snprintf(text, sizeof text, \"value of %s\", key); show(text, entry->value);
        }
        int main(void) {
            dict = malloc(sizeof *dict);
            dict->size = 8;
            dict->buckets = calloc(8, sizeof *dict->buckets);
            show(\"dict\", dict); show(\"buckets\", dict->buckets);
            put(\"get\"); put(\"set\"); put(\"append\"); put(\"config\"); put(\"client\"); put(\"eval\"); MORE
            park();
        }";
    let (old, new) = both(
        source,
        &[("SEED", "5381"), ("MORE", "put(\"gone\");")],
        &[("SEED", "77777"), ("MORE", "put(\"latest\");")],
    );
    Releases::of(test, &old, &new)?.look(|found| {
        found.pair(&[
            "dict",
            "get",
            "set",
            "append",
            "config",
            "client",
            "eval",
            "value of set",
            "value of eval",
        ])?;
        found.alone(&["buckets", "gone"])?;
        let why = found.why("buckets")?;
        ensure!(why == Some(Why::OtherOrder), "{why:?}");
        Ok(())
    })
}

fn a_type_that_became_something_else_does_not_pair(test: &Context) -> Result<()> {
    let old = "
        struct v4 { long address; };
        struct peer { struct v4 *address; long *count; void *session; };
        struct peer *peer;
        int main(void) {
            peer = malloc(sizeof *peer);
            peer->address = malloc(sizeof *peer->address); peer->address->address = 1;
            peer->count = malloc(sizeof *peer->count); *peer->count = 1;
            show(\"peer\", peer); show(\"address\", peer->address); show(\"count\", peer->count);
            park();
        }";
    let new = "
        struct v6 { long high; };
        struct tally { double all; };
        struct peer { struct v6 *address; struct tally *count; void *session; };
        struct peer *peer;
        int main(void) {
            peer = malloc(sizeof *peer);
            peer->address = malloc(sizeof *peer->address); peer->address->high = 1;
            peer->count = malloc(sizeof *peer->count); peer->count->all = 1;
            show(\"peer\", peer); show(\"address\", peer->address); show(\"count\", peer->count);
            park();
        }";
    Releases::of(test, old, new)?.look(|found| {
        found.pair(&["peer"])?;
        found.alone(&["address", "count"])
    })?;
    // The rule says that the one becomes the other.
    let rules = "type v4 -> v6 { high = old.address }";
    Releases::with(test, old, new, rules)?.look(|found| {
        found.pair(&["address"])?;
        found.alone(&["count"])
    })
}

const ANYTHING: &str = "
    struct A { long a, b, c; } ;
    struct B { long d, e, f; };
    struct holder { void *typed, *other, *bytes; };
    struct holder *holder;
    struct A *make_a(void) { struct A *made = malloc(sizeof *made); made->a = 1; return made; }
    struct B *make_b(void) { struct B *made = malloc(sizeof *made); made->d = 1; return made; }
    __attribute__((noinline)) void *first(unsigned long size) { void *made = malloc(size); memset(made, 1, size); return made; }
    __attribute__((noinline)) void *second(unsigned long size) { void *made = malloc(size); memset(made, 2, size); return made; }
    int main(void) {
        holder = malloc(sizeof *holder);
        holder->typed = make_a();
        holder->other = OTHER;
        holder->bytes = BYTES;
        show(\"holder\", holder); show(\"typed\", holder->typed); show(\"other\", holder->other);
        show(\"bytes\", holder->bytes);
        park();
    }";

fn a_pointer_to_anything_pairs_what_is_typed_by_itself_and_nothing_blindly(test: &Context) -> Result<()> {
    let (old, new) = both(
        ANYTHING,
        &[("OTHER", "make_a()"), ("BYTES", "first(100)")],
        &[("OTHER", "make_b()"), ("BYTES", "make_a()")],
    );
    Releases::of(test, &old, &new)?.look(|found| {
        found.pair(&["holder", "typed"])?;
        found.alone(&["other", "bytes"])?;
        let why = (found.why("other")?, found.why("bytes")?);
        ensure!(why == (Some(Why::OtherType), Some(Why::Untyped)), "{why:?}");
        Ok(())
    })
}

fn untyped_blocks_of_one_maker_and_size_pair_and_others_do_not(test: &Context) -> Result<()> {
    let old = [("OTHER", "second(64)"), ("BYTES", "first(100)")];
    let same = |other, bytes| -> Result<Releases> {
        let (old, new) = both(ANYTHING, &old, &[("OTHER", other), ("BYTES", bytes)]);
        Releases::of(test, &old, &new)
    };
    same("second(64)", "first(100)")?.look(|found| found.pair(&["other", "bytes"]))?;
    same("second(65)", "second(100)")?.look(|found| {
        found.pair(&["typed"])?;
        found.alone(&["other", "bytes"])?;
        let why = (found.why("other")?, found.why("bytes")?);
        ensure!(why == (Some(Why::OtherMaker), Some(Why::OtherMaker)), "{why:?}");
        Ok(())
    })
}

fn what_two_paths_lead_to_and_do_not_agree_on_is_doubtful(test: &Context) -> Result<()> {
    let source = "
        struct leaf { long x; };
        struct node { long id; struct leaf *leaf; };
        struct node *one, *two, *sure;
        static struct node *node(void) {
            struct node *made = malloc(sizeof *made);
            *made = (struct node){ .id = 1, .leaf = malloc(sizeof(struct leaf)) };
            made->leaf->x = 1;
            return made;
        }
        int main(void) {
            one = node(); two = SECOND; sure = node();
            show(\"one\", one); show(\"two\", two); show(\"its leaf\", one->leaf); show(\"sure\", sure);
            park();
        }";
    // Names are those of the old release: in it both lead to one.
    for (first, second, is_old) in [("one", "node()", true), ("node()", "one", false)] {
        let (old, new) = both(source, &[("SECOND", first)], &[("SECOND", second)]);
        Releases::of(test, &old, &new)?.look(|found| {
            found.alone(&["one", "two", "its leaf"])?;
            found.pair(&["sure"])?;
            let [doubt] = found.pairs.doubts.as_slice() else {
                mcrx_harness::bail!("{:?}", found.pairs.doubts)
            };
            let paths = (doubt.with[0].1.as_str(), doubt.with[1].1.as_str());
            ensure!(doubt.is_old == is_old && paths == ("one", "two"), "{doubt:?}");
            ensure!(found.pairs.blocks.doubtful == u64::from(is_old), "{:?}", found.pairs.blocks);
            Ok(())
        })?;
    }
    Ok(())
}

fn a_pointer_to_another_element_pairs_nothing(test: &Context) -> Result<()> {
    let source = "
        struct slot { long a, b; };
        struct slot *cursor;
        int main(void) {
            struct slot *slots = calloc(8, sizeof *slots);
            cursor = slots + AT;
            show(\"slots\", slots);
            park();
        }";
    let at = |old, new| -> Result<Releases> {
        let (old, new) = both(source, &[("AT", old)], &[("AT", new)]);
        Releases::of(test, &old, &new)
    };
    at("3", "3")?.look(|found| found.pair(&["slots"]))?;
    at("3", "4")?.look(|found| {
        found.alone(&["slots"])?;
        let why = found.why("slots")?;
        ensure!(why == Some(Why::OtherPlace), "{why:?}");
        Ok(())
    })
}

fn a_variable_that_a_rule_renames_or_moves_is_begun_with(test: &Context) -> Result<()> {
    let old = "
        struct item { long x; };
        struct item *renamed, *moved;
        int main(void) {
            renamed = malloc(sizeof *renamed); moved = malloc(sizeof *moved);
            renamed->x = moved->x = 1;
            show(\"renamed\", renamed); show(\"moved\", moved);
            park();
        }";
    let new = "
        struct item { long x; };
        struct item *current;
        struct { long before; struct item *moved; } settings;
        int main(void) {
            current = malloc(sizeof *current); settings.moved = malloc(sizeof *current);
            current->x = settings.moved->x = 1;
            show(\"renamed\", current); show(\"moved\", settings.moved);
            park();
        }";
    Releases::of(test, old, new)?.look(|found| found.alone(&["renamed", "moved"]))?;
    let rules = "global renamed -> current\nglobal moved -> settings.moved";
    Releases::with(test, old, new, rules)?.look(|found| found.pair(&["renamed", "moved"]))
}

fn threads_and_frames_are_begun_with(test: &Context) -> Result<()> {
    let source = "
        #include <pthread.h>
        #include <semaphore.h>
        #include <unistd.h>
        struct own { long x; };
        __thread struct own *mine;
        static sem_t ready;
        static void *worker(void *name) {
            struct own *kept = mine = malloc(sizeof *mine);
            kept->x = 1;
            show(name, kept);
            sem_post(&ready);
            while (kept->x) { pause(); kept->x++; }
            return NULL;
        }
        static void *other(void *name) {
            struct own *kept = mine = malloc(sizeof *mine);
            kept->x = 2;
            show(name, kept);
            sem_post(&ready);
            while (kept->x) { pause(); kept->x += 2; }
            return NULL;
        }
        static void run(void *(*what)(void *), char *name) {
            pthread_t thread;
            pthread_create(&thread, NULL, what, name);
            sem_wait(&ready);
        }
        int main(void) {
            sem_init(&ready, 0, 0);
            struct own *local = malloc(sizeof *local);
            local->x = 3;
            show(\"local\", local);
            FIRST run(worker, \"worker one\"); run(worker, \"worker two\");
            park();
            printf(\"%ld\\n\", local->x);
        }";
    let (old, new) = both(
        source,
        &[("FIRST", "if (local->x > 3) run(other, \"another\");")],
        &[("FIRST", "run(other, \"another\");")],
    );
    Releases::of(test, &old, &new)?.look(|found| found.pair(&["local", "worker one", "worker two"]))?;
    Releases::of(test, &old, &old)?.look(|found| found.pair(&["local", "worker one", "worker two"]))
}

fn pools_do_not_pair(test: &Context) -> Result<()> {
    let source = "
        struct head { char *last, *end; struct pool *next; };
        struct pool { struct head head; long blocks; };
        struct server { struct pool *pool; struct head *further; long *state; };
        struct server *server;
        __attribute__((noinline)) struct pool *make_pool(unsigned long size) {
            struct pool *pool = malloc(sizeof *pool);
            *pool = (struct pool){ .head.last = malloc(size), .blocks = 2 };
            pool->head.end = pool->head.last + size;
            return pool;
        }
        __attribute__((noinline)) void *pool_alloc(struct pool *pool, unsigned long size) {
            void *found = pool->head.last;
            pool->head.last += size;
            return found;
        }
        int main(void) {
            server = malloc(sizeof *server);
            server->pool = make_pool(4096);
            server->further = malloc(sizeof *server->further);
            *server->further = server->pool->head;
            server->state = malloc(sizeof(long));
            *server->state = (long)pool_alloc(server->pool, 24);
            show(\"server\", server); show(\"pool\", server->pool); show(\"state\", server->state);
            show(\"further\", server->further);
            park();
        }";
    Releases::of(test, source, source)?.look(|found| found.pair(&["server", "pool", "further"]))?;
    Releases::with(test, source, source, "hook pool pool_alloc(pool, size)")?.look(|found| {
        found.pair(&["server", "state"])?;
        found.alone(&["pool", "further"])?;
        let why = (found.why("pool")?, found.why("further")?);
        ensure!(why == (Some(Why::Pool), Some(Why::Pool)), "{why:?}");
        Ok(())
    })
}

fn every_block_is_counted_once(test: &Context) -> Result<()> {
    let (old, new) = both(LIST, &[("EXTRA", ""), ("COUNT", "10")], &[("EXTRA", ""), ("COUNT", "6")]);
    Releases::of(test, &old, &new)?.look(|found| {
        let own = found.pairs.own_blocks;
        ensure!(own.reached == 20 && own.paired == 12 && own.alone() == 8 && own.partly == 0, "{own:?}");
        let (all, objects) = (found.pairs.blocks, found.pairs.objects);
        ensure!(all.reached >= own.reached && all.paired == 12, "{all:?}");
        ensure!(objects.paired == 12, "{objects:?}");
        let listed = found.pairs.alone.len();
        ensure!(u64::try_from(listed)? == objects.reached - objects.paired, "{listed} of {objects:?}");
        ensure!(found.pairs.iter().len() == 12, "{:?}", found.pairs);
        let last = found.place("last")?;
        let alone = found.pairs.alone.iter().find(|alone| alone.old.start == last).context("last")?;
        ensure!(alone.path.ends_with("->next->next") && alone.why == Why::NoPath, "{alone:?}");
        Ok(())
    })
}
