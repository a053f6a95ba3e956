//! UPS-RS (PS3.18 §11).

use crate::door::{Client, Door, Reply};
use axum::http::Request;
use futures_util::StreamExt;
use lightbox_domain::Role;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

const ITEM: &str = "/dicomweb/workitems/2.25.7";
const MINE: &str = "2.25.100";

fn text(vr: &str, value: &str) -> Value {
    json!({ "vr": vr, "Value": [value] })
}

fn sequence(items: Value) -> Value {
    json!({ "vr": "SQ", "Value": items })
}

/// The least that PS3.4 Table CC.2.5-3 lets anybody create.
fn workitem() -> Value {
    let mut item = json!({
        "00741200": text("CS", "MEDIUM"),
        "00741204": text("LO", "Chest read by AI"),
        "00404005": text("DT", "20260102101500"),
        "00404041": text("CS", "READY"),
        "00741000": text("CS", "SCHEDULED"),
        "00100010": { "vr": "PN", "Value": [{ "Alphabetic": "Phantom^Pia" }] },
        "00100020": text("LO", "P1"),
        "00404025": sequence(json!([{ "00080100": text("SH", "AI1") }])),
        "00404021": sequence(json!([{ "0020000D": text("UI", "2.25.1") }])),
    });
    for tag in ["00400400", "00100030", "00100040", "00380010", "00081080"] {
        item[tag] = json!({ "vr": "LO" });
    }
    for tag in [
        "00741210", "00404026", "00404027", "00404018", "00101002", "00380014", "00081084", "0040A370", "00741002",
        "00741216",
    ] {
        item[tag] = json!({ "vr": "SQ" });
    }
    item
}

/// What whoever did the work reports.
fn performed() -> Value {
    json!({ "00741216": sequence(json!([{
        "00404028": { "vr": "SQ" },
        "00404050": text("DT", "20260102101600"),
        "00404019": sequence(json!([{ "00080100": text("SH", "110005") }])),
        "00404051": text("DT", "20260102101700"),
        "00404033": { "vr": "SQ" },
    }])) })
}

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/dicom+json")];
    client.send(method, path, &headers, body.to_string().into_bytes()).await
}

async fn state(client: &Client, wanted: &str, transaction: &str) -> Reply {
    let mut action = json!({ "00741000": text("CS", wanted) });
    if !transaction.is_empty() {
        action["00081195"] = text("UI", transaction);
    }
    send(client, "PUT", &format!("{ITEM}/state"), &action).await
}

async fn with_workitem() -> (Door, Client) {
    let door = Door::open().await;
    let client = door.client(Role::Technologist).await;
    let created = send(&client, "POST", "/dicomweb/workitems?workitem=2.25.7", &workitem()).await;
    assert_eq!(created.code(), 201, "{}", created.text());
    (door, client)
}

#[tokio::test]
async fn work_is_offered_claimed_reported_and_completed() {
    let (door, client) = with_workitem().await;
    let read = async || client.get(ITEM).await.json()[0].clone();
    let created = read().await;
    assert_eq!(created["00080016"]["Value"][0], "1.2.840.10008.5.1.4.34.6.1");
    assert_eq!(created["00080018"]["Value"][0], "2.25.7");
    assert_eq!(created["00100010"], workitem()["00100010"]);

    assert_eq!(state(&client, "COMPLETED", MINE).await.code(), 409, "nobody claimed it");
    let missing = state(&client, "IN PROGRESS", "").await;
    assert_eq!(missing.code(), 400);
    assert_eq!(missing.header("warning"), "299 http://lightbox.test/dicomweb: The Transaction UID is missing.");
    assert_eq!(state(&client, "IN PROGRESS", MINE).await.code(), 200);
    assert_eq!(read().await["00741000"]["Value"][0], "IN PROGRESS");

    let incomplete = state(&client, "COMPLETED", MINE).await;
    assert_eq!(incomplete.code(), 409);
    assert!(incomplete.text().contains("OutputInformationSequence must be present"), "{}", incomplete.text());
    assert_eq!(send(&client, "POST", &format!("{ITEM}?transaction-uid={MINE}"), &performed()).await.code(), 200);
    assert_eq!(state(&client, "COMPLETED", MINE).await.code(), 200);
    let again = state(&client, "COMPLETED", MINE).await;
    assert_eq!(again.code(), 200);
    assert!(again.header("warning").ends_with("The UPS is already in the requested state of COMPLETED."));
    assert_eq!(read().await["00741216"], performed()["00741216"]);
    let late = send(&client, "POST", &format!("{ITEM}?{MINE}"), &performed()).await;
    assert_eq!(late.code(), 400, "it has ended");
    assert_eq!(state(&client, "CANCELED", MINE).await.code(), 409);

    let log = door.store.events(i64::MAX, 10).await.unwrap();
    let told: Vec<_> = log.iter().filter(|line| line.object_id == "2.25.7").collect();
    let actions: Vec<_> = told.iter().map(|line| (line.action.as_str(), line.outcome.as_str())).collect();
    let expected = [
        ("workitem.state_changed", "COMPLETED"),
        ("workitem.updated", "ok"),
        ("workitem.state_changed", "IN PROGRESS"),
        ("workitem.created", "ok"),
    ];
    assert_eq!(actions, expected);
    assert!(told.iter().all(|line| line.study_instance_uid.as_deref() == Some("2.25.1")), "the study of its input");
}

