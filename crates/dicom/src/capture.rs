//! The map of a run over its image, as a Secondary Capture that says in its pixels what it is: a capture is looked at where
//! nothing else of the result is.

use crate::canvas::{Canvas, LETTER};
use crate::content::code;
use crate::result::{Role, code_item, element, empty, sequence, to_part10};
use crate::{DisplayImage, GreyImage, ResultContext, ResultError, RgbImage, shrink};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use lightbox_domain::{Finding, Map};

pub(crate) const MAP_CAPTURE: Role = Role {
    name: "map",
    sop_class_uid: uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    modality: "OT",
    series_number: "9002",
    description: "AI map, not for clinical use",
};
/// The longer side of the image within the capture, in pixels; with its strips it stays below 2,048.
const IMAGE_SIDE_MAX: u32 = 1500;
/// Smaller images are enlarged until their shorter side has that many pixels, or words would not fit beside them.
const IMAGE_SIDE_MIN: u32 = 512;
const LINES_MAX: usize = 8;
const WHITE: [u8; 3] = [235, 235, 235];
const AMBER: [u8; 3] = [255, 190, 60];

/// The image with the map over it and a label, as a Secondary Capture in a Part 10 file. The same arguments give the same
/// bytes.
///
/// # Errors
/// [`ResultError`] when the source or the run lacks what a result must say, or the map or image is empty.
pub fn write_capture(context: &ResultContext<'_>, image: &GreyImage, map: &Map) -> Result<Vec<u8>, ResultError> {
    let filled = image.rows as usize * image.columns as usize == image.pixels.len() && !image.pixels.is_empty();
    if !filled || map.values.is_empty() || map.values.len() != map.rows * map.columns {
        return Err(ResultError::Incomplete(
            "the image or the map is empty or of another size than it says".to_owned(),
        ));
    }
    let lines = label(context, map);
    let mut object = context.start_object(&MAP_CAPTURE)?;
    put_description(&mut object, context, map, &lines);
    put_pixels(&mut object, draw(image, map, &lines));
    to_part10(&object)
}

/// A line of the label.
struct Line {
    text: String,
    colour: [u8; 3],
}

/// The lines above the image.
fn label(context: &ResultContext<'_>, map: &Map) -> Vec<Line> {
    let app = &context.manifest.app;
    let white = |text| Line { text, colour: WHITE };
    let amber = |text| Line { text, colour: AMBER };
    let mut lines =
        vec![white(format!("AI · {} {}", app.name, app.release)), amber(context.restriction().to_uppercase())];
    let explained = context.manifest.explained_finding().map(|rule| rule.id.as_str());
    let findings = context.run.findings.iter();
    lines.extend(findings.filter(|finding| explained.is_none_or(|id| id == finding.id)).map(|f| white(describe(f))));
    if let Some(overridden) = &context.run.overridden {
        lines.push(amber(format!("OUTSIDE ITS INTENDED USE, by order: {}", overridden.reason)));
    }
    lines.push(white(format!("Map: {}; largest drop of the score {:.2}", map.method, map.drop_max)));
    lines
}

fn describe(finding: &Finding) -> String {
    let presence = if finding.positive() { "present" } else { "absent" };
    format!("{}: {:.2} (threshold {:.2}), {presence}", finding.code.meaning, finding.score, finding.threshold)
}

fn draw(image: &GreyImage, map: &Map, lines: &[Line]) -> RgbImage {
    let image = shrink(&DisplayImage::Grey(image.clone()), IMAGE_SIDE_MAX).into_grey();
    let scale =
        IMAGE_SIDE_MIN.div_ceil(image.rows.min(image.columns)).min(IMAGE_SIDE_MAX / image.rows.max(image.columns));
    let scale = scale.max(1);
    let (rows, columns) = (image.rows * scale, (image.columns * scale).max(IMAGE_SIDE_MIN));
    let letter_scale = if columns >= 1100 { 2 } else { 1 };
    let (letter_columns, line_rows) = (LETTER.0 * letter_scale, (LETTER.1 + 4) * letter_scale);
    let margin = 4 * letter_scale;
    let wrapped = wrap(lines, ((columns - 2 * margin) / letter_columns) as usize);
    let head_rows = line_rows * wrapped.len() as u32 + 2 * margin;
    let mut canvas = Canvas::new(head_rows + rows + line_rows + 2 * margin, columns);
    for (place, line) in wrapped.iter().enumerate() {
        canvas.draw_text(&line.text, margin + line_rows * place as u32, margin, letter_scale, line.colour);
    }
    canvas.draw_image(&image, map, head_rows, (columns - image.columns * scale) / 2, scale);
    let foot = head_rows + rows + margin;
    let (low, high) = ("no influence ", " strongest");
    let (low_columns, high_columns) = (low.len() as u32 * letter_columns, high.len() as u32 * letter_columns);
    let bar_columns = columns.saturating_sub(low_columns + high_columns + 2 * margin);
    canvas.draw_text(low, foot, margin, letter_scale, WHITE);
    canvas.draw_legend(foot, margin + low_columns, LETTER.1 * letter_scale, bar_columns);
    canvas.draw_text(high, foot, margin + low_columns + bar_columns, letter_scale, WHITE);
    canvas.into_image()
}

