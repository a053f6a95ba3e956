//! DICOM bytes to and from the domain: attributes, pixels, DICOM JSON, results, the gate. No sockets; the only files are
//! those whose path a caller passes in.

/// An image as a person or an app sees it: 8-bit grey, 0 black, row by row, after modality, VOI and presentation LUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreyImage {
    /// Height in pixels.
    pub rows: u32,
    /// Width in pixels.
    pub columns: u32,
    /// `rows × columns` values.
    pub pixels: Vec<u8>,
}
