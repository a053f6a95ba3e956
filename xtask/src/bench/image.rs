//! One generated image as a Part 10 file, explicit VR little endian: the header from `header.txt`, pixels with noise.
//!
//! Written by hand, since xtask must build before the codecs' compilers are installed, and so knows no DICOM library.

use anyhow::{Context, Result, bail};

use super::corpus::{Kind, Study, number_of};

/// PS3.6 Table A-1.
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
/// What writes these files, for group 0002.
const IMPLEMENTATION: &str = "2.25.162530921640331850013287462140213";
/// The stored values are of 12 bits.
const GREY_MAX: i32 = 4095;

/// Makes the images of one kind.
pub struct Encoder {
    kind: Kind,
    lines: Vec<Line>,
    /// What all images show, without noise.
    scene: Vec<i32>,
    /// As many values as an image has pixels, a power of two.
    noise: Vec<i32>,
}

/// One line of the header: which modalities have it, and what it is.
struct Line {
    modalities: Vec<&'static str>,
    tag: (u16, u16),
    vr: &'static str,
    value: &'static str,
}

impl Encoder {
    /// Prepares for images of that kind. Fails if `header.txt` cannot be understood.
    pub fn new(kind: Kind) -> Result<Self> {
        let text = include_str!("header.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let parse = |line| parse_line(line).with_context(|| format!("header.txt: cannot understand {line:?}"));
        let lines = text.map(parse).collect::<Result<_>>()?;
        let side = kind.side();
        Ok(Self { kind, lines, scene: scene(side), noise: noise(side * side) })
    }

    /// The Part 10 file of an image: `series` and `instance` count from 0.
    pub fn encode(&self, study: &Study, series: usize, instance: usize) -> Result<Vec<u8>> {
        let pixels = self.kind.side().pow(2);
        let mut file = Vec::with_capacity(pixels * 2 + 4096);
        file.resize(128, 0);
        file.extend(b"DICM");
        file.extend(meta(
            &self.value("sop_class_uid", study, series, instance)?,
            &study.series[series].instances[instance],
        ));
        for line in &self.lines {
            if line.modalities.contains(&"*") || line.modalities.contains(&study.modality()) {
                let value = self.fill(line.value, study, series, instance)?;
                put(&mut file, line.tag, line.vr, &encode_value(line.vr, &value)?);
            }
        }
        let start = number_of(&[&study.series[series].instances[instance]]) as usize;
        put(&mut file, (0x7FE0, 0x0010), "OW", &self.paint(start));
        Ok(file)
    }

    fn fill(&self, value: &str, study: &Study, series: usize, instance: usize) -> Result<String> {
        let mut filled = String::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, tail) = after.split_once('}').context("a brace is not closed")?;
            filled.push_str(before);
            filled.push_str(&self.value(word, study, series, instance)?);
            rest = tail;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value(&self, word: &str, study: &Study, series: usize, instance: usize) -> Result<String> {
        let is_ct = study.modality() == "CT";
        let either = |ct: &str, other: &str| if is_ct { ct } else { other }.to_owned();
        Ok(match word {
            "sop_class_uid" => study.sop_class_uid().to_owned(),
            "sop_instance_uid" => study.series[series].instances[instance].clone(),
            "study_instance_uid" => study.uid.clone(),
            "series_instance_uid" => study.series[series].uid.clone(),
            "frame_of_reference_uid" => format!("{}.1", study.uid),
            "accession_number" => study.accession_number.clone(),
            "patient_name" => study.patient_name.clone(),
            "patient_id" => study.patient_id.clone(),
            "birth_date" => format!("19{:02}0101", 30 + study.number % 70),
            "sex" => ["F", "M"][study.number as usize % 2].to_owned(),
            "date" => study.date.clone(),
            "time" => format!("{:02}{:02}00", 7 + study.number % 12, study.number % 60),
            "modality" => study.modality().to_owned(),
            "study_id" => (study.number + 1).to_string(),
            "series_number" => (series + 1).to_string(),
            "instance_number" => (instance + 1).to_string(),
            "slice_mm" => format!("{:.2}", instance as f64 * 1.25 - 100.0),
            "side" => self.kind.side().to_string(),
            "window_center" => either("40", "2048"),
            "window_width" => either("400", "4096"),
            "rescale_intercept" => either("-1024", "0"),
            other => bail!("nothing is known to fill in for {{{other}}}"),
        })
    }

    /// The scene with noise that begins elsewhere in each image, so that no two are alike.
    fn paint(&self, start: usize) -> Vec<u8> {
        let mask = self.noise.len() - 1;
        let mut bytes = vec![0; self.scene.len() * 2];
        for (at, pixel) in bytes.chunks_exact_mut(2).enumerate() {
            let grey = (self.scene[at] + self.noise[(at + start) & mask]).clamp(0, GREY_MAX);
            pixel.copy_from_slice(&(grey as u16).to_le_bytes());
        }
        bytes
    }
}

fn parse_line(line: &'static str) -> Option<Line> {
    let (modalities, rest) = line.split_once(' ')?;
    let (tag, rest) = rest.trim_start().split_once(' ')?;
    let (vr, value) = rest.split_once(' ')?;
    let (group, element) = tag.split_once(',')?;
    let tag = (u16::from_str_radix(group, 16).ok()?, u16::from_str_radix(element, 16).ok()?);
    Some(Line { modalities: modalities.split(',').collect(), tag, vr, value })
}

/// Group 0002 (PS3.10 §7.1), with its length.
fn meta(sop_class_uid: &str, sop_instance_uid: &str) -> Vec<u8> {
    let mut group = Vec::new();
    put(&mut group, (2, 0x01), "OB", &[0, 1]);
    let uids = [(0x02, sop_class_uid), (0x03, sop_instance_uid), (0x10, EXPLICIT_LITTLE), (0x12, IMPLEMENTATION)];
    for (element, uid) in uids {
        put(&mut group, (2, element), "UI", &padded(uid, 0));
    }
    let mut meta = Vec::new();
    put(&mut meta, (2, 0), "UL", &(group.len() as u32).to_le_bytes());
    meta.extend(group);
    meta
}

/// One element in explicit VR little endian (PS3.5 §7.1.2). `value` has an even length.
fn put(bytes: &mut Vec<u8>, tag: (u16, u16), vr: &str, value: &[u8]) {
    bytes.extend(tag.0.to_le_bytes());
    bytes.extend(tag.1.to_le_bytes());
    bytes.extend(vr.as_bytes());
    if vr.starts_with('O') {
        bytes.extend([0, 0]);
        bytes.extend((value.len() as u32).to_le_bytes());
    } else {
        bytes.extend((value.len() as u16).to_le_bytes());
    }
    bytes.extend(value);
}

fn encode_value(vr: &str, value: &str) -> Result<Vec<u8>> {
    Ok(match vr {
        "US" => value.parse::<u16>().with_context(|| format!("{value:?} is no number"))?.to_le_bytes().into(),
        "UI" => padded(value, 0),
        _ => padded(value, b' '),
    })
}

/// PS3.5 §6.2: values have an even length.
fn padded(value: &str, padding: u8) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(padding);
    }
    bytes
}

