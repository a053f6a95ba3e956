//! A small canvas: an image with a map over it, and words above and below.

use crate::{GreyImage, RgbImage};
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::iso_8859_1::FONT_10X20;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{Dimensions, DrawTarget, Drawable, Pixel, Point, Size};
use embedded_graphics::primitives::Rectangle;
use embedded_graphics::text::{Baseline, Text};
use lightbox_domain::Map;
use std::convert::Infallible;

/// Size of a letter before it is enlarged, in pixels.
pub(crate) const LETTER: (u32, u32) = (10, 20);
/// How much of the image the strongest place of a map hides.
const OPACITY_MAX: f32 = 0.6;

/// Colours from no to the strongest influence, growing in lightness so that they read in grey as well.
const COLOURS: [[f32; 3]; 6] = [
    [8.0, 4.0, 24.0],
    [70.0, 14.0, 92.0],
    [150.0, 30.0, 92.0],
    [222.0, 72.0, 48.0],
    [250.0, 150.0, 24.0],
    [252.0, 250.0, 170.0],
];

/// A colour image that is drawn on.
pub(crate) struct Canvas {
    image: RgbImage,
}

impl Canvas {
    /// A black canvas.
    pub(crate) fn new(rows: u32, columns: u32) -> Self {
        Self { image: RgbImage { rows, columns, pixels: vec![0; rows as usize * columns as usize * 3] } }
    }

    /// What was drawn.
    pub(crate) fn into_image(self) -> RgbImage {
        self.image
    }

    /// Sets a pixel; what lies outside is ignored.
    fn set(&mut self, row: u32, column: u32, colour: [u8; 3]) {
        if row < self.image.rows && column < self.image.columns {
            let at = (row as usize * self.image.columns as usize + column as usize) * 3;
            self.image.pixels[at..at + 3].copy_from_slice(&colour);
        }
    }

    /// Draws the image, each pixel as a square of `scale`, with the map over it.
    pub(crate) fn draw_image(&mut self, image: &GreyImage, map: &Map, top: u32, left: u32, scale: u32) {
        for row in 0..image.rows * scale {
            for column in 0..image.columns * scale {
                let grey = image.pixels[(row / scale * image.columns + column / scale) as usize];
                let y = (row as f32 + 0.5) / (image.rows * scale) as f32;
                let x = (column as f32 + 0.5) / (image.columns * scale) as f32;
                self.set(top + row, left + column, blend(grey, value_at(map, y, x)));
            }
        }
    }

    /// Draws a line of text, each letter enlarged `scale` times.
    pub(crate) fn draw_text(&mut self, text: &str, top: u32, left: u32, scale: u32, colour: [u8; 3]) {
        let mut mask = Mask { columns: LETTER.0 * text.chars().count() as u32, set: Vec::new() };
        let style = MonoTextStyle::new(&FONT_10X20, BinaryColor::On);
        let Ok(_end) = Text::with_baseline(text, Point::zero(), style, Baseline::Top).draw(&mut mask);
        for (row, column) in mask.set {
            for below in 0..scale {
                for beside in 0..scale {
                    self.set(top + row * scale + below, left + column * scale + beside, colour);
                }
            }
        }
    }

    /// Draws the colours of a map from no to the strongest influence.
    pub(crate) fn draw_legend(&mut self, top: u32, left: u32, rows: u32, columns: u32) {
        for column in 0..columns {
            let colour = colour_of(column as f32 / (columns - 1).max(1) as f32).map(|channel| channel as u8);
            for row in 0..rows {
                self.set(top + row, left + column, colour);
            }
        }
    }
}

/// The map's value at a place of the image, both axes from 0 to 1, between the middles of its cells.
fn value_at(map: &Map, y: f32, x: f32) -> f32 {
    let axis = |place: f32, cells: usize| {
        let middle = (place * cells as f32 - 0.5).clamp(0.0, cells.saturating_sub(1) as f32);
        let cell = middle as usize;
        (cell, (cell + 1).min(cells.saturating_sub(1)), middle.fract())
    };
    let (above, below, down) = axis(y, map.rows);
    let (left, right, across) = axis(x, map.columns);
    let cell = |row: usize, column: usize| map.values.get(row * map.columns + column).copied().unwrap_or(0.0);
    let between = |a: f32, b: f32, part: f32| a + (b - a) * part;
    let upper = between(cell(above, left), cell(above, right), across);
    let lower = between(cell(below, left), cell(below, right), across);
    between(upper, lower, down).clamp(0.0, 1.0)
}

fn colour_of(value: f32) -> [f32; 3] {
    let place = value.clamp(0.0, 1.0) * (COLOURS.len() - 1) as f32;
    let from = (place as usize).min(COLOURS.len() - 2);
    let part = place - from as f32;
    std::array::from_fn(|channel| COLOURS[from][channel] + (COLOURS[from + 1][channel] - COLOURS[from][channel]) * part)
}

/// The stronger the influence, the less of the image shows through.
fn blend(grey: u8, value: f32) -> [u8; 3] {
    let opacity = OPACITY_MAX * value;
    colour_of(value).map(|channel| (f32::from(grey) * (1.0 - opacity) + channel * opacity).round() as u8)
}

/// The pixels that a text sets.
struct Mask {
    columns: u32,
    set: Vec<(u32, u32)>,
}

impl Dimensions for Mask {
    fn bounding_box(&self) -> Rectangle {
        Rectangle::new(Point::zero(), Size::new(self.columns, LETTER.1))
    }
}

impl DrawTarget for Mask {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let on = pixels.into_iter().filter(|Pixel(_, colour)| colour.is_on());
        self.set.extend(on.filter_map(|Pixel(point, _)| Some((point.y.try_into().ok()?, point.x.try_into().ok()?))));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_between_its_cells() {
        let map = Map { rows: 1, columns: 2, values: vec![0.0, 1.0], drop_max: 0.3, method: String::new() };
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(|x| value_at(&map, 0.5, x)), [0.0, 0.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn no_influence_leaves_the_image_as_it_is() {
        for grey in [0, 100, 255] {
            assert_eq!(blend(grey, 0.0), [grey; 3]);
        }
        assert_ne!(blend(100, 1.0), [100; 3]);
    }

    #[test]
    fn colours_grow_lighter() {
        let lightness = |step: i32| {
            let [red, green, blue] = colour_of(step as f32 / 50.0);
            0.299 * red + 0.587 * green + 0.114 * blue
        };
        assert!((0..50).all(|step| lightness(step) < lightness(step + 1)));
    }

    #[test]
    fn text_leaves_marks_only_where_it_stands() {
        let mut canvas = Canvas::new(60, 60);
        canvas.draw_text("AI", 10, 5, 2, [255; 3]);
        let pixels = canvas.into_image().pixels;
        let rows: Vec<usize> = (0..60).filter(|row| pixels[row * 180..(row + 1) * 180].contains(&255)).collect();
        assert!(!rows.is_empty() && rows.iter().all(|row| (10..50).contains(row)));
    }
}
