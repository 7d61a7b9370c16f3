//! `renew` and `rekey`: the wish, and waiting for what comes of it.

use crate::connection::Connection;
use crate::mark::Mark;
use crate::outcome::Outcome;
use crate::target::Target;
use crate::time::{rfc3339, utc};
use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use kube::api::Api;
use kube::runtime::{WatchStreamExt as _, watcher};
use openvox_crds::Certificate;
use openvox_machines::condition::{PAUSED, READY, STALLED};

/// Asks for a certificate; with `wait`, shows what happens until it is there or is not to be had.
///
/// # Errors
/// If the Certificate does not exist, may not be changed, or goes.
pub async fn run(connection: &Connection, mark: Mark, target: &Target, wait: bool) -> anyhow::Result<Outcome> {
    let namespace = connection.one_namespace()?;
    let api: Api<Certificate> = Api::namespaced(connection.client.clone(), namespace);
    let before = api.get(&target.name).await.with_context(|| format!("failed to read {target} in namespace {namespace}"))?;
    let mut seen = before.status.as_ref().and_then(|status| status.lifecycle.machine.as_ref()).map_or(0, |machine| machine.seq);
    let asked = mark.set(connection, target).await?;
    if !wait {
        return Ok(Outcome::Fine);
    }
    let mut said = String::new();
    let mut changes = watcher::watch_object(api, &target.name).default_backoff().boxed();
    while let Some(change) = changes.next().await {
        // The watch begins anew by itself.
        let Ok(object) = change else { continue };
        let Some(object) = object else { bail!("{target} was deleted") };
        for entry in object.status.iter().flat_map(|status| &status.lifecycle.history).filter(|entry| entry.seq > seen) {
            println!("  {}  {}: {} -> {}", rfc3339(utc(&entry.at)), entry.event, entry.from, entry.to);
        }
        seen = object.status.as_ref().and_then(|status| status.lifecycle.machine.as_ref()).map_or(seen, |machine| machine.seq.max(seen));
        match Progress::of(&mark, &object, &asked) {
            Progress::Done(until) => {
                println!("{target} is valid until {until}");
                return Ok(Outcome::Fine);
            }
            Progress::Refused(why) => {
                println!("{target} was not issued anew: {why}");
                return Ok(Outcome::Amiss);
            }
            Progress::Waits(why) if why != said => {
                println!("  {why}");
                said = why;
            }
            Progress::Waits(_) => {}
        }
    }
    bail!("the watch of {target} has ended")
}

/// How far a wish has come.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// The new certificate is stored; its end.
    Done(String),
    /// Nothing comes of it until somebody does something.
    Refused(String),
    /// What is being done, or waited for.
    Waits(String),
}

impl Progress {
    fn of(mark: &Mark, object: &Certificate, asked: &str) -> Self {
        let Some(status) = &object.status else { return Self::Waits("the operator has not looked at it yet".to_owned()) };
        let handled = if *mark == Mark::Rekey { &status.last_handled_rekey_at } else { &status.last_handled_renew_at };
        let condition =
            |kind: &str| status.lifecycle.conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True");
        let message = || {
            let ready = status.lifecycle.conditions.iter().find(|condition| condition.type_ == READY);
            ready.map(|ready| ready.message.clone()).unwrap_or_default()
        };
        if handled.as_deref() != Some(asked) {
            let paused = condition(PAUSED).map(|paused| paused.message.clone());
            return Self::Waits(paused.unwrap_or_else(|| format!("not begun yet: {}", message())));
        }
        if status.lifecycle.state.as_deref() == Some("Signed/Valid") {
            let end = status.not_after.as_ref().map(|end| rfc3339(utc(end)));
            return Self::Done(end.unwrap_or_default());
        }
        // The CA's refusal has a state of its own, which is no condition while the old pair is good.
        let refused = status.lifecycle.state.as_deref() == Some("Renewing/Refused");
        if refused || condition(STALLED).is_some() { Self::Refused(message()) } else { Self::Waits(message()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn progress(status: &Value) -> Progress {
        let object = json!({
            "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Certificate", "metadata": {"name": "web"}, "spec": {"authorityRef": "ca"},
            "status": status,
        });
        Progress::of(&Mark::Renew, &serde_json::from_value(object).unwrap(), "now")
    }

    #[test]
    fn a_certificate_that_was_valid_before_is_not_the_answer() {
        let ready =
            json!([{"type": "Ready", "status": "True", "reason": "A", "message": "valid", "lastTransitionTime": "2026-01-31T12:00:00Z"}]);
        let status = |handled: &str, state: &str| json!({"state": state, "lastHandledRenewAt": handled, "notAfter": "2027-01-31T12:00:00Z", "conditions": ready});
        assert_eq!(progress(&status("before", "Signed/Valid")), Progress::Waits("not begun yet: valid".to_owned()));
        assert_eq!(progress(&status("now", "Renewing/Renewing")), Progress::Waits("valid".to_owned()));
        assert_eq!(progress(&status("now", "Renewing/Refused")), Progress::Refused("valid".to_owned()));
        assert_eq!(progress(&status("now", "Signed/Valid")), Progress::Done("2027-01-31T12:00:00Z".to_owned()));
    }
}