/// Breaks lines at spaces so that they fit; what is too much for [`LINES_MAX`] lines ends in dots.
fn wrap(lines: &[Line], letters_max: usize) -> Vec<Line> {
    let mut wrapped = Vec::new();
    for line in lines {
        let mut text = String::new();
        for word in line.text.split_whitespace() {
            let word: String = word.chars().take(letters_max).collect();
            if !text.is_empty() && text.chars().count() + 1 + word.chars().count() > letters_max {
                wrapped.push(Line { text: std::mem::take(&mut text), colour: line.colour });
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word);
        }
        wrapped.push(Line { text, colour: line.colour });
    }
    if wrapped.len() > LINES_MAX {
        wrapped.truncate(LINES_MAX);
        if let Some(last) = wrapped.last_mut() {
            last.text = last.text.chars().take(letters_max.saturating_sub(4)).collect::<String>() + " ...";
        }
    }
    wrapped
}

/// PS3.3 §C.7.6.1, §C.8.6.1, §C.8.6.2.
fn put_description(object: &mut InMemDicomObject, context: &ResultContext<'_>, map: &Map, lines: &[Line]) {
    let app = &context.manifest.app;
    let image_type = ["DERIVED", "SECONDARY"].map(str::to_owned);
    object.put(DataElement::new(tags::IMAGE_TYPE, VR::CS, PrimitiveValue::Strs(image_type.into_iter().collect())));
    object.put(element(tags::CONVERSION_TYPE, VR::CS, "WSD"));
    object.put(element(tags::BURNED_IN_ANNOTATION, VR::CS, "NO"));
    object.put(element(tags::RECOGNIZABLE_VISUAL_FEATURES, VR::CS, "NO"));
    let description = format!("The source image with the map of {} {} over it: {}", app.name, app.release, map.method);
    object.put(element(tags::DERIVATION_DESCRIPTION, VR::ST, &description));
    let comments: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    object.put(element(tags::IMAGE_COMMENTS, VR::LT, &comments.join("\r\n")));
    let mut source = context.source_reference();
    let purpose = code(("DCM", "121322", "Source image for image processing operation"));
    source.put(sequence(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, vec![code_item(&purpose)]));
    object.put(sequence(tags::SOURCE_IMAGE_SEQUENCE, vec![source]));
    object.put(empty(tags::PATIENT_ORIENTATION, VR::CS));
    for tag in OF_SOURCE {
        if let Some(of_source) = context.source.object().get(tag) {
            object.put(of_source.clone());
        }
    }
}

/// What the capture shows as its source does. Loss by compression cannot be undone, so its mark stays.
const OF_SOURCE: [Tag; 5] = [
    tags::BODY_PART_EXAMINED,
    tags::PATIENT_ORIENTATION,
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
];

/// PS3.3 §C.7.6.3.
fn put_pixels(object: &mut InMemDicomObject, image: RgbImage) {
    let mut number = |tag, value: u32| {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(u16::try_from(value).unwrap_or(u16::MAX))));
    };
    number(tags::SAMPLES_PER_PIXEL, 3);
    number(tags::PLANAR_CONFIGURATION, 0);
    number(tags::ROWS, image.rows);
    number(tags::COLUMNS, image.columns);
    number(tags::BITS_ALLOCATED, 8);
    number(tags::BITS_STORED, 8);
    number(tags::HIGH_BIT, 7);
    number(tags::PIXEL_REPRESENTATION, 0);
    object.put(element(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB"));
    let mut pixels = image.pixels;
    if pixels.len() % 2 == 1 {
        pixels.push(0);
    }
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(pixels.into())));
}
