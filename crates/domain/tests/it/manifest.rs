//! A manifest as a packager writes it: what is understood, and what is refused in which words.

use lightbox_domain::Manifest;

pub const VALID: &str = include_str!("../data/app.toml");

#[track_caller]
fn check(change: (&str, &str), expected: &str) {
    let text = VALID.replacen(change.0, change.1, 1);
    assert_ne!(text, VALID, "the change must apply");
    let error = Manifest::parse(&text).expect_err("must be refused").to_string();
    assert!(error.contains(expected) && !error.contains('\n'), "{error}");
}

#[test]
fn a_valid_manifest_is_read() {
    let manifest = Manifest::parse(VALID).expect("valid");
    assert_eq!(manifest.explained_finding().map(|rule| rule.id.as_str()), Some("pneumonia"));
    assert_eq!(manifest.tensors[0].size(), Some(&[180, 180][..]));
}

#[test]
fn a_clearance_holds_where_it_was_given() {
    let manifest = Manifest::parse(VALID).expect("valid");
    assert_eq!(manifest.clearance("EU"), Some("CE 0123"));
    assert_eq!(manifest.clearance("US"), None);
    let refused = Manifest::parse(&VALID.replace("\"cleared\"", "\"not_cleared\"")).expect("valid");
    assert_eq!(refused.clearance("EU"), None);
}

#[test]
fn what_is_wrong_is_named() {
    check(("seconds_max", "second_max"), "line 28: unknown field `second_max`");
    check(("of = \"instance\"", "of = "), "line 17: ");
    check(("schema = 2", "schema = 1"), "schema 1 is not known; this Lightbox reads schema 2");
    check(("\"cxr-example\"", "\"Cxr Example\""), "app.id");
    check(("licence = \"Apache-2.0\"", "licence = \"\""), "app.licence");
    check(("\"EU\"", "\"Europe\""), "two capital letters");
    check(("reference = \"CE 0123\"", ""), "needs the authority's reference");
    check(("\"model.onnx\"", "\"../model.onnx\""), "own folder");
    check(("sha256 = \"00", "sha256 = \"zz"), "64 hexadecimal");
    check(("finding = \"pneumonia\"", "finding = \"effusion\""), "effusion, which is no finding");
    check(("window = 36", "window = 181"), "window");
    check(("threshold = 0.5", "threshold = 1.5"), "0 to 1");
    check(("channels = 3", "channels = 2"), "1 or 3");
    check(("[\"CR\", \"DX\"]", "[]"), "input.image.modality");
    check(("[\"chest\"]", "[\"thoracic\"]"), "thoracic is not known; known are chest, lung");
    check(("[\"frontal\"]", "[\"front\"]"), "front is not known; known are frontal, pa");
    check(("from = 1, below = 6", "from = 6, below = 6"), "from 6 is not before 6");
    check(("fill = \"mean\"", "fill = \"median\""), "fill must be");
}

#[test]
fn a_step_that_cannot_be_taken_is_named() {
    let step = "{ do = \"resize\", size = [180, 180], filter = \"antialiased\", rounded = true }";
    let check = |other: &str, expected: &str| check((step, other), expected);
    check("{ do = \"resize\", size = [180], filter = \"linear\" }", "tensor image: step 1: size [180] must be");
    check("{ do = \"resize\", size = [0, 9], filter = \"linear\" }", "none of them 0");
    check("{ do = \"resize\", size = [9, 9], filter = \"linear\", rounded = true }", "`rounded` goes with");
    check("{ do = \"sharpen\" }", "unknown variant `sharpen`");
    check("{ do = \"scale\", from = [1, 1], to = [0, 1] }", "must differ");
    check("{ do = \"orient\", axes = \"RLS\" }", "axes RLS must be three letters");
    check("{ do = \"resample\", spacing_mm = [1], filter = \"linear\" }", "2 or 3 numbers");
    check("{ do = \"percentiles\", low = 5, high = 5 }", "low < high");
    check("{ do = \"photometric\", colour = 1 }", "unknown field `colour`");
}

#[test]
fn layouts_have_rows_and_columns_and_room_for_the_channels() {
    check(("\"NHWC\"", "\"NHW\""), "no place for 3 channels");
    check(("\"NHWC\"", "\"NHHWC\""), "layout NHHWC must have each of the letters");
    check(("\"NHWC\"", "\"NWC\""), "and H and W");
}

#[test]
fn a_map_needs_a_size_that_is_known() {
    check(
        (
            ", size = [180, 180], filter = \"antialiased\", rounded = true }",
            ", size = [180, 180], filter = \"linear\" }, { do = \"pad\", size = [9, 9], value = 0 }",
        ),
        "a fixed size",
    );
}
