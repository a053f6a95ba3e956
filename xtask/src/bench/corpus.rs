//! Generated studies, the same ones every time, and the folders that keep them: made once, in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::image::Encoder;
use crate::step;
use crate::workspace::Workspace;

/// A corpus lies in so many folders, divided by study, for so many senders at once.
pub const PARTS: u32 = 4;
/// Part of every UID: another number, other studies. Also names the folders, so that a change makes new ones.
const SEED: u32 = 1;
const FAMILY_NAMES: [&str; 16] = [
    "SMITH", "JONES", "GARCIA", "MUELLER", "ROSSI", "TANAKA", "NGUYEN", "KOWALSKI", "SILVA", "HANSEN", "DUBOIS", "KIM",
    "ALI", "COHEN", "IVANOVA", "OKAFOR",
];
const GIVEN_NAMES: [&str; 8] = ["ANNA", "JOHN", "MARIA", "PETER", "YUKI", "OMAR", "RUTH", "CHIDI"];

/// What the images of a corpus are like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// CT slices, 512², 0.5 MB.
    Ct,
    /// Digital radiographs, 2048², 8 MB.
    Dx,
    /// 64², 8 KB, of four modalities: what remains is the cost of one more instance.
    Tiny,
    /// The same with 8²: a million of them still fit on a disk.
    Grain,
}

impl Kind {
    /// As it is called in measures and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ct => "ct",
            Self::Dx => "dx",
            Self::Tiny => "tiny",
            Self::Grain => "grain",
        }
    }

    /// Rows and columns of an image; a power of two.
    pub fn side(self) -> usize {
        match self {
            Self::Ct => 512,
            Self::Dx => 2048,
            Self::Tiny => 64,
            Self::Grain => 8,
        }
    }
}

/// How large a corpus is.
#[derive(Clone, Copy)]
pub struct Plan {
    /// What the images are like.
    pub kind: Kind,
    /// How many studies.
    pub studies: u32,
    /// How many series a study has.
    pub series: u32,
    /// How many instances a series has.
    pub instances: u32,
}

impl Plan {
    /// How many files that makes.
    pub fn files(&self) -> u32 {
        self.studies * self.series * self.instances
    }
}

/// A generated study: what the queries need to know of it.
pub struct Study {
    kind: Kind,
    /// Its place in the corpus, from 0.
    pub number: u32,
    /// Every fourth study is a second one of the patient before.
    pub patient_id: String,
    /// Sixteen family names, so that a prefix of the name finds a sixteenth of all.
    pub patient_name: String,
    /// One of 1,680 days; the day of the month is at most 28.
    pub date: String,
    /// Another one for each study.
    pub accession_number: String,
    /// The Study Instance UID.
    pub uid: String,
    /// Its series.
    pub series: Vec<Series>,
}

/// A series of a generated study.
pub struct Series {
    /// The Series Instance UID.
    pub uid: String,
    /// The SOP Instance UIDs.
    pub instances: Vec<String>,
}

impl Study {
    /// The study with that number of a plan.
    pub fn new(plan: &Plan, number: u32) -> Self {
        let kind = plan.kind.name();
        let patient = number - number / 4;
        let pick = |what: &str, of: u64| number_of(&[kind, what, &number.to_string()]) % of;
        let pick_patient = |what: &str| number_of(&[kind, what, &patient.to_string()]) as usize;
        let uid = |place: &str| format!("2.25.{}", 1 + number_of(&[kind, &number.to_string(), place]));
        let instances = |series| (0..plan.instances).map(|instance| uid(&format!("{series}/{instance}"))).collect();
        let series = |series| Series { uid: uid(&format!("series {series}")), instances: instances(series) };
        Self {
            kind: plan.kind,
            number,
            patient_id: format!("{}{patient:07}", kind.to_uppercase()),
            patient_name: format!(
                "{}^{}",
                FAMILY_NAMES[pick_patient("family") % FAMILY_NAMES.len()],
                GIVEN_NAMES[pick_patient("given") % GIVEN_NAMES.len()]
            ),
            date: format!("{}{:02}{:02}", 2020 + pick("year", 5), 1 + pick("month", 12), 1 + pick("day", 28)),
            accession_number: format!("{}{number:08}", kind[..1].to_uppercase()),
            uid: uid("study"),
            series: (0..plan.series).map(series).collect(),
        }
    }

    /// The modality; the small ones take turns.
    pub fn modality(&self) -> &'static str {
        match self.kind {
            Kind::Ct => "CT",
            Kind::Dx => "DX",
            Kind::Tiny | Kind::Grain => ["CR", "CT", "MR", "DX"][self.number as usize % 4],
        }
    }

    /// PS3.4 Table B.5-1.
    pub fn sop_class_uid(&self) -> &'static str {
        match self.modality() {
            "CR" => "1.2.840.10008.5.1.4.1.1.1",
            "CT" => "1.2.840.10008.5.1.4.1.1.2",
            "MR" => "1.2.840.10008.5.1.4.1.1.4",
            _ => "1.2.840.10008.5.1.4.1.1.1.1",
        }
    }

    /// Writes all its images into a folder. Gives their bytes.
    pub fn write(&self, encoder: &Encoder, folder: &Path) -> Result<u64> {
        let mut bytes = 0;
        for (s, series) in self.series.iter().enumerate() {
            for i in 0..series.instances.len() {
                let file = encoder.encode(self, s, i)?;
                bytes += file.len() as u64;
                let path = folder.join(format!("{:06}-{s}-{i:04}.dcm", self.number));
                fs::write(&path, file).with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        Ok(bytes)
    }
}

/// A number that these words always give, and no others do; 63 bits.
pub fn number_of(words: &[&str]) -> u64 {
    let digest = Sha256::digest(format!("{SEED}/{}", words.join("/")));
    digest[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte)) >> 1
}

