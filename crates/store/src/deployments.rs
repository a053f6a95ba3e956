//! Deployments: releases at work here.

use crate::{Store, StoreError, Write};
use lightbox_domain::{Deployment, DeploymentMode, Manifest};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::path::PathBuf;

const DEPLOYMENTS: &str = "
    SELECT id, digest, folder, manifest, mode, enabled, jurisdiction, thresholds, created_ms FROM deployments ORDER BY id";

impl Store {
    /// All deployments, the oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        let rows = sqlx::query(DEPLOYMENTS).fetch_all(self.readers()).await?;
        rows.iter().map(deployment_of).collect()
    }

    /// The deployment of this identifier.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn deployment(&self, id: &str) -> Result<Deployment, StoreError> {
        let row = sqlx::query(
            "SELECT id, digest, folder, manifest, mode, enabled, jurisdiction, thresholds, created_ms FROM deployments WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(self.readers())
        .await?;
        deployment_of(&row.ok_or_else(|| StoreError::Missing { kind: "deployment", id: id.to_owned() })?)
    }
}

impl Write {
    /// Adds a deployment. `manifest` is the text of its `app.toml`.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the release is deployed already; else when the database refuses.
    pub async fn insert_deployment(&mut self, deployment: &Deployment, manifest: &str) -> Result<(), StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO deployments
                 (id, app_id, app_release, digest, folder, manifest, mode, enabled, jurisdiction, thresholds, created_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (digest) DO NOTHING",
        )
        .bind(&deployment.id)
        .bind(&deployment.manifest.app.id)
        .bind(&deployment.manifest.app.release)
        .bind(&deployment.digest)
        .bind(deployment.folder.to_string_lossy().into_owned())
        .bind(manifest)
        .bind(deployment.mode.as_str())
        .bind(i64::from(deployment.enabled))
        .bind(&deployment.jurisdiction)
        .bind(thresholds_text(deployment)?)
        .bind(deployment.created_ms)
        .execute(&mut *self.transaction)
        .await?;
        match inserted.rows_affected() {
            0 => Err(StoreError::Exists { kind: "the deployment of release", id: deployment.digest.clone() }),
            _ => Ok(()),
        }
    }

    /// Stores a deployment's mode, switch and thresholds.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn update_deployment(&mut self, deployment: &Deployment) -> Result<(), StoreError> {
        sqlx::query("UPDATE deployments SET mode = $1, enabled = $2, thresholds = $3 WHERE id = $4")
            .bind(deployment.mode.as_str())
            .bind(i64::from(deployment.enabled))
            .bind(thresholds_text(deployment)?)
            .bind(&deployment.id)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

fn thresholds_text(deployment: &Deployment) -> Result<String, StoreError> {
    serde_json::to_string(&deployment.thresholds).map_err(|error| StoreError::row("deployment", &deployment.id, error))
}

fn deployment_of(row: &AnyRow) -> Result<Deployment, StoreError> {
    let id: String = row.try_get("id")?;
    let unreadable = |why: String| StoreError::row("deployment", &id, why);
    let (manifest, mode, thresholds): (String, String, String) =
        (row.try_get("manifest")?, row.try_get("mode")?, row.try_get("thresholds")?);
    Ok(Deployment {
        digest: row.try_get("digest")?,
        folder: PathBuf::from(row.try_get::<String, _>("folder")?),
        manifest: Manifest::parse(&manifest).map_err(|error| unreadable(error.to_string()))?,
        mode: DeploymentMode::parse(&mode).ok_or_else(|| unreadable(format!("unknown mode {mode}")))?,
        enabled: row.try_get::<i64, _>("enabled")? == 1,
        jurisdiction: row.try_get("jurisdiction")?,
        thresholds: serde_json::from_str(&thresholds).map_err(|error| unreadable(error.to_string()))?,
        created_ms: row.try_get("created_ms")?,
        id,
    })
}
