//! nginx: a master and its workers, serving files.

use super::{TEXT, UNPRIVILEGED};
use crate::client::{Http, Tls};
use crate::kind::{Invocation, Kind, Place};
use crate::process;
use crate::running::Running;
use anyhow::{Context as _, Result, ensure};
use mcrx_servers::Server;
use nix::unistd::Pid;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// nginx, serving the directory `docs` of its place: `/` is a short page, `/text.txt` a longer one that is compressed for
/// clients that accept gzip.
#[derive(Debug, Clone)]
pub struct Nginx {
    program: PathBuf,
    name: String,
    workers: usize,
    openssl: Option<PathBuf>,
    daemon: bool,
    http: String,
    server: String,
}

impl Nginx {
    /// This release, with one worker.
    pub fn of(server: &Server) -> Nginx {
        Nginx {
            program: server.path.clone(),
            name: format!("{}-{}", server.name, server.version),
            workers: 1,
            openssl: None,
            daemon: false,
            http: String::new(),
            server: String::new(),
        }
    }

    /// With so many workers.
    pub fn workers(mut self, workers: usize) -> Nginx {
        self.workers = workers;
        self
    }

    /// With TLS on a second port, by a certificate that this `openssl` makes.
    pub fn tls(mut self, openssl: &Path) -> Nginx {
        self.openssl = Some(openssl.to_owned());
        self
    }

    /// In the background, as an init script of old starts it.
    pub fn daemon(mut self) -> Nginx {
        self.daemon = true;
        self
    }

    /// More directives for the `http` block.
    pub fn in_http(mut self, directives: &str) -> Nginx {
        self.http += directives;
        self
    }

    /// More directives for the `server` block: locations, for example.
    pub fn in_server(mut self, directives: &str) -> Nginx {
        self.server += directives;
        self
    }

    fn configuration(&self, place: &Place) -> String {
        let on = |condition| if condition { "on" } else { "off" };
        let user = if place.is_root() { format!("user {UNPRIVILEGED} nogroup;\n") } else { String::new() };
        let tls = match &self.openssl {
            Some(_) => format!(
                "listen {} ssl;\n    ssl_certificate tls.crt;\n    ssl_certificate_key tls.key;\n    ",
                place.address(1)
            ),
            None => String::new(),
        };
        format!(
            "{user}daemon {};
worker_processes {};
pid {};
error_log {} info;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {};
  types {{ text/html html; text/plain txt; }}
  default_type application/octet-stream;
  gzip on;
  gzip_types text/plain;
  keepalive_timeout 1d;
  keepalive_requests 1000000000;
  client_header_timeout 1d;
  client_body_timeout 1d;
  send_timeout 1d;
  {}
  server {{
    listen {};
    {tls}root {};
    {}
  }}
}}
",
            on(self.daemon),
            self.workers,
            place.text("nginx.pid"),
            place.text("error.log"),
            place.text("client_body"),
            self.http,
            place.address(0),
            place.text("docs"),
            self.server,
        )
    }
}

impl Kind for Nginx {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn ports(&self) -> usize {
        if self.openssl.is_some() { 2 } else { 1 }
    }

    fn prepare(&self, place: &Place) -> Result<Invocation> {
        place.write("docs/index.html", "<!doctype html><title>mcrx</title><p>It serves.\n")?;
        place.write("docs/text.txt", TEXT)?;
        // Until it has read its configuration it logs where it was built to, below the prefix we give it.
        place.make_directory("logs")?;
        if let Some(openssl) = &self.openssl {
            Tls::make_certificate(openssl, &place.path("tls.key"), &place.path("tls.crt"))?;
        }
        let configuration = place.write("nginx.conf", self.configuration(place))?;
        let prefix = format!("{}/", place.directory().display());
        Ok(Invocation::new(&self.program, ["-p", &prefix, "-c", &configuration.display().to_string()]))
    }

    fn serves(&self, place: &Place) -> Result<()> {
        let status = Http::connect(place.address(0))?.get("/")?.status()?;
        ensure!(status == 200, "it answers {status}");
        // One worker answers while the master still makes the others.
        let pid = fs::read_to_string(place.path("nginx.pid")).context("no nginx.pid yet")?;
        let master = Pid::from_raw(pid.trim().parse().with_context(|| format!("nginx.pid holds {pid:?}"))?);
        let workers = process::descendants(master)
            .into_iter()
            .filter(|worker| worker.title().starts_with("nginx: worker process"))
            .count();
        ensure!(workers >= self.workers, "{workers} of {} workers are there", self.workers);
        Ok(())
    }

    fn pid_file(&self, place: &Place) -> Option<PathBuf> {
        self.daemon.then(|| place.path("nginx.pid"))
    }
}

impl Running<Nginx> {
    /// A new connection.
    pub fn http(&self) -> Result<Http<TcpStream>> {
        Http::connect(self.address())
    }

    /// A new TLS connection, if it was configured with TLS.
    pub fn https(&self) -> Result<Http<Tls>> {
        let Some(openssl) = &self.kind().openssl else { anyhow::bail!("this nginx was started without TLS") };
        Ok(Http::over(Tls::connect(openssl, self.place().address(1))?))
    }

    /// For clients that want one.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }
}
