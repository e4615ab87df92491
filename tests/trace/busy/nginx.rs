//! nginx with 200 connections that wait, a few of them over TLS, and 20 requests in flight: downloads that their clients do not take,
//! heads that are half sent, uploads that are half sent, and requests that wait for a server behind nginx.

use super::{Busy, Load, bytes, look_at, start};
use mcrx_harness::client::Http;
use mcrx_harness::server::{Nginx, TEXT};
use mcrx_harness::{Context, Explain, Result, ensure, until};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Of the connections that wait. Each is a process of its own on the clients' side.
const OVER_TLS: usize = 10;
/// Requests in flight of each of five sorts.
const OF_EACH: usize = 4;
/// More than the buffers of two sockets hold.
const LARGE: usize = 16 << 20;
/// More than nginx keeps in memory.
const UPLOAD: usize = 200_000;

/// Needs `openssl`.
pub(crate) fn nginx(test: &Context, load: Load, look: impl FnOnce(&Busy) -> Result<()>) -> Result<()> {
    let behind = TcpListener::bind("127.0.0.1:0")?;
    behind.set_nonblocking(true)?;
    let to_behind = format!(
        "location /behind {{ proxy_pass http://{}; proxy_read_timeout 1d; client_max_body_size 1m; }}",
        behind.local_addr()?
    );
    let kind =
        Nginx::of(test.server("nginx")?).workers(2).tls(test.program("openssl")?).in_server(&to_behind);
    let nginx = start(test, kind)?;
    let large = bytes(LARGE, 1);
    nginx.place().write("docs/large", &large)?;

    let mut plain =
        (0..load.connections.saturating_sub(OVER_TLS)).map(|_| nginx.http()).collect::<Result<Vec<_>>>()?;
    let mut secure = (0..OVER_TLS).map(|_| nginx.https()).collect::<Result<Vec<_>>>()?;
    plain.iter_mut().try_for_each(served)?;
    secure.iter_mut().try_for_each(served)?;

    let mut downloads = (0..OF_EACH).map(|_| nginx.http()).collect::<Result<Vec<_>>>()?;
    let mut secure_downloads = (0..OF_EACH).map(|_| nginx.https()).collect::<Result<Vec<_>>>()?;
    downloads.iter_mut().try_for_each(|http| begin(http, &large))?;
    secure_downloads.iter_mut().try_for_each(|http| begin(http, &large))?;
    let mut heads = (0..OF_EACH).map(|_| nginx.http()).collect::<Result<Vec<_>>>()?;
    for http in &mut heads {
        http.send(b"GET /text.txt HTTP/1.1\r\nHost: local")?;
    }
    let mut uploads = Vec::new();
    for seed in 0..OF_EACH {
        let (mut http, body) = (nginx.http()?, bytes(UPLOAD, u8::try_from(seed)?));
        http.send(
            format!("POST /behind HTTP/1.1\r\nHost: a\r\nContent-Length: {UPLOAD}\r\n\r\n").as_bytes(),
        )?;
        http.send(&body[..UPLOAD / 2])?;
        uploads.push((http, body));
    }
    let mut waiting = Vec::new();
    for number in 0..OF_EACH {
        let mut http = nginx.http()?;
        http.send(format!("GET /behind/{number} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())?;
        waiting.push((http, accept(&behind)?));
    }
    let asked = waiting.iter_mut().map(|(_, behind)| path(behind)).collect::<Result<Vec<_>>>()?;

    look_at(&nginx, look, || {
        plain.iter_mut().try_for_each(served)?;
        secure.iter_mut().try_for_each(served)?;
        downloads.iter_mut().try_for_each(|http| complete(http, &large))?;
        secure_downloads.iter_mut().try_for_each(|http| complete(http, &large))?;
        for http in &mut heads {
            http.send(b"host\r\n\r\n")?;
            ensure!(http.receive()?.body == TEXT.as_bytes(), "the text came altered");
        }
        for (http, body) in &mut uploads {
            http.send(&body[UPLOAD / 2..])?;
            let mut behind = accept(&behind)?;
            path(&mut behind)?;
            let came = behind.take(UPLOAD)?;
            answer(&mut behind, &came)?;
            ensure!(http.receive()?.body == *body, "an upload came altered");
        }
        for ((number, (http, behind)), asked) in waiting.iter_mut().enumerate().zip(&asked) {
            ensure!(*asked == format!("/behind/{number}"), "{asked} was asked for");
            answer(behind, asked.as_bytes())?;
            ensure!(http.receive()?.body == asked.as_bytes(), "the answer came altered");
        }
        Ok(())
    })?;
    drop((plain, secure, downloads, secure_downloads, heads, uploads, waiting));
    nginx.stop()?.expect_clean()
}

fn served<S: Read + Write>(http: &mut Http<S>) -> Result<()> {
    ensure!(http.get("/text.txt")?.body == TEXT.as_bytes(), "the text came altered");
    Ok(())
}

/// How much of a download its client takes at first.
const TAKEN: usize = 100_000;

pub(super) fn begin<S: Read + Write>(http: &mut Http<S>, large: &[u8]) -> Result<()> {
    http.send(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    http.head()?;
    ensure!(http.take(TAKEN)? == large[..TAKEN], "the beginning came altered");
    Ok(())
}

pub(super) fn complete<S: Read + Write>(http: &mut Http<S>, large: &[u8]) -> Result<()> {
    ensure!(http.take(large.len() - TAKEN)? == large[TAKEN..], "the rest came altered");
    Ok(())
}

/// The next connection that nginx makes.
fn accept(behind: &TcpListener) -> Result<Http<TcpStream>> {
    let accepted =
        until(Duration::from_secs(10), "nginx to ask the server behind it", || match behind.accept() {
            Ok((stream, _)) => Ok(Some(stream)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        })?;
    accepted.set_nonblocking(false)?;
    accepted.set_read_timeout(Some(mcrx_harness::client::PATIENCE))?;
    Ok(Http::over(accepted))
}

/// What is asked for.
fn path(behind: &mut Http<TcpStream>) -> Result<String> {
    let head = String::from_utf8(behind.head()?)?;
    Ok(head.split(' ').nth(1).context("no path")?.to_owned())
}

fn answer(behind: &mut Http<TcpStream>, body: &[u8]) -> Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    behind.send(&[head.as_bytes(), body].concat())
}
