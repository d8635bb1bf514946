//! The frames of one WebSocket (RFC 6455): tungstenite's state machine, kept away from the socket.
//!
//! Bytes come from a buffer that all connections share, and only [`WebSocket::flush`] writes to the stream. So the
//! loop decides when to read and when to write, and tungstenite's write buffer, which is bounded, is the outgoing queue.

pub use super::fault::Fault;
use super::{
    contexts::{Busy, Contexts},
    stream::Stream,
};
use std::{
    io::{self, ErrorKind, Read, Write},
    mem,
    rc::Rc,
};
use tungstenite::{Bytes, Error, Message, Utf8Bytes, protocol::CloseFrame};

/// How much one connection may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    contexts: Rc<Contexts>,
    /// Most clients are silent most of the time, and of these there is nothing to know.
    busy: Option<Box<Busy>>,
}

impl WebSocket {
    /// A WebSocket on which nothing was said yet.
    pub fn new(contexts: Rc<Contexts>) -> Self {
        Self { contexts, busy: None }
    }

    /// Takes one frame or message from `input`, which is cut accordingly; `None` when there is no whole one in it: all of it is
    /// kept then.
    ///
    /// # Errors
    /// The [`Fault`] that ends this connection. What follows in `input` has no meaning any more.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Received>, Fault> {
        if input.is_empty() && self.busy.as_ref().is_none_or(|busy| busy.pending == 0) {
            self.rest();
            return Ok(None);
        }
        let busy = self.busy();
        if !busy.context.can_read() {
            *input = &[];
            return Ok(None);
        }
        let before = input.len();
        let read = busy.context.read(&mut Buffered(input));
        busy.take_in(before - input.len());
        if let Ok(message) = &read {
            busy.give_out(message.len());
            if message.is_ping() || message.is_close() {
                busy.owes_answer = true;
                busy.queue(message.len());
            }
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
    /// The queue is full: the message, to flush, and to try again or give up.
    pub fn queue(&mut self, message: Message) -> Result<(), Box<Message>> {
        let busy = self.busy();
        busy.queue(message.len());
        match busy.context.write(&mut Buffered(&mut &[][..]), message) {
            Err(Error::WriteBufferFull(message)) => Err(message),
            // Nothing was written, which is what is wanted, or a close is under way.
            _ => Ok(()),
        }
    }

    /// Queues a message whatever its length and that of the queue: one that is longer than the queue may be, or that has waited elsewhere.
    pub fn queue_beyond(&mut self, message: Message) {
        self.busy().context.set_config(|config| config.max_write_buffer_size = usize::MAX);
        // Writing has to wait, and says so.
        let _ = self.queue(message);
        let bound = self.contexts.queue_bound();
        self.busy().context.set_config(|config| config.max_write_buffer_size = bound);
    }

    /// Queues a close frame, after which nothing else can be queued. There is room for it even if the queue is full.
    pub fn close(&mut self, code: u16, reason: &'static str) {
        let busy = self.busy();
        busy.queue(reason.len());
        busy.context.set_config(|config| config.max_write_buffer_size = usize::MAX);
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(reason) };
        // Writing has to wait, and says so; nothing else can go wrong.
        let _ = busy.context.close(&mut Buffered(&mut &[][..]), Some(frame));
    }

    /// Writes what is queued.
    pub fn flush(&mut self, stream: &mut Stream) -> Flushed {
        self.flush_into(&mut Wire(stream))
    }

    fn flush_into(&mut self, wire: &mut (impl Read + Write)) -> Flushed {
        let Some(busy) = &mut self.busy else { return Flushed::All };
        let mut flushed = busy.context.flush(wire);
        if flushed.is_ok() && mem::take(&mut busy.owes_answer) {
            // All that was before it is written.
            flushed = busy.context.flush(wire);
        }
        match flushed {
            Ok(()) => {
                busy.queued = None;
                self.rest();
                Flushed::All
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Flushed::Blocked,
            Err(_) => Flushed::Over,
        }
    }

    fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_with(|| self.contexts.take())
    }

    /// Gives back what is not needed any more, if nothing is under way.
    fn rest(&mut self) {
        if let Some(busy) = self.busy.take_if(|busy| busy.is_at_rest()) {
            self.contexts.give_back(busy);
        }
    }
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

    fn open(limits: Limits) -> WebSocket {
        WebSocket::new(Rc::new(Contexts::new(limits)))
    }

    /// A frame as a client sends it, masked with zeros: the payload stays readable.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0][..], payload].concat()
    }

    fn read_all(bytes: &[u8]) -> (Vec<Received>, Option<Fault>) {
        let mut socket = open(LIMITS);
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
            let mut socket = open(LIMITS);
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
        let mut socket = open(LIMITS);
        let message = || Message::Text(Utf8Bytes::from_static("0123456789012345678901234567890123456789"));
        let taken = (0..100).take_while(|_| socket.queue(message()).is_ok()).count();
        assert_eq!(taken, 7, "7 x 42 bytes are 294 of 300");
        assert!(socket.queue(message()).is_err());
        (0..20).for_each(|_| socket.queue_beyond(message()));
        assert!(socket.queue(message()).is_err(), "the bound is what it was");
        socket.close(1008, "too slow");
        let mut wire = io::Cursor::new(Vec::new());
        let _ = socket.flush_into(&mut wire);
        assert_eq!(wire.get_ref().len(), 27 * 42 + 12, "all that was queued, and the close");
        assert!(wire.get_ref().ends_with(b"\x88\x0a\x03\xf0too slow"), "there was room for the close");
    }

    /// Whether nothing is under way after it was given these bytes and asked for all that is in them.
    fn rests_after(socket: &mut WebSocket, bytes: &[u8]) -> bool {
        let mut input = bytes;
        while socket.read(&mut input).unwrap().is_some() {}
        socket.busy.is_none()
    }

    #[test]
    fn between_messages_there_are_no_buffers() {
        let limits = Limits { max_message_bytes: 70_000, max_queue_bytes: 70_000 };
        let mut socket = open(limits);
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let header = match length {
                0..126 => vec![0x81, 0x80 | length as u8],
                126..65_536 => [&[0x81, 0x80 | 126][..], &(length as u16).to_be_bytes()].concat(),
                _ => [&[0x81, 0x80 | 127][..], &(length as u64).to_be_bytes()].concat(),
            };
            let whole = [header, vec![0; 4 + length]].concat();
            let (front, back) = whole.split_at(whole.len() - 1);
            assert!(!rests_after(&mut socket, front), "{length} bytes: the last one is missing");
            assert!(rests_after(&mut socket, back), "{length} bytes");
        }
        // A pong has to be written first.
        assert!(!rests_after(&mut socket, &frame(0x89, b"?")));
        let mut wire = io::Cursor::new(Vec::new());
        assert_eq!(socket.flush_into(&mut wire), Flushed::All);
        assert_eq!(wire.get_ref(), b"\x8a\x01?");
        assert!(rests_after(&mut socket, &frame(0x8a, b"!")));
        // Where a fragment's frame begins is not known from outside.
        let fragments = [frame(0x01, b"frag"), frame(0x80, b"ments")].concat();
        assert!(!rests_after(&mut socket, &fragments));
        assert!(!rests_after(&mut socket, &frame(0x81, b"next")));
    }

    #[test]
    fn a_pong_for_which_there_was_no_room_is_not_forgotten() {
        let mut socket = open(LIMITS);
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
        let mut socket = open(LIMITS);
        assert_eq!(socket.read(&mut input), Ok(Some(Received::Close)));
        assert_eq!(socket.read(&mut input), Ok(None));
        assert!(input.is_empty());
    }
}
