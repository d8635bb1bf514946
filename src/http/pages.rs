//! What a person sees who opens the server's address, or a wrong one.

use super::routes::Endpoint;

/// The longest host name and port.
const HOST_BYTES_MAX: usize = 253 + 6;

/// Says what this is and how to connect to it. `host` is the request's `Host` header: it is what reaches this server from where
/// the reader sits.
pub fn landing(host: Option<&str>, endpoints: &[Endpoint]) -> String {
    // Only what a host and port can consist of goes into the page.
    let is_plain = |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b));
    let host = host
        .filter(is_plain)
        .filter(|host| (1..=HOST_BYTES_MAX).contains(&host.len()))
        .unwrap_or("localhost:3000");
    let rows: String = endpoints
        .iter()
        .map(|Endpoint { path, speaks }| {
            format!("<tr><td>{speaks}</td><td><code>ws://{host}{}</code></td></tr>\n", escape(path))
        })
        .collect();
    let ayame = endpoints.iter().find(|endpoint| endpoint.speaks == "ayame");
    let example = ayame.map_or_else(String::new, |ayame| {
        include_str!("ayame_example.html").replace("{{URL}}", &format!("ws://{host}{}", escape(&ayame.path)))
    });
    include_str!("landing.html").replace("{{ROWS}}", &rows).replace("{{EXAMPLE}}", &example)
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

fn escape(text: &str) -> String {
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
        assert!(landing(Some("10.0.0.7:3000"), &endpoints()).contains("connection(url"));
        assert!(landing(Some("10.0.0.7:3000"), &endpoints()).contains("ws://10.0.0.7:3000/signaling"));
        assert!(landing(Some("[fd00::7]:3000"), &endpoints()).contains("ws://[fd00::7]:3000/a&lt;b&gt;"));
    }

    #[test]
    fn the_example_is_there_only_if_it_works() {
        assert!(!landing(None, &endpoints()[..1]).contains("connection(url"));
    }

    #[test]
    fn markup_in_the_host_header_stays_out() {
        let page = landing(Some("<script>alert(1)</script>"), &endpoints());
        assert!(!page.contains("<script") && page.contains("ws://localhost:3000/signaling"));
    }

    #[test]
    fn a_wrong_path_is_told_the_right_ones() {
        let text = not_found("/mash", &endpoints());
        assert!(text.starts_with("nothing is at /mash\n") && text.contains("\n/signaling (ayame)\n"));
    }
}
