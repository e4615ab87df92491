//! redis with keys of all kinds in each of their encodings, and clients in the middle of something: blocked, subscribed, in a transaction.

use super::{Busy, Load, look_at, start};
use mcrx_harness::client::{self, Value};
use mcrx_harness::server::Redis;
use mcrx_harness::{Context, Result, bail, ensure};

/// Elements that are too many for the compact encodings.
const MANY: usize = 1000;

pub(crate) fn redis(test: &Context, load: Load, look: impl FnOnce(&Busy) -> Result<()>) -> Result<()> {
    let redis = start(test, Redis::of(test.server("redis")?))?;
    let mut client = redis.client()?;
    client.pipeline((0..load.items).map(command))?;
    large(&mut client)?;
    ensure!(
        client.command(["DBSIZE"])? == Value::Integer(i64::try_from(load.items + 8)?),
        "keys are missing"
    );

    let mut blocked = redis.client()?;
    blocked.send(["BLPOP", "to come", "0"])?;
    let mut subscribed = redis.client()?;
    subscribed.command(["SUBSCRIBE", "news"])?;
    subscribed.send(["PSUBSCRIBE", "n*"])?;
    subscribed.receive()?;
    let mut transacting = redis.client()?;
    transacting.command(["WATCH", "watched"])?;
    transacting.command(["MULTI"])?;
    transacting.command(["GET", "key 0"])?;
    transacting.command(["INCR", "counter"])?;

    look_at(&redis, look, || {
        let bulk = |text: &str| Value::Bulk(text.into());
        client.command(["RPUSH", "to come", "come"])?;
        ensure!(
            blocked.receive()? == Value::Array(vec![bulk("to come"), bulk("come")]),
            "the blocked client"
        );
        client.command(["PUBLISH", "news", "good"])?;
        let message = Value::Array(vec![bulk("message"), bulk("news"), bulk("good")]);
        ensure!(subscribed.receive()? == message, "the subscriber");
        let done = Value::Array(vec![bulk("0"), Value::Integer(1)]);
        ensure!(transacting.command(["EXEC"])? == done, "the transaction");
        for number in (0..load.items).step_by(load.items / 500) {
            check(&mut client, number)?;
        }
        Ok(())
    })?;
    drop((client, blocked, subscribed, transacting));
    redis.stop()?.expect_clean()
}

/// Words of the value of a small key.
fn words(number: usize) -> Vec<String> {
    (0..2 + number % 7).map(|element| format!("element {element} of {number}")).collect()
}

/// What makes a small key: strings, which most are, and one of each other kind.
fn command(number: usize) -> Vec<String> {
    let key = format!("key {number}");
    let fixed = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let all = |command: &str| [fixed(&[command, &key]), words(number)].concat();
    let pairs = |command: &str, second: fn(usize) -> String, is_first: bool| {
        let pair = |(at, word)| if is_first { [second(at), word] } else { [word, second(at)] };
        let rest = words(number).into_iter().enumerate().flat_map(pair);
        fixed(&[command, &key]).into_iter().chain(rest).collect::<Vec<_>>()
    };
    match number % 20 {
        // By number, in one block with its header, in two, with a time to live.
        0..3 => fixed(&["SET", &key, &number.to_string()]),
        3..6 => fixed(&["SET", &key, &format!("value of {number}")]),
        6..8 => fixed(&["SET", &key, &"x".repeat(100 + number % 900)]),
        8..10 => fixed(&["SET", &key, "going", "EX", "100000"]),
        10..12 => all("RPUSH"),
        12..14 => pairs("HSET", |at| format!("field {at}"), true),
        14 => fixed(&["SADD", &key, "1", "2", "70000", &number.to_string()]),
        15 => all("SADD"),
        16 | 17 => pairs("ZADD", |at| format!("{at}.5"), true),
        18 => fixed(&["XADD", &key, "*", "field", &number.to_string(), "other", "value"]),
        _ => fixed(&["SETBIT", &key, &(number % 4000).to_string(), "1"]),
    }
}

fn check(client: &mut client::Redis, number: usize) -> Result<()> {
    let key = format!("key {number}");
    let bulks =
        |words: Vec<String>| Value::Array(words.into_iter().map(|word| Value::Bulk(word.into())).collect());
    let (found, expected) = match number % 20 {
        0..3 => (client.command(["GET", &key])?, Value::Bulk(number.to_string().into())),
        3..6 => (client.command(["GET", &key])?, Value::Bulk(format!("value of {number}").into())),
        6..8 => (client.command(["GET", &key])?, Value::Bulk("x".repeat(100 + number % 900).into())),
        8..10 => (client.command(["GET", &key])?, Value::Bulk("going".into())),
        10..12 => (client.command(["LRANGE", &key, "0", "-1"])?, bulks(words(number))),
        12..14 => (client.command(["HGET", &key, "field 1"])?, Value::Bulk(words(number)[1].clone().into())),
        14 => (client.command(["SISMEMBER", &key, &number.to_string()])?, Value::Integer(1)),
        15 => (client.command(["SISMEMBER", &key, &words(number)[1]])?, Value::Integer(1)),
        16 | 17 => (client.command(["ZRANGE", &key, "0", "-1"])?, bulks(words(number))),
        18 => (client.command(["XLEN", &key])?, Value::Integer(1)),
        _ => (client.command(["BITPOS", &key, "1"])?, Value::Integer(i64::try_from(number % 4000)?)),
    };
    if found != expected {
        bail!("{key}: {found:?}, not {expected:?}");
    }
    Ok(())
}

/// One key of each kind that is too large for the compact encodings, and what else redis keeps. Makes eight keys.
fn large(client: &mut client::Redis) -> Result<()> {
    let long = |number: usize| format!("{number} ").repeat(40);
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    client.pipeline((0..MANY).map(|number| text(&["RPUSH", "large list", &long(number)])))?;
    client.pipeline(
        (0..MANY).map(|number| text(&["HSET", "large hash", &long(number), &number.to_string()])),
    )?;
    client.pipeline((0..MANY).map(|number| text(&["SADD", "large set", &long(number)])))?;
    client.pipeline((0..MANY).map(|number| text(&["SADD", "large set of numbers", &number.to_string()])))?;
    client.pipeline(
        (0..MANY).map(|number| text(&["ZADD", "large sorted", &format!("{number}.25"), &long(number)])),
    )?;
    client.pipeline((0..MANY).map(|number| text(&["XADD", "large stream", "*", "field", &long(number)])))?;
    client.pipeline((0..MANY).map(|number| text(&["PFADD", "large count", &number.to_string()])))?;
    client.command(["GEOADD", "places", "13.4", "52.5", "Berlin", "2.35", "48.85", "Paris"])?;
    client.command(["XGROUP", "CREATE", "large stream", "group", "0"])?;
    client.command(["XREADGROUP", "GROUP", "group", "one", "COUNT", "50", "STREAMS", "large stream", ">"])?;
    client.command(["EVAL", "return redis.call('GET', KEYS[1])", "1", "key 0"])?;
    Ok(())
}
