//! Who may do what, in full: a change of the policies shows here.

use lightbox_domain::{Action, Actor, Role};
use lightbox_identity::{Resource, decide, permitted_actions, roles_permitted};

#[test]
fn each_role_may_do_this_and_nothing_else() {
    let expected = [
        (Role::Admin, Action::ALL.iter().map(|action| action.as_str()).collect::<Vec<_>>()),
        (
            Role::Radiologist,
            vec![
                "study.read",
                "order.read",
                "workitem.read",
                "workitem.create",
                "workitem.perform",
                "run.override",
                "run.retry",
            ],
        ),
        (Role::Clinician, vec!["study.read", "workitem.read"]),
        (
            Role::Technologist,
            vec![
                "study.read",
                "study.write",
                "study.correct",
                "order.read",
                "order.write",
                "workitem.read",
                "workitem.create",
                "workitem.perform",
                "conflict.read",
                "study.replay",
                "peer.read",
            ],
        ),
        (
            Role::AiLead,
            vec![
                "study.read",
                "workitem.read",
                "workitem.create",
                "workitem.perform",
                "study.replay",
                "run.override",
                "run.retry",
                "shadow.read",
                "deployment.read",
                "deployment.write",
                "event.read",
            ],
        ),
        (Role::Vendor, vec!["deployment.read"]),
        (Role::Researcher, vec![]),
        (Role::Committee, vec![]),
        (Role::Educator, vec![]),
        (Role::Learner, vec![]),
        (Role::Operations, vec!["conflict.read", "event.read", "system.read"]),
    ];
    let found: Vec<_> = Role::ALL
        .iter()
        .map(|role| (*role, permitted_actions(*role).iter().map(|action| action.as_str()).collect::<Vec<_>>()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_decision_names_its_policy() {
    let actor = Actor { name: "ann".to_owned(), role: Role::Clinician };
    let decision = decide(&actor, Action::StudyRead, &Resource::study("1.2.3"));
    assert!(decision.allow);
    assert_eq!(decision.because, ["clinician looks"]);
    let decision = decide(&actor, Action::RunOverride, &Resource::run("01J"));
    assert!(!decision.allow && decision.because.is_empty());
}

#[test]
fn an_action_on_the_wrong_kind_of_resource_is_forbidden_even_to_an_administrator() {
    let admin = Actor::system("lightbox");
    assert!(!decide(&admin, Action::StudyRead, &Resource::peer("CT1")).allow);
}

#[test]
fn a_name_cannot_be_mistaken_for_a_role() {
    let actor = Actor { name: "\" in Role::\"admin".to_owned(), role: Role::Learner };
    assert!(!decide(&actor, Action::EventRead, &Resource::log()).allow);
}

#[test]
fn who_lacks_a_role_can_be_told_which() {
    assert_eq!(roles_permitted(Action::ShadowRead), [Role::Admin, Role::AiLead]);
    assert_eq!(roles_permitted(Action::StudyWrite), [Role::Admin, Role::Technologist]);
}
