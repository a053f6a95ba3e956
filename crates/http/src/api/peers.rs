//! Peers: who may call, who called without being admitted, and whether a peer answers.

use super::text::time;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Body, Path, Query};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lightbox_domain::{Action, Actor, AeTitle, Uid};
use lightbox_identity::Resource;
use lightbox_store::now_ms;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest host name (RFC 1035 §2.3.4), in characters.
const HOST_CHARACTERS_MAX: usize = 253;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(list_peers, add_peer))
        .routes(routes!(remove_peer))
        .routes(routes!(admit_peer))
        .routes(routes!(echo_peer))
}

/// A DICOM application entity that may call, and to which results may be sent.
#[derive(Serialize, ToSchema)]
struct Peer {
    /// `*` admits every caller.
    ae_title: String,
    host: Option<String>,
    port: Option<u16>,
    /// Whether live results are forwarded to it.
    receives_results: bool,
    policy: PeerPolicy,
    #[schema(format = DateTime)]
    admitted_at: String,
}

/// A DIMSE service that a peer may use here.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PeerService {
    Store,
    Find,
    Move,
    Get,
    /// Storage commitment.
    Commit,
    /// Modality performed procedure steps.
    Mpps,
}

/// What a peer may do here, and how it is called.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PeerPolicy {
    /// The services that it may use, beside verification.
    services: Vec<PeerService>,
    /// The most associations of its own at once; none for as many as the site allows.
    associations_max: Option<u32>,
    /// Its association is aborted after so many seconds without a message; none for as long as the site allows.
    idle_seconds_max: Option<u32>,
    /// The UIDs of the transfer syntaxes in which it may store, best first; empty for all, in its own order.
    transfer_syntaxes: Vec<String>,
    /// Whether it is called over TLS.
    tls: bool,
    /// Whether it is asked to commit to the results that it got.
    commits: bool,
    /// What becomes of what it sends under a SOP Instance UID that something else has; without one, what is stored stays.
    #[serde(default)]
    conflicts: ConflictPolicy,
}

/// What becomes of a newcomer whose SOP Instance UID another data set has that is stored.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ConflictPolicy {
    /// What is stored stays; the newcomer waits on the conflict shelf.
    #[default]
    KeepFirst,
    /// The newest counts; what was stored goes to the shelf.
    Replace,
    /// The newcomer is not taken, and its sender is told.
    Refuse,
}

/// An unknown caller that was refused and may be admitted.
#[derive(Serialize, ToSchema)]
struct PendingPeer {
    ae_title: String,
    host: String,
    #[schema(format = DateTime)]
    first_seen_at: String,
    #[schema(format = DateTime)]
    last_seen_at: String,
    attempts: i64,
}

/// Admitted and pending peers.
#[derive(Serialize, ToSchema)]
struct Peers {
    peers: Vec<Peer>,
    pending: Vec<PendingPeer>,
}

/// A peer to admit, or what is to be known of it from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPeer {
    ae_title: String,
    host: Option<String>,
    port: Option<u16>,
    receives_results: Option<bool>,
    /// Without one, what holds for it stays; a new peer may use every service.
    policy: Option<PeerPolicy>,
}

/// Which of several callers of one title is admitted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AdmitQuery {
    /// The host that it called from; else the one that called last.
    host: Option<String>,
}

/// What a C-ECHO to a peer gave.
#[derive(Serialize, ToSchema)]
struct EchoResult {
    ok: bool,
    ms: u64,
    detail: String,
}

/// List peers
#[utoipa::path(get, path = "/api/v1/peers", tag = "peers",
    responses((status = 200, description = "Admitted and pending peers", body = Peers)))]
async fn list_peers(State(state): State<HttpState>, caller: Caller) -> Result<Json<Peers>, Problem> {
    caller.may_any(Action::PeerRead)?;
    let peers = state.store.peers().await?.into_iter().map(Peer::of).collect();
    let pending = state.store.pending_peers().await?.into_iter().map(PendingPeer::of).collect();
    Ok(Json(Peers { peers, pending }))
}

