//! DICOM JSON of whole files.

use crate::file;
use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use lightbox_dicom::json::metadata;
use lightbox_testkit::Film;
use serde_json::{Value, json};

fn read(film: &Film) -> Value {
    metadata(&file(&film.bytes()).path, "http://localhost/bulkdata").unwrap()
}

#[test]
fn values_have_their_types() {
    let film = Film::new()
        .window("128\\64.5", "256\\100")
        .set(tags::PATIENT_NAME, VR::PN, "Yamada^Tarou=山田^太郎=やまだ^たろう")
        .set_value(tags::ICC_PROFILE, VR::OB, PrimitiveValue::from(vec![1_u8, 2]))
        .set_value(tags::ADDITIONAL_PATIENT_HISTORY, VR::LT, PrimitiveValue::Empty);
    let json = read(&film);
    assert_eq!(json["00080060"], json!({ "vr": "CS", "Value": ["DX"] }));
    assert_eq!(json["00080008"], json!({ "vr": "CS", "Value": ["ORIGINAL", "PRIMARY", null] }));
    assert_eq!(json["00200011"], json!({ "vr": "IS", "Value": [1] }));
    assert_eq!(json["00281050"], json!({ "vr": "DS", "Value": [128, 64.5] }));
    assert_eq!(json["00280010"], json!({ "vr": "US", "Value": [16] }));
    let name = json!({ "Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう" });
    assert_eq!(json["00100010"], json!({ "vr": "PN", "Value": [name] }));
    assert_eq!(json["00282000"], json!({ "vr": "OB", "InlineBinary": "AQI=" }));
    assert_eq!(json["001021B0"], json!({ "vr": "LT" }));
    assert_eq!(json["00080005"], json!({ "vr": "CS", "Value": ["ISO_IR 192"] }));
}

#[test]
fn bulk_is_left_out_in_every_encoding() {
    for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::JPEGLS_LOSSLESS, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN] {
        let json = read(&Film::new().size(64, 64).syntax(syntax));
        let uri = "http://localhost/bulkdata/7FE00010";
        assert_eq!(json["7FE00010"], json!({ "vr": "OB", "BulkDataURI": uri }), "{syntax}");
    }
    let large = PrimitiveValue::from(vec![0_u8; 3 << 20]);
    let json = read(&Film::new().set_value(tags::ICC_PROFILE, VR::OB, large));
    assert_eq!(json["00282000"]["BulkDataURI"], "http://localhost/bulkdata/00282000");
}
