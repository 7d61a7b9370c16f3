//! `plan`: what the operator would do next, without doing it.

use crate::connection::Connection;
use crate::format::Format;
use crate::outcome::Outcome;
use crate::paint::{Paint, Tone};
use crate::target::Target;
use anyhow::bail;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, ListParams};
use openvox_crds::vocabulary::label;
use openvox_operator::cluster::{Change, Difference};
use openvox_operator::planner::Planner;
use openvox_operator::reconcile::NextStep;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// How long the caches may take to fill: each is one list.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest value that is shown whole, in characters.
const LONGEST: usize = 100;

/// Shows the next step of one object, or of all.
///
/// # Errors
/// If what the operator looks at cannot be read, or the object does not exist.
pub async fn run(connection: &Connection, target: Option<&Target>, format: Format) -> anyhow::Result<Outcome> {
    if target.is_some() {
        connection.one_namespace()?;
    }
    let (client, namespace) = (connection.client.clone(), connection.namespace.as_deref());
    let image = operator_image(&client).await.unwrap_or_else(|| {
        eprintln!(
            "The operator's own image is not known, because no Deployment of an operator is seen; where it belongs stands \"unknown\"."
        );
        "unknown".to_owned()
    });
    let planner = match Planner::watch(client, namespace, image, PATIENCE).await {
        Ok(planner) => planner,
        Err(missing) => bail!(
            "failed to read within {PATIENCE:?}: {}; plan looks at what the operator looks at, and needs its rights to get, list and watch",
            missing.join(", ")
        ),
    };
    let wanted = planner.next_steps(|object| target.is_none_or(|target| target.kind.name() == object.kind && target.name == object.name));
    let steps = wanted.await?;
    if let (Some(target), []) = (target, &*steps) {
        bail!("{target} does not exist, or the operator does not act on it");
    }
    format.print(&steps, || text(&steps, target.is_some(), Paint::of_stdout()))?;
    Ok(Outcome::fine_if(steps.iter().all(NextStep::is_empty)))
}

/// The image that set-up Jobs and init containers run, as the chart tells it to the operator.
async fn operator_image(client: &Client) -> Option<String> {
    let selected = ListParams::default().labels(label::OPERATOR_SELECTOR);
    let operators = Api::<Deployment>::all(client.clone()).list(&selected).await.ok()?;
    let containers =
        operators.items.iter().filter_map(|operator| operator.spec.as_ref()?.template.spec.as_ref()).flat_map(|pod| &pod.containers);
    let mut variables = containers.flat_map(|container| container.env.iter().flatten());
    variables.find(|variable| variable.name == "OPERATOR_IMAGE").and_then(|variable| variable.value.clone())
}

fn text(steps: &[NextStep], one: bool, paint: Paint) -> String {
    let mut text = String::new();
    for step in steps.iter().filter(|step| one || !step.is_empty()) {
        let _ = writeln!(text, "{} {}/{} in {}", step.kind, step.namespace, step.name, step.state);
        for entry in &step.transitions {
            let _ = writeln!(text, "  {}: {} -> {}", entry.event, entry.from, paint.tone(Tone::Waiting, &entry.to));
        }
        for effect in &step.effects {
            let _ = writeln!(text, "  does {effect}");
        }
        if step.is_empty() {
            let why = step.blocked.map(|reason| format!(": {reason}")).unwrap_or_default();
            let _ = writeln!(text, "  nothing{why}");
        }
        for object in &step.objects {
            difference(&mut text, object, paint);
        }
    }
    if text.is_empty() {
        text.push_str("Nothing would be done.\n");
    }
    text
}

