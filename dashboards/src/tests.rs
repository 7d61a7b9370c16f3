#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use super::*;
use crate::alert::Group;
use crate::board::{Panel, Shape};
use serde_json::Value;
use std::collections::BTreeSet;

fn boards() -> Vec<Board> {
    BOARDS.iter().map(|text| Board::read(text).unwrap()).collect()
}

/// Every panel of a dashboard.
fn panels(board: &Board) -> impl Iterator<Item = &Panel> {
    board.rows.iter().flat_map(|row| &row.panels)
}

fn groups() -> [Group; 2] {
    alert::all(ALERTS).unwrap()
}

/// Every metric of the operator with its labels, from the table of its documentation.
fn documented() -> BTreeMap<String, Vec<String>> {
    let page = include_str!("../../docs/metrics.md");
    let code = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows = page.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('|').collect::<Vec<_>>());
    rows.map(|cells| (code(cells[1])[0].clone(), code(cells[3]))).collect()
}

/// The names of ours in a query.
fn metrics(expr: &str) -> BTreeSet<&str> {
    let words = expr.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("openvox_") || word.starts_with("process_")).collect()
}

/// Every query of every panel and alert, with its place.
fn queries() -> Vec<(String, String)> {
    let of_panels = boards().into_iter().flat_map(|board| {
        let of = board.name.clone();
        let asked = panels(&board).flat_map(|panel| panel.expressions().into_iter().map(|expr| (format!("{of}: {}", panel.title), expr)));
        asked.collect::<Vec<_>>()
    });
    let alerts = groups().into_iter().flat_map(|group| group.alerts).map(|alert| (alert.name, alert.expr));
    of_panels.chain(alerts).collect()
}

