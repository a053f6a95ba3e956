//! The settings of `serve`: a flag, else LIGHTBOX_* in the environment, else a key in `lightbox.toml`, else the default.

use anyhow::Context;
use clap::Args;
use lightbox_dimse::{Node, Tls, TlsFiles};
use lightbox_domain::{AeTitle, ConflictPolicy, LifecycleRule, Limits};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where the installation keeps everything. Every command takes it.
#[derive(Args, Clone, Debug)]
pub struct DataFlag {
    /// The data folder; made if it is missing
    #[arg(long, env = "LIGHTBOX_DATA", value_name = "DIR", default_value = "lightbox-data")]
    pub data: PathBuf,
}

/// The PEM files with which DICOM goes over TLS.
#[derive(Args, Clone, Debug, Default)]
struct TlsFlags {
    /// Our certificate for DICOM over TLS, as PEM
    #[arg(long, env = "LIGHTBOX_DICOM_TLS_CERT", value_name = "FILE")]
    dicom_tls_cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, env = "LIGHTBOX_DICOM_TLS_KEY", value_name = "FILE")]
    dicom_tls_key: Option<PathBuf>,
    /// The authorities that peers' certificates must come from; then every caller over TLS must show one
    #[arg(long, env = "LIGHTBOX_DICOM_TLS_CA", value_name = "FILE")]
    dicom_tls_ca: Option<PathBuf>,
}

impl TlsFlags {
    /// What the files say, those of `lightbox.toml` where there is no flag.
    fn load(self, file: &File) -> anyhow::Result<Option<Tls>> {
        let certificate = self.dicom_tls_cert.or_else(|| file.dicom_tls_cert.clone());
        let key = self.dicom_tls_key.or_else(|| file.dicom_tls_key.clone());
        let authorities = self.dicom_tls_ca.or_else(|| file.dicom_tls_ca.clone());
        match (certificate, key) {
            (Some(certificate), Some(key)) => Ok(Some(Tls::load(&TlsFiles { certificate, key, authorities })?)),
            (None, None) => Ok(None),
            _ => anyhow::bail!("--dicom-tls-cert and --dicom-tls-key belong together"),
        }
    }
}

/// What every command takes that calls a peer.
#[derive(Args, Clone, Debug)]
pub struct CallerFlags {
    /// Our AE title
    #[arg(long, env = "LIGHTBOX_AET", default_value = "LIGHTBOX")]
    pub aet: String,
    #[command(flatten)]
    tls: TlsFlags,
    #[command(flatten)]
    pub data: DataFlag,
}

impl CallerFlags {
    /// Who we are to the peer.
    pub fn node(&self) -> anyhow::Result<Node> {
        let tls = self.tls.clone().load(&read_file(None, &self.data.data)?)?;
        Ok(Node { ae_title: self.aet.clone(), tls })
    }
}

/// The flags of `serve`.
#[derive(Args, Debug)]
pub struct ServeFlags {
    #[command(flatten)]
    data: DataFlag,
    /// Settings file [default: lightbox.toml in the data folder, if there is one]
    #[arg(long, env = "LIGHTBOX_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the web page and the HTTP interfaces [default: 127.0.0.1:8080; port 0 takes a free one]
    #[arg(long, env = "LIGHTBOX_HTTP", value_name = "ADDRESS")]
    http: Option<String>,
    /// Address for DICOM associations [default: 127.0.0.1:11112]
    #[arg(long, env = "LIGHTBOX_DICOM", value_name = "ADDRESS")]
    dicom: Option<String>,
    /// Address for DICOM associations over TLS; needs a certificate and its key [default: none]
    #[arg(long, env = "LIGHTBOX_DICOM_TLS", value_name = "ADDRESS")]
    dicom_tls: Option<String>,
    #[command(flatten)]
    tls: TlsFlags,
    /// Our application entity title [default: LIGHTBOX]
    #[arg(long, env = "LIGHTBOX_AET", value_name = "TITLE")]
    aet: Option<String>,
    /// Refuse associations that call another title than ours
    #[arg(long, env = "LIGHTBOX_STRICT_CALLED_AET")]
    strict_called_aet: bool,
    /// The name of this site, shown in the page's header [default: Lightbox]
    #[arg(long, env = "LIGHTBOX_SITE", value_name = "NAME")]
    site: Option<String>,
    /// ONNX Runtime's library, libonnxruntime.so [default: ORT_DYLIB_PATH, then the usual places]
    #[arg(long, env = "LIGHTBOX_ONNXRUNTIME", value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// Threads of one model run [default: the machine's, at most 2]
    #[arg(long, env = "LIGHTBOX_MODEL_THREADS", value_name = "N")]
    model_threads: Option<usize>,
}

