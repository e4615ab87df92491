//! Apache httpd, built for one MPM: threads in several processes (`event`) or a process for each connection (`prefork`).

use super::{TEXT, UNPRIVILEGED};
use crate::client::Http;
use crate::kind::{Invocation, Kind, Place};
use crate::running::Running;
use anyhow::{Result, ensure};
use mcrx_servers::Server;
use std::net::TcpStream;
use std::path::PathBuf;

/// httpd, serving the directory `docs` of its place: `/index.html` and `/text.txt`.
#[derive(Debug, Clone)]
pub struct Httpd {
    program: PathBuf,
    name: String,
    directives: String,
}

impl Httpd {
    /// This release, with the number of processes it starts by itself.
    pub fn of(server: &Server) -> Httpd {
        Httpd {
            program: server.path.clone(),
            name: format!("{}-{}", server.name, server.version),
            directives: String::new(),
        }
    }

    /// More directives, behind ours.
    pub fn with(mut self, directives: &str) -> Httpd {
        self.directives += directives;
        self.directives.push('\n');
        self
    }

    fn configuration(&self, place: &Place) -> String {
        let user =
            if place.is_root() { format!("User {UNPRIVILEGED}\nGroup nogroup\n") } else { String::new() };
        format!(
            "ServerRoot \"{root}\"
ServerName localhost
Listen {address}
PidFile httpd.pid
ErrorLog error.log
DefaultRuntimeDir \"{root}\"
{user}KeepAlive On
KeepAliveTimeout 86400
MaxKeepAliveRequests 0
Timeout 86400
<IfModule reqtimeout_module>
  RequestReadTimeout header=0 body=0
</IfModule>
DocumentRoot \"{root}/docs\"
<IfModule mime_module>
  TypesConfig mime.types
</IfModule>
<Directory \"{root}/docs\">
  Require all granted
</Directory>
{directives}",
            root = place.directory().display(),
            address = place.address(0),
            directives = self.directives,
        )
    }
}

impl Kind for Httpd {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn prepare(&self, place: &Place) -> Result<Invocation> {
        place.write("docs/index.html", "<!doctype html><title>mcrx</title><p>It serves.\n")?;
        place.write("docs/text.txt", TEXT)?;
        place.write("mime.types", "text/html html\ntext/plain txt\n")?;
        let configuration = place.write("httpd.conf", self.configuration(place))?;
        Ok(Invocation::new(&self.program, ["-D", "FOREGROUND", "-f", &configuration.display().to_string()]))
    }

    fn serves(&self, place: &Place) -> Result<()> {
        let status = Http::connect(place.address(0))?.get("/index.html")?.status()?;
        ensure!(status == 200, "it answers {status}");
        Ok(())
    }
}

impl Running<Httpd> {
    /// A new connection.
    pub fn http(&self) -> Result<Http<TcpStream>> {
        Http::connect(self.address())
    }

    /// For clients that want one.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }
}
