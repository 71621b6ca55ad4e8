//! A program's flash as programmers of flash want it: plain bytes or Intel HEX.

use core::fmt::Write;

/// Bytes in a record of data.
const RECORD_BYTES: usize = 16;

/// The record types that are used (*Intel Hexadecimal Object File Format Specification*, revision A).
#[derive(Clone, Copy)]
enum Record {
    Data = 0,
    EndOfFile = 1,
    /// The upper half of the addresses that follow.
    ExtendedLinearAddress = 4,
    /// Where execution begins.
    StartLinearAddress = 5,
}

/// `bytes` at `origin` as Intel HEX, with the address where execution begins.
pub fn intel_hex(origin: u32, bytes: &[u8], entry: u32) -> String {
    let mut text = String::new();
    let mut upper = None;
    // No record crosses a multiple of 64 KiB: the first may be short.
    let mut at = 0;
    while at < bytes.len() {
        let address = origin.wrapping_add(at as u32);
        if upper != Some(address >> 16) {
            upper = Some(address >> 16);
            let half = (address >> 16) as u16;
            record(&mut text, Record::ExtendedLinearAddress, 0, &half.to_be_bytes());
        }
        let room = RECORD_BYTES - address as usize % RECORD_BYTES;
        let end = bytes.len().min(at + room);
        record(&mut text, Record::Data, address as u16, &bytes[at..end]);
        at = end;
    }
    record(&mut text, Record::StartLinearAddress, 0, &entry.to_be_bytes());
    record(&mut text, Record::EndOfFile, 0, &[]);
    text
}

/// One line; its bytes with the checksum add up to a multiple of 256.
fn record(text: &mut String, kind: Record, address: u16, data: &[u8]) {
    let mut bytes = vec![data.len() as u8];
    bytes.extend(address.to_be_bytes());
    bytes.push(kind as u8);
    bytes.extend(data);
    let sum = bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
    bytes.push(sum.wrapping_neg());
    text.push(':');
    bytes.iter().for_each(|byte| {
        let _ = write!(text, "{byte:02X}");
    });
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_of_the_specification() {
        let hex = intel_hex(0x0801_fffc, &[1, 2, 3, 4, 5], 0x0801_fffd);
        let lines: Vec<_> = hex.lines().collect();
        assert_eq!(
            lines,
            [
                ":020000040801F1",
                ":04FFFC0001020304F7",
                ":020000040802F0",
                ":0100000005FA",
                ":040000050801FFFDF2",
                ":00000001FF"
            ]
        );
    }
}
