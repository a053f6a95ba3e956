//! Drawn images, as functions from row and column to an 8-bit grey.

/// All greys from left to right, in an image of that many columns.
pub fn ramp(columns: u32) -> impl Fn(u32, u32) -> i32 {
    move |_, column| (column * 255 / (columns - 1).max(1)) as i32
}

/// Something with the outline of a chest film: dark lungs on a bright body, black surroundings.
pub fn chest(rows: u32, columns: u32) -> impl Fn(u32, u32) -> i32 {
    move |row, column| {
        let (y, x) = (f64::from(row) / f64::from(rows), f64::from(column) / f64::from(columns));
        let inside = |cy: f64, cx: f64, ry: f64, rx: f64| ((y - cy) / ry).powi(2) + ((x - cx) / rx).powi(2) < 1.0;
        let lungs = inside(0.45, 0.3, 0.32, 0.14) || inside(0.45, 0.7, 0.32, 0.14);
        match (lungs, inside(0.55, 0.5, 0.55, 0.45)) {
            (true, _) => 60 + (40.0 * y) as i32,
            (false, true) => 170 + (30.0 * x) as i32,
            (false, false) => 5,
        }
    }
}
