//! The one decision: may this actor do this action to this resource?

use cedar_policy::{Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid};
use cedar_policy::{Policy, PolicyId, PolicySet, Request, Schema};
use lightbox_domain::{Action, Actor, Role};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

const POLICIES: &str = include_str!("policies.cedar");
const SCHEMA: &str = include_str!("schema.cedarschema");

/// What an action is done to: its kind, and which one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    kind: &'static str,
    id: String,
}

/// What was decided, and by which policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the actor may.
    pub allow: bool,
    /// The `@id` of each policy that permits it.
    pub because: Vec<String>,
}

struct Rules {
    policies: PolicySet,
    schema: Schema,
    /// The `@id` of each policy, which Cedar would parse whenever it is asked for.
    names: HashMap<PolicyId, String>,
}

impl Resource {
    /// A study, by its Study Instance UID.
    #[must_use]
    pub fn study(study_instance_uid: &str) -> Self {
        Self::new("Study", study_instance_uid)
    }

    /// An order, by our identifier.
    #[must_use]
    pub fn order(id: &str) -> Self {
        Self::new("Order", id)
    }

    /// A workitem, by its SOP Instance UID.
    #[must_use]
    pub fn workitem(sop_instance_uid: &str) -> Self {
        Self::new("Workitem", sop_instance_uid)
    }

    /// A run.
    #[must_use]
    pub fn run(id: &str) -> Self {
        Self::new("Run", id)
    }

    /// A deployment.
    #[must_use]
    pub fn deployment(id: &str) -> Self {
        Self::new("Deployment", id)
    }

    /// A peer, by its AE title.
    #[must_use]
    pub fn peer(ae_title: &str) -> Self {
        Self::new("Peer", ae_title)
    }

    /// An account or token, by its name.
    #[must_use]
    pub fn account(name: &str) -> Self {
        Self::new("Account", name)
    }

    /// The event log.
    #[must_use]
    pub fn log() -> Self {
        Self::new("Log", "events")
    }

    /// All resources of the kind that an action is done to, as a list of them is asked for.
    #[must_use]
    pub fn all(action: Action) -> Self {
        let kind = match action {
            Action::StudyRead | Action::StudyWrite | Action::StudyDelete | Action::StudyReplay => "Study",
            Action::StudyCorrect => "Study",
            // Of a study's instances.
            Action::ConflictRead | Action::ConflictSettle => "Study",
            Action::RunOverride | Action::RunRetry | Action::ShadowRead => "Run",
            Action::WorkitemRead | Action::WorkitemCreate | Action::WorkitemPerform => "Workitem",
            Action::OrderRead | Action::OrderWrite => "Order",
            Action::PeerRead | Action::PeerWrite => "Peer",
            Action::DeploymentRead | Action::DeploymentWrite => "Deployment",
            Action::AccountRead | Action::AccountWrite => "Account",
            Action::EventRead => return Self::log(),
            Action::SystemRead => return Self::new("System", "lightbox"),
        };
        Self::new(kind, "*")
    }

    fn new(kind: &'static str, id: &str) -> Self {
        Self { kind, id: id.to_owned() }
    }
}

/// Whether the actor may do the action to the resource. What no policy permits, and what the schema does not know, is
/// forbidden.
#[must_use]
pub fn decide(actor: &Actor, action: Action, resource: &Resource) -> Decision {
    let rules = rules();
    let principal = entity_uid("Actor", &actor.name);
    let role = entity_uid("Role", actor.role.as_str());
    let asked = Request::new(
        principal.clone(),
        entity_uid("Action", action.as_str()),
        entity_uid(resource.kind, &resource.id),
        Context::empty(),
        Some(&rules.schema),
    );
    let known = Entities::from_entities([Entity::new_no_attrs(principal, HashSet::from([role]))], None);
    let (Ok(asked), Ok(known)) = (asked, known) else {
        return Decision { allow: false, because: Vec::new() };
    };
    let answer = Authorizer::new().is_authorized(&asked, &rules.policies, &known);
    let because = answer.diagnostics().reason().filter_map(|id| rules.names.get(id).cloned());
    Decision { allow: answer.decision() == cedar_policy::Decision::Allow, because: because.collect() }
}

/// What a role may do, whatever the resource. Decided once for each role.
#[must_use]
pub fn permitted_actions(role: Role) -> &'static [Action] {
    static PERMITTED: OnceLock<HashMap<Role, Vec<Action>>> = OnceLock::new();
    let of_role = |role: Role| -> Vec<Action> {
        let actor = Actor { name: String::new(), role };
        let permitted = |action: &Action| decide(&actor, *action, &Resource::all(*action)).allow;
        Action::ALL.iter().copied().filter(permitted).collect()
    };
    let permitted = PERMITTED.get_or_init(|| Role::ALL.iter().map(|role| (*role, of_role(*role))).collect());
    permitted.get(&role).map_or(&[], Vec::as_slice)
}

/// The roles that may do an action, for telling somebody what they lack.
#[must_use]
pub fn roles_permitted(action: Action) -> Vec<Role> {
    let permitted = |role: &Role| permitted_actions(*role).contains(&action);
    Role::ALL.iter().copied().filter(permitted).collect()
}

/// The embedded policies and schema, parsed once.
fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| {
        let policies: PolicySet = POLICIES.parse().expect("the embedded policies parse, as the tests check");
        let schema = Schema::from_cedarschema_str(SCHEMA).expect("the embedded schema parses, as the tests check").0;
        let name = |policy: &Policy| Some((policy.id().clone(), policy.annotation("id")?.to_owned()));
        Rules { names: policies.policies().filter_map(name).collect(), policies, schema }
    })
}

fn entity_uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().expect("entity types are identifiers written in this file");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cedar_policy::{ValidationMode, Validator};

    #[test]
    fn policies_use_the_words_of_the_schema() {
        let validator = Validator::new(rules().schema.clone());
        let result = validator.validate(&rules().policies, ValidationMode::Strict);
        let complaints: Vec<_> = result.validation_errors().map(ToString::to_string).collect();
        assert_eq!(complaints, Vec::<String>::new());
    }

    #[test]
    fn the_schema_knows_every_role_and_action() {
        let actions: HashSet<String> =
            rules().schema.actions().map(|action| action.id().unescaped().to_owned()).collect();
        let expected = Action::ALL.iter().map(|action| action.as_str().to_owned()).collect();
        assert_eq!(actions, expected);
        for role in Role::ALL {
            assert!(SCHEMA.contains(&format!("\"{role}\"")), "{role} is not in the schema");
        }
    }
}
