//! `why`: what blocks an object, in one sentence.

use crate::chain::{Chain, Named};
use crate::connection::Connection;
use crate::fleet::Fleet;
use crate::format::Format;
use crate::gate::message;
use crate::outcome::Outcome;
use crate::target::Target;
use crate::time::{rfc3339, short, utc};
use chrono::{DateTime, Utc};
use openvox_machines::reason;
use openvox_operator::http::history::Object;
use serde::Serialize;
use std::fmt::Write as _;

/// The answer, for programs.
#[derive(Serialize)]
struct Answer<'a> {
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    blocked: bool,
    sentence: String,
    #[serde(flatten)]
    chain: Option<Chain>,
}

/// Says what blocks an object.
///
/// # Errors
/// If it does not exist, or the objects cannot be listed.
pub async fn run(connection: &Connection, target: &Target, format: Format) -> anyhow::Result<Outcome> {
    let namespace = connection.one_namespace()?;
    let fleet = Fleet::list(&connection.client, Some(namespace)).await?;
    let object = &fleet.target(namespace, target)?.object;
    let chain = Chain::of(&fleet, object);
    let now = Utc::now();
    let sentence = chain.as_ref().map_or_else(|| fine(object, now), |chain| blocked(chain, now));
    let blocked = chain.is_some();
    let answer = Answer { kind: &object.kind, namespace, name: &object.name, blocked, sentence: sentence.clone(), chain };
    format.print(&answer, || sentence + "\n")?;
    Ok(Outcome::fine_if(!blocked))
}

fn fine(object: &Object, now: DateTime<Utc>) -> String {
    let since = object.since.as_ref().map(|since| format!(" for {}", short(now - utc(since)))).unwrap_or_default();
    let state = object.state.as_deref().unwrap_or_default();
    ended(format!("{} {} is {state}{since}; nothing blocks it: {}", object.kind, object.name, message(object)))
}

fn blocked(chain: &Chain, now: DateTime<Utc>) -> String {
    let mut text = way(&chain.way);
    if chain.missing {
        text += ", which does not exist";
    } else {
        // Alone, the object is the subject; at the end of a way, it is spoken of.
        let joint = if chain.way.len() > 1 { ", which has been" } else { " has been" };
        let _ = write!(text, "{joint} {}", chain.state.as_deref().unwrap_or("without a state"));
    }
    if let Some(since) = chain.gate.since {
        let waits = if chain.missing { "; it has waited" } else { "" };
        let _ = write!(text, "{waits} since {} ({})", rfc3339(since), short(now - since));
    }
    if !chain.missing {
        let _ = write!(text, ": {}", chain.gate.message.trim_end_matches('.'));
    }
    text += match chain.next_attempt {
        None if chain.gate.reason == reason::CONTAINER_CRASHING => "; the kubelet goes on restarting it, later and later",
        None if chain.gate.stuck || chain.missing => "; nothing is tried until something changes",
        None => "; it goes on as soon as that changes",
        // The first attempt is in the status; those that change nothing are written nowhere.
        Some(at) if at <= now => "; it is tried again at growing intervals",
        Some(_) => "; the next attempt comes at ",
    };
    if let Some(at) = chain.next_attempt.filter(|at| *at > now) {
        let _ = write!(text, "{} (in {})", rfc3339(at), short(at - now));
    }
    if chain.remedy != "Nothing." {
        let _ = write!(text, ". What to do: {}", chain.remedy);
    }
    ended(text)
}

/// `Server a waits for Certificate b, which waits for CertificateAuthority c`.
fn way(way: &[Named]) -> String {
    let mut text = String::new();
    for (index, Named { kind, name }) in way.iter().enumerate() {
        text += match index {
            0 => "",
            1 => " waits for ",
            _ => ", which waits for ",
        };
        let _ = write!(text, "{kind} {name}");
    }
    text
}

fn ended(text: String) -> String {
    if text.ends_with('.') { text } else { text + "." }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Gate;

    fn chain(way: &[(&str, &str)]) -> Chain {
        let at = |text: &str| text.parse().unwrap();
        Chain {
            way: way.iter().map(|(kind, name)| Named { kind: (*kind).to_owned(), name: (*name).to_owned() }).collect(),
            state: Some("External/Unreachable".to_owned()),
            missing: false,
            gate: Gate {
                reason: "ExternalCAUnreachable".to_owned(),
                message: "the external CA answers 500".to_owned(),
                since: Some(at("2026-01-31T12:00:00Z")),
                stuck: false,
            },
            next_attempt: Some(at("2026-01-31T12:03:30Z")),
            deadline: None,
            remedy: "Look at the CA.".to_owned(),
        }
    }

    #[test]
    fn the_sentence_says_the_way_the_root_since_when_when_next_and_what_to_do() {
        let now = "2026-01-31T12:03:20Z".parse().unwrap();
        let mut chain = chain(&[("Server", "web"), ("Certificate", "web"), ("CertificateAuthority", "corp")]);
        assert_eq!(
            blocked(&chain, now),
            "Server web waits for Certificate web, which waits for CertificateAuthority corp, which has been External/Unreachable since \
             2026-01-31T12:00:00Z (3m20s): the external CA answers 500; the next attempt comes at 2026-01-31T12:03:30Z (in 10s). What to do: \
             Look at the CA."
        );
        let later = "2026-01-31T12:10:00Z".parse().unwrap();
        assert!(blocked(&chain, later).contains("500; it is tried again at growing intervals. What"), "{}", blocked(&chain, later));
        chain.way.drain(1..);
        chain.next_attempt = None;
        chain.gate.stuck = true;
        assert_eq!(
            blocked(&chain, now),
            "Server web has been External/Unreachable since 2026-01-31T12:00:00Z (3m20s): the external CA answers 500; nothing is tried until \
             something changes. What to do: Look at the CA."
        );
        chain.gate.reason = reason::CONTAINER_CRASHING.to_owned();
        assert!(blocked(&chain, now).contains("; the kubelet goes on restarting it, later and later. What to do"));
    }

    #[test]
    fn a_missing_object_is_said_to_be_missing() {
        let now = "2026-01-31T12:03:20Z".parse().unwrap();
        let mut chain = chain(&[("Certificate", "web"), ("CertificateAuthority", "gone")]);
        (chain.missing, chain.state, chain.next_attempt) = (true, None, None);
        chain.remedy = "create it or change the reference".to_owned();
        assert_eq!(
            blocked(&chain, now),
            "Certificate web waits for CertificateAuthority gone, which does not exist; it has waited since 2026-01-31T12:00:00Z (3m20s); nothing is tried \
             until something changes. What to do: create it or change the reference."
        );
    }
}
