//! `lightbox token`: bearer tokens of programs.

use super::{open, time};
use crate::output::{Output, columns};
use crate::settings::DataFlag;
use anyhow::Context;
use clap::Subcommand;
use lightbox_domain::Role;
use std::process::ExitCode;

/// Bearer tokens of programs.
#[derive(Subcommand)]
pub enum Token {
    /// Make a token and print it; it cannot be shown again
    Create {
        /// A name to know it by
        name: String,
        /// admin, radiologist, clinician, technologist, ai_lead, vendor, researcher, committee, educator, learner or operations
        #[arg(long)]
        role: String,
        #[command(flatten)]
        data: DataFlag,
    },
    /// List tokens, without their secrets
    List {
        #[command(flatten)]
        data: DataFlag,
    },
    /// Remove a token; it is refused from now on
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        data: DataFlag,
    },
}

/// Reads a role, or says which there are.
pub fn parse_role(text: &str) -> anyhow::Result<Role> {
    let known = || Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    Role::parse(text).with_context(|| format!("there is no role {text}; choose one of {}", known()))
}

impl Token {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create { name, role, data } => {
                let (_, store) = open(&data).await?;
                let token = lightbox_identity::create_token(&store, &name, parse_role(&role)?, &super::actor()).await?;
                output.print(&serde_json::json!({ "name": name, "role": role, "token": token }), || token.clone());
            }
            Self::List { data } => {
                let (_, store) = open(&data).await?;
                let tokens = store.tokens().await?;
                let rows: Vec<_> = tokens
                    .iter()
                    .map(|token| vec![token.name.clone(), token.role.to_string(), time(token.created_ms)])
                    .collect();
                let json: Vec<_> = tokens
                    .iter()
                    .map(|token| serde_json::json!({ "name": token.name, "role": token.role.as_str(), "created_at": time(token.created_ms) }))
                    .collect();
                output.print(&json, || columns(&["name", "role", "created"], &rows));
            }
            Self::Remove { name, data } => {
                let (_, store) = open(&data).await?;
                lightbox_identity::revoke_token(&store, &name, &super::actor()).await?;
                output.print(&serde_json::json!({ "removed": name }), || format!("removed token {name}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