#[tokio::test]
async fn nobody_else_touches_claimed_work_or_learns_its_transaction_uid() {
    let (_door, client) = with_workitem().await;
    assert_eq!(state(&client, "IN PROGRESS", MINE).await.code(), 200);
    for other in ["2.25.101", ""] {
        let update = send(&client, "POST", &format!("{ITEM}?{other}"), &performed()).await;
        assert_eq!(update.code(), 400, "{}", update.text());
        for wanted in ["IN PROGRESS", "COMPLETED", "CANCELED"] {
            let refused = state(&client, wanted, other).await;
            assert_eq!(refused.code(), 400);
            assert!(!refused.text().contains(MINE));
        }
    }
    assert_eq!(state(&client, "IN PROGRESS", MINE).await.code(), 409, "it is in progress already");
    assert_eq!(state(&client, "SCHEDULED", MINE).await.code(), 400);
    for path in [ITEM, "/dicomweb/workitems?includefield=all"] {
        let given = client.get(path).await;
        assert!(!given.text().contains(MINE) && !given.text().contains("00081195"), "{path}");
    }
    let change = json!({ "00741204": text("LO", "Read again") });
    assert_eq!(send(&client, "POST", &format!("{ITEM}?{MINE}"), &change).await.code(), 200);
    assert_eq!(client.get(ITEM).await.json()[0]["00741204"], change["00741204"]);
}

#[tokio::test]
async fn what_cannot_be_created_says_why() {
    let (_door, client) = with_workitem().await;
    let create = async |path: &str, body: &Value| send(&client, "POST", path, body).await;
    assert_eq!(create("/dicomweb/workitems?2.25.7", &workitem()).await.code(), 409);
    let located = create("/dicomweb/workitems", &json!([workitem()])).await;
    assert!(located.header("location").starts_with("http://lightbox.test/dicomweb/workitems/2.25."));
    assert_eq!(located.header("content-location"), located.header("location"));

    let mut wrong = workitem();
    wrong["00741000"] = text("CS", "IN PROGRESS");
    wrong["00741204"] = json!({ "vr": "LO" });
    wrong.as_object_mut().unwrap().remove("00100010");
    let refused = create("/dicomweb/workitems", &wrong).await;
    assert_eq!(refused.code(), 400);
    let expected = "PatientName must be present, if only empty; ProcedureStepState must be SCHEDULED; ProcedureStepLabel must have a value";
    assert_eq!(refused.json()["detail"], expected);
    assert_eq!(create("/dicomweb/workitems?workitem=x", &workitem()).await.code(), 400);

    let xml = [("content-type", "application/dicom+xml")];
    assert_eq!(client.send("POST", "/dicomweb/workitems", &xml, b"<x/>".to_vec()).await.code(), 415);
    assert_eq!(client.accept(ITEM, "application/dicom+xml").await.code(), 406);
    let large = json!({ "00400400": text("LT", &"x".repeat(1 << 20)) });
    assert_eq!(create("/dicomweb/workitems", &large).await.code(), 413);
    assert_eq!(client.get("/dicomweb/workitems/2.25.404").await.code(), 404);
}

