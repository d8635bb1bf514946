//! What a person sees who opens the server's address, or a wrong one.

use super::routes::Endpoint;

/// The longest host name and port.
const HOST_BYTES_MAX: usize = 253 + 6;

/// The request's `Host` header, which is what reaches this server from where the reader sits, if it can go into a page or a header: only what a
/// host and port can consist of.
pub fn plain_host(host: Option<&str>) -> Option<&str> {
    let is_plain = |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b));
    host.filter(is_plain).filter(|host| (1..=HOST_BYTES_MAX).contains(&host.len()))
}

/// Says what this is and how to connect to it. `scheme` is `ws` or `wss`; `can_be_trusted` says that there is a page about trust.
pub fn landing(host: &str, scheme: &str, endpoints: &[Endpoint], can_be_trusted: bool) -> String {
    let url = |path: &str| format!("{scheme}://{host}{}", escape(path));
    let rows: String = endpoints
        .iter()
        .map(|Endpoint { path, speaks }| {
            format!("<tr><td>{speaks}</td><td><code>{}</code></td></tr>\n", url(path))
        })
        .collect();
    let ayame = endpoints.iter().find(|endpoint| endpoint.speaks == "ayame");
    let example = ayame.map_or_else(String::new, |ayame| {
        include_str!("ayame_example.html").replace("{{URL}}", &url(&ayame.path))
    });
    let trust = if can_be_trusted {
        "<p>From another device, <a href=\"/trust\">let it trust this server</a> once; then it gets camera and microphone over <code>https</code>.</p>\n"
    } else {
        ""
    };
    include_str!("landing.html")
        .replace("{{ROWS}}", &rows)
        .replace("{{EXAMPLE}}", &example)
        .replace("{{TRUST}}", trust)
}

/// Says in plain text what is there instead.
pub fn not_found(path: &str, endpoints: &[Endpoint]) -> String {
    let path: String = path.chars().take(64).collect();
    let mut text = format!(
        "nothing is at {path}\n\n/ is a page that says what this is, and /.ok says that it is well; WebSocket is spoken at\n"
    );
    for Endpoint { path, speaks } in endpoints {
        text.push_str(&format!("{path} ({speaks})\n"));
    }
    text
}

/// A SHA-256 as people compare it: pairs of hexadecimal digits with colons.
pub fn fingerprint(sha256: &[u8; 32]) -> String {
    let pairs: Vec<String> = sha256.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints() -> Vec<Endpoint> {
        vec![
            Endpoint { path: "/a<b>".to_owned(), speaks: "mesh" },
            Endpoint { path: "/signaling".to_owned(), speaks: "ayame" },
        ]
    }

    #[test]
    fn the_page_names_the_address_that_the_reader_used() {
        let page = landing("10.0.0.7:3000", "ws", &endpoints(), false);
        assert!(page.contains("connection(url") && page.contains("ws://10.0.0.7:3000/signaling"));
        assert!(!page.contains("/trust") && !page.contains("{{"));
        let page = landing("[fd00::7]:3000", "wss", &endpoints(), true);
        assert!(page.contains("wss://[fd00::7]:3000/a&lt;b&gt;") && page.contains("/trust"));
    }

    #[test]
    fn the_example_is_there_only_if_it_works() {
        assert!(!landing("box", "ws", &endpoints()[..1], false).contains("connection(url"));
    }

    #[test]
    fn markup_in_the_host_header_stays_out() {
        for (host, expected) in [
            ("box:3000", Some("box:3000")),
            ("[fe80::1]:3000", Some("[fe80::1]:3000")),
            ("<script>", None),
            ("box\"", None),
            ("a/b", None),
            ("", None),
        ] {
            assert_eq!(plain_host(Some(host)), expected);
        }
        assert_eq!(plain_host(Some(&"x".repeat(260))), None);
    }

    #[test]
    fn a_wrong_path_is_told_the_right_ones() {
        let text = not_found("/mash", &endpoints());
        assert!(text.starts_with("nothing is at /mash\n") && text.contains("\n/signaling (ayame)\n"));
    }
}
