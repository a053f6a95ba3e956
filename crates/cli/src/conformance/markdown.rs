//! The statement for people, in the order of PS3.2 Annex N.

use super::{Key, Statement};
use lightbox_dimse::SopClass;
use lightbox_http::Transaction;

/// The statement as Markdown.
pub fn markdown(statement: &Statement) -> String {
    let sections = [
        overview(statement),
        implementation(statement),
        dimse_services(statement),
        storage(statement),
        query(statement),
        web_services(statement),
        negotiation(statement),
        transfer_syntaxes(statement),
        character_sets(statement),
        security(),
        limits(statement),
    ];
    sections.join("\n")
}

fn overview(statement: &Statement) -> String {
    let rows = services(statement).into_iter().map(|(service, scu, scp)| vec![service.to_owned(), yes(scu), yes(scp)]);
    format!(
        "# DICOM Conformance Statement

{product} {version}. Made by `lightbox conformance` of the program's own tables, after DICOM PS3.2.

## 1 Overview

{product} is an archive that receives, keeps, finds and gives DICOM objects, runs AI apps on images, and sends on what
they found. It keeps whatever composite object it receives, of every SOP class and transfer syntax, byte for byte.

{table}
DICOM web services: {web}. Media are not written; an
exported study is a zip archive that holds a File-set with its DICOMDIR.
",
        product = statement.product,
        version = statement.version,
        table = table(&["DIMSE service", "User (SCU)", "Provider (SCP)"], rows),
        web = "studies (search, store, retrieve, rendered), worklist (UPS-RS) and capabilities, as origin server",
    )
}

/// The services in the order of the classes, and whether we use and provide each.
fn services(statement: &Statement) -> Vec<(&'static str, bool, bool)> {
    let mut services: Vec<(&str, bool, bool)> = Vec::new();
    for class in &statement.sop_classes {
        match services.iter_mut().find(|(service, ..)| *service == class.service) {
            Some((_, scu, scp)) => (*scu, *scp) = (*scu || class.scu, *scp || class.scp),
            None => services.push((class.service, class.scu, class.scp)),
        }
    }
    services
}

fn implementation(statement: &Statement) -> String {
    format!(
        "## 2 Implementation model

One application entity, named by `--aet` (LIGHTBOX unless changed), both accepts and requests associations; the same data
are served by its web services. A caller is served if an administrator admitted its AE title, and only with the services
that the administrator allows it; others are rejected and listed. Instances are acknowledged after their file and their
index entry are durable. An instance that arrives again with equal content is a success; with another content, the first is
kept, and the newcomer set aside.

| | |
|---|---|
| Implementation Class UID | {} |
| Implementation Version Name | {} |
",
        statement.implementation_class_uid, statement.implementation_version_name
    )
}

fn dimse_services(statement: &Statement) -> String {
    let rows = statement.sop_classes.iter().filter(|class| class.service != "Storage").map(class_row);
    format!(
        "## 3 DIMSE services

{}
Queries may be relational. C-MOVE sends to admitted peers that have an address; C-GET returns over the same association.
What a peer does not take as it is stored is transcoded on its way. Storage commitment reports come on the association of
the request or on a new one. The COMPLETED and DISCONTINUED messages of performed procedure steps are kept,
and what they list is compared with what is received.

Other data under the SOP Instance UID of what is stored are, by the peer's policy, kept apart (C-STORE warning B000), stored in its
place (success), or refused (failure C111). An instance may be kept compressed without loss; in the transfer syntax in which it was
received it leaves bit for bit as it came.
",
        table(&["SOP class", "UID", "User (SCU)", "Provider (SCP)"], rows)
    )
}

fn storage(statement: &Statement) -> String {
    let stored = statement.sop_classes.iter().filter(|class| class.service == "Storage");
    let results = statement.sop_classes.iter().filter(|class| statement.results.contains(&class.uid.as_str()));
    let result_rows = results.map(|class| vec![class.name.clone(), class.uid.clone()]);
    format!(
        "### 3.1 Storage

These classes are stored, as are retired ones, those of later editions and private ones; none is looked into more than its
index needs. Elements are kept as they came (level 2, full), and so are private ones.

{}
What apps found is written by {} as:

{}",
        table(&["SOP class", "UID", "User (SCU)", "Provider (SCP)"], stored.map(class_row)),
        statement.product,
        table(&["SOP class", "UID"], result_rows)
    )
}

fn class_row(class: &SopClass) -> Vec<String> {
    vec![class.name.clone(), class.uid.clone(), yes(class.scu), yes(class.scp)]
}

fn query(statement: &Statement) -> String {
    format!(
        "### 3.2 Matching keys

For C-FIND and QIDO-RS. At each level the keys of the levels above it are matched and returned, too; an attribute that is
not listed is returned empty by C-FIND, and read from the objects by `includefield`. A key without value is returned. A date
and its time that are both ranges of one form are matched together, as one moment: always by QIDO-RS, by C-FIND if that was
negotiated (PS3.4 §C.2.2.2.5.4).

{}",
        keys(&statement.matching_keys)
    )
}

fn keys(keys: &[Key]) -> String {
    let row = |key: &Key| {
        vec![key.level.to_owned(), key.keyword.to_owned(), key.tag.clone(), key.vr.to_owned(), key.matching.to_owned()]
    };
    table(&["Level", "Attribute", "Tag", "VR", "Matching"], keys.iter().map(row))
}

