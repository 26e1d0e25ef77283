//! Addresses as texts. Each request writes some of them, and the machinery of formatting is slow
//! where a few digits are all there is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// An IP address, as [`ToString`] has it.
pub(super) fn ip(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => address.to_string(),
    }
}

/// An IP address and a port, likewise.
pub(super) fn socket(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => {
            let mut text = v4(*address.ip());
            text.push(':');
            text.push_str(itoa::Buffer::new().format(address.port()));
            text
        }
        SocketAddr::V6(address) => address.to_string(),
    }
}

fn v4(address: Ipv4Addr) -> String {
    let mut text = Vec::with_capacity("255.255.255.255:65535".len());
    for octet in address.octets() {
        let (digits, count) = OCTETS.get(usize::from(octet)).copied().unwrap_or_default();
        let end = text.len() + count + ".".len();
        text.extend_from_slice(&digits);
        text.truncate(end);
    }
    text.pop();
    String::from_utf8(text).unwrap_or_default()
}

/// The digits of each octet, with dots up to four characters; and how many digits they are.
static OCTETS: [([u8; 4], usize); 256] = octets();

#[allow(clippy::indexing_slicing, reason = "in a constant, what is out of bounds does not compile")]
const fn octets() -> [([u8; 4], usize); 256] {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut octet: u8 = 0;
    loop {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let count = match octet {
            100.. => 3,
            10.. => 2,
            _ => 1,
        };
        let mut index = 0;
        while index < count {
            octets[octet as usize].0[index] = b'0' + digits[3 - count + index];
            index += 1;
        }
        octets[octet as usize].1 = count;
        if octet == u8::MAX {
            return octets;
        }
        octet += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_standard_library_has_it() {
        let ips = [
            "0.0.0.0",
            "127.0.0.1",
            "255.10.100.99",
            "203.0.113.250",
            "::1",
            "2001:db8::a",
            "::ffff:1.2.3.4",
        ];
        for (address, port) in ips.into_iter().zip([0, 9, 10, 99, 100, 8080, 65535]) {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(ip(address), address.to_string());
            let address = SocketAddr::new(address, port);
            assert_eq!(socket(address), address.to_string());
        }
        for octet in 0..=255 {
            let address = Ipv4Addr::new(octet, 255 - octet, octet / 2, octet / 3);
            assert_eq!(v4(address), address.to_string());
        }
    }
}
