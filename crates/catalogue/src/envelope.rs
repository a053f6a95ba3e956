//! DSSE, the Dead Simple Signing Envelope, version 1.0.2: a payload, what it is, and signatures of both together.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};

/// An envelope, still sealed: the signatures are over [`Envelope::signed_bytes`].
#[derive(Debug, PartialEq)]
pub(crate) struct Envelope {
    pub payload_type: String,
    pub payload: Vec<u8>,
    pub signatures: Vec<Sealed>,
}

/// One signature.
#[derive(Debug, PartialEq)]
pub(crate) struct Sealed {
    /// Which key is said to have made it; nothing is proven by this. Empty if it is not said.
    pub key_id: String,
    pub signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    payload: String,
    payload_type: String,
    signatures: Vec<SignatureForm>,
}

#[derive(Serialize, Deserialize)]
struct SignatureForm {
    #[serde(default)]
    keyid: String,
    sig: String,
}

impl Envelope {
    /// What is signed: the pre-authentication encoding (DSSE protocol, Signature Definition).
    pub fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
        let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
        bytes.extend_from_slice(payload);
        bytes
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let signatures = self
            .signatures
            .iter()
            .map(|sealed| SignatureForm { keyid: sealed.key_id.clone(), sig: STANDARD.encode(&sealed.signature) });
        let form = Form {
            payload: STANDARD.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: signatures.collect(),
        };
        serde_json::to_vec(&form).expect("texts become JSON")
    }

    /// Reads an envelope; the error says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let form: Form = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let signature = |form: SignatureForm| Ok(Sealed { key_id: form.keyid, signature: decode(&form.sig)? });
        Ok(Self {
            payload: decode(&form.payload)?,
            payload_type: form.payload_type,
            signatures: form.signatures.into_iter().map(signature).collect::<Result<_, String>>()?,
        })
    }
}

/// A consumer must take either alphabet (DSSE envelope, Standard JSON envelope).
fn decode(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map_err(|error| format!("base64: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_of_what_is_signed() {
        let bytes = Envelope::signed_bytes("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn the_specifications_example_envelope_is_read() {
        let text = r#"{"payload": "aGVsbG8gd29ybGQ=", "payloadType": "http://example.com/HelloWorld", "signatures":
            [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}"#;
        let envelope = Envelope::parse(text.as_bytes()).unwrap();
        assert_eq!(envelope.payload, b"hello world");
        assert_eq!((envelope.signatures[0].key_id.as_str(), envelope.signatures[0].signature.len()), ("", 64));
        assert_eq!(Envelope::parse(&envelope.to_bytes()).unwrap(), envelope);
    }

    #[test]
    fn both_alphabets_are_taken() {
        assert_eq!(decode("+/+/").unwrap(), decode("-_-_").unwrap());
        assert!(decode("+/").is_err());
    }
}
