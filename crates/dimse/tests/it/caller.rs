//! A caller that sends whatever PDUs a test wants, in whatever pieces.

use crate::object::Object;
use crate::setting::PATIENCE;
use dicom_ul::pdu::{
    AssociationAC, AssociationRQ, PDataValue, PDataValueType, Pdu, PresentationContextProposed, RequestorRoles,
    UserVariableItem, read_pdu, write_pdu,
};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const VERIFICATION: &str = "1.2.840.10008.1.1";
pub const IMPLICIT: &str = "1.2.840.10008.1.2";
pub const FIND_STUDY: &str = "1.2.840.10008.5.1.4.1.2.2.1";

pub struct Caller {
    pub stream: TcpStream,
}

/// What a response says: Command Field, status, Error Comment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub command_field: u16,
    pub status: u16,
    pub comment: String,
    pub sop_class_uid: String,
    pub sop_instance_uid: String,
    pub message_id: u16,
}

impl Caller {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// An accepted association as `TEST`; context 1 is verification, 3, 5, … are for these objects' kinds.
    pub async fn associated(address: SocketAddr, objects: &[&Object]) -> Self {
        let mut caller = Self::connect(address).await;
        caller.send(&request("TEST", objects)).await;
        match caller.receive().await {
            Some(Pdu::AssociationAC(_)) => caller,
            other => panic!("no association: {other:?}"),
        }
    }

    /// An accepted association as `TEST`; context 1 is verification, 3, 5, … are these.
    pub async fn with_contexts(address: SocketAddr, contexts: &[(&str, &str)]) -> Self {
        let (caller, answer) = Self::ask(address, request_with_roles("TEST", contexts, &[])).await;
        assert!(matches!(answer, Some(Pdu::AssociationAC(_))), "no association: {answer:?}");
        caller
    }

    /// Asks for an association with any request; gives the answer.
    pub async fn ask(address: SocketAddr, request: Pdu) -> (Self, Option<Pdu>) {
        let mut caller = Self::connect(address).await;
        caller.send(&request).await;
        let answer = caller.receive().await;
        (caller, answer)
    }

    pub async fn send(&mut self, pdu: &Pdu) {
        self.stream.write_all(&encode(pdu)).await.unwrap();
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next PDU; `None` when the door closed the connection.
    pub async fn receive(&mut self) -> Option<Pdu> {
        tokio::time::timeout(PATIENCE, self.receive_patiently()).await.expect("an answer comes")
    }

    async fn receive_patiently(&mut self) -> Option<Pdu> {
        let mut pdu = vec![0; 6];
        self.stream.read_exact(&mut pdu).await.ok()?;
        let length = u32::from_be_bytes([pdu[2], pdu[3], pdu[4], pdu[5]]) as usize;
        pdu.resize(6 + length, 0);
        self.stream.read_exact(&mut pdu[6..]).await.ok()?;
        read_pdu(&pdu[..], 1 << 20, true).unwrap()
    }

    /// Sends a data set in fragments of this size, the last one marked unless `is_whole` is false.
    pub async fn send_data(&mut self, context_id: u8, data: &[u8], fragment_bytes: usize, is_whole: bool) {
        let count = data.chunks(fragment_bytes).count();
        for (index, fragment) in data.chunks(fragment_bytes).enumerate() {
            let is_last = is_whole && index + 1 == count;
            self.send(&data_pdu(context_id, PDataValueType::Data, is_last, fragment.to_vec())).await;
        }
    }

    /// Stores an object in the context of that number; gives the response.
    pub async fn store(&mut self, context_id: u8, object: &Object) -> Response {
        self.send(&command_pdu(context_id, &store_request(object))).await;
        self.send_data(context_id, &object.data_set(), 16_000, true).await;
        self.response().await
    }

    pub async fn echo(&mut self) -> Response {
        self.send(&command_pdu(1, &echo_request())).await;
        self.response().await
    }

    pub async fn response(&mut self) -> Response {
        match self.receive().await {
            Some(Pdu::PData { data }) => read_response(&data),
            other => panic!("no response: {other:?}"),
        }
    }

    /// The request that the door sends next, its data set read and forgotten.
    pub async fn sub_operation(&mut self) -> Response {
        let request = self.response().await;
        loop {
            match self.receive().await {
                Some(Pdu::PData { data }) if data.iter().any(|value| value.is_last) => return request,
                Some(Pdu::PData { .. }) => {}
                other => panic!("no data set: {other:?}"),
            }
        }
    }

    /// Says that what a C-STORE brought is stored.
    pub async fn answer_store(&mut self, context_id: u8, request: &Response) {
        let mut response = command(0x8001, 0x0101, &request.sop_class_uid, &request.sop_instance_uid);
        push(&mut response, 0x0120, &request.message_id.to_le_bytes());
        push(&mut response, 0x0900, &0_u16.to_le_bytes());
        self.send(&command_pdu(context_id, &response)).await;
    }

    pub async fn release(mut self) {
        self.send(&Pdu::ReleaseRQ).await;
        assert_eq!(self.receive().await, Some(Pdu::ReleaseRP));
    }
}

pub fn encode(pdu: &Pdu) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_pdu(&mut bytes, pdu).unwrap();
    bytes
}

