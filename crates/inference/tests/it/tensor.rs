//! Images become tensors by the manifest's steps. Where a step is Pillow's, all expected numbers are those of
//! `Image.fromarray(image).resize((columns, rows), Image.BILINEAR)` of Pillow 13.0.0.

use crate::setting::{assert_says, grey, sha256};
use lightbox_dicom::GreyImage;
use lightbox_domain::{ElementType, Filter, Layout, PixelValues, Step, TensorSection};
use lightbox_inference::RunImage;
use lightbox_inference::tensor::prepare;

fn section(steps: Vec<Step>) -> TensorSection {
    TensorSection {
        name: "image".to_owned(),
        values: PixelValues::Display,
        steps,
        channels: 1,
        layout: layout("NHWC"),
        element: ElementType::Float32,
    }
}

fn layout(axes: &str) -> Layout {
    Layout::try_from(axes.to_owned()).unwrap()
}

fn as_pillow(rows: u32, columns: u32) -> Step {
    Step::Resize { size: vec![rows, columns], filter: Filter::Antialiased, rounded: true }
}

fn pattern(rows: u32, columns: u32) -> GreyImage {
    grey(rows, columns, |y, x| ((x * 37 + y * 91 + x * y % 53 * 7) % 256) as u8)
}

fn resized(source: (u32, u32), result: (u32, u32)) -> Vec<u8> {
    let image = RunImage::from(&pattern(source.0, source.1));
    let tensor = prepare(&image, &section(vec![as_pillow(result.0, result.1)])).unwrap();
    assert_eq!(tensor.values.shape(), [1, result.0 as usize, result.1 as usize, 1]);
    tensor.values.iter().map(|value| *value as u8).collect()
}

#[test]
fn small_images_are_as_pillow_resizes_them() {
    let check =
        |source, result, expected: &[&[u8]]| assert_eq!(resized(source, result), expected.concat(), "{source:?}");
    check(
        (7, 13),
        (4, 5),
        &[
            &[87, 123, 124, 108, 118],
            &[133, 128, 136, 124, 133],
            &[125, 143, 145, 130, 133],
            &[102, 120, 149, 115, 113],
        ],
    );
    check(
        (2, 3),
        (5, 7),
        &[
            &[0, 5, 21, 37, 53, 69, 74],
            &[9, 14, 30, 47, 63, 79, 84],
            &[46, 51, 69, 86, 104, 121, 127],
            &[82, 88, 107, 125, 144, 163, 169],
            &[91, 97, 116, 135, 154, 173, 179],
        ],
    );
    check(
        (6, 6),
        (6, 3),
        &[&[26, 93, 159], &[122, 169, 60], &[182, 86, 145], &[58, 162, 156], &[154, 143, 131], &[104, 123, 142]],
    );
    check((6, 6), (2, 6), &[&[82, 128, 109, 155, 105, 119], &[117, 117, 148, 115, 178, 114]]);
    check((1, 1), (2, 2), &[&[0, 0], &[0, 0]]);
}

#[test]
fn films_are_as_pillow_resizes_them() {
    let check = |source, digest| assert_eq!(sha256(&resized(source, (180, 180))), digest, "{source:?}");
    check((968, 1776), "44925b2923d1e320a16cad43374b343fb90b7a85a9f54caa22ab3aeffadabec4");
    check((1955, 1841), "fe864b54fd16c25d6ca1a098ef4838f0ce345d7fe4540ebfc2c63071a2e93345");
    check((61, 97), "5f1be094e93ed0518563a2e21bc397cfb3562acfdf557b24f35d4011a40a9c19");
    check((700, 180), "73d3baaba7af4ecd7316cca20895ded245dd3465092103bc798b4b483e76302f");
}

#[test]
fn an_image_of_the_right_size_is_not_changed() {
    assert_eq!(resized((4, 5), (4, 5)), pattern(4, 5).pixels);
}

#[test]
fn grey_is_repeated_where_the_layout_has_its_channels() {
    let image = RunImage::from(&GreyImage { rows: 1, columns: 2, pixels: vec![10, 20] });
    let check = |axes, shape: &[usize], expected: [f32; 6]| {
        let section = TensorSection { layout: layout(axes), channels: 3, ..section(Vec::new()) };
        let tensor = prepare(&image, &section).unwrap();
        assert_eq!(tensor.values.shape(), shape);
        assert_eq!(tensor.values.into_raw_vec_and_offset().0, expected);
    };
    check("NHWC", &[1, 1, 2, 3], [10.0, 10.0, 10.0, 20.0, 20.0, 20.0]);
    check("NCHW", &[1, 3, 1, 2], [10.0, 20.0, 10.0, 20.0, 10.0, 20.0]);
    check("CWH", &[3, 2, 1], [10.0, 20.0, 10.0, 20.0, 10.0, 20.0]);
    check("NCDHW", &[1, 3, 1, 1, 2], [10.0, 20.0, 10.0, 20.0, 10.0, 20.0]);
}

#[test]
fn an_image_that_is_none_is_refused() {
    let check = |rows, columns, held| {
        let image = RunImage::from(&GreyImage { rows, columns, pixels: vec![0; held] });
        assert_says(prepare(&image, &section(vec![as_pillow(8, 8)])), &["image cannot be prepared", "no pixels"]);
    };
    check(0, 5, 0);
    check(5, 0, 0);
    check(4, 4, 15);
    check(u32::MAX, u32::MAX, 1);
}

#[test]
fn what_a_model_cannot_read_is_refused() {
    let image = RunImage::from(&grey(2, 2, |_, _| 200));
    let twice = Step::Scale { from: [0.0, 1.0], to: [0.0, 2.0] };
    let bytes = TensorSection { element: ElementType::Uint8, ..section(vec![twice]) };
    assert_says(prepare(&image, &bytes), &["400 in tensor image is no Uint8"]);
}
