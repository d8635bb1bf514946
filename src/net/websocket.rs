//! The frames of one WebSocket (RFC 6455): tungstenite's state machine, kept away from the socket.
//!
//! Bytes come from a buffer that all connections share, and only [`WebSocket::flush`] writes to the stream. So the
//! loop decides when to read and when to write, and tungstenite's write buffer, which is bounded, is the outgoing queue.

pub use super::fault::Fault;
use super::stream::Stream;
use std::{
    io::{self, ErrorKind, Read, Write},
    mem,
};
use tungstenite::{
    Bytes, Error, Message, Utf8Bytes,
    protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext},
};

/// tungstenite reads in pieces of this size; so much is allocated for each connection.
const READ_BYTES: usize = 128;

/// A longer message is worth new buffers once it is written: a ping that waits is not.
const KEPT_BYTES: usize = 32;

/// How much one connection may keep.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest message, whole or in fragments.
    pub max_message_bytes: usize,
    /// The most that may wait for a peer that reads slowly.
    pub max_queue_bytes: usize,
}

/// One frame or message that arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping; its pong is queued.
    Ping,
    /// A pong.
    Pong,
    /// The peer closes, or confirms our close; the answer, if one is due, is queued.
    Close,
}

/// How far writing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Everything is written.
    All,
    /// The rest waits until the socket takes more.
    Blocked,
    /// The closing handshake is complete, or the stream is broken: nothing more to do.
    Over,
}

/// One WebSocket of a server, after the handshake.
#[derive(Debug)]
pub struct WebSocket {
    context: WebSocketContext,
    /// Bytes that tungstenite has taken in and of which no message has come out yet; never fewer than that. Of fragments it is more, for good.
    pending: u32,
    /// Something waits to be written.
    is_queued: bool,
    /// That may be an answer for which there was no room in the queue: tungstenite keeps it until there is.
    owes_answer: bool,
    /// Its buffers have grown: they never shrink by themselves.
    is_grown: bool,
}

impl WebSocket {
    /// The most memory, in bytes, that one WebSocket takes besides itself.
    pub const fn bytes_max(limits: Limits) -> usize {
        // A frame being read and a message being put together, each in a buffer that doubles as it grows; and the
        // outgoing queue, likewise.
        2 * (READ_BYTES + limits.max_message_bytes)
            + 2 * limits.max_message_bytes
            + 2 * limits.max_queue_bytes
    }