fn difference(text: &mut String, object: &Difference, paint: Paint) {
    let verb = match object.change {
        Change::Create => "creates",
        Change::Update => "changes",
        Change::Delete => "deletes",
    };
    let _ = writeln!(text, "  {verb} {} {}", object.kind, object.name);
    if object.change == Change::Update && object.fields.is_empty() {
        let _ = writeln!(text, "      fields that are not wanted any more go");
    }
    for field in &object.fields {
        if let (Some(Value::String(live)), Value::String(planned)) = (&field.live, &field.planned)
            && (live.contains('\n') || planned.contains('\n'))
        {
            let _ = writeln!(text, "      {}:", field.path);
            let [gone, new] = changed_lines(live, planned);
            for (sign, tone, lines) in [("-", Tone::Bad, gone), ("+", Tone::Good, new)] {
                for line in lines {
                    let _ = writeln!(text, "{}", paint.tone(tone, &format!("    {sign}   {line}")));
                }
            }
            continue;
        }
        if let Some(live) = &field.live {
            let _ = writeln!(text, "{}", paint.tone(Tone::Bad, &format!("    - {}: {}", field.path, shown(live))));
        }
        let _ = writeln!(text, "{}", paint.tone(Tone::Good, &format!("    + {}: {}", field.path, shown(&field.planned))));
    }
}

/// The lines between the first and the last that differ, of the one text and of the other.
fn changed_lines<'t>(live: &'t str, planned: &'t str) -> [Vec<&'t str>; 2] {
    let (live, planned): (Vec<&str>, Vec<&str>) = (live.lines().collect(), planned.lines().collect());
    let before = live.iter().zip(&planned).take_while(|(live, planned)| live == planned).count();
    let after = live.iter().skip(before).rev().zip(planned.iter().skip(before).rev()).take_while(|(live, planned)| live == planned).count();
    [live, planned].map(|lines| {
        let between = lines.len() - before - after;
        lines.into_iter().skip(before).take(between).collect()
    })
}

/// A value on one line; of a long one, its beginning.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_operator::cluster::Field;
    use serde_json::json;

    #[test]
    fn a_step_shows_transitions_effects_and_what_changes_in_objects() {
        let entry = json!({
            "seq": 3, "at": "2026-01-31T12:00:00Z", "event": "Changed", "version": 1, "from": "Ready/Synced", "to": "Ready/Synced", "phase": "Ready",
        });
        let fields = vec![Field { path: "spec.ports[0].port".to_owned(), live: Some(json!(8140)), planned: json!(8141) }];
        let step = |name: &str, moves: bool| NextStep {
            kind: "Pool",
            namespace: "puppet".to_owned(),
            name: name.to_owned(),
            state: "Ready/Synced",
            transitions: if moves { vec![serde_json::from_value(entry.clone()).unwrap()] } else { Vec::new() },
            effects: if moves { vec!["ApplyService"] } else { Vec::new() },
            blocked: None,
            objects: if moves {
                vec![Difference { kind: "Service".to_owned(), name: name.to_owned(), change: Change::Update, fields: fields.clone() }]
            } else {
                Vec::new()
            },
        };
        let steps = [step("agents", true), step("other", false)];
        insta::assert_snapshot!(text(&steps, false, Paint::PLAIN), @r"
        Pool puppet/agents in Ready/Synced
          Changed: Ready/Synced -> Ready/Synced
          does ApplyService
          changes Service agents
            - spec.ports[0].port: 8140
            + spec.ports[0].port: 8141
        ");
        assert_eq!(text(&steps[1..], false, Paint::PLAIN), "Nothing would be done.\n");
        assert_eq!(text(&steps[1..], true, Paint::PLAIN), "Pool puppet/other in Ready/Synced\n  nothing\n");
    }

    #[test]
    fn of_a_text_with_many_lines_those_that_change_are_shown() {
        let changed = |live, planned| changed_lines(live, planned);
        assert_eq!(changed("a\nb\nc\n", "a\nx\ny\nc\n"), [vec!["b"], vec!["x", "y"]]);
        assert_eq!(changed("a\na\n", "a\na\na\n"), [vec![], vec!["a"]]);
        assert_eq!(changed("a\n", "b\n"), [vec!["a"], vec!["b"]]);
        let field = Field { path: "data.conf".to_owned(), live: Some(json!("a\nb\n")), planned: json!("a\nc\n") };
        let object = Difference { kind: "ConfigMap".to_owned(), name: "demo".to_owned(), change: Change::Update, fields: vec![field] };
        let mut text = String::new();
        difference(&mut text, &object, Paint::PLAIN);
        assert_eq!(text, "  changes ConfigMap demo\n      data.conf:\n    -   b\n    +   c\n");
    }
}