#[test]
fn every_query_asks_for_metrics_that_the_operator_has() {
    let documented = documented();
    assert!(documented.len() > 20, "the table is read: {documented:?}");
    for (place, expr) in queries() {
        let asked = metrics(&expr);
        assert!(!asked.is_empty(), "{place}: {expr}");
        for name in asked {
            let base = ["_bucket", "_count", "_sum"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
            assert!(documented.contains_key(base), "{place}: nobody exposes {name}");
        }
    }
}

#[test]
fn every_metric_is_on_a_dashboard() {
    let shown: BTreeSet<String> = boards()
        .iter()
        .flat_map(|board| panels(board).flat_map(Panel::expressions).collect::<Vec<_>>())
        .flat_map(|expr| metrics(&expr).into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    for name in documented().keys() {
        assert!(shown.iter().any(|shown| shown.starts_with(name.as_str())), "no panel shows {name}");
    }
}

#[test]
fn panels_have_their_own_ids_and_do_not_overlap() {
    for board in boards() {
        let json = board.json();
        let panels = json["panels"].as_array().unwrap();
        let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{}", board.name);
        let mut taken = BTreeSet::new();
        for panel in panels {
            let of = |side: &str| panel["gridPos"][side].as_u64().unwrap();
            assert!(of("x") + of("w") <= 24 && of("w") > 0 && of("h") > 0, "{}: {}", board.name, panel["title"]);
            for cell in (of("x")..of("x") + of("w")).flat_map(|x| (of("y")..of("y") + of("h")).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{}: {} lies on another panel", board.name, panel["title"]);
            }
        }
    }
}

#[test]
fn uids_are_unique_and_short_enough_for_grafana() {
    let uids: BTreeSet<String> = boards().iter().map(|board| board.json()["uid"].as_str().unwrap().to_owned()).collect();
    assert_eq!(uids.len(), BOARDS.len());
    assert!(uids.iter().all(|uid| uid.len() <= 40), "{uids:?}");
}

#[test]
fn every_target_takes_its_data_source_from_the_variable() {
    for board in boards() {
        let json = board.json();
        for target in json["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten()) {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{target}");
        }
        let variables = json["templating"]["list"].as_array().unwrap();
        assert!(variables.iter().any(|variable| variable["name"] == "datasource" && variable["type"] == "datasource"));
    }
}

#[test]
fn a_panel_of_single_objects_leads_to_their_history_and_traces() {
    let linked = |panel: &Value| panel["fieldConfig"]["defaults"]["links"].as_array().map_or(0, Vec::len);
    let fleet = boards()[0].json();
    let panel = |title: &str| fleet["panels"].as_array().unwrap().iter().find(|panel| panel["title"] == title).unwrap().clone();
    assert_eq!(linked(&panel("Phase of each object")), 2);
    assert_eq!(linked(&panel("Failed attempts in a row")), 2);
    assert_eq!(linked(&panel("Objects by phase")), 0, "a sum is of no object");
    let url = panel("Failed attempts in a row")["fieldConfig"]["defaults"]["links"][0]["url"].as_str().unwrap().to_owned();
    assert_eq!(url, "${history}/api/v1/history/${__data.fields.kind}/${__data.fields.namespace}/${__data.fields.name}");
}

#[test]
fn a_phase_has_the_same_number_in_query_and_legend() {
    let fleet = boards()[0].clone();
    let timeline = panels(&fleet).find(|panel| panel.shape == Shape::Timeline).unwrap();
    let (query, json) = (timeline.expressions().remove(0), fleet.json());
    let panel = json["panels"].as_array().unwrap().iter().find(|panel| panel["type"] == "state-timeline").unwrap().clone();
    for (index, phase) in kinds::phases().into_iter().enumerate() {
        assert!(query.contains(&format!("{index} * (openvox_resource_phase{{phase=\"{phase}\",")), "{query}");
        assert_eq!(panel["fieldConfig"]["defaults"]["mappings"][0]["options"][index.to_string()]["text"], phase);
    }
}

#[test]
fn every_waiting_state_has_an_alert_and_every_alert_a_runbook_and_proofs_both_ways() {
    let groups = groups();
    let alerts: Vec<_> = groups.iter().flat_map(|group| &group.alerts).collect();
    let names: BTreeSet<_> = alerts.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(names.len(), alerts.len(), "names are unique");
    for (kind, leaf, _) in kinds::waiting() {
        let selector = format!("kind=\"{kind}\",state=\"{}\"", leaf.path);
        assert!(alerts.iter().any(|alert| alert.expr.contains(&selector)), "no alert for {selector}");
    }
    for alert in alerts {
        assert!(alert.name.starts_with("Openvox"), "{}", alert.name);
        assert!(alert.proofs.iter().any(|proof| !proof.fires.is_empty()), "{} is never shown to fire", alert.name);
        assert!(alert.proofs.iter().any(|proof| proof.fires.is_empty()), "{} is never shown to be silent", alert.name);
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(RUNBOOKS).join(format!("{}.md", alert.name));
        assert!(page.exists(), "{}", page.display());
    }
}

#[test]
fn a_runbook_begins_with_a_command_and_keeps_what_was_written_by_hand() {
    let groups = groups();
    let alert = &groups[0].alerts[0];
    let fresh = runbook::page(alert, None);
    assert!(fresh.lines().nth(2) == Some("```sh") && fresh.lines().nth(3).unwrap().starts_with("kubectl "), "{fresh}");
    let edited = format!("{fresh}\nLook at the moon.\n");
    assert_eq!(runbook::page(alert, Some(&edited)), edited);
    assert_eq!(runbook::page(alert, Some("# Of before the generator\n")), fresh);
}

#[test]
fn what_is_written_is_what_the_sources_say() {
    let stale: Vec<_> = files(home())
        .unwrap()
        .into_iter()
        .filter(|(path, text)| fs::read_to_string(path).ok().as_ref() != Some(text))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(stale, Vec::<PathBuf>::new(), "run {COMMAND}");
}

#[test]
fn durations_read_as_people_say_them() {
    assert_eq!([90, 120, 3600, 86_400, 5400].map(alert::duration), ["90 s", "2 min", "1 h", "1 d", "90 min"]);
}

#[test]
fn every_runbook_is_that_of_an_alert() {
    let files = files(home()).unwrap();
    let there = fs::read_dir(home().join(RUNBOOKS)).unwrap().map(|entry| entry.unwrap().path());
    let orphans: Vec<_> =
        there.filter(|path| path.extension().is_some_and(|extension| extension == "md") && !files.contains_key(path)).collect();
    assert!(orphans.is_empty(), "of no alert any more, to be deleted: {orphans:#?}");
}