#[tokio::test]
async fn work_is_found_by_its_attributes() {
    let (_door, client) = with_workitem().await;
    let mut second = workitem();
    second["00741200"] = text("CS", "HIGH");
    second["00404005"] = text("DT", "20260103080000+0100");
    second["00404025"] = json!({ "vr": "SQ" });
    second["00100010"] = json!({ "vr": "PN", "Value": [{ "Alphabetic": "Müller^Jörg" }] });
    second["00081030"] = text("LO", "Thorax");
    assert_eq!(send(&client, "POST", "/dicomweb/workitems?workitem=2.25.8", &second).await.code(), 201);
    let found = async |query: &str| {
        let reply = client.get(&format!("/dicomweb/workitems?{query}")).await;
        assert_eq!((reply.code(), reply.header("content-type")), (200, "application/dicom+json"), "{}", reply.text());
        let rows = reply.json();
        let uid = |row: &Value| row["00080018"]["Value"][0].as_str().unwrap().to_owned();
        rows.as_array().unwrap().iter().map(uid).collect::<Vec<_>>()
    };
    assert_eq!(found("").await, ["2.25.7", "2.25.8"]);
    assert_eq!(found("limit=1&offset=1").await, ["2.25.8"]);
    assert_eq!(found("ScheduledProcedureStepPriority=HIGH").await, ["2.25.8"]);
    assert_eq!(found("ScheduledStationNameCodeSequence.CodeValue=AI1").await, ["2.25.7"]);
    assert_eq!(found("00404025.00080100=AI*&ProcedureStepState=SCHEDULED").await, ["2.25.7"]);
    assert_eq!(found("ScheduledProcedureStepStartDateTime=20260103").await, ["2.25.8"]);
    assert_eq!(found("ScheduledProcedureStepStartDateTime=20260102-2026010210").await, ["2.25.7"]);
    assert_eq!(found("PatientName=muller*").await, ["2.25.8"]);
    assert_eq!(found("PatientName=jo&fuzzymatching=true").await, ["2.25.8"]);
    assert_eq!(found("ProcedureStepState=COMPLETED").await, [""; 0]);

    let given = async |query: &str| client.get(&format!("/dicomweb/workitems/?{query}")).await.code();
    assert_eq!(given("Modality=CT").await, 404, "with a slash it is another address");
    let row = async |query: &str| client.get(&format!("/dicomweb/workitems?{query}")).await;
    assert_eq!(row("Modality=CT").await.code(), 400);
    assert!(row("PatientID=P1").await.json()[1].get("00081030").is_none());
    assert_eq!(row("includefield=StudyDescription").await.json()[1]["00081030"], second["00081030"]);

    assert_eq!(state(&client, "IN PROGRESS", MINE).await.code(), 200);
    assert_eq!(found("ProcedureStepState=SCHEDULED").await, ["2.25.8"], "what it is found by follows the state");
}

#[tokio::test]
async fn work_that_nobody_claimed_is_canceled_at_once() {
    let (_door, client) = with_workitem().await;
    let why = json!({ "00741238": text("LT", "Ordered twice") });
    let cancel = async || send(&client, "POST", &format!("{ITEM}/cancelrequest"), &why).await;
    assert_eq!(cancel().await.code(), 202);
    let canceled = client.get(ITEM).await.json()[0].clone();
    assert_eq!(canceled["00741000"]["Value"][0], "CANCELED");
    let progress = &canceled["00741002"]["Value"][0];
    assert_eq!(progress["00741238"], why["00741238"]);
    assert_eq!(progress["0074100E"]["Value"][0]["00080100"]["Value"][0], "110513");
    let again = cancel().await;
    assert_eq!(again.code(), 202);
    assert!(again.header("warning").ends_with("already in the requested state of CANCELED."));
    assert_eq!(state(&client, "IN PROGRESS", MINE).await.code(), 409);
}

#[tokio::test]
async fn a_performer_who_hears_nothing_cannot_be_asked_to_cancel() {
    let (_door, client) = with_workitem().await;
    assert_eq!(state(&client, "IN PROGRESS", MINE).await.code(), 200);
    let refused = client.post(&format!("{ITEM}/cancelrequest"), &json!({})).await;
    assert_eq!(refused.code(), 409);
    assert!(refused.header("warning").ends_with("The performer cannot be contacted."));
}

#[tokio::test]
async fn roles_share_work_as_far_as_they_may() {
    let (door, _client) = with_workitem().await;
    let clinician = door.client(Role::Clinician).await;
    assert_eq!(clinician.get(ITEM).await.code(), 200);
    assert_eq!(clinician.post("/dicomweb/workitems", &workitem()).await.code(), 403);
    assert_eq!(state(&clinician, "IN PROGRESS", MINE).await.code(), 403);
    assert_eq!(door.client(Role::Vendor).await.get("/dicomweb/workitems").await.code(), 403);
    assert_eq!(door.nobody().get("/dicomweb/workitems").await.code(), 401);
}

