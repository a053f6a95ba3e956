//! C-FIND as SCP (PS3.7 §9.1.2, PS3.4 §C.4.1): what the index knows, one response a match.
//!
//! | what happened | status (PS3.4 Table C.4-1) |
//! |---|---|
//! | a match | `FF00`, or `FF01` when the index lacks an attribute that was asked for |
//! | all matches were sent | `0000` |
//! | the peer cancelled | `FE00` |
//! | more matches than `find_matches_max`, of which as many were sent; or the database refuses | `A700` |
//! | no level of this model | `A900` |
//! | a malformed identifier, or a value that does not fit its attribute | `C000` |
//!
//! Queries may be relational: the unique keys of wider levels can be left out, and every attribute of a level or a wider
//! one can be matched. Keys that the index does not have are returned empty. Texts are answered in the character set of
//! the request if it is a single one that can say them, else in UTF-8. Results in shadow mode are not in the index.

use crate::association::Association;
use crate::command::CommandSet;
use crate::connection::ConnectionError;
use crate::contexts::{Context, QueryManner};
use crate::identifier::{Identifier, OUT_OF_RESOURCES, UNABLE_TO_PROCESS};
use crate::services::level_name;
use crate::store_scp::Reply;
use lightbox_dicom::DataSet;
use lightbox_dicom::data_set::{Content, Element, tag};
use lightbox_domain::{Attribute, Query};
use lightbox_store::Found;

const SUCCESS: u16 = 0x0000;
const CANCELLED: u16 = 0xFE00;
const PENDING: u16 = 0xFF00;
const PENDING_WITHOUT_ALL_KEYS: u16 = 0xFF01;

/// Answers a query.
pub(crate) async fn serve(
    association: &mut Association,
    context: &Context,
    command: &CommandSet,
    identifier: &Identifier,
) -> Result<(), ConnectionError> {
    let manner = QueryManner::agreed(&association.extensions, &context.sop_class_uid);
    let reply = match search(association, identifier, manner).await {
        Ok((found, has_all_keys)) => {
            let pending = if has_all_keys { PENDING } else { PENDING_WITHOUT_ALL_KEYS };
            send_matches(association, context, command, identifier, &found, pending).await?
        }
        Err(reply) => reply,
    };
    association.respond(context, command, &reply).await
}

/// The matches, at most one more than may be sent, and whether the index has all attributes that were asked for.
async fn search(
    association: &Association,
    identifier: &Identifier,
    manner: QueryManner,
) -> Result<(Vec<Found>, bool), Reply> {
    let matches_max = association.server.config.limits.find_matches_max;
    let (query, has_all_keys) = query(identifier, matches_max + 1, manner)?;
    let found = association.server.store.search(&query).await.map_err(|error| {
        tracing::error!(peer = %association.caller.title, %error, "cannot answer a query");
        Reply::new(OUT_OF_RESOURCES, "the index cannot be searched now: ask again later")
    })?;
    let (peer, level) = (&association.caller.title, level_name(identifier.level));
    tracing::info!(%peer, level, matches = found.len(), "answering a query");
    Ok((found, has_all_keys))
}

async fn send_matches(
    association: &mut Association,
    context: &Context,
    command: &CommandSet,
    identifier: &Identifier,
    found: &[Found],
    pending: u16,
) -> Result<Reply, ConnectionError> {
    let matches_max = usize::try_from(association.server.config.limits.find_matches_max).unwrap_or(0);
    let response = command.response(pending, "").with_data_set();
    let our_title = association.server.config.ae_title.clone();
    let character_set = identifier.keys.text(tag::SPECIFIC_CHARACTER_SET);
    for one in found.iter().take(matches_max) {
        if association.connection.is_cancelled(command.message_id()).await? {
            return Ok(Reply::new(CANCELLED, ""));
        }
        let answer = answer(identifier, our_title.as_str(), &|keyword| one.text(keyword));
        let bytes = answer.write(&context.transfer_syntax_uid, character_set);
        association.connection.write_message(context.id, &response, Some(&bytes)).await?;
    }
    if found.len() > matches_max {
        return Ok(Reply::new(OUT_OF_RESOURCES, format!("more than {matches_max} matches: ask for less")));
    }
    Ok(Reply::new(SUCCESS, ""))
}