/// Something with an outline and two dark ellipses in it.
fn scene(side: usize) -> Vec<i32> {
    let inside = |y: f64, x: f64, center: f64, height: f64, width: f64| {
        ((y - 0.5) / height).powi(2) + ((x - center) / width).powi(2) < 1.0
    };
    let grey = |row: usize, column: usize| {
        let (y, x) = (row as f64 / side as f64, column as f64 / side as f64);
        let is_dark = inside(y, x, 0.32, 0.25, 0.13) || inside(y, x, 0.68, 0.25, 0.13);
        match (is_dark, inside(y, x, 0.5, 0.4, 0.45)) {
            (true, _) => 250,
            (false, true) => 1060 + (120.0 * (9.0 * x).sin() * (7.0 * y).cos()) as i32,
            (false, false) => 60,
        }
    };
    (0..side * side).map(|at| grey(at / side, at % side)).collect()
}

/// Values about 0 that are nearly normal (the sum of four even ones), the same every time; deviation about 18.
fn noise(count: usize) -> Vec<i32> {
    let mut state = 1_u64;
    let mut next = move || {
        // Knuth's MMIX generator: its high bits are good enough for noise.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % 32) as i32
    };
    (0..count).map(|_| next() + next() + next() + next() - 62).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::corpus::Plan;
    use std::process::Command;

    #[test]
    fn elements_are_in_ascending_order() {
        let encoder = Encoder::new(Kind::Grain).unwrap();
        assert!(encoder.lines.is_sorted_by_key(|line| line.tag));
    }

    #[test]
    fn another_implementation_reads_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::new(&Plan { kind: Kind::Tiny, studies: 2, series: 2, instances: 3 }, 1);
        assert_eq!(study.modality(), "CT");
        let path = folder.path().join("image.dcm");
        std::fs::write(&path, Encoder::new(Kind::Tiny).unwrap().encode(&study, 1, 2).unwrap()).unwrap();
        let dump = crate::step::output(Command::new("dcmdump").arg(&path)).unwrap();
        for (keyword, value) in [
            ("SOPInstanceUID", study.series[1].instances[2].as_str()),
            ("PatientID", &study.patient_id),
            ("InstanceNumber", "3"),
            ("ImagePositionPatient", r"-180\-180\-97.50"),
            ("Rows", "64"),
        ] {
            let found = dump.lines().any(|line| line.contains(value) && line.trim_end().ends_with(keyword));
            assert!(found, "{keyword} {value}\n{dump}");
        }
        assert!(dump.contains("# 8192, 1 PixelData"), "{dump}");
    }

    #[test]
    fn two_images_differ_and_the_same_one_does_not() {
        let study = Study::new(&Plan { kind: Kind::Grain, studies: 1, series: 1, instances: 2 }, 0);
        let encode = |instance| Encoder::new(Kind::Grain).unwrap().encode(&study, 0, instance).unwrap();
        assert_eq!(encode(0), encode(0));
        assert_ne!(encode(0)[1000..], encode(1)[1000..]);
    }
}
