//! The files of `src/web`, embedded in gzip as `build.rs` packed them: the intercom and its client.

use super::response::{self, Cached};
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// What comes around the packed bytes in gzip, when there are no names (RFC 1952 section 2.3).
const HEADER_BYTES: usize = 10;
const TRAILER_BYTES: usize = 8;
/// No file of ours is longer.
const UNPACKED_BYTES_MAX: usize = 256 * 1024;

/// One file.
#[derive(Debug)]
pub struct Asset {
    /// Where it is found.
    pub path: &'static str,
    content_type: &'static str,
    /// A weak validator: the packed and the unpacked form have the same (RFC 9110 section 8.8.1).
    etag: &'static str,
    gzip: &'static [u8],
}

/// All of them.
pub static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The file at a path.
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    /// The whole response and its status. `accepts_gzip` says whether the client does, `if_none_match` what it has already.
    pub fn answer(&self, accepts_gzip: bool, if_none_match: Option<&str>) -> (u16, Vec<u8>) {
        let is_known = |tags: &str| {
            tags.split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.opaque_tag())
        };
        let head = Cached { content_type: self.content_type, etag: self.etag, is_gzip: accepts_gzip };
        if if_none_match.is_some_and(is_known) {
            return (304, response::not_modified(&head));
        }
        if accepts_gzip {
            return (200, response::cached(&head, self.gzip));
        }
        let packed = self.gzip.get(HEADER_BYTES..self.gzip.len().saturating_sub(TRAILER_BYTES));
        let unpacked = decompress_to_vec_with_limit(packed.unwrap_or_default(), UNPACKED_BYTES_MAX);
        (200, response::cached(&head, &unpacked.unwrap_or_default()))
    }

    fn opaque_tag(&self) -> &'static str {
        self.etag.trim_start_matches("W/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(response: &[u8]) -> &[u8] {
        let at = response.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        &response[at + 4..]
    }

    #[test]
    fn each_file_unpacks_to_what_it_was_but_for_comments() {
        for asset in ASSETS {
            let name = match asset.path {
                "/" => "index.html".to_owned(),
                path if !path.contains('.') => format!("{}.html", &path[1..]),
                path => path[1..].to_owned(),
            };
            let source =
                std::fs::read_to_string(format!("{}/src/web/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let response = asset.answer(false, None).1;
            let lines: Vec<&str> = std::str::from_utf8(body(&response)).unwrap().lines().collect();
            let is_code =
                |line: &&str| !["//", "/*", "*"].iter().any(|mark| line.trim_start().starts_with(mark));
            let code: Vec<&str> = lines.iter().copied().filter(is_code).collect();
            assert_eq!(code, source.lines().filter(is_code).collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn all_together_are_small() {
        let packed: usize = ASSETS.iter().map(|asset| asset.gzip.len()).sum();
        assert!(packed <= 60 * 1024, "{packed} bytes");
    }

    #[test]
    fn who_has_it_already_gets_nothing() {
        let asset = find("/suzu.js").unwrap();
        let strong = asset.opaque_tag();
        for tags in [asset.etag, strong, "*", &format!("\"other\", {}", asset.etag)] {
            let (status, bytes) = asset.answer(true, Some(tags));
            assert_eq!((status, body(&bytes).len()), (304, 0), "{tags}");
        }
        assert_eq!(asset.answer(true, Some("\"other\"")).0, 200);
    }
}