/// What the keys ask of the index, and whether it has all of them.
fn query(identifier: &Identifier, limit: i64, manner: QueryManner) -> Result<(Query, bool), Reply> {
    let mut query = Query::new(identifier.level, limit);
    let mut has_all_keys = true;
    for (tag, element) in identifier.keys.elements() {
        match &element.content {
            Content::Text(_) if is_answered_apart(tag) => {}
            Content::Text(value) => has_all_keys &= push(&mut query, None, tag, value, manner.fuzzy)?,
            Content::Items(items) => {
                for (inner, element) in items.first().iter().flat_map(|item| item.elements()) {
                    let Content::Text(value) = &element.content else {
                        has_all_keys = false;
                        continue;
                    };
                    has_all_keys &= push(&mut query, Some(tag), inner, value, manner.fuzzy)?;
                }
            }
        }
    }
    if manner.combined {
        query.combine_dates_and_times();
    }
    Ok((query, has_all_keys))
}

/// Adds a condition; false when the index has no such attribute at this level.
fn push(query: &mut Query, sequence: Option<u32>, tag: u32, value: &str, fuzzy: bool) -> Result<bool, Reply> {
    let known = Attribute::of_tag(tag).filter(|one| one.sequence == sequence && one.level <= query.level);
    let Some(attribute) = known else { return Ok(false) };
    if !attribute.is_count {
        query.push(attribute, value, fuzzy).map_err(|error| Reply::new(UNABLE_TO_PROCESS, error.to_string()))?;
    }
    Ok(true)
}

/// Keys that are no attributes of what is searched (PS3.4 §C.4.1.1.3).
fn is_answered_apart(tag: u32) -> bool {
    [tag::SPECIFIC_CHARACTER_SET, tag::QUERY_RETRIEVE_LEVEL, tag::RETRIEVE_AE_TITLE, tag::INSTANCE_AVAILABILITY]
        .contains(&tag)
}

/// The keys with their values in a match (PS3.4 §C.4.1.1.3.2). Everything that is found is at hand, so it is `ONLINE`.
fn answer<'a>(identifier: &Identifier, our_title: &str, value: &dyn Fn(&str) -> &'a str) -> DataSet {
    let level = identifier.level;
    let text = |sequence, tag| {
        let known = Attribute::of_tag(tag).filter(|one| one.sequence == sequence && one.level <= level);
        known.map_or("", |attribute| value(&attribute.keyword))
    };
    let mut answer =
        DataSet::default().with(tag::QUERY_RETRIEVE_LEVEL, level_name(level)).with(tag::RETRIEVE_AE_TITLE, our_title);
    for (key, element) in identifier.keys.elements() {
        let content = match &element.content {
            Content::Text(_) if key == tag::INSTANCE_AVAILABILITY => Content::Text("ONLINE".to_owned()),
            Content::Text(_) if is_answered_apart(key) => continue,
            Content::Text(_) => Content::Text(text(None, key).to_owned()),
            Content::Items(items) => Content::Items(answer_item(items, |inner| text(Some(key), inner))),
        };
        answer.put(key, Element { vr: element.vr, content });
    }
    answer
}

