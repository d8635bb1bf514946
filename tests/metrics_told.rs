//! What is told about webhooks, under both names; and that the page about metrics and the dashboard know all that is told, and nothing else.

mod common;
mod webhook_rig;

use common::{
    announce,
    scrape::{Family, Scrape, promtool, scrape_until},
    server::{TempDir, TestServer},
    wire::{BINARY, HANDSHAKE, Wire, frame},
};
use serde_json::Value;
use std::{fmt::Write, fs, path::Path};
use webhook_rig::backend::{ALLOWED, Backend, reply};

/// Lets in whoever wants into a room, but for some of them.
fn authority() -> Backend {
    Backend::start(|_, asked, stream| match asked.get("roomId").as_str() {
        "closed" => reply(stream, 200, r#"{"allowed":false,"reason":"say \"please\"\nand \\ wait"}"#),
        "broken" => reply(stream, 500, "{}"),
        "nonsense" => reply(stream, 200, "{}"),
        "hung up" => false,
        _ => reply(stream, 200, ALLOWED),
    })
}

fn register(server: &TestServer, room: &str) -> Wire {
    let mut wire = Wire::open(server.address);
    wire.text(&format!(r#"{{"type":"register","roomId":"{room}"}}"#));
    wire.frame();
    wire
}

#[test]
fn webhooks_are_counted_under_both_names() {
    let (authn, disconnect) = (authority(), Backend::allowing());
    let server = TestServer::start(&[
        "--authn-webhook-url",
        &authn.url(),
        "--disconnect-webhook-url",
        &format!("http://{}/gone", disconnect.server.address),
    ]);
    for room in ["door", "closed", "closed", "broken", "nonsense", "hung up"] {
        drop(register(&server, room));
    }
    let told = "suzu_webhook_requests_total{webhook=\"disconnect\",result=\"200\"}";
    let scrape = scrape_until(server.address, "the end", |scrape| scrape.text.contains(told));
    let at = |url: &str, host| format!("method=\"POST\",host=\"{host}\",url=\"{url}\"");
    let authn = at("/authn", authn.server.address);
    let gone = at("/gone", disconnect.server.address);
    for (series, expected) in [
        (told.to_owned(), 1.0),
        ("suzu_webhook_requests_total{webhook=\"authn\",result=\"200\"}".to_owned(), 4.0),
        ("suzu_webhook_requests_total{webhook=\"authn\",result=\"500\"}".to_owned(), 1.0),
        ("suzu_webhook_requests_total{webhook=\"authn\",result=\"answer\"}".to_owned(), 1.0),
        ("suzu_webhook_request_duration_seconds_count{webhook=\"authn\"}".to_owned(), 6.0),
        (format!("ayame_webhook_requests_total{{code=\"200\",{authn}}}"), 4.0),
        (format!("ayame_webhook_requests_total{{code=\"500\",{authn}}}"), 1.0),
        (format!("ayame_webhook_requests_total{{code=\"200\",{gone}}}"), 1.0),
        (format!("ayame_webhook_request_duration_seconds_count{{code=\"200\",{authn}}}"), 4.0),
        (
            format!(
                "ayame_authn_webhook_responses_total{{code=\"200\",{authn},allowed=\"true\",reason=\"\"}}"
            ),
            1.0,
        ),
        (
            format!(
                "ayame_authn_webhook_responses_total{{code=\"200\",{authn},allowed=\"false\",\
                 reason=\"say \\\"please\\\"\\nand \\\\ wait\"}}"
            ),
            2.0,
        ),
        ("suzu_rejects_total{dialect=\"ayame\",reason=\"denied\"}".to_owned(), 2.0),
        ("suzu_rejects_total{dialect=\"ayame\",reason=\"failed\"}".to_owned(), 3.0),
        ("suzu_webhook_reports_dropped_total".to_owned(), 0.0),
    ] {
        assert_eq!(scrape.get(&series), expected, "{series}");
    }
    assert!(!scrape.text.contains("secret"), "the query of a URL is nobody's business");
}

/// What a server tells that has seen everything.
fn busy() -> Scrape {
    let authn = authority();
    let server =
        TestServer::start(&["--authn-webhook-url", &authn.url(), "--disconnect-webhook-url", &authn.url()]);
    for room in ["door", "closed", "broken"] {
        drop(register(&server, room));
    }
    for path in ["/ws?room=r", "/mesh", "/echo", "/chat", "/relay"] {
        let mut wire = Wire::connect(server.address);
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
        wire.head();
        wire.text(r#"{"type":"connect","id":"x","room":"r"}"#);
        wire.send(&frame(BINARY, b"x"));
    }
    for request in
        ["GET / HTTP/1.1", "HEAD /.ok HTTP/1.1", "POST /signaling HTTP/1.1", "GET /nowhere HTTP/1.1"]
    {
        Wire::connect(server.address).exchange(format!("{request}\r\nHost: a\r\n\r\n").as_bytes());
    }
    let told = "suzu_webhook_requests_total{webhook=\"disconnect\",result=\"200\"}";
    scrape_until(server.address, "the end of the sessions", |scrape| scrape.text.contains(told))
}

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn promtool_finds_nothing_to_say() {
    let scrape = busy();
    if let Some(said) = promtool(&["check", "metrics"], &scrape.text) {
        assert_eq!(said, (true, String::new()));
        let (bytes, samples) =
            (scrape.text.len(), scrape.text.lines().filter(|line| !line.starts_with('#')).count());
        announce(&format!("promtool is content with {samples} samples in {bytes} bytes"));
    }
}

#[test]
fn the_page_about_metrics_has_them_all_and_no_others() {
    let mut table = String::from("| name | type | labels | |\n|---|---|---|---|\n");
    for Family { name, kind, help, labels } in busy().families() {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
    }
    let page = file("docs/metrics.md");
    assert!(page.contains(&table), "docs/metrics.md should have this table:\n\n{table}");
    assert_eq!(page.matches("\n| `").count(), table.matches("\n| `").count(), "and no other");
    let (scrape, is_part) = (busy(), |name: &str| name.ends_with('_'));
    for name in metrics(&page) {
        let is_there = scrape.names().contains(name) || table.contains(&format!("`{name}`"));
        assert!(is_there || is_part(name), "no server tells {name}");
    }
}

/// All questions of the dashboard.
fn questions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "expr" || key == "definition" => found.push(text.clone()),
                    value => questions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| questions(value, found)),
        _ => {}
    }
}

/// The words of a question that are names of metrics.
fn metrics(question: &str) -> Vec<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = question.split(|c| !is_name(c));
    words.filter(|word| ["suzu_", "ayame_", "process_"].iter().any(|start| word.starts_with(start))).collect()
}