/// The keys of `lightbox.toml`. A key that is not known is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    http: Option<String>,
    dicom: Option<String>,
    dicom_tls: Option<String>,
    dicom_tls_cert: Option<PathBuf>,
    dicom_tls_key: Option<PathBuf>,
    dicom_tls_ca: Option<PathBuf>,
    aet: Option<String>,
    strict_called_aet: bool,
    site: Option<String>,
    onnxruntime: Option<PathBuf>,
    model_threads: Option<usize>,
    limits: Limits,
    lifecycle: Vec<LifecycleRule>,
    conflicts: Option<String>,
}

/// What `serve` works with.
#[derive(Debug)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// Address of the HTTP door.
    pub http: String,
    /// Address of the DIMSE door.
    pub dicom: String,
    /// Address of the DIMSE door over TLS, if there is one.
    pub dicom_tls: Option<String>,
    /// How we take part in TLS, if we do.
    pub tls: Option<Tls>,
    /// Our title.
    pub ae_title: AeTitle,
    /// Whether another called title is refused.
    pub strict_called_aet: bool,
    /// The site's name.
    pub site: String,
    /// ONNX Runtime's library, if it was named.
    pub onnxruntime: Option<PathBuf>,
    /// Threads of one model run, if it was set.
    pub model_threads: Option<usize>,
    /// The site's limits.
    pub limits: Limits,
    /// What is kept for how long, the first rule that fits.
    pub lifecycle: Vec<LifecycleRule>,
    /// What becomes of uploads under the UID of something else that is stored.
    pub conflicts: ConflictPolicy,
}

impl Settings {
    /// Who we are when we call a peer.
    pub fn node(&self) -> Node {
        Node { ae_title: self.ae_title.to_string(), tls: self.tls.clone() }
    }
}

impl ServeFlags {
    /// Puts flags, environment and file together.
    pub fn settings(self) -> anyhow::Result<Settings> {
        let file = read_file(self.config.as_deref(), &self.data.data)?;
        let or = |flag: Option<String>, file: Option<String>, default: &str| {
            flag.or(file).unwrap_or_else(|| default.to_owned())
        };
        let tls = self.tls.load(&file)?;
        let dicom_tls = self.dicom_tls.or(file.dicom_tls);
        if dicom_tls.is_some() && tls.is_none() {
            anyhow::bail!("--dicom-tls needs --dicom-tls-cert and --dicom-tls-key");
        }
        let aet = or(self.aet, file.aet, "LIGHTBOX");
        Ok(Settings {
            data: self.data.data,
            http: or(self.http, file.http, "127.0.0.1:8080"),
            dicom: or(self.dicom, file.dicom, "127.0.0.1:11112"),
            dicom_tls,
            tls,
            ae_title: AeTitle::parse(&aet).with_context(|| format!("cannot use {aet} as our title"))?,
            strict_called_aet: self.strict_called_aet || file.strict_called_aet,
            site: or(self.site, file.site, "Lightbox"),
            onnxruntime: self.onnxruntime.or(file.onnxruntime),
            model_threads: self.model_threads.or(file.model_threads),
            limits: file.limits,
            lifecycle: file.lifecycle,
            conflicts: match file.conflicts {
                Some(name) => {
                    conflict_policy(&name).map_err(|why| anyhow::anyhow!("cannot use conflicts = {name}: {why}"))?
                }
                None => ConflictPolicy::KeepFirst,
            },
        })
    }
}

/// A conflict policy by its name.
pub fn conflict_policy(name: &str) -> Result<ConflictPolicy, String> {
    let known = ConflictPolicy::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
    ConflictPolicy::parse(name).ok_or_else(|| format!("it is one of {known}"))
}

/// The limits that the site set in the data folder's `lightbox.toml`, for commands that take instances in.
pub fn limits(flag: &DataFlag) -> anyhow::Result<Limits> {
    Ok(read_file(None, &flag.data)?.limits)
}

/// The lifecycle rules that the site set in the data folder's `lightbox.toml`.
pub fn lifecycle(flag: &DataFlag) -> anyhow::Result<Vec<LifecycleRule>> {
    Ok(read_file(None, &flag.data)?.lifecycle)
}

/// The named file must exist; the one in the data folder may.
fn read_file(named: Option<&Path>, data: &Path) -> anyhow::Result<File> {
    let path = named.map_or_else(|| data.join("lightbox.toml"), Path::to_owned);
    if named.is_none() && !path.exists() {
        return Ok(File::default());
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot use {}", path.display()))
}