/// Admit a peer, or change what is known of it
#[utoipa::path(post, path = "/api/v1/peers", tag = "peers", request_body = NewPeer,
    responses((status = 201, description = "Admitted", body = Peer)))]
async fn add_peer(
    State(state): State<HttpState>,
    caller: Caller,
    Body(new): Body<NewPeer>,
) -> Result<(StatusCode, Json<Peer>), Problem> {
    caller.may(Action::PeerWrite, &Resource::peer(&new.ae_title))?;
    let keeps_policy = new.policy.is_none();
    admit(&state, &caller.actor, new.checked()?, keeps_policy).await
}

/// Remove a peer; it is not served from now on
#[utoipa::path(delete, path = "/api/v1/peers/{ae_title}", tag = "peers", params(("ae_title" = String, Path)),
    responses((status = 204, description = "Removed")))]
async fn remove_peer(
    State(state): State<HttpState>,
    caller: Caller,
    Path(ae_title): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::PeerWrite, &Resource::peer(&ae_title))?;
    lightbox_pipeline::remove_peer(&state.store, &ae_title, &caller.actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Admit a caller that was refused
#[utoipa::path(post, path = "/api/v1/peers/pending/{ae_title}/admit", tag = "peers",
    params(("ae_title" = String, Path), AdmitQuery),
    responses((status = 201, description = "Admitted, from the host that it called from", body = Peer)))]
async fn admit_peer(
    State(state): State<HttpState>,
    caller: Caller,
    Path(ae_title): Path<String>,
    Query(query): Query<AdmitQuery>,
) -> Result<(StatusCode, Json<Peer>), Problem> {
    caller.may(Action::PeerWrite, &Resource::peer(&ae_title))?;
    let asked_for = |pending: &lightbox_domain::PendingPeer| {
        pending.ae_title == ae_title && query.host.as_ref().is_none_or(|host| *host == pending.host)
    };
    let pending = state.store.pending_peers().await?.into_iter().find(asked_for);
    let pending = pending.ok_or_else(|| Problem::not_found("pending peer"))?;
    let peer =
        lightbox_domain::Peer { host: Some(pending.host), ..lightbox_domain::Peer::new(&pending.ae_title, now_ms()) };
    admit(&state, &caller.actor, peer, true).await
}

/// Send a C-ECHO to a peer
#[utoipa::path(post, path = "/api/v1/peers/{ae_title}/echo", tag = "peers", params(("ae_title" = String, Path)),
    responses((status = 200, description = "What the peer answered, or why it did not", body = EchoResult)))]
async fn echo_peer(
    State(state): State<HttpState>,
    caller: Caller,
    Path(ae_title): Path<String>,
) -> Result<Json<EchoResult>, Problem> {
    caller.may(Action::PeerWrite, &Resource::peer(&ae_title))?;
    let peer = state.store.peer(&ae_title).await?;
    if peer.host.is_none() || peer.port.is_none() {
        return Err(Problem::unfit("the peer's host and port are not known; add them first"));
    }
    let outcome = (state.echo)(peer).await;
    Ok(Json(EchoResult { ok: outcome.ok, ms: outcome.ms, detail: outcome.detail }))
}

async fn admit(
    state: &HttpState,
    actor: &Actor,
    mut peer: lightbox_domain::Peer,
    keeps_policy: bool,
) -> Result<(StatusCode, Json<Peer>), Problem> {
    let known = state.store.peers().await?.into_iter().find(|known| known.ae_title == peer.ae_title);
    if let Some(known) = known.filter(|_| keeps_policy) {
        peer.policy = known.policy;
    }
    lightbox_pipeline::admit_peer(&state.store, &peer, actor).await?;
    Ok((StatusCode::CREATED, Json(Peer::of(peer))))
}

