//! Tokens: what `suzu token` mints opens the room that it names, by each way to carry it, and nothing else does; whoever guesses waits.

mod common;

use common::{
    access::{Asked, HEADER, SECRET, ask, connect_from, mint, private_file, run, signed, unix},
    server::{TempDir, TestServer, wait_until},
    wire::Wire,
};
use serde_json::Value;
use std::{cell::Cell, net::Ipv4Addr};

/// A server that takes tokens, and callers of whom none pays for what another got wrong.
struct Locked {
    server: TestServer,
    secret_file: String,
    callers: Cell<u8>,
}

impl Locked {
    fn new(args: &[&str]) -> Self {
        let state = TempDir::new();
        let secret_file = private_file(&state, "token_secret", &format!("{SECRET}\n"));
        let args = [&["--token-secret-file", &secret_file, "--log-level", "debug"], args].concat();
        let server = TestServer::start_in(state, &args);
        Self { server, secret_file, callers: Cell::new(0) }
    }

    fn mint(&self, words: &str) -> String {
        mint(&self.secret_file, &words.split(' ').collect::<Vec<_>>())
    }

    fn connect(&self) -> Wire {
        self.callers.set(self.callers.get() + 1);
        connect_from([127, 0, 9, self.callers.get()], self.server.address)
    }

    fn ask(&self, path: &str, headers: &str) -> Asked {
        ask(self.connect(), path, headers)
    }

    /// What a client hears that says this on this path.
    fn told(&self, path: &str, headers: &str, text: &str) -> Value {
        let mut wire = self.ask(path, headers).let_in();
        wire.text(text);
        serde_json::from_str(wire.frame().text()).unwrap()
    }

