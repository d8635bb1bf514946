//! Frames (RFC 6455 section 5) as a client makes them and takes them apart, without the library that the server uses.

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;

/// A frame from the server: its first byte and its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub first: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).unwrap()
    }

    /// The code of a close frame; 1005 if it has none (RFC 6455 section 7.1.5).
    pub fn close_code(&self) -> u16 {
        assert_eq!(self.first, CLOSE, "no close frame: {self:?}");
        self.payload.get(..2).map_or(1005, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub fn close_reason(&self) -> &str {
        std::str::from_utf8(self.payload.get(2..).unwrap_or_default()).unwrap()
    }

    /// Takes a frame from the front of `bytes`, if a whole one is there.
    pub fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        assert!(second < 128, "a server must not mask");
        let (header, length) = match second {
            126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap()))),
            127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap())),
            length => (2, u64::from(length)),
        };
        let end = header + usize::try_from(length).unwrap();
        let payload = bytes.get(header..end)?.to_vec();
        bytes.drain(..end);
        Some(Self { first, payload })
    }
}

/// A masked frame as a client sends it.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}
