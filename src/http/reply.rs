//! The other side of HTTP/1.1: a request that we send, and the answer to it, read from bytes as they come (RFC 9112).
//!
//! What an answer may take is bounded: [`HEAD_BYTES_MAX`] of heads, those of interim answers included, and [`BODY_BYTES_MAX`] of content.

use httparse::{EMPTY_HEADER, Error, Header, Status};
use std::{fmt, mem};

/// All heads of one answer together, interim ones (1xx) included, may have this many bytes; so may its trailers.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The content of an answer may have this many bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// A head may have this many headers.
const HEADERS_MAX: usize = 64;
/// The line before a chunk may have this many bytes.
const CHUNK_LINE_BYTES_MAX: usize = 256;
/// All that is not content in a chunked answer may have this many bytes: enough for 64 KiB in chunks of one byte.
const FRAMING_BYTES_MAX: usize = 6 * BODY_BYTES_MAX;

/// Headers that belong to the connection or frame the request (RFC 9110 section 7.6.1, RFC 9112 section 6): ours alone.
pub(super) const OURS: [&str; 12] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Writes a `POST` of JSON. `host` is what the URL has between `//` and the path, `target` its path and query. A header that frames the
/// request or cannot be sent (RFC 9110 section 5.5) is left out; a `User-Agent` takes the place of ours.
pub fn post<'a>(
    host: &str,
    target: &str,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    body: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 + host.len() + target.len() + body.len());
    let length = body.len().to_string();
    let fixed = [
        "POST ",
        target,
        " HTTP/1.1\r\nHost: ",
        host,
        "\r\nContent-Type: application/json\r\nContent-Length: ",
        &length,
    ];
    fixed.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
    let mut agent: &[u8] = concat!("suzu/", env!("CARGO_PKG_VERSION")).as_bytes();
    for (name, value) in headers {
        if name.eq_ignore_ascii_case("user-agent") && is_value(value) {
            agent = value;
        } else if is_token(name)
            && is_value(value)
            && !OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
        {
            [b"\r\n", name.as_bytes(), b": ", value].iter().for_each(|part| bytes.extend_from_slice(part));
        }
    }
    [b"\r\nUser-Agent: ", agent, b"\r\n\r\n", body].iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

fn is_token(name: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token_byte)
}

fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

/// An answer that is all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status, 200 to 999.
    pub status: u16,
    /// The content; at most [`BODY_BYTES_MAX`].
    pub body: Vec<u8>,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is no HTTP/1.x answer.
    NotHttp,
    /// A 101, though nobody asked for an upgrade.
    Upgrade,
    /// Its heads are longer than [`HEAD_BYTES_MAX`], or have more than 64 headers.
    HeadTooLarge,
    /// Its content is longer than [`BODY_BYTES_MAX`], or cut in absurdly many pieces.
    BodyTooLarge,
    /// `Content-Length` is no number, or there are several.
    BadLength,
    /// `Transfer-Encoding` is something other than `chunked`.
    BadEncoding,
    /// The chunks are not as RFC 9112 section 7.1 wants them.
    BadChunk,
    /// The connection ended before the answer was all there.
    CutShort,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "the answer is not HTTP/1.1",
            Self::Upgrade => "the answer is a 101, and no upgrade was asked for",
            Self::HeadTooLarge => "the head of the answer is longer than 8 KiB or has more than 64 headers",
            Self::BodyTooLarge => "the answer is longer than 64 KiB",
            Self::BadLength => "the answer's Content-Length is not one number",
            Self::BadEncoding => "the answer's Transfer-Encoding is not chunked",
            Self::BadChunk => "the answer's chunks are malformed",
            Self::CutShort => "the connection ended before the answer did",
        })
    }
}

/// Reads one answer.
#[derive(Debug, Default)]
pub struct Reader {
    state: State,
    /// The status of the answer whose content is awaited.
    status: u16,
    body: Vec<u8>,
    /// Bytes of interim heads, or of chunks' framing.
    overhead: usize,
    /// Whether the other side keeps the connection open after this answer.
    is_kept: bool,
    has_begun: bool,
}

