//! The pure half of the webhook client: the request that it writes and the answers that it reads, wherever they are cut.

use suzu::http::reply::{BODY_BYTES_MAX, HEAD_BYTES_MAX, Reader, Reply, Wrong, post};

/// What becomes of an answer and the connection after it: the status, the content, and whether the connection is kept.
fn read(bytes: &[u8], piece: usize) -> Result<(u16, Vec<u8>, bool), Wrong> {
    let mut reader = Reader::default();
    for part in bytes.chunks(piece) {
        if let Some(Reply { status, body }) = reader.feed(part)? {
            return Ok((status, body, reader.is_kept()));
        }
    }
    reader.end().map(|Reply { status, body }| (status, body, false))
}

/// The same, whole and in pieces of every small size, which must make no difference.
fn answer(text: &str) -> Result<(u16, String, bool), Wrong> {
    let read = |piece| {
        read(text.as_bytes(), piece)
            .map(|(status, body, is_kept)| (status, String::from_utf8(body).unwrap(), is_kept))
    };
    let whole = read(text.len().max(1));
    for piece in 1..text.len().min(20) {
        assert_eq!(read(piece), whole, "in pieces of {piece}: {text:?}");
    }
    whole
}

#[test]
fn the_end_of_an_answer_is_found_in_each_of_the_ways_of_rfc_9112() {
    for (head, body, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "{}", (200, "{}", true)),
        ("HTTP/1.1 200 \r\ncontent-length:2\r\n", "{}", (200, "{}", true)),
        ("HTTP/1.1 200\r\nContent-Length: 2\r\nContent-Length: 2\r\n", "{}", (200, "{}", true)),
        ("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n", "", (500, "", true)),
        ("HTTP/1.1 204 No\r\n", "", (204, "", true)),
        ("HTTP/1.1 304 No\r\nContent-Length: 9\r\n", "", (304, "", true)),
        ("HTTP/1.1 200 OK\r\n", "until the end", (200, "until the end", false)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Close\r\n", "{}", (200, "{}", false)),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n", "{}", (200, "{}", false)),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n", "{}", (200, "{}", true)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
            "1\r\n{\r\n00A ; x=\"y\"\r\n\"a\": false\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n",
            (200, "{\"a\": false}", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 3\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
            (200, "{}", false),
        ),
    ] {
        let (status, content, is_kept) = expected;
        assert_eq!(
            answer(&format!("{head}\r\n{body}")),
            Ok((status, content.to_owned(), is_kept)),
            "{head}{body}"
        );
    }
}

#[test]
fn interim_answers_are_skipped_but_count() {
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n";
    let text = format!("{early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{{}}");
    assert_eq!(answer(&text), Ok((200, "{}".to_owned(), true)));
    let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(HEAD_BYTES_MAX / 25 + 1);
    assert_eq!(answer(&many), Err(Wrong::HeadTooLarge));
}

#[test]
fn after_more_than_one_answer_the_connection_is_not_kept() {
    let two = "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
    assert_eq!(read(two.as_bytes(), two.len()), Ok((204, Vec::new(), false)));
}

#[test]
fn what_is_wrong_with_an_answer_is_said() {
    let chunked = |rest: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}");
    let with = |header: &str| format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\nxx");
    for (text, expected) in [
        ("SSH-2.0-OpenSSH_9.9\r\n".to_owned(), Wrong::NotHttp),
        ("HTTP/2 200 OK\r\n\r\n".to_owned(), Wrong::NotHttp),
        ("HTTP/1.1 099 Low\r\n\r\n".to_owned(), Wrong::NotHttp),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(), Wrong::Upgrade),
        (with("Content-Length: -1"), Wrong::BadLength),
        (with("Content-Length: +1"), Wrong::BadLength),
        (with("Content-Length: "), Wrong::BadLength),
        (with("Content-Length: 2, 2"), Wrong::BadLength),
        (with("Content-Length: 1\r\nContent-Length: 2"), Wrong::BadLength),
        (with("Content-Length: 3"), Wrong::CutShort),
        (with("Content-Length: 65537"), Wrong::BodyTooLarge),
        (with("Content-Length: 99999999999999999999999"), Wrong::BodyTooLarge),
        (with("Transfer-Encoding: gzip"), Wrong::BadEncoding),
        (with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), Wrong::BadEncoding),
        (chunked("x\r\n"), Wrong::BadChunk),
        (chunked("\r\n"), Wrong::BadChunk),
        (chunked("2\r\n{}0\r\n\r\n"), Wrong::BadChunk),
        (chunked(&format!("2;{}", "x".repeat(300))), Wrong::BadChunk),
        (chunked("10001\r\n"), Wrong::BodyTooLarge),
        (chunked("ffffffffffffffff\r\n"), Wrong::BodyTooLarge),
        (chunked("2\r\n{}\r\n"), Wrong::CutShort),
        (chunked(&format!("0\r\nX: {}", "x".repeat(HEAD_BYTES_MAX))), Wrong::HeadTooLarge),
        (format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(65)) + "\r\n", Wrong::HeadTooLarge),
        (format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEAD_BYTES_MAX)), Wrong::HeadTooLarge),
        ("HTTP/1.1 200 OK\r\nContent".to_owned(), Wrong::CutShort),
        (String::new(), Wrong::CutShort),
    ] {
        assert_eq!(answer(&text), Err(expected), "{text:?}");
    }
}

#[test]
fn the_bounds_are_exact() {
    let of = |count| format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(count));
    assert_eq!(read(of(BODY_BYTES_MAX).as_bytes(), 1000).unwrap().1.len(), BODY_BYTES_MAX);
    assert_eq!(read(of(BODY_BYTES_MAX + 1).as_bytes(), 1000), Err(Wrong::BodyTooLarge));
    let crumbs = |count| {
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", "1\r\nx\r\n".repeat(count))
    };
    let whole = crumbs(BODY_BYTES_MAX) + "0\r\n\r\n";
    assert_eq!(read(whole.as_bytes(), 1000).unwrap().1.len(), BODY_BYTES_MAX);
    assert_eq!(read(crumbs(BODY_BYTES_MAX + 1).as_bytes(), 1000), Err(Wrong::BodyTooLarge));
    let padded = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
        + &format!("1;{}\r\nx\r\n", "y".repeat(200)).repeat(4000);
    assert_eq!(read(padded.as_bytes(), 1000), Err(Wrong::BodyTooLarge));
}

#[test]
fn a_request_says_what_it_must_and_nobody_can_add_to_its_framing() {
    let headers: [(&str, &[u8]); 9] = [
        ("X-Real-IP", b"192.0.2.1"),
        ("Cookie", b"a=\xff"),
        ("Host", b"evil"),
        ("Content-Length", b"0"),
        ("transfer-encoding", b"chunked"),
        ("X-Split", b"a\r\nX-Evil: b"),
        ("X Space", b"a"),
        ("", b"a"),
        ("User-Agent", b"momo"),
    ];
    let bytes = post("box:3001", "/authn?a=b", headers, b"{}");
    let expected: &[u8] = b"POST /authn?a=b HTTP/1.1\r\nHost: box:3001\r\nContent-Type: application/json\r\n\
        Content-Length: 2\r\nX-Real-IP: 192.0.2.1\r\nCookie: a=\xff\r\nUser-Agent: momo\r\n\r\n{}";
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(expected));
    let plain = post("box", "/", [], b"");
    let text = String::from_utf8(plain).unwrap();
    assert!(text.contains("\r\nUser-Agent: suzu/"), "{text}");
}
