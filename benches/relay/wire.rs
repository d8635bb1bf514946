//! Frames as bytes (RFC 6455 section 5): made before they are needed, and taken apart without a copy.

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A masked frame as a client sends it.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length => bytes.extend([0xfe, (length >> 8) as u8, length as u8]),
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// Where a frame's parts are.
pub(crate) struct Frame {
    pub(crate) first: u8,
    /// Where the payload begins and ends. If it is masked, the four bytes before it are the mask.
    pub(crate) payload: std::ops::Range<usize>,
}

/// The frame at the front, if all of it is there.
pub(crate) fn frame(bytes: &[u8]) -> Option<Frame> {
    let [first, second, ..] = *bytes else { return None };
    let (head, length) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap()))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap()) as usize),
        length => (2, usize::from(length)),
    };
    let begin = head + if second & 0x80 == 0 { 0 } else { 4 };
    let end = begin + length;
    (bytes.len() >= end).then_some(Frame { first, payload: begin..end })
}
