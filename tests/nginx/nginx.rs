//! nginx with the configuration of docs/deploy.md, letter by letter but for the secret.

use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::machine::SECRET;

const DEPLOY: &str = include_str!("../../docs/deploy.md");

/// nginx on port 80; killed when this is dropped.
pub(crate) struct Nginx(Child);

impl Nginx {
    pub(crate) fn start(folder: &Path) -> Self {
        let advised = advised();
        assert_eq!(advised.matches("\"…\"").count(), 1, "the secret stands in one place");
        let site = advised.replace("\"…\"", &format!("\"{SECRET}\""));
        let f = folder.display();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = kinds.map(|kind| format!("{kind}_temp_path {f}/{kind};")).join(" ");
        // What a distribution's nginx.conf says, around the site. One process, of the
        // only user there is: it could not become another.
        let whole = format!(
            "daemon off; master_process off; user root root; pid {f}/nginx.pid; error_log {f}/nginx.log info;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; {temporary}\n{site}}}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, whole).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-e").arg(folder.join("nginx.log")).arg("-p").arg(folder).arg("-c").arg(file);
        Self(command.stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap())
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

/// The block of nginx's language in the document.
fn advised() -> &'static str {
    let (_, block) = DEPLOY.split_once("```nginx\n").expect("docs/deploy.md shows a configuration of nginx");
    block.split_once("```").expect("the block ends").0
}