/// A corpus on disk.
pub struct Corpus {
    /// What it was made after.
    pub plan: Plan,
    /// Holds a folder for each part, and nothing else.
    pub folder: PathBuf,
    /// All studies, by number.
    pub studies: Vec<Study>,
    /// The size of all files, in bytes.
    pub bytes: u64,
}

impl Corpus {
    /// The corpus of that plan from the cache, where it is made if it is missing.
    pub fn prepare(workspace: &Workspace, plan: Plan) -> Result<Self> {
        let Plan { kind, studies, series, instances } = plan;
        let corpora = workspace.cache.join("bench");
        let folder = corpora.join(format!("{}-{studies}x{series}x{instances}-{SEED}", kind.name()));
        if !folder.exists() {
            let started = Instant::now();
            println!("bench: making {} files of {} …", plan.files(), kind.name());
            fs::create_dir_all(&corpora)?;
            let part = tempfile::Builder::new().prefix(".part-").tempdir_in(&corpora)?;
            make(&plan, part.path())?;
            fs::rename(part.keep(), &folder).with_context(|| format!("cannot make {}", folder.display()))?;
            println!("bench: made {} in {}", folder.display(), step::seconds(started.elapsed()));
        }
        let studies = (0..studies).map(|number| Study::new(&plan, number)).collect();
        Self::open(plan, folder, studies)
    }

    fn open(plan: Plan, folder: PathBuf, studies: Vec<Study>) -> Result<Self> {
        let sizes: Vec<u64> = files(&folder)?.iter().map(|file| Ok(file.metadata()?.len())).collect::<Result<_>>()?;
        if sizes.len() != plan.files() as usize {
            bail!("{} holds {} files and not {}: remove it", folder.display(), sizes.len(), plan.files());
        }
        Ok(Self { plan, folder, studies, bytes: sizes.iter().sum() })
    }

    /// The first part alone, as a corpus without parts.
    pub fn first_part(&self) -> Result<Self> {
        let numbers = (0..self.plan.studies).step_by(PARTS as usize);
        let studies: Vec<_> = numbers.map(|number| Study::new(&self.plan, number)).collect();
        let plan = Plan { studies: studies.len() as u32, ..self.plan };
        Self::open(plan, part_of(&self.folder, 0), studies)
    }

    /// The folders of the parts.
    pub fn parts(&self) -> Vec<PathBuf> {
        (0..PARTS).map(|part| part_of(&self.folder, part)).collect()
    }

    /// The paths of all files, study after study.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        files(&self.folder)
    }
}

fn part_of(folder: &Path, part: u32) -> PathBuf {
    folder.join(format!("part-{part}"))
}

/// Writes all studies of a plan, each part by a thread of its own.
fn make(plan: &Plan, folder: &Path) -> Result<()> {
    let encoder = Encoder::new(plan.kind)?;
    let make_part = |part| -> Result<()> {
        let folder = part_of(folder, part);
        fs::create_dir_all(&folder)?;
        let mut numbers = (0..plan.studies).filter(|number| number % PARTS == part);
        numbers.try_for_each(|number| Study::new(plan, number).write(&encoder, &folder).map(drop))
    };
    thread::scope(|scope| {
        let makers: Vec<_> = (0..PARTS).map(|part| scope.spawn(move || make_part(part))).collect();
        makers.into_iter().try_for_each(|maker| maker.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?)
    })
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn studies_are_the_same_every_time_and_no_uid_occurs_twice() {
        let plan = Plan { kind: Kind::Tiny, studies: 50, series: 2, instances: 5 };
        let uids = || -> Vec<String> {
            let studies = (0..plan.studies).map(|number| Study::new(&plan, number));
            let all = |study: Study| {
                let series = study.series.into_iter().flat_map(|series| [vec![series.uid], series.instances].concat());
                series.chain([study.uid]).collect::<Vec<_>>()
            };
            studies.flat_map(all).collect()
        };
        assert_eq!(uids(), uids());
        assert_eq!(uids().iter().collect::<HashSet<_>>().len(), 50 * (1 + 2 + 10));
    }

    #[test]
    fn some_patients_have_two_studies() {
        let plan = Plan { kind: Kind::Grain, studies: 8, series: 1, instances: 1 };
        let patients: Vec<_> = (0..8).map(|number| Study::new(&plan, number).patient_id[5..].parse()).collect();
        assert_eq!(patients, [0, 1, 2, 3, 3, 4, 5, 6].map(Ok));
    }

    #[test]
    fn each_part_has_its_studies() {
        let folder = tempfile::tempdir().unwrap();
        make(&Plan { kind: Kind::Grain, studies: 5, series: 1, instances: 2 }, folder.path()).unwrap();
        let count = |part| files(&part_of(folder.path(), part)).unwrap().len();
        assert_eq!([0, 1, 2, 3].map(count), [4, 2, 2, 2]);
    }
}