/// The item of a sequence whose attributes were asked for; none when the index has no value for it.
fn answer_item<'a>(items: &[DataSet], text: impl Fn(u32) -> &'a str) -> Vec<DataSet> {
    let mut item = DataSet::default();
    for (tag, element) in items.first().iter().flat_map(|item| item.elements()) {
        let content = match &element.content {
            Content::Text(_) => Content::Text(text(tag).to_owned()),
            Content::Items(_) => Content::Items(Vec::new()),
        };
        item.put(tag, Element { vr: element.vr, content });
    }
    let is_empty = item.elements().all(|(tag, _)| item.text(tag).is_empty());
    if is_empty { Vec::new() } else { vec![item] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lightbox_domain::{Level, Matching};

    const PATIENT_NAME: u32 = 0x0010_0010;
    const MODALITY: u32 = 0x0008_0060;
    const STUDY_DATE: u32 = 0x0008_0020;
    const REQUEST_ATTRIBUTES: u32 = 0x0040_0275;
    const REQUESTED_PROCEDURE_ID: u32 = 0x0040_1001;
    const NUMBER_OF_STUDY_RELATED_SERIES: u32 = 0x0020_1206;
    const ETHNIC_GROUP: u32 = 0x0010_2160;

    fn identifier(level: Level, keys: DataSet) -> Identifier {
        Identifier { level, keys: keys.with(tag::QUERY_RETRIEVE_LEVEL, level_name(level)) }
    }

    #[test]
    fn keys_become_conditions() {
        let item = DataSet::default().with(REQUESTED_PROCEDURE_ID, "RP1");
        let keys = DataSet::default()
            .with(tag::SPECIFIC_CHARACTER_SET, "ISO_IR 100")
            .with(PATIENT_NAME, "Mü*")
            .with(STUDY_DATE, "")
            .with_items(REQUEST_ATTRIBUTES, vec![item]);
        let (query, has_all_keys) = query(&identifier(Level::Series, keys), 11, QueryManner::default()).unwrap();
        assert!(has_all_keys);
        assert_eq!((query.level, query.limit), (Level::Series, 11));
        let conditions: Vec<_> = query.keys.iter().map(|key| (key.attribute.keyword.as_str(), &key.matching)).collect();
        let name = Matching::Like(vec!["mu*".to_owned()]);
        let procedure = Matching::OneOf(vec!["RP1".to_owned()]);
        assert_eq!(conditions, [("PatientName", &name), ("RequestedProcedureID", &procedure)]);
    }

    #[test]
    fn keys_that_the_index_lacks_are_noticed_and_do_not_narrow() {
        for (tag, expected) in [(ETHNIC_GROUP, false), (MODALITY, false), (NUMBER_OF_STUDY_RELATED_SERIES, true)] {
            let keys = DataSet::default().with(tag, "1");
            let (query, has_all_keys) = query(&identifier(Level::Study, keys), 11, QueryManner::default()).unwrap();
            assert_eq!((query.keys.len(), has_all_keys), (0, expected), "{tag:08X}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_without_repeating_it() {
        let keys = DataSet::default().with(STUDY_DATE, "Doe^John");
        let reply = query(&identifier(Level::Study, keys), 11, QueryManner::default()).unwrap_err();
        assert_eq!(reply.status, UNABLE_TO_PROCESS);
        assert!(reply.comment.contains("StudyDate") && !reply.comment.contains("Doe"), "{}", reply.comment);
    }

    #[test]
    fn an_answer_has_every_key_that_was_asked_for() {
        let keys = DataSet::default()
            .with(PATIENT_NAME, "D*")
            .with(ETHNIC_GROUP, "")
            .with(tag::INSTANCE_AVAILABILITY, "")
            .with_items(REQUEST_ATTRIBUTES, vec![DataSet::default().with(REQUESTED_PROCEDURE_ID, "")]);
        let value = |keyword: &str| match keyword {
            "PatientName" => "Doe^John",
            "RequestedProcedureID" => "RP1",
            _ => "",
        };
        let answer = answer(&identifier(Level::Series, keys), "LIGHTBOX", &value);
        let elements: Vec<_> = answer.elements().map(|(tag, _)| tag).collect();
        let expected =
            [tag::QUERY_RETRIEVE_LEVEL, tag::RETRIEVE_AE_TITLE, tag::INSTANCE_AVAILABILITY, PATIENT_NAME, ETHNIC_GROUP];
        assert_eq!(elements, [&expected[..], &[REQUEST_ATTRIBUTES]].concat());
        assert_eq!(answer.text(PATIENT_NAME), "Doe^John");
        assert_eq!(answer.text(tag::INSTANCE_AVAILABILITY), "ONLINE");
        assert_eq!(answer.text(tag::QUERY_RETRIEVE_LEVEL), "SERIES");
        assert_eq!(answer.items(REQUEST_ATTRIBUTES)[0].text(REQUESTED_PROCEDURE_ID), "RP1");
    }
}