#[derive(Debug)]
enum State {
    /// A head; this much of it has come.
    ExpectHead(Vec<u8>),
    /// So many bytes of content.
    ExpectBytes(usize),
    /// The line before a chunk; this much of it has come.
    ExpectChunkLine(Vec<u8>),
    /// So many bytes of a chunk.
    ExpectChunk(usize),
    /// The line end behind a chunk; whether its CR has come.
    ExpectChunkEnd(bool),
    /// Trailers: how long the line is so far.
    ExpectTrailer(usize),
    /// Whatever comes until the connection ends.
    ExpectEnd,
    /// Nothing more.
    Done,
}

impl Default for State {
    fn default() -> Self {
        Self::ExpectHead(Vec::new())
    }
}

impl Reader {
    /// The most memory, in bytes, that one answer takes: a head and content, in buffers that double as they grow.
    pub const BYTES_MAX: usize = 2 * (HEAD_BYTES_MAX + BODY_BYTES_MAX);

    /// Whether anything of the answer has come.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether the connection can be used for another request. Meaningful once the answer is all there.
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Takes what came next; the answer once it is all there.
    ///
    /// # Errors
    /// What is wrong with it; nothing more may be fed then.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<Option<Reply>, Wrong> {
        self.has_begun |= !bytes.is_empty();
        while !bytes.is_empty() && !self.is_done() {
            bytes = self.step(bytes)?;
        }
        if !self.is_done() {
            return Ok(None);
        }
        // More than was asked for: whatever it is, the next answer does not begin with it.
        self.is_kept &= bytes.is_empty();
        Ok(Some(self.take()))
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// [`Wrong::CutShort`], unless that is how the answer was to end (RFC 9112 section 6.3, item 8).
    pub fn end(&mut self) -> Result<Reply, Wrong> {
        if matches!(self.state, State::ExpectEnd) { Ok(self.take()) } else { Err(Wrong::CutShort) }
    }

    fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn take(&mut self) -> Reply {
        self.state = State::Done;
        Reply { status: self.status, body: mem::take(&mut self.body) }
    }

    /// Takes what the present state has use for; the rest is returned.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Wrong> {
        match &mut self.state {
            State::ExpectHead(_) => self.read_head(bytes),
            State::ExpectBytes(left) => {
                let (taken, rest) = bytes.split_at_checked(*left).unwrap_or((bytes, &[]));
                *left = left.saturating_sub(taken.len());
                if *left == 0 {
                    self.state = State::Done;
                }
                self.body.extend_from_slice(taken);
                Ok(rest)
            }
            State::ExpectChunk(left) => {
                let (taken, rest) = bytes.split_at_checked(*left).unwrap_or((bytes, &[]));
                *left = left.saturating_sub(taken.len());
                if *left == 0 {
                    self.state = State::ExpectChunkEnd(false);
                }
                self.body.extend_from_slice(taken);
                Ok(rest)
            }
            State::ExpectEnd if self.body.len() + bytes.len() > BODY_BYTES_MAX => Err(Wrong::BodyTooLarge),
            State::ExpectEnd => {
                self.body.extend_from_slice(bytes);
                Ok(&[])
            }
            State::ExpectChunkLine(_) | State::ExpectChunkEnd(_) | State::ExpectTrailer(_) => {
                self.overhead += 1;
                if self.overhead > FRAMING_BYTES_MAX {
                    return Err(Wrong::BodyTooLarge);
                }
                let Some((byte, rest)) = bytes.split_first() else { return Ok(bytes) };
                self.read_framing(*byte)?;
                Ok(rest)
            }
            State::Done => Ok(bytes),
        }
    }

    /// One byte of what is around the chunks (RFC 9112 section 7.1).
    fn read_framing(&mut self, byte: u8) -> Result<(), Wrong> {
        match &mut self.state {
            State::ExpectChunkLine(line) => {
                line.push(byte);
                if byte == b'\n' {
                    let size = chunk_size(line)?;
                    if size > BODY_BYTES_MAX.saturating_sub(self.body.len()) {
                        return Err(Wrong::BodyTooLarge);
                    }
                    self.state = if size == 0 { State::ExpectTrailer(0) } else { State::ExpectChunk(size) };
                } else if line.len() >= CHUNK_LINE_BYTES_MAX {
                    return Err(Wrong::BadChunk);
                }
            }
            State::ExpectChunkEnd(has_cr) => match (byte, *has_cr) {
                (b'\r', false) => *has_cr = true,
                (b'\n', true) => self.state = State::ExpectChunkLine(Vec::new()),
                _ => return Err(Wrong::BadChunk),
            },
            State::ExpectTrailer(length) => match byte {
                b'\n' if *length == 0 => self.state = State::Done,
                b'\n' => *length = 0,
                b'\r' => {}
                _ => {
                    *length += 1;
                    if *length > HEAD_BYTES_MAX {
                        return Err(Wrong::HeadTooLarge);
                    }
                }
            },
            _ => {}
        }
        Ok(())
    }

    fn read_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Wrong> {
        let State::ExpectHead(kept) = &mut self.state else { return Ok(bytes) };
        let before = kept.len();
        let room = HEAD_BYTES_MAX.saturating_sub(self.overhead + before);
        kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut headers);
        let used = match parsed.parse(kept) {
            Ok(Status::Complete(used)) => used,
            Ok(Status::Partial) if bytes.len() >= room => return Err(Wrong::HeadTooLarge),
            Ok(Status::Partial) => return Ok(&[]),
            Err(Error::TooManyHeaders) => return Err(Wrong::HeadTooLarge),
            Err(_) => return Err(Wrong::NotHttp),
        };
        let status = parsed.code.unwrap_or_default();
        match status {
            101 => return Err(Wrong::Upgrade),
            // An interim answer: the real one follows (RFC 9110 section 15.2).
            100..200 => {
                self.overhead += used;
                self.state = State::default();
            }
            200..=999 => {
                let fields = Fields::read(parsed.headers)?;
                self.status = status;
                self.is_kept = fields.is_kept(parsed.version == Some(1));
                self.overhead = 0;
                self.state = fields.body_state(status)?;
            }
            _ => return Err(Wrong::NotHttp),
        }
        Ok(bytes.get(used.saturating_sub(before)..).unwrap_or_default())
    }
}