pub fn request(calling: &str, objects: &[&Object]) -> Pdu {
    let kinds = objects.iter().map(|object| (object.sop_class_uid.as_str(), object.transfer_syntax_uid.as_str()));
    request_with_roles(calling, &kinds.collect::<Vec<_>>(), &[])
}

/// A request with these contexts beside verification, and the SCP role for these classes.
pub fn request_with_roles(calling: &str, contexts: &[(&str, &str)], scp_of: &[&str]) -> Pdu {
    let contexts = std::iter::once((VERIFICATION, IMPLICIT)).chain(contexts.iter().copied()).enumerate();
    let roles = scp_of.iter().map(|class| {
        let roles = RequestorRoles { scu: false, scp: true };
        UserVariableItem::ScuScpRoleSelectionSubItem((*class).to_owned(), roles)
    });
    let context = |(index, (class, syntax)): (usize, (&str, &str))| PresentationContextProposed {
        id: (index * 2 + 1) as u8,
        abstract_syntax: class.to_owned(),
        transfer_syntaxes: vec![syntax.to_owned()],
    };
    Pdu::AssociationRQ(AssociationRQ {
        protocol_version: 1,
        calling_ae_title: calling.to_owned(),
        called_ae_title: "ANYBODY".to_owned(),
        application_context_name: "1.2.840.10008.3.1.1.1".to_owned(),
        presentation_contexts: contexts.map(context).collect(),
        user_variables: [
            UserVariableItem::MaxLength(16_384),
            UserVariableItem::ImplementationClassUID("1.2.3".to_owned()),
        ]
        .into_iter()
        .chain(roles)
        .collect(),
    })
}

/// How long the door's PDUs may be, by its own word.
pub fn announced_bytes_max(answer: &AssociationAC) -> u32 {
    let max = |item: &UserVariableItem| if let UserVariableItem::MaxLength(bytes) = item { Some(*bytes) } else { None };
    answer.user_variables.iter().find_map(max).expect("a Maximum Length")
}

pub fn data_pdu(context_id: u8, value_type: PDataValueType, is_last: bool, data: Vec<u8>) -> Pdu {
    Pdu::PData { data: vec![PDataValue { presentation_context_id: context_id, value_type, is_last, data }] }
}

pub fn command_pdu(context_id: u8, command: &[u8]) -> Pdu {
    data_pdu(context_id, PDataValueType::Command, true, command.to_vec())
}

pub fn store_request(object: &Object) -> Vec<u8> {
    command(0x0001, 0x0000, &object.sop_class_uid, &object.sop_instance_uid)
}

pub fn echo_request() -> Vec<u8> {
    command(0x0030, 0x0101, VERIFICATION, "")
}

/// A request with an identifier.
pub fn identifier_request(context_id: u8, command_field: u16, sop_class_uid: &str) -> Pdu {
    command_pdu(context_id, &command(command_field, 0x0000, sop_class_uid, ""))
}

/// Cancels the operation of message 1, which every request of a caller is.
pub fn cancel_request(context_id: u8) -> Pdu {
    let mut bytes = Vec::new();
    push(&mut bytes, 0x0100, &0x0FFF_u16.to_le_bytes());
    push(&mut bytes, 0x0120, &1_u16.to_le_bytes());
    push(&mut bytes, 0x0800, &0x0101_u16.to_le_bytes());
    command_pdu(context_id, &bytes)
}

pub fn push(bytes: &mut Vec<u8>, element: u16, value: &[u8]) {
    let padded = value.len().next_multiple_of(2);
    bytes.extend([0, 0]);
    bytes.extend(element.to_le_bytes());
    bytes.extend((padded as u32).to_le_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len() + padded - value.len(), 0);
}

/// A command set by hand (PS3.7 §6.3.1).
pub fn command(command_field: u16, data_set_type: u16, sop_class_uid: &str, sop_instance_uid: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if !sop_class_uid.is_empty() {
        push(&mut bytes, 0x0002, sop_class_uid.as_bytes());
    }
    push(&mut bytes, 0x0100, &command_field.to_le_bytes());
    push(&mut bytes, 0x0110, &1_u16.to_le_bytes());
    push(&mut bytes, 0x0700, &0_u16.to_le_bytes());
    push(&mut bytes, 0x0800, &data_set_type.to_le_bytes());
    if !sop_instance_uid.is_empty() {
        push(&mut bytes, 0x1000, sop_instance_uid.as_bytes());
    }
    bytes
}

fn read_response(values: &[PDataValue]) -> Response {
    assert_eq!(values.len(), 1, "a response is one fragment");
    let mut bytes = values[0].data.as_slice();
    let mut response = Response { status: 0xFFFF, ..Response::default() };
    while let [0, 0, low, high, a, b, c, d, rest @ ..] = bytes {
        let (value, later) = rest.split_at(u32::from_le_bytes([*a, *b, *c, *d]) as usize);
        let number = || u16::from_le_bytes([value[0], value[1]]);
        let text = || String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned();
        match u16::from_le_bytes([*low, *high]) {
            0x0002 => response.sop_class_uid = text(),
            0x0100 => response.command_field = number(),
            0x0110 => response.message_id = number(),
            0x0900 => response.status = number(),
            0x0902 => response.comment = text(),
            0x1000 => response.sop_instance_uid = text(),
            _ => {}
        }
        bytes = later;
    }
    assert!(bytes.is_empty(), "the response is a whole command set");
    response
}
