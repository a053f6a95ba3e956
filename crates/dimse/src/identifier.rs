//! The identifier that comes with a query or a retrieve request (PS3.4 §C.4).

use crate::association::Association;
use crate::command::CommandSet;
use crate::connection::ConnectionError;
use crate::contexts::Context;
use crate::services::Root;
use crate::store_scp::Reply;
use lightbox_dicom::DataSet;
use lightbox_dicom::data_set::tag;
use lightbox_domain::Level;

/// The longest identifier, in bytes: room for some 15,000 UIDs.
const IDENTIFIER_BYTES_MAX: usize = 1 << 20;

/// PS3.4 Table C.4-1 and its likes.
pub(crate) const OUT_OF_RESOURCES: u16 = 0xA700;
pub(crate) const IDENTIFIER_DOES_NOT_MATCH: u16 = 0xA900;
pub(crate) const UNABLE_TO_PROCESS: u16 = 0xC000;

/// A request's identifier and the level that it names.
pub(crate) struct Identifier {
    pub level: Level,
    pub keys: DataSet,
}

impl Identifier {
    /// Receives the data set that follows a request; a reply instead when it is no identifier of that model.
    pub(crate) async fn receive(
        association: &mut Association,
        context: &Context,
        command: &CommandSet,
        root: Root,
    ) -> Result<Result<Self, Reply>, ConnectionError> {
        debug_assert!(command.has_data_set());
        let bytes = association.connection.read_data_set(context.id, IDENTIFIER_BYTES_MAX).await?;
        let Some(bytes) = bytes else {
            return Ok(Err(Reply::new(
                OUT_OF_RESOURCES,
                format!("an identifier has at most {IDENTIFIER_BYTES_MAX} bytes"),
            )));
        };
        Ok(Self::read(&bytes, &context.transfer_syntax_uid, root))
    }

    fn read(bytes: &[u8], transfer_syntax_uid: &str, root: Root) -> Result<Self, Reply> {
        let keys = DataSet::read(bytes, transfer_syntax_uid)
            .map_err(|error| Reply::new(UNABLE_TO_PROCESS, format!("the identifier is malformed: {error}")))?;
        let level = root.level(keys.text(tag::QUERY_RETRIEVE_LEVEL)).ok_or_else(|| {
            Reply::new(IDENTIFIER_DOES_NOT_MATCH, "QueryRetrieveLevel is none of this information model")
        })?;
        Ok(Self { level, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPLICIT: &str = "1.2.840.10008.1.2.1";

    #[track_caller]
    fn check(level: &str, root: Root, expected: Result<Level, u16>) {
        let bytes = DataSet::default().with(tag::QUERY_RETRIEVE_LEVEL, level).write(EXPLICIT, "");
        let read = Identifier::read(&bytes, EXPLICIT, root);
        assert_eq!(read.map(|identifier| identifier.level).map_err(|reply| reply.status), expected);
    }

    #[test]
    fn an_identifier_names_a_level_of_its_model() {
        check("IMAGE", Root::Study, Ok(Level::Instance));
        check("study", Root::Patient, Ok(Level::Study));
        check("PATIENT", Root::Study, Err(IDENTIFIER_DOES_NOT_MATCH));
        check("", Root::Study, Err(IDENTIFIER_DOES_NOT_MATCH));
        let cut = Identifier::read(&[8, 0, 0x52], EXPLICIT, Root::Study);
        assert_eq!(cut.err().map(|reply| reply.status), Some(UNABLE_TO_PROCESS));
    }
}