/// What matters in a head.
#[derive(Default)]
struct Fields {
    length: Option<usize>,
    is_encoded: bool,
    is_chunked: bool,
    says_close: bool,
    says_keep_alive: bool,
}

impl Fields {
    fn read(headers: &[Header<'_>]) -> Result<Self, Wrong> {
        let mut fields = Self::default();
        for header in headers {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            let has = |token: &[u8]| {
                header
                    .value
                    .split(|byte| *byte == b',')
                    .any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
            };
            if is("content-length") {
                let length = Some(number(header.value).ok_or(Wrong::BadLength)?);
                if fields.length.is_some() && fields.length != length {
                    return Err(Wrong::BadLength);
                }
                fields.length = length;
            } else if is("transfer-encoding") {
                // Twice is chunks within chunks.
                fields.is_chunked =
                    !fields.is_encoded && header.value.trim_ascii().eq_ignore_ascii_case(b"chunked");
                fields.is_encoded = true;
            } else if is("connection") {
                fields.says_close |= has(b"close");
                fields.says_keep_alive |= has(b"keep-alive");
            }
        }
        Ok(fields)
    }

    /// RFC 9112 section 9.3. An answer with two lengths is not trusted with another request (section 6.3, item 3).
    fn is_kept(&self, is_http_1_1: bool) -> bool {
        let is_clear = !(self.is_encoded && (self.length.is_some() || !is_http_1_1));
        !self.says_close && is_clear && (is_http_1_1 || self.says_keep_alive)
    }

    /// How the content ends (RFC 9112 section 6.3).
    fn body_state(&self, status: u16) -> Result<State, Wrong> {
        match self.length {
            _ if matches!(status, 204 | 304) => Ok(State::Done),
            _ if self.is_chunked => Ok(State::ExpectChunkLine(Vec::new())),
            _ if self.is_encoded => Err(Wrong::BadEncoding),
            Some(0) => Ok(State::Done),
            Some(length) if length > BODY_BYTES_MAX => Err(Wrong::BodyTooLarge),
            Some(length) => Ok(State::ExpectBytes(length)),
            None => Ok(State::ExpectEnd),
        }
    }
}

/// Digits only; what does not fit is very long.
fn number(value: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(value).ok()?.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(usize::MAX))
}

fn chunk_size(line: &[u8]) -> Result<usize, Wrong> {
    // httparse takes a line without a number for a zero.
    match httparse::parse_chunk_size(line) {
        Ok(Status::Complete((_, size))) if line.first().is_some_and(u8::is_ascii_hexdigit) => {
            Ok(usize::try_from(size).unwrap_or(usize::MAX))
        }
        _ => Err(Wrong::BadChunk),
    }
}
