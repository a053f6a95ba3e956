//! Whatever a search asks for, the answer is rows or a complaint: never a broken server, never SQL that nobody meant.

use crate::door::Door;
use lightbox_domain::{Attribute, Role};
use lightbox_testkit::Film;
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::test_runner::TestRunner;

/// The name of a parameter: an attribute's, one of QIDO-RS itself, or anything.
fn name() -> impl Strategy<Value = String> {
    let attributes: Vec<String> = Attribute::all().iter().map(|one| one.keyword.clone()).collect();
    let tags: Vec<String> = Attribute::all().iter().map(|one| format!("{:08X}", one.tag)).collect();
    let own = ["limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching"].map(str::to_owned);
    prop_oneof![
        4 => proptest::sample::select(attributes),
        2 => proptest::sample::select(tags),
        2 => proptest::sample::select(own.to_vec()),
        1 => "\\PC{0,20}",
    ]
}

/// What stands behind it: with wildcards, ranges, lists and quotes more often than chance would have it.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("*".to_owned()),
        Just("?".to_owned()),
        Just("-".to_owned()),
        Just("\\".to_owned()),
        Just(",".to_owned()),
        Just("'".to_owned()),
        Just("\"\"".to_owned()),
        Just("%_;--".to_owned()),
        Just("20240101".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        "\\PC{0,12}",
        "[^\\x00]{0,4}",
    ];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

#[tokio::test]
async fn any_search_is_answered() {
    let door = Door::open().await;
    door.put(&Film::new()).await;
    let admin = door.client(Role::Admin).await;
    let paths = ["studies", "series", "instances", "studies/2.25.1/series", "studies/2.25.1/instances"];
    let question = (proptest::sample::select(paths.to_vec()), vec((name(), value()), 0..4));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(600));
    for _ in 0..600 {
        let tree = question.new_tree(&mut runner).expect("a question");
        let (path, pairs) = proptest::strategy::ValueTree::current(&tree);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let reply = admin.get(&format!("/dicomweb/{path}?{query}")).await;
        assert!([200, 400].contains(&reply.code()), "{path}?{query}: {} {}", reply.code(), reply.text());
    }
    assert_eq!(admin.get("/dicomweb/studies").await.json().as_array().map(Vec::len), Some(1), "nothing was changed");
}
