//! What the program has to know of its making: when that was, and the pages in `src/web`, compressed.

use std::{env, path::Path, process::Command, time::SystemTime};

#[expect(clippy::disallowed_methods, reason = "this is no part of the server")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.toml");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    // A board whose clock was never set knows by this a time that it cannot be before.
    // https://reproducible-builds.org/specs/source-date-epoch/
    let given = env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse::<u64>().ok());
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    println!("cargo:rustc-env=SUZU_BUILD_UNIX={}", given.or_else(committed).unwrap_or_else(now));
    #[cfg(feature = "web")]
    web::embed();
}

/// The date of the last commit, so that the same commit gives the same bytes; `None` in a tarball, whoever's repository that lies in. It is asked
/// for when this runs anyway, and not after each commit: cross/build gives the date itself.
fn committed() -> Option<u64> {
    if !Path::new(".git").exists() {
        return None;
    }
    let output = Command::new("git").args(["log", "-1", "--format=%ct"]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

#[cfg(feature = "web")]
mod web {
    use miniz_oxide::deflate::compress_to_vec;
    use sha1_smol::Sha1;
    use std::{env, fs, io::Write, path::Path};

    /// Writes a table of all files in `src/web` for `http::assets`, with each in gzip (RFC 1952).
    pub(super) fn embed() {
        println!("cargo:rerun-if-changed=src/web");
        let out = env::var("OUT_DIR").unwrap();
        let mut files: Vec<_> = fs::read_dir("src/web").unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mut table = fs::File::create(Path::new(&out).join("assets.rs")).unwrap();
        writeln!(table, "&[").unwrap();
        for file in files {
            let name = file.file_name().unwrap().to_str().unwrap();
            let text = fs::read_to_string(&file).unwrap();
            // The client is for others to read, too; the comments of the pages' own files stay here.
            let is_client = name.starts_with("suzu");
            let text = if is_client { text } else { without_comments(name, &text) };
            let packed = gzip(text.as_bytes());
            fs::write(Path::new(&out).join(name), &packed).unwrap();
            writeln!(
                table,
                "Asset {{ path: {:?}, content_type: {:?}, etag: {:?}, gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\")) }},",
                path(name),
                content_type(name),
                format!("W/\"{}\"", &Sha1::from(text.as_bytes()).digest().to_string()[..16]),
            )
            .unwrap();
        }
        writeln!(table, "]").unwrap();
    }

    /// Where a file is found: pages without their ending.
    fn path(name: &str) -> String {
        match name.strip_suffix(".html") {
            Some("index") => "/".to_owned(),
            Some(page) => format!("/{page}"),
            None => format!("/{name}"),
        }
    }

    fn content_type(name: &str) -> &'static str {
        match name.rsplit('.').next().unwrap() {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            "webmanifest" => "application/manifest+json",
            other => panic!("src/web has a file of a kind that is not known here: {other}"),
        }
    }

    /// The text of a script or style sheet without the lines that are comments, which are a fifth of it.
    fn without_comments(name: &str, text: &str) -> String {
        if !name.ends_with(".js") && !name.ends_with(".css") {
            return text.to_owned();
        }
        let mut kept = String::new();
        let mut is_comment = false;
        for line in text.lines() {
            // Within a template literal of several lines nothing is a comment.
            assert!(line.matches('`').count() % 2 == 0, "{name}: a template literal of several lines");
            let start = line.trim_start();
            is_comment |= start.starts_with("/*");
            if !is_comment && !start.starts_with("//") {
                kept.push_str(line);
                kept.push('\n');
            }
            // What follows an end on the same line would be lost.
            assert!(!is_comment || line.split("*/").nth(1).is_none_or(str::is_empty), "{name}: {line}");
            is_comment &= !line.contains("*/");
        }
        kept
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        // No name, no time: the same text is always the same bytes.
        let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
        packed.extend(compress_to_vec(text, 10));
        packed.extend(crc32(text).to_le_bytes());
        packed.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        packed
    }

    /// RFC 1952 section 8.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(
                crc ^ u32::from(*byte),
                |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
            )
        })
    }
}