    fn register(&self, room: &str, field: &str, token: &str) -> Value {
        self.told(
            "/signaling",
            "",
            &format!(r#"{{"type":"register","roomId":"{room}","{field}":"{token}"}}"#),
        )
    }
}

#[test]
fn suzu_token_says_how_it_is_used_and_what_is_wrong() {
    let (code, help, err) = run(&["token", "--help"]);
    assert_eq!((code, &*err), (0, ""));
    for flag in ["--room", "--ttl", "--name", "--sub", "--url", "--token-secret-file", "-C FILE"] {
        assert!(help.contains(flag), "{flag} is missing in {help}");
    }
    let dir = TempDir::new();
    let secret = private_file(&dir, "secret", SECRET);
    let short = private_file(&dir, "short", "too short");
    let no_secret = private_file(&dir, "suzu.conf", "max_rooms = 3\n");
    for (words, expected) in [
        ("--room door", "--ttl is missing"),
        ("--room door --ttl soon", "--ttl: \"soon\" is not a length of time"),
        ("--room door --ttl 1h door", "\"door\": unknown option; `suzu token --help` lists them all"),
        ("--room door --ttl 1h", "there is no secret to sign with: set token_secret_file"),
        (&format!("--room door --ttl 1h -C {no_secret}"), "there is no secret to sign with"),
        (
            "--room door --ttl 1h --token-secret-file /nowhere",
            "/nowhere: cannot be read: there is no such file",
        ),
        (
            &format!("--room door --ttl 1h --token-secret-file {short}"),
            "it has 9 bytes; allowed: at least 32",
        ),
        (
            &format!("--room {} --ttl 1h --token-secret-file {secret}", "x".repeat(4_000)),
            "the token would have",
        ),
    ] {
        let words: Vec<_> = ["token"].into_iter().chain(words.split(' ')).collect();
        let (code, out, err) = run(&words);
        assert_eq!((code, &*out), (2, ""), "{words:?}");
        assert!(err.starts_with("suzu: ") && err.contains(expected), "{words:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn suzu_token_prints_the_token_and_a_link() {
    let dir = TempDir::new();
    let secret = private_file(&dir, "secret", SECRET);
    let config = format!("token_secret_file = {secret}\nlisten = 192.0.2.7:3000\n");
    let config = private_file(&dir, "suzu.conf", &config);
    let args = ["token", "-C", &config, "--room", "front door", "--ttl", "90m", "--name", "Guest"];
    let (code, text, err) = run(&args);
    assert_eq!((code, &*err), (0, ""), "{text}");
    let lines: Vec<_> = text.lines().collect();
    let token = lines[1].strip_prefix("token  ").unwrap();
    let scheme = if cfg!(feature = "tls") { "https" } else { "http" };
    assert_eq!(lines[0], format!("link   {scheme}://192.0.2.7:3000/?room=front%20door#key={token}"));
    assert!(
        lines[2].starts_with("opens the room \"front door\" for \"Guest\" for 90 minutes, until 2"),
        "{text}"
    );
    assert_eq!(lines.len(), 3, "a QR code is for people in front of a terminal: {text}");
    let (_, text, _) = run(&[&args[..], &["--url", "https://door.example.com/suzu/"]].concat());
    assert!(text.starts_with("link   https://door.example.com/suzu/?room=front%20door#key=ey"), "{text}");
}

#[test]
fn a_minted_token_opens_the_room_by_each_way_to_carry_it() {
    let locked = Locked::new(&[]);
    let token = locked.mint("--room door --ttl 1h");
    for field in ["key", "signalingKey"] {
        assert_eq!(locked.register("door", field, &token)["type"], "accept", "{field}");
    }
    let (register, connect) =
        (r#"{"type":"register","roomId":"door"}"#, r#"{"type":"connect","room":"door"}"#);
    let with_token = format!(r#"{{"type":"connect","room":"door","token":"{token}"}}"#);
    assert_eq!(locked.told("/mesh", "", &with_token)["type"], "connected");
    let (query, bearer) = (format!("token={token}"), format!("Authorization: Bearer {token}\r\n"));
    for (query, headers) in
        [(&*query, ""), ("", &*bearer), ("", &*bearer.replace("Bearer", "bearer")), ("token=wrong", &bearer)]
    {
        let told = |path: &str, text: &str| locked.told(&format!("{path}?{query}"), headers, text);
        assert_eq!(told("/signaling", register)["type"], "accept", "{query} {headers}");
        assert_eq!(told("/mesh", connect)["type"], "connected", "{query} {headers}");
        for path in ["/ws", "/chat", "/relay", "/echo"] {
            let path = format!("{path}?room=door&{query}");
            locked.ask(&path, headers).let_in().settle();
        }
    }
    for path in ["/ws", "/chat", "/relay", "/echo"] {
        assert_eq!(locked.ask(&format!("{path}?room=door"), "").status, 401, "{path}");
        assert_eq!(locked.ask(&format!("{path}?room=hall"), &bearer).status, 401, "{path}: another room");
        assert_eq!(locked.ask(path, &bearer).status, 401, "{path}: no room");
    }
    let basic = "Authorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n";
    locked.ask(&format!("/relay?room=door&{query}"), basic).let_in();
    assert_eq!(locked.ask("/relay?room=door", &format!("{bearer}{bearer}")).status, 400);
}

#[test]
fn a_prefix_opens_the_rooms_below_it() {
    let locked = Locked::new(&[]);
    let floors = locked.mint("--room floor-* --ttl 1h");
    let all = locked.mint("--room * --ttl 1h");
    for (token, room, is_open) in [
        (&floors, "floor-1", true),
        (&floors, "floor-", true),
        (&floors, "floor", false),
        (&floors, "my-floor-1", false),
        (&all, "anything", true),
        (&all, "", true),
    ] {
        let status = locked.ask(&format!("/relay?room={room}&token={token}"), "").status;
        assert_eq!(status, if is_open { 101 } else { 401 }, "{room}");
        if !room.is_empty() {
            let kind = if is_open { "accept" } else { "reject" };
            assert_eq!(locked.register(room, "key", token)["type"], kind, "{room}");
        }
    }
}

#[test]
fn the_name_in_a_token_is_what_the_others_see() {
    let locked = Locked::new(&[]);
    let connect = |id: &str, more: &str| {
        let token = locked.mint("--room door --ttl 1h --name Anne");
        let mut wire = locked.ask(&format!("/mesh?token={token}"), "").let_in();
        wire.text(&format!(r#"{{"type":"connect","room":"door","id":"{id}"{more}}}"#));
        wire
    };
    let mut first = connect("a", "");
    first.frame();
    let _second = connect("b", r#","name":"Bert""#);
    let news = first.frame();
    assert!(news.text().contains(r#""peer":{"id":"b","name":"Anne"}"#), "whatever it says itself: {news:?}");
    let mut third = connect("c", "");
    assert!(first.frame().text().contains(r#""peer":{"id":"c","name":"Anne"}"#));
    let peers = third.frame();
    assert!(peers.text().contains(r#"{"id":"a","name":"Anne"}"#), "{peers:?}");
}

/// Tokens that are worth nothing for the room `door`, and what the log says of them.
fn bad_tokens(locked: &Locked) -> Vec<(String, &'static str)> {
    let now = unix();
    let good = locked.mint("--room door --ttl 1h");
    let claims = |more: &str| format!(r#"{{"room":"door",{more}}}"#);
    let valid = claims(&format!(r#""exp":{}"#, now + 3_600));
    let hs256 = |payload: &str| signed(HEADER, payload, SECRET);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let payload_of_another = hs256(&valid.replace("door", "*"));
    let another_payload = payload_of_another.rsplit_once('.').unwrap().0;
    let bad = "the signature of the token is wrong";
    let none = signed(r#"{"alg":"none"}"#, &valid, SECRET);
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    vec![
        (hs256(&claims(&format!(r#""exp":{}"#, now - 60))), "the token expired 6"),
        (
            hs256(&claims(&format!(r#""exp":{},"nbf":{}"#, now + 3_600, now + 600))),
            "is not valid for another",
        ),
        (hs256(&claims(r#""sub":"forever""#)), "the token has no exp"),
        (hs256(&claims(&format!(r#""exp":"{}""#, now + 3_600))), "the token's exp is of the wrong type"),
        (hs256(&format!(r#"{{"exp":{}}}"#, now + 3_600)), "the token has no room"),
        (none, "the algorithm of the token is not HS256"),
        (unsigned, "the algorithm of the token is not HS256"),
        (signed(r#"{"alg":"RS256","typ":"JWT"}"#, &valid, SECRET), "the algorithm of the token is not HS256"),
        (signed(r#"{"alg":"HS256","crit":["x"],"x":1}"#, &valid, SECRET), "critical"),
        (signed(HEADER, &valid, "another secret, which is as long as it should be"), bad),
        (signed(HEADER, &valid, ""), bad),
        (format!("{another_payload}.{signature}"), bad),
        (format!("{head}."), bad),
        (good[..good.len() - 3].to_owned(), bad),
        (good[..40].to_owned(), "the key is wrong"),
        (format!("{good}.{good}"), "the key is wrong"),
        (good.replace('.', ""), "the key is wrong"),
        (format!("{good}=="), "is not base64url"),
        (
            hs256(&claims(&format!(r#""exp":{},"x":"{}""#, now + 3_600, "x".repeat(4_000)))),
            "more than 4096 bytes",
        ),
        (locked.mint("--room doo --ttl 1h"), "the token is for another room"),
        (locked.mint("--room Door --ttl 1h"), "the token is for another room"),
        ("..".to_owned(), "the header of the token"),
        ("x".to_owned(), "the key is wrong"),
    ]
}

#[test]
fn what_is_wrong_with_a_token_is_a_401_before_the_101_and_stands_in_the_log() {
    let locked = Locked::new(&[]);
    for (token, why) in bad_tokens(&locked) {
        let is_of_another_room = why.contains("another room");
        let bearer = format!("Authorization: Bearer {token}\r\n");
        for (path, headers) in
            [(format!("/relay?room=door&token={token}"), ""), ("/ws?room=door".into(), &bearer)]
        {
            let mut asked = locked.ask(&path, headers);
            assert_eq!(asked.status, 401, "{why}: {}", asked.head);
            assert!(asked.head.contains("\r\nWWW-Authenticate: Bearer\r\n"), "{}", asked.head);
            asked.wire.rest();
        }
        // Which room is wanted is known later here: only that it opens none.
        for path in ["/signaling", "/mesh"] {
            let status = locked.ask(path, &bearer).status;
            assert_eq!(status, if is_of_another_room { 101 } else { 401 }, "{why}");
        }
        locked.server.wait_for_log(why);
        let log = locked.server.whole_log();
        assert!(token.len() < 10 || !log.contains(&token[..token.len().min(30)]), "{token} in {log}");
    }
    assert_eq!(
        locked.ask("/relay?room=door", &format!("Authorization: Bearer {}\r\n", "x".repeat(9_000))).status,
        431
    );
}

#[test]
fn what_is_wrong_with_a_token_in_a_message_is_unauthorized() {
    let locked = Locked::new(&[]);
    for (token, why) in bad_tokens(&locked) {
        let reject = locked.register("door", "key", &token);
        assert_eq!(reject["type"], "reject", "{why}");
        if token.len() <= 4_096 {
            assert_eq!(reject["reason"], "unauthorized", "{why}");
        }
        let text = format!(r#"{{"type":"connect","room":"door","token":"{token}"}}"#);
        let mut wire = locked.ask("/mesh", "").let_in();
        wire.text(&text);
        assert!(wire.frame().text().contains(r#""type":"error""#), "{why}");
        if token.len() <= 4_096 {
            assert_eq!(wire.frame().close_reason(), "unauthorized", "{why}");
        }
    }
}

#[test]
fn a_token_is_worth_nothing_once_its_time_is_over() {
    let locked = Locked::new(&[]);
    let token = locked.mint("--room door --ttl 3s");
    let before = unix();
    let mut early = locked.ask(&format!("/relay?room=door&token={token}"), "").let_in();
    wait_until("its end", || unix() > before + 3);
    let late = locked.ask(&format!("/relay?room=door&token={token}"), "");
    assert_eq!(late.status, 401, "{}", late.head);
    early.settle();
}

/// Guesses, one after the other, until the answer is to come again later; how many were looked at.
fn guess(mut attempt: impl FnMut() -> Asked) -> usize {
    let mut looked_at = 0;
    wait_until("the end of patience", || {
        let asked = attempt();
        match asked.status {
            429 => return true,
            401 => looked_at += 1,
            status => panic!("{status}: {}", asked.head),
        }
        false
    });
    looked_at
}

#[test]
fn whoever_guesses_waits_ever_longer_and_nobody_else_does() {
    let locked = Locked::new(&["--trusted-proxies", "127.0.0.2"]);
    let token = locked.mint("--room door --ttl 1h");
    let right = format!("Authorization: Bearer {token}\r\n");
    let from = |source: Ipv4Addr| connect_from(source, locked.server.address);
    let guesser = Ipv4Addr::new(127, 0, 0, 7);
    let wrong = || ask(from(guesser), "/relay?room=door&token=wrong", "");
    assert!(guess(wrong) >= 4, "three slips are free");
    // The longer it goes on, the longer each wait.
    wait_until("a wait of seconds", || {
        let asked = wrong();
        asked.status == 429 && asked.retry_after() >= 3
    });
    // Another key is not looked at. A token, which nobody can guess, is, and who brings nothing may say later what it has.
    assert_eq!(ask(from(guesser), "/relay?room=door&token=another", "").status, 429);
    ask(from(guesser), "/relay?room=door", &right).let_in();
    for path in ["/signaling", "/mesh"] {
        ask(from(guesser), path, "").let_in();
    }
    for other in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 8)] {
        ask(from(other), "/relay?room=door", &right).let_in();
    }
    let proxy = Ipv4Addr::new(127, 0, 0, 2);
    ask(from(proxy), "/relay?room=door", &format!("{right}X-Forwarded-For: 10.0.0.1\r\n")).let_in();
    let asked =
        ask(from(proxy), "/relay?room=door&token=another", &format!("X-Forwarded-For: {guesser}\r\n"));
    assert_eq!(asked.status, 429, "a proxy does not whitewash");
    wait_until("the end of the wait", || wrong().status == 401);
}

#[test]
fn a_guess_in_a_message_counts_like_one_in_an_upgrade() {
    for (path, text) in [
        ("/signaling", r#"{"type":"register","roomId":"door","key":"wrong"}"#),
        ("/mesh", r#"{"type":"connect","room":"door","token":"wrong"}"#),
    ] {
        // A server each: guesses that nobody waited for are still in the log of the other.
        let locked = Locked::new(&[]);
        let guesses = Cell::new(0);
        wait_until("the end of patience", || {
            let mut asked = ask(connect_from([127, 0, 0, 7], locked.server.address), path, "");
            // It does not wait for the answer, which comes ever later.
            asked.wire.text(text);
            guesses.set(guesses.get() + 1);
            locked.server.whole_log().contains("a key so soon after wrong ones is not looked at")
        });
        assert!(guesses.get() >= 4, "{path}: three slips are free");
    }
}
