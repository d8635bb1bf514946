//! What a person sees who opens the server's address.

/// Says what this is and how to connect to it. `host` is the request's `Host` header: it is what reaches this server from where
/// the reader sits.
pub fn landing(host: Option<&str>, endpoints: &[String]) -> String {
    // Only what a host and port can consist of goes into the page.
    let is_plain = |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b));
    let host = host.filter(is_plain).filter(|host| !host.is_empty()).unwrap_or("localhost:3000");
    let path = endpoints.first().map_or("/", String::as_str);
    include_str!("landing.html").replace("{{URL}}", &format!("ws://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_the_address_that_the_reader_used() {
        let endpoints = ["/signaling".to_owned()];
        assert!(landing(Some("10.0.0.7:3000"), &endpoints).contains("ws://10.0.0.7:3000/signaling"));
        assert!(landing(Some("[fd00::7]:3000"), &endpoints).contains("ws://[fd00::7]:3000/signaling"));
    }

    #[test]
    fn markup_in_the_host_header_stays_out() {
        let page = landing(Some("<script>alert(1)</script>"), &["/signaling".to_owned()]);
        assert!(!page.contains("<script") && page.contains("ws://localhost:3000/signaling"));
    }
}
