//! The certificate that a client proved to own, for upstreams that want to know (RFC 9440).

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use http::HeaderValue;
use pingora::{
    Result,
    http::RequestHeader,
    listeners::TlsAccept,
    protocols::{Digest, tls::TlsRef},
};

const CLIENT_CERT: &str = "Client-Cert";
const CLIENT_CERT_CHAIN: &str = "Client-Cert-Chain";

/// Notes the certificate that a client showed; only valid ones come so far.
pub(super) struct Noted;

/// The certificate as a field of a request; it travels with the connection.
struct ClientCertificate(HeaderValue);

#[async_trait]
impl TlsAccept for Noted {
    async fn handshake_complete_callback(&self, tls: &TlsRef) -> Option<Arc<dyn Any + Send + Sync>> {
        let value = HeaderValue::try_from(byte_sequence(tls.peer_certificate_der()?)).ok()?;
        Some(Arc::new(ClientCertificate(value)))
    }
}

/// Shows the upstream the certificate of the client. What the client wrote there itself goes: it
/// would be believed.
pub(in crate::host::pingora) fn tell_who_proved(
    request: &mut RequestHeader,
    connection: Option<&Digest>,
) -> Result<()> {
    request.remove_header(CLIENT_CERT);
    request.remove_header(CLIENT_CERT_CHAIN);
    let tls = connection.and_then(|connection| connection.ssl_digest.as_ref());
    if let Some(ClientCertificate(value)) = tls.and_then(|tls| tls.extension.get()) {
        request.insert_header(CLIENT_CERT, value)?;
    }
    Ok(())
}

/// Bytes as a structured field has them (RFC 9651 §3.3.5): in base64, between colons.
fn byte_sequence(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4 + 2);
    text.push(':');
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS.get(bits >> (18 - 6 * place) & 63).filter(|_| place <= group.len());
            text.push(digit.map_or('=', |digit| char::from(*digit)));
        }
    }
    text.push(':');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_base64() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in vectors {
            assert_eq!(byte_sequence(bytes.as_bytes()), format!(":{text}:"));
        }
        assert_eq!(byte_sequence(&[0xff, 0xe0, 0x3f]), ":/+A/:");
    }
}