    /// A WebSocket on which nothing was said yet.
    pub fn new(limits: Limits) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            // Below this nothing is written by itself; and this is the bound. tungstenite wants them to differ.
            .write_buffer_size(limits.max_queue_bytes)
            .max_write_buffer_size(limits.max_queue_bytes.saturating_add(1))
            .max_message_size(Some(limits.max_message_bytes))
            .max_frame_size(Some(limits.max_message_bytes));
        Self {
            context: WebSocketContext::new(Role::Server, Some(config)),
            pending: 0,
            is_queued: false,
            owes_answer: false,
            is_grown: false,
        }
    }

    /// Takes one frame or message from `input`, which is cut accordingly; `None` when there is no whole one in it: all of it is
    /// kept then.
    ///
    /// # Errors
    /// The [`Fault`] that ends this connection. What follows in `input` has no meaning any more.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Received>, Fault> {
        if !self.context.can_read() {
            *input = &[];
            return Ok(None);
        }
        let before = input.len();
        let read = self.context.read(&mut Buffered(input));
        self.pending = self.pending.saturating_add(bytes_u32(before - input.len()));
        match &read {
            Ok(message) => {
                self.is_grown |= message.len() > READ_BYTES;
                self.owes_answer |= message.is_ping() || message.is_close();
                self.is_queued |= self.owes_answer;
                self.pending = self.pending.saturating_sub(bytes_u32(frame_bytes(message.len())));
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => self.settle(),
            Err(_) => {}
        }
        match read {
            Ok(Message::Text(text)) => Ok(Some(Received::Text(text))),
            Ok(Message::Binary(bytes)) => Ok(Some(Received::Binary(bytes))),
            Ok(Message::Ping(_)) => Ok(Some(Received::Ping)),
            Ok(Message::Pong(_)) => Ok(Some(Received::Pong)),
            // tungstenite has replaced a code that may not be sent by this, and answers it so.
            Ok(Message::Close(Some(frame)))
                if u16::from(frame.code) == 1002 && frame.reason.as_str() == "Protocol violation" =>
            {
                Err(Fault::Protocol("a close code that may not be sent".to_owned()))
            }
            Ok(Message::Close(_)) => Ok(Some(Received::Close)),
            Ok(Message::Frame(_)) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Ok(None),
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Queues a message. After the close, messages are dropped silently: the peer will not read them.
    ///
    /// # Errors
    /// [`Fault::QueueFull`]: flush, and try again or give up.
    pub fn queue(&mut self, message: Message) -> Result<(), Fault> {
        self.is_queued = true;
        self.is_grown |= message.len() > KEPT_BYTES;
        match self.context.write(&mut Buffered(&mut &[][..]), message) {
            Err(Error::WriteBufferFull(_)) => Err(Fault::QueueFull),
            // Nothing was written, which is what is wanted, or a close is under way.
            _ => Ok(()),
        }
    }

    /// Queues a message whatever its length and that of the queue: one that is longer than the queue may be, or that has waited elsewhere.
    pub fn queue_beyond(&mut self, message: Message) {
        let bound = self.context.get_config().max_write_buffer_size;
        self.context.set_config(|config| config.max_write_buffer_size = usize::MAX);
        // Writing has to wait, and says so.
        let _ = self.queue(message);
        self.context.set_config(|config| config.max_write_buffer_size = bound);
    }

    /// Queues a close frame, after which nothing else can be queued. There is room for it even if the queue is full.
    pub fn close(&mut self, code: u16, reason: &'static str) {
        self.context.set_config(|config| config.max_write_buffer_size = usize::MAX);
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(reason) };
        self.is_queued = true;
        // Writing has to wait, and says so; nothing else can go wrong.
        let _ = self.context.close(&mut Buffered(&mut &[][..]), Some(frame));
    }

    /// Writes what is queued.
    pub fn flush(&mut self, stream: &mut Stream) -> Flushed {
        self.flush_into(&mut Wire(stream))
    }

    fn flush_into(&mut self, wire: &mut (impl Read + Write)) -> Flushed {
        let mut flushed = self.context.flush(wire);
        if flushed.is_ok() && mem::take(&mut self.owes_answer) {
            // All that was before it is written.
            flushed = self.context.flush(wire);
        }
        match flushed {
            Ok(()) => {
                self.is_queued = false;
                self.settle();
                Flushed::All
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Flushed::Blocked,
            Err(_) => Flushed::Over,
        }
    }

    /// Between messages there is nothing in the buffers: if they have grown, new ones take their place.
    fn settle(&mut self) {
        let is_open = self.context.can_read() && self.context.can_write();
        if self.is_grown && !self.is_queued && self.pending == 0 && is_open {
            let config = *self.context.get_config();
            self.context = WebSocketContext::new(Role::Server, Some(config));
            self.is_grown = false;
        }
    }
}

/// No more than the shared buffer or a message, which are far from this.
fn bytes_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What a message of so many bytes takes in one masked frame, at least.
fn frame_bytes(payload: usize) -> usize {
    let length = match payload {
        0..126 => 0,
        126..65_536 => 2,
        _ => 8,
    };
    6 + length + payload
}

/// What tungstenite sees while it must not touch the socket: it reads what is there already, and writing has to wait.
struct Buffered<'a, 'b>(&'a mut &'b [u8]);

impl Read for Buffered<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { self.0.read(buffer) }
    }
}

impl Write for Buffered<'_, '_> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tungstenite sees while it may write.
struct Wire<'a>(&'a mut Stream);