/// Reports as they arrive over a real socket.
struct Listener(tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>);

impl Listener {
    async fn open(door: &Door, client: &Client, ae_title: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, door.router.clone()).into_future());
        let url = format!("ws://{address}/dicomweb/subscribers/{ae_title}");
        let mut request: Request<()> = url.into_client_request().unwrap();
        request.headers_mut().insert("authorization", client.header("authorization").parse().unwrap());
        Self(tokio_tungstenite::connect_async(request).await.unwrap().0)
    }

    /// The next report.
    async fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn hears(&mut self, event_type: u16, workitem: &str, state: &str) {
        let report = self.next().await;
        assert_eq!(report["00001002"]["Value"][0], event_type, "{report}");
        assert_eq!(report["00001000"]["Value"][0], workitem);
        assert_eq!(report["00741000"]["Value"][0], state);
        assert!(!report.to_string().contains(MINE) && !report.to_string().contains("Phantom"));
    }
}

#[tokio::test]
async fn subscribers_hear_what_becomes_of_the_work() {
    let (door, client) = with_workitem().await;
    let mut watcher = Listener::open(&door, &client, "WATCH").await;
    let all = "/dicomweb/workitems/1.2.840.10008.5.1.4.34.5/subscribers/WATCH";
    let subscribed = client.post(all, &json!({})).await;
    assert_eq!(subscribed.code(), 201);
    assert_eq!(subscribed.header("content-location"), "ws://lightbox.test/dicomweb/subscribers/WATCH");
    watcher.hears(1, "2.25.7", "SCHEDULED").await;

    state(&client, "IN PROGRESS", MINE).await;
    watcher.hears(1, "2.25.7", "IN PROGRESS").await;
    let progress = json!({ "00741002": sequence(json!([{ "00741004": { "vr": "DS", "Value": [50] } }])) });
    assert_eq!(send(&client, "POST", &format!("{ITEM}?{MINE}"), &progress).await.code(), 200);
    let report = watcher.next().await;
    assert_eq!((&report["00001002"]["Value"][0], &report["00741002"]), (&json!(3), &progress["00741002"]));
    assert_eq!(client.post(&format!("{ITEM}/cancelrequest"), &json!({})).await.code(), 202);
    let report = watcher.next().await;
    assert_eq!(
        (&report["00001002"]["Value"][0], &report["00741236"]["Value"][0]),
        (&json!(2), &json!("technologist-0"))
    );

    send(&client, "POST", "/dicomweb/workitems?workitem=2.25.8", &workitem()).await;
    watcher.hears(1, "2.25.8", "SCHEDULED").await;
    assert_eq!(client.post(&format!("{all}/suspend"), &json!({})).await.code(), 200);
    send(&client, "POST", "/dicomweb/workitems?workitem=2.25.9", &workitem()).await;
    let one = "/dicomweb/workitems/2.25.8/subscribers/WATCH";
    assert_eq!(client.send("DELETE", one, &[], Vec::new()).await.code(), 200);
    client.post("/dicomweb/workitems/2.25.8/cancelrequest", &json!({})).await;
    let one = "/dicomweb/workitems/2.25.9/subscribers/WATCH";
    assert_eq!(client.post(one, &json!({})).await.code(), 201);
    watcher.hears(1, "2.25.9", "SCHEDULED").await;
    assert_eq!(client.send("DELETE", all, &[], Vec::new()).await.code(), 200);
    assert_eq!(door.store.workitem_subscribers(&lightbox_domain::Uid::from_u128(7)).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused() {
    let (_door, client) = with_workitem().await;
    let subscribe = async |path: &str| client.post(&format!("/dicomweb/workitems/{path}"), &json!({})).await;
    let filtered = subscribe("1.2.840.10008.5.1.4.34.5.1/subscribers/WATCH?filter=PatientID%3DP1").await;
    assert_eq!(filtered.code(), 403);
    assert!(filtered.header("warning").ends_with("Filtered Worklist Subscriptions are not supported."));
    assert_eq!(subscribe("2.25.404/subscribers/WATCH").await.code(), 404);
    assert_eq!(subscribe("2.25.7/subscribers/FAR_TOO_LONG_A_TITLE").await.code(), 400);
    assert_eq!(subscribe("2.25.7/subscribers/WATCH/suspend").await.code(), 400);
    assert_eq!(client.get("/dicomweb/subscribers/WATCH").await.code(), 426);
}