impl NewPeer {
    /// The peer, if its values fit together.
    fn checked(self) -> Result<lightbox_domain::Peer, Problem> {
        let ae_title = match self.ae_title.trim() {
            "*" => "*".to_owned(),
            title => AeTitle::parse(title).map_err(Problem::unfit)?.to_string(),
        };
        let host = self.host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
        let plain = |host: &String| {
            host.len() <= HOST_CHARACTERS_MAX
                && host.chars().all(|one| one.is_ascii_alphanumeric() || ".-:_".contains(one))
        };
        if !host.as_ref().is_none_or(plain) {
            return Err(Problem::unfit("the host must be a host name or an address"));
        }
        if self.port == Some(0) {
            return Err(Problem::unfit("the port must be from 1 to 65535"));
        }
        let receives_results = self.receives_results.unwrap_or(false);
        if receives_results && (ae_title == "*" || host.is_none() || self.port.is_none()) {
            return Err(Problem::unfit("a peer that receives results needs its own title, host and port"));
        }
        let policy = self.policy.map(PeerPolicy::checked).transpose()?.unwrap_or_default();
        if (policy.tls || policy.commits) && (host.is_none() || self.port.is_none()) {
            return Err(Problem::unfit("a peer that is called needs its host and port"));
        }
        let peer = lightbox_domain::Peer::new(&ae_title, now_ms());
        Ok(lightbox_domain::Peer { host, port: self.port, receives_results, policy, ..peer })
    }
}

impl Peer {
    fn of(peer: lightbox_domain::Peer) -> Self {
        let lightbox_domain::Peer { ae_title, host, port, receives_results, admitted_ms, policy } = peer;
        let policy = PeerPolicy::of(&policy);
        Self { ae_title, host, port, receives_results, policy, admitted_at: time(admitted_ms) }
    }
}

impl PendingPeer {
    fn of(pending: lightbox_domain::PendingPeer) -> Self {
        Self {
            ae_title: pending.ae_title,
            host: pending.host,
            first_seen_at: time(pending.first_seen_ms),
            last_seen_at: time(pending.last_seen_ms),
            attempts: pending.attempts,
        }
    }
}

impl PeerPolicy {
    fn of(policy: &lightbox_domain::PeerPolicy) -> Self {
        Self {
            services: policy.services.iter().copied().map(Into::into).collect(),
            associations_max: policy.associations_max,
            idle_seconds_max: policy.idle_seconds_max,
            transfer_syntaxes: policy.transfer_syntaxes.iter().map(ToString::to_string).collect(),
            tls: policy.tls,
            commits: policy.commits,
            conflicts: policy.conflicts.into(),
        }
    }

    /// The policy, if its values can be.
    fn checked(self) -> Result<lightbox_domain::PeerPolicy, Problem> {
        if self.associations_max == Some(0) || self.idle_seconds_max == Some(0) {
            return Err(Problem::unfit("a limit must be at least 1, or absent for the site's own"));
        }
        let asked: Vec<lightbox_domain::PeerService> = self.services.into_iter().map(Into::into).collect();
        let services = lightbox_domain::PeerService::ALL.into_iter().filter(|one| asked.contains(one)).collect();
        let syntaxes = self.transfer_syntaxes.iter().map(|uid| Uid::parse(uid));
        Ok(lightbox_domain::PeerPolicy {
            services,
            associations_max: self.associations_max,
            idle_seconds_max: self.idle_seconds_max,
            transfer_syntaxes: syntaxes.collect::<Result<_, _>>().map_err(Problem::unfit)?,
            tls: self.tls,
            commits: self.commits,
            conflicts: self.conflicts.into(),
        })
    }
}

macro_rules! same_as_in_the_domain {
    ($kind:ident: $($name:ident)*) => {
        impl From<lightbox_domain::$kind> for $kind {
            fn from(one: lightbox_domain::$kind) -> Self {
                match one { $(lightbox_domain::$kind::$name => Self::$name,)* }
            }
        }

        impl From<$kind> for lightbox_domain::$kind {
            fn from(one: $kind) -> Self {
                match one { $($kind::$name => Self::$name,)* }
            }
        }
    };
}

same_as_in_the_domain!(PeerService: Store Find Move Get Commit Mpps);
same_as_in_the_domain!(ConflictPolicy: KeepFirst Replace Refuse);