#[test]
fn the_dashboard_asks_for_what_is_there() {
    let dashboard: Value = serde_json::from_str(&file("docs/grafana.json")).unwrap();
    let mut found = Vec::new();
    questions(&dashboard, &mut found);
    let scrape = busy();
    let names = scrape.names();
    let asked: Vec<_> = found.iter().flat_map(|question| metrics(question)).collect();
    assert!(found.len() >= 20 && asked.len() >= found.len(), "{found:?}");
    for name in &asked {
        // Without TLS there is no certificate.
        let is_certificate = *name == "suzu_tls_certificate_not_after_timestamp_seconds";
        assert!(names.contains(name) || is_certificate, "no server tells {name}");
    }
    // What groups a question is a label of what it is about.
    let families = scrape.families();
    for question in &found {
        let labels = question.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
        for label in labels.flat_map(|list| list.split(", ")) {
            let has = |family: &Family| {
                let is_asked = metrics(question).iter().any(|name| name.starts_with(&family.name));
                is_asked && family.labels.iter().any(|known| known == label)
            };
            assert!(label == "le" || families.iter().any(has), "{label} in {question}");
        }
    }
    // promtool reads rules, not dashboards.
    let mut rules = String::from("groups:\n- name: dashboard\n  rules:\n");
    for (number, question) in
        found.iter().filter(|question| !question.starts_with("label_values")).enumerate()
    {
        let question =
            question.replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$job", ".*");
        writeln!(rules, "  - record: question:{number}\n    expr: {}", Value::String(question)).unwrap();
    }
    let dir = TempDir::new();
    let path = dir.join("rules.yml");
    fs::write(&path, &rules).unwrap();
    if let Some((is_good, said)) = promtool(&["check", "rules", path.to_str().unwrap()], "") {
        assert!(is_good, "{said}\n{rules}");
        announce(&format!("promtool understands {} questions of the dashboard", found.len()));
    }
}