impl Read for Wire<'_> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes)?.ok_or_else(|| ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_message_bytes: 100, max_queue_bytes: 300 };

    /// A frame as a client sends it, masked with zeros: the payload stays readable.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0][..], payload].concat()
    }

    fn read_all(bytes: &[u8]) -> (Vec<Received>, Option<Fault>) {
        let mut socket = WebSocket::new(LIMITS);
        let mut received = Vec::new();
        let mut input = bytes;
        loop {
            match socket.read(&mut input) {
                Ok(Some(one)) => received.push(one),
                Ok(None) => return (received, None),
                Err(fault) => return (received, Some(fault)),
            }
        }
    }

    #[test]
    fn messages_come_out_whole_wherever_the_bytes_are_cut() {
        let bytes =
            [frame(0x01, b"frag"), frame(0x89, b"?"), frame(0x80, b"ments"), frame(0x81, b"next")].concat();
        for cut in 0..bytes.len() {
            let mut socket = WebSocket::new(LIMITS);
            let mut received = Vec::new();
            for mut input in [&bytes[..cut], &bytes[cut..]] {
                while let Some(one) = socket.read(&mut input).unwrap() {
                    received.push(one);
                }
                assert!(input.is_empty(), "all is kept");
            }
            let text = |text: &'static str| Received::Text(Utf8Bytes::from_static(text));
            assert_eq!(received, [Received::Ping, text("fragments"), text("next")], "cut at {cut}");
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        let unmasked = [0x81, 0x01, b'x'];
        let cases: [(&[u8], u16); 9] = [
            (&unmasked, 1002),
            (&frame(0xc1, b"reserved bit"), 1002),
            (&frame(0x83, b"reserved opcode"), 1002),
            (&frame(0x80, b"nothing to continue"), 1002),
            (&frame(0x09, b"fragmented ping"), 1002),
            (&frame(0x88, b"\x03"), 1002),
            (&frame(0x81, b"\xff\xfe"), 1007),
            (&frame(0x81, &[b'x'; 101]), 1009),
            (&[frame(0x01, &[b'x'; 60]), frame(0x80, &[b'x'; 60])].concat(), 1009),
        ];
        for (bytes, code) in cases {
            let (received, fault) = read_all(bytes);
            assert_eq!(fault.map(|fault| fault.code()), Some(code), "{bytes:?} gave {received:?}");
        }
        let huge = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(
            read_all(&huge).1,
            Some(Fault::TooLarge { max_bytes: 100 }),
            "refused before anything is allocated"
        );
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut socket = WebSocket::new(LIMITS);
        let message = || Message::Text(Utf8Bytes::from_static("0123456789012345678901234567890123456789"));
        let taken = (0..100).take_while(|_| socket.queue(message()).is_ok()).count();
        assert_eq!(taken, 7, "7 x 42 bytes are 294 of 300");
        assert_eq!(socket.queue(message()), Err(Fault::QueueFull));
        (0..20).for_each(|_| socket.queue_beyond(message()));
        assert_eq!(socket.queue(message()), Err(Fault::QueueFull), "the bound is what it was");
        socket.close(1008, "too slow");
        let mut wire = io::Cursor::new(Vec::new());
        let _ = socket.context.flush(&mut wire);
        assert_eq!(wire.get_ref().len(), 27 * 42 + 12, "all that was queued, and the close");
        assert!(wire.get_ref().ends_with(b"\x88\x0a\x03\xf0too slow"), "there was room for the close");
    }

    /// Whether it has just got new buffers, after it was given these bytes and asked for all that is in them.
    fn is_renewed(socket: &mut WebSocket, bytes: &[u8]) -> bool {
        let mut input = bytes;
        socket.is_grown = true;
        while socket.read(&mut input).unwrap().is_some() {}
        !socket.is_grown
    }

    #[test]
    fn between_messages_buffers_that_have_grown_are_given_back() {
        let limits = Limits { max_message_bytes: 70_000, max_queue_bytes: 70_000 };
        let mut socket = WebSocket::new(limits);
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let header = match length {
                0..126 => vec![0x81, 0x80 | length as u8],
                126..65_536 => [&[0x81, 0x80 | 126][..], &(length as u16).to_be_bytes()].concat(),
                _ => [&[0x81, 0x80 | 127][..], &(length as u64).to_be_bytes()].concat(),
            };
            let whole = [header, vec![0; 4 + length]].concat();
            let (front, back) = whole.split_at(whole.len() - 1);
            assert!(!is_renewed(&mut socket, front), "{length} bytes: the last one is missing");
            assert!(is_renewed(&mut socket, back), "{length} bytes");
        }
        // A pong has to be written first.
        assert!(!is_renewed(&mut socket, &frame(0x89, b"?")));
        let mut wire = io::Cursor::new(Vec::new());
        assert_eq!(socket.flush_into(&mut wire), Flushed::All);
        assert_eq!(wire.get_ref(), b"\x8a\x01?");
        assert!(is_renewed(&mut socket, &frame(0x8a, b"!")));
        // Where a fragment's frame begins is not known from outside.
        let fragments = [frame(0x01, b"frag"), frame(0x80, b"ments")].concat();
        assert!(!is_renewed(&mut socket, &fragments));
        assert!(!is_renewed(&mut socket, &frame(0x81, b"next")));
    }

    #[test]
    fn a_pong_for_which_there_was_no_room_is_not_forgotten() {
        let mut socket = WebSocket::new(LIMITS);
        for _ in 0..2 {
            socket.queue(Message::Binary(Bytes::from_static(&[0; 296]))).unwrap();
            assert_eq!(socket.read(&mut &frame(0x89, b"?")[..]), Ok(Some(Received::Ping)));
            assert_eq!(socket.read(&mut &b""[..]), Ok(None));
            let mut wire = io::Cursor::new(Vec::new());
            assert_eq!(socket.flush_into(&mut wire), Flushed::All);
            assert!(wire.get_ref().ends_with(b"\x8a\x01?"), "{:?}", wire.get_ref());
        }
    }

    #[test]
    fn nothing_is_read_after_the_peers_close() {
        let mut input = &[frame(0x88, b"\x03\xe8"), frame(0x81, b"late")].concat()[..];
        let mut socket = WebSocket::new(LIMITS);
        assert_eq!(socket.read(&mut input), Ok(Some(Received::Close)));
        assert_eq!(socket.read(&mut input), Ok(None));
        assert!(input.is_empty());
    }
}
