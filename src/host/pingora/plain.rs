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
    let mut text = String::with_capacity("255.255.255.255:65535".len());
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            text.push('.');
        }
        text.push_str(itoa::Buffer::new().format(octet));
    }
    text
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
    }
}
