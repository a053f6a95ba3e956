//! Peers that were admitted, and callers that were not.

use crate::{Store, StoreError, Write, now_ms};
use lightbox_domain::{ConflictPolicy, Peer, PeerPolicy, PeerService, PendingPeer, Uid};
use sqlx::Row;
use sqlx::any::AnyRow;

impl Store {
    /// All admitted peers by title.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn peers(&self) -> Result<Vec<Peer>, StoreError> {
        let rows = sqlx::query(
            "SELECT ae_title, host, port, receives_results, admitted_ms, services, associations_max, idle_seconds_max,
                 transfer_syntaxes, tls, commits, conflicts
             FROM peers ORDER BY ae_title",
        )
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(peer_of).collect()
    }

    /// The peer of this title.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn peer(&self, ae_title: &str) -> Result<Peer, StoreError> {
        let row = sqlx::query(
            "SELECT ae_title, host, port, receives_results, admitted_ms, services, associations_max, idle_seconds_max,
                 transfer_syntaxes, tls, commits, conflicts
             FROM peers WHERE ae_title = $1",
        )
        .bind(ae_title)
        .fetch_optional(self.readers())
        .await?;
        peer_of(&row.ok_or_else(|| StoreError::Missing { kind: "peer", id: ae_title.to_owned() })?)
    }

    /// What becomes of conflicting instances from a caller of this title: what its own row says, else that of `*`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn conflict_policy(&self, ae_title: &str) -> Result<ConflictPolicy, StoreError> {
        let row = sqlx::query(
            "SELECT conflicts FROM peers WHERE ae_title IN ($1, '*')
             ORDER BY CASE ae_title WHEN '*' THEN 1 ELSE 0 END LIMIT 1",
        )
        .bind(ae_title)
        .fetch_optional(self.readers())
        .await?;
        let name = row.map(|row| row.try_get::<String, _>("conflicts")).transpose()?;
        Ok(name.and_then(|name| ConflictPolicy::parse(&name)).unwrap_or(ConflictPolicy::KeepFirst))
    }

    /// Callers that nobody admitted, the latest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn pending_peers(&self) -> Result<Vec<PendingPeer>, StoreError> {
        let rows = sqlx::query(
            "SELECT ae_title, host, first_seen_ms, last_seen_ms, attempts FROM pending_peers
             ORDER BY last_seen_ms DESC, ae_title",
        )
        .fetch_all(self.readers())
        .await?;
        let pending = |row: &AnyRow| {
            Ok(PendingPeer {
                ae_title: row.try_get("ae_title")?,
                host: row.try_get("host")?,
                first_seen_ms: row.try_get("first_seen_ms")?,
                last_seen_ms: row.try_get("last_seen_ms")?,
                attempts: row.try_get("attempts")?,
            })
        };
        rows.iter().map(pending).collect()
    }
}

impl Write {
    /// Admits a peer, or changes what is known of it; it is then no longer pending.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn upsert_peer(&mut self, peer: &Peer) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO peers (ae_title, host, port, receives_results, admitted_ms, services, associations_max,
                 idle_seconds_max, transfer_syntaxes, tls, commits, conflicts)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (ae_title) DO UPDATE SET
                 host = excluded.host, port = excluded.port, receives_results = excluded.receives_results,
                 services = excluded.services, associations_max = excluded.associations_max,
                 idle_seconds_max = excluded.idle_seconds_max, transfer_syntaxes = excluded.transfer_syntaxes,
                 tls = excluded.tls, commits = excluded.commits, conflicts = excluded.conflicts",
        )
        .bind(&peer.ae_title)
        .bind(&peer.host)
        .bind(peer.port.map(i64::from))
        .bind(i64::from(peer.receives_results))
        .bind(peer.admitted_ms)
        .bind(words(peer.policy.services.iter().map(|service| service.as_str())))
        .bind(peer.policy.associations_max.map(i64::from))
        .bind(peer.policy.idle_seconds_max.map(i64::from))
        .bind(words(peer.policy.transfer_syntaxes.iter().map(Uid::as_str)))
        .bind(i64::from(peer.policy.tls))
        .bind(i64::from(peer.policy.commits))
        .bind(peer.policy.conflicts.as_str())
        .execute(&mut *self.transaction)
        .await?;
        sqlx::query("DELETE FROM pending_peers WHERE ae_title = $1 OR $2 = '*'")
            .bind(&peer.ae_title)
            .bind(&peer.ae_title)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Removes a peer. False when there is none of this title.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn delete_peer(&mut self, ae_title: &str) -> Result<bool, StoreError> {
        let deleted =
            sqlx::query("DELETE FROM peers WHERE ae_title = $1").bind(ae_title).execute(&mut *self.transaction).await?;
        Ok(deleted.rows_affected() == 1)
    }

    /// Remembers that an unknown caller was refused; gives whether it is new. Beyond `pending_max` rows the caller
    /// that was not seen for longest is forgotten.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn note_pending(&mut self, ae_title: &str, host: &str, pending_max: usize) -> Result<bool, StoreError> {
        let now = now_ms();
        let row = sqlx::query(
            "INSERT INTO pending_peers (ae_title, host, first_seen_ms, last_seen_ms, attempts)
             VALUES ($1, $2, $3, $4, 1)
             ON CONFLICT (ae_title, host) DO UPDATE SET
                 last_seen_ms = excluded.last_seen_ms, attempts = pending_peers.attempts + 1
             RETURNING attempts",
        )
        .bind(ae_title)
        .bind(host)
        .bind(now)
        .bind(now)
        .fetch_one(&mut *self.transaction)
        .await?;
        sqlx::query(
            "DELETE FROM pending_peers WHERE last_seen_ms <
                 (SELECT MIN(last_seen_ms) FROM
                     (SELECT last_seen_ms FROM pending_peers ORDER BY last_seen_ms DESC LIMIT $1) AS latest)",
        )
        .bind(i64::try_from(pending_max).unwrap_or(i64::MAX))
        .execute(&mut *self.transaction)
        .await?;
        Ok(row.try_get::<i64, _>("attempts")? == 1)
    }
}

fn peer_of(row: &AnyRow) -> Result<Peer, StoreError> {
    let port: Option<i64> = row.try_get("port")?;
    Ok(Peer {
        ae_title: row.try_get("ae_title")?,
        host: row.try_get("host")?,
        port: port.and_then(|port| u16::try_from(port).ok()),
        receives_results: row.try_get::<i64, _>("receives_results")? == 1,
        admitted_ms: row.try_get("admitted_ms")?,
        policy: policy_of(row)?,
    })
}

fn policy_of(row: &AnyRow) -> Result<PeerPolicy, StoreError> {
    let (services, syntaxes): (String, String) = (row.try_get("services")?, row.try_get("transfer_syntaxes")?);
    let number =
        |column| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.and_then(|n| u32::try_from(n).ok()));
    Ok(PeerPolicy {
        services: services.split_whitespace().filter_map(PeerService::parse).collect(),
        associations_max: number("associations_max")?,
        idle_seconds_max: number("idle_seconds_max")?,
        transfer_syntaxes: syntaxes.split_whitespace().filter_map(|uid| Uid::parse(uid).ok()).collect(),
        tls: row.try_get::<i64, _>("tls")? == 1,
        commits: row.try_get::<i64, _>("commits")? == 1,
        conflicts: ConflictPolicy::parse(&row.try_get::<String, _>("conflicts")?).unwrap_or(ConflictPolicy::KeepFirst),
    })
}

/// Words in one column, divided by spaces.
fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}