fn web_services(statement: &Statement) -> String {
    let row = |one: &Transaction| {
        vec![
            one.name.to_owned(),
            format!("`{} {}`", one.method, one.path),
            format!("PS3.18 §{}", one.section),
            one.takes.join("<br>"),
            one.gives.join("<br>"),
        ]
    };
    format!(
        "## 4 DICOM web services

Addresses are below `/dicomweb`. `OPTIONS /dicomweb/` gives the same, with all query parameters, as WADL or JSON.

{}
### 4.1 Worklist

Workitems are created, changed and ended as PS3.4 Annex CC has it; attributes are checked against Table CC.2.5-3. Workitems
are not deleted. Event reports go to whoever is connected when something happens; filtered subscriptions are refused.
Payloads are DICOM JSON; XML is answered with 415 or 406. A search matches:

{}",
        table(
            &["Transaction", "Request", "Described in", "Takes", "Gives"],
            statement.dicomweb.iter().map(row)
        ),
        keys(&statement.workitem_keys)
    )
}

fn negotiation(statement: &Statement) -> String {
    let (negotiation, limits) = (&statement.negotiation, &statement.limits);
    let rows = [
        ("Application context name", negotiation.application_context.to_owned()),
        ("Longest PDU received, in bytes", negotiation.pdu_bytes_max.to_string()),
        ("Associations accepted at once", limits.associations_max.to_string()),
        (
            "An association without a message is aborted after, in seconds",
            limits.association_idle_seconds_max.to_string(),
        ),
        ("Presentation contexts proposed at most", negotiation.contexts_max.to_string()),
        ("Transfer syntaxes of messages without pixels, best first", negotiation.message_transfer_syntaxes.join(", ")),
        ("Asynchronous operations", "not negotiated: one at a time".to_owned()),
        ("SCP/SCU role selection", "for storage (C-GET) and storage commitment".to_owned()),
        ("Extended negotiation", "relational queries and retrieval, combined date and time matching, fuzzy matching of names; no time zone adjustment".to_owned()),
        ("User identity", "not negotiated".to_owned()),
    ];
    format!(
        "## 5 Association policies

{}
Of the transfer syntaxes that a caller lists for a storage class, the first is accepted, but for implicit VR and big endian,
which come last; an administrator may set other syntaxes and their order for each peer. Associations are rejected with the
reasons of PS3.8 §9.3.4: unknown calling AE title, unknown called one (only with `--strict-called-aet`), unknown application
context, local limit exceeded.
",
        table(&["Policy", "Value"], rows.map(|(policy, value)| vec![policy.to_owned(), value]))
    )
}

fn transfer_syntaxes(statement: &Statement) -> String {
    let rows = statement.transfer_syntaxes.iter().map(|one| {
        vec![one.name.to_owned(), one.uid.to_owned(), yes(one.lossless), yes(one.decodes), yes(one.encodes)]
    });
    format!(
        "## 6 Transfer syntaxes

Objects of all of these, and of every later one below 1.2.840.10008.1.2, are received, kept and given as they are.
*Decoded*: frames are rendered, given to apps, and transcoded from. *Written*: objects leave in it for who takes nothing else;
never with loss.

{}",
        table(&["Transfer syntax", "UID", "Lossless", "Decoded", "Written"], rows)
    )
}

fn character_sets(statement: &Statement) -> String {
    format!(
        "## 7 Character sets

Read: {}. Undeclared bytes are read as UTF-8 if they are valid, else as ISO_IR 100. Answers to queries are in the character set of
the request if it is a single one that can say them, else in ISO_IR 192; web services always answer in ISO_IR 192.
",
        statement.character_sets.join(", ")
    )
}

fn security() -> String {
    "## 8 Security

DIMSE over TLS 1.2 and 1.3 (PS3.15 §B.12, BCP 195) with mutual authentication when a certificate authority is set. Web services
answer nobody without a session or a bearer token; what each role may do is decided by policies, over HTTPS when a proxy
before the server gives it. Who did what is kept in an append-only log, each entry's hash covering the one before.
"
    .to_owned()
}

fn limits(statement: &Statement) -> String {
    let limits = serde_json::to_value(&statement.limits).unwrap_or_default();
    let rows = limits.as_object().into_iter().flatten().map(|(name, value)| {
        let unlimited = value.as_u64() == Some(u64::MAX);
        vec![format!("`{name}`"), if unlimited { "none".to_owned() } else { value.to_string() }]
    });
    format!(
        "## 9 Configuration

Settings are in `lightbox.toml`; `lightbox serve --help` names them. These limits can be changed there; the unit is in the name.

{}",
        table(&["Limit", "Default"], rows)
    )
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    line(&head) + &rule + &rows.into_iter().map(|row| line(&row)).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_a_row_for_each_line_of_theirs() {
        let statement = Statement::new();
        let text = markdown(&statement);
        let rows = |section: &str| {
            let from = text.find(section).unwrap_or_else(|| panic!("no {section}"));
            text[from..]
                .lines()
                .skip_while(|line| !line.starts_with("|---"))
                .skip(1)
                .take_while(|line| line.starts_with('|'))
                .count()
        };
        assert_eq!(rows("### 3.2"), lightbox_domain::Attribute::all().len());
        assert_eq!(rows("## 6"), statement.transfer_syntaxes.len());
        assert_eq!(rows("### 4.1"), statement.workitem_keys.len());
        assert!(text.contains("| `archive_bytes_max` | none |"));
    }
}
