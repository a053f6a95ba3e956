//! `lightbox user`: accounts of people.

use super::token::parse_role;
use super::{open, time};
use crate::output::{Output, columns};
use crate::settings::DataFlag;
use clap::Subcommand;
use std::process::ExitCode;

/// Accounts of people.
#[derive(Subcommand)]
pub enum User {
    /// Make an account with a one-time password, which is printed and must be replaced at the first sign-in
    Create {
        /// The name to sign in with
        name: String,
        /// admin, radiologist, clinician, technologist, ai_lead, vendor, researcher, committee, educator, learner or operations
        #[arg(long)]
        role: String,
        #[command(flatten)]
        data: DataFlag,
    },
    /// Give an account a new one-time password and end its sessions
    Reset {
        /// Its name
        name: String,
        #[command(flatten)]
        data: DataFlag,
    },
    /// List accounts
    List {
        #[command(flatten)]
        data: DataFlag,
    },
    /// Remove an account and end its sessions
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        data: DataFlag,
    },
}

impl User {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create { name, role, data } => {
                let (_, store) = open(&data).await?;
                let one =
                    lightbox_identity::create_one_time(&store, &name, parse_role(&role)?, &super::actor()).await?;
                print_one_time(output, &one);
            }
            Self::Reset { name, data } => {
                let (_, store) = open(&data).await?;
                print_one_time(output, &lightbox_identity::reset_password(&store, &name, &super::actor()).await?);
            }
            Self::List { data } => {
                let (_, store) = open(&data).await?;
                let accounts = store.accounts().await?;
                let rows: Vec<_> = accounts
                    .iter()
                    .map(|account| vec![account.name.clone(), account.role.to_string(), time(account.created_ms)])
                    .collect();
                let json: Vec<_> = accounts
                    .iter()
                    .map(|account| serde_json::json!({ "name": account.name, "role": account.role.as_str(), "created_at": time(account.created_ms) }))
                    .collect();
                output.print(&json, || columns(&["name", "role", "created"], &rows));
            }
            Self::Remove { name, data } => {
                let (_, store) = open(&data).await?;
                lightbox_identity::remove_account(&store, &name, &super::actor()).await?;
                output.print(&serde_json::json!({ "removed": name }), || format!("removed account {name}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print_one_time(output: &Output, one: &lightbox_identity::OneTime) {
    output.print(&serde_json::json!({ "name": one.name, "one_time_password": one.password }), || one.password.clone());
}
