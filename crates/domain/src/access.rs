//! Who acts, and what may be asked of Lightbox. Who may do what is decided by policies in `identity`.

/// An enumeration whose members have identifiers.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its identifier in policies, the store and the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The one of that identifier.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// What a person or a program is here.
    Role {
        /// Runs the installation.
        Admin = "admin",
        /// Reads studies.
        Radiologist = "radiologist",
        /// Treats patients.
        Clinician = "clinician",
        /// Acquires images.
        Technologist = "technologist",
        /// Answers for the use of AI.
        AiLead = "ai_lead",
        /// Makes apps.
        Vendor = "vendor",
        /// Studies data.
        Researcher = "researcher",
        /// Decides on applications for data.
        Committee = "committee",
        /// Teaches.
        Educator = "educator",
        /// Learns.
        Learner = "learner",
        /// Manages a department.
        Operations = "operations",
    }
}

named! {
    /// What may be asked.
    Action {
        /// See the worklist, studies, their images and what apps said of them.
        StudyRead = "study.read",
        /// Add instances by STOW-RS or import.
        StudyWrite = "study.write",
        /// Delete studies, or parts of them, and bring them back.
        StudyDelete = "study.delete",
        /// Correct what is said of studies and their patients, merge patients, and undo it.
        StudyCorrect = "study.correct",
        /// See orders.
        OrderRead = "order.read",
        /// Place, change and cancel orders.
        OrderWrite = "order.write",
        /// See workitems, search them and hear what becomes of them.
        WorkitemRead = "workitem.read",
        /// Offer work, and ask that it be canceled.
        WorkitemCreate = "workitem.create",
        /// Claim work and say how it goes.
        WorkitemPerform = "workitem.perform",
        /// See newcomers on the conflict shelf, without what they say of patients.
        ConflictRead = "conflict.read",
        /// Decide between what is stored and a newcomer.
        ConflictSettle = "conflict.settle",
        /// Have a step of a study's way done again.
        StudyReplay = "study.replay",
        /// Run an app outside its intended use, with a reason.
        RunOverride = "run.override",
        /// Try a failed run again.
        RunRetry = "run.retry",
        /// See results of deployments in shadow mode.
        ShadowRead = "shadow.read",
        /// See peers and unknown callers.
        PeerRead = "peer.read",
        /// Admit, add and remove peers.
        PeerWrite = "peer.write",
        /// See what is deployed.
        DeploymentRead = "deployment.read",
        /// Deploy, change mode and thresholds, switch off.
        DeploymentWrite = "deployment.write",
        /// See accounts and tokens.
        AccountRead = "account.read",
        /// Create and remove accounts and tokens.
        AccountWrite = "account.write",
        /// Read the event log.
        EventRead = "event.read",
        /// See how the system does: its numbers, its disk.
        SystemRead = "system.read",
    }
}

/// Who asks: a person's session or a program's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The account's or token's name.
    pub name: String,
    /// Its role.
    pub role: Role,
}

impl Actor {
    /// Lightbox itself, and the commands of whoever owns the data folder.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { name: name.to_owned(), role: Role::Admin }
    }
}
