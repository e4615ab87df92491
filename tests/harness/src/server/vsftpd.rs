//! vsftpd: a listener, and for each connection two processes in namespaces of their own.

use super::{TEXT, UNPRIVILEGED};
use crate::client::{Ftp, connect};
use crate::kind::{Invocation, Kind, Place};
use crate::running::Running;
use anyhow::{Result, ensure};
use mcrx_servers::Server;
use std::io::Read;
use std::path::PathBuf;

/// Whom anonymous users become. vsftpd insists on a home directory that exists, and `nobody` has none; this user of every
/// Debian does.
const ANONYMOUS: &str = "daemon";

/// vsftpd that lets anybody read the directory `files` of its place: `text.txt` is in it.
#[derive(Debug, Clone)]
pub struct Vsftpd {
    program: PathBuf,
    name: String,
    settings: String,
}

impl Vsftpd {
    /// This release.
    pub fn of(server: &Server) -> Vsftpd {
        Vsftpd {
            program: server.path.clone(),
            name: format!("{}-{}", server.name, server.version),
            settings: String::new(),
        }
    }

    /// More lines for its configuration file.
    pub fn with(mut self, settings: &str) -> Vsftpd {
        self.settings += settings;
        self.settings.push('\n');
        self
    }
}

impl Kind for Vsftpd {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn prepare(&self, place: &Place) -> Result<Invocation> {
        place.write("files/text.txt", TEXT)?;
        let empty = place.make_directory("empty")?;
        let rights = if place.is_root() {
            format!("ftp_username={ANONYMOUS}\nnopriv_user={UNPRIVILEGED}\n")
        } else {
            // Then it cannot change its root, and its files are its own.
            "run_as_launching_user=YES\nallow_writeable_chroot=YES\n".to_owned()
        };
        let configuration = place.write(
            "vsftpd.conf",
            format!(
                "listen=YES\nlisten_address=127.0.0.1\nlisten_port={}\nbackground=NO\n\
                 anonymous_enable=YES\nanon_root={}\nsecure_chroot_dir={}\n{rights}\
                 idle_session_timeout=86400\ndata_connection_timeout=86400\n\
                 xferlog_enable=YES\nvsftpd_log_file={}\n{}",
                place.port(),
                place.text("files"),
                empty.display(),
                place.text("vsftpd.log"),
                self.settings,
            ),
        )?;
        Ok(Invocation::new(&self.program, [configuration.display().to_string()]))
    }

    fn serves(&self, place: &Place) -> Result<()> {
        let mut greeting = [0; 4];
        connect(place.address(0))?.read_exact(&mut greeting)?;
        ensure!(&greeting == b"220 ", "it greets with {greeting:?}");
        Ok(())
    }
}

impl Running<Vsftpd> {
    /// A new connection that is logged in.
    pub fn client(&self) -> Result<Ftp> {
        let mut ftp = Ftp::connect(self.address())?;
        ftp.login_anonymously()?;
        Ok(ftp)
    }

    /// For clients that want one.
    pub fn url(&self, file: &str) -> String {
        format!("ftp://{}/{file}", self.address())
    }
}
