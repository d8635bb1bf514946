//! The openssl program as a second opinion: it looks at certificates, and makes those that the server would not make.

use super::{server::TempDir, skip};
use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

/// Openssl in a directory of its own, in which the files are that it is told about.
pub struct OpenSsl {
    pub dir: TempDir,
}

impl OpenSsl {
    /// `None`, and said so, if it is not installed.
    pub fn find() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            skip("openssl");
            return None;
        }
        Some(Self { dir: TempDir::new() })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The path as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs it with these words as arguments: whether it was content, and all that it said.
    pub fn ask(&self, words: &str) -> (bool, String) {
        let output = Command::new("openssl")
            .args(words.split_whitespace())
            .current_dir(&self.dir.path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// The same where it must be content.
    pub fn run(&self, words: &str) -> String {
        let (is_content, text) = self.ask(words);
        assert!(is_content, "openssl {words}: {text}");
        text
    }

    /// An authority: `NAME.pem` and `NAME.key`.
    pub fn make_authority(&self, name: &str) {
        self.run(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN={name} -keyout {name}.key -out {name}.pem \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"
        ));
    }

    /// A certificate by an authority for whoever has this key, for 127.0.0.1 and localhost unless `extensions` say otherwise.
    pub fn sign(&self, authority: &str, key: &str, name: &str, extensions: &str) {
        let default = "subjectAltName=IP:127.0.0.1,DNS:localhost";
        let extensions = if extensions.is_empty() { default } else { extensions };
        self.write(&format!("{name}.ext"), extensions);
        self.run(&format!("req -new -key {key} -subj /CN={name} -out {name}.csr"));
        self.run(&format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -days 20 -extfile {name}.ext -out {name}.pem"
        ));
    }

    /// A key on the curve P-256, as openssl writes it by itself: SEC 1.
    pub fn make_key(&self, name: &str) {
        self.run(&format!("ecparam -genkey -name prime256v1 -noout -out {name}"));
    }
}
