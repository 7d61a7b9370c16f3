//! Every kind of the API is in every list that cannot be derived from the tables of kinds
//! (`openvox_crds::for_each_kind`, `openvox_machines::for_each_machine`, `resources::for_each_controller`).

use crate::reconcile::Reconciler;
use crate::resources::{controlled_kinds, for_each_controller};
use openvox_crds::ApiKind;
use openvox_machines::Documented;
use openvox_machines::core::{Machine, State as _};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A kind as the tables have it.
struct Kind {
    name: String,
    plural: String,
    machine: Option<&'static Documented>,
}

fn kinds() -> Vec<Kind> {
    fn kind<K: ApiKind>() -> Kind {
        let name = K::kind(&()).into_owned();
        Kind { machine: Documented::find(&name), plural: K::plural(&()).into_owned(), name }
    }
    macro_rules! all {
        ($($kind:ident),+) => { vec![$(kind::<openvox_crds::$kind>()),+] };
    }
    openvox_crds::for_each_kind!(all)
}

/// A list somewhere in the repository.
struct List {
    /// Where it is.
    place: &'static str,
    /// What it holds.
    entries: Vec<String>,
    /// The entry of a kind; `None` for a kind that does not belong there.
    entry: fn(&Kind) -> Option<String>,
}

fn page(kind: &Kind) -> Option<String> {
    Some(kind.machine?.page.to_owned())
}

fn with_machine(kind: &Kind) -> Option<String> {
    kind.machine.map(|_| kind.name.clone())
}

fn without_machine(kind: &Kind) -> Option<String> {
    kind.machine.is_none().then(|| kind.name.clone())
}

fn status(kind: &Kind) -> Option<String> {
    kind.machine.map(|_| format!("{}/status", kind.plural))
}

fn lists() -> Vec<List> {
    vec![
        List {
            place: "for_each_controller! in src/resources/mod.rs",
            entries: controlled_kinds().into_iter().map(str::to_owned).collect(),
            entry: with_machine,
        },
        List {
            place: "charts/openvox-operator/files/rights.yaml, verbs [list, watch]",
            entries: rights(&["list", "watch"]),
            entry: |kind| Some(kind.plural.clone()),
        },
        List {
            place: "charts/openvox-operator/files/rights.yaml, the state of each resource",
            entries: rights(&["update"]),
            entry: status,
        },
        List {
            place: "charts/openvox-operator/templates/view-clusterrole.yaml",
            entries: items(&between("charts/openvox-operator/templates/view-clusterrole.yaml", "resources:", "verbs:")),
            entry: |kind| Some(kind.plural.clone()),
        },
        List {
            place: "KINDS in src/http/page/board.js",
            entries: quoted(&between("src/http/page/board.js", "const KINDS = [", "]")),
            entry: |kind| Some(kind.name.clone()),
        },
        List { place: "docs/kinds", entries: stems("docs/kinds", ".md", &["not-yet"]), entry: page },
        List { place: "docs/kinds/not-yet.md", entries: first_cells("docs/kinds/not-yet.md"), entry: without_machine },
        List { place: "docs/machines", entries: stems("docs/machines", ".md", &[]), entry: page },
        List {
            place: "the table of kinds in README.md",
            entries: first_cells_of("README.md", "[states](docs/machines/"),
            entry: with_machine,
        },
        List { place: "machines/golden", entries: stems("machines/golden", ".v1.jsonl", &[]), entry: page },
        List { place: "tests/argocd", entries: stems("tests/argocd", ".lua", &["check"]), entry: page },
        List {
            place: "stored_only in docs/argocd/health.lua",
            entries: keys(&between("docs/argocd/health.lua", "stored_only = {", "}")),
            entry: without_machine,
        },
    ]
}

fn path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The part of a file between two texts.
fn between(file: &str, begin: &str, end: &str) -> String {
    let text = read(file);
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{file} has no {begin}"));
    rest.split_once(end).unwrap_or_else(|| panic!("{file} has no {end} after {begin}")).0.to_owned()
}

/// Resources of our group in the first right with these verbs whose resources are objects or their statuses.
fn rights(verbs: &[&str]) -> Vec<String> {
    let file: Value = serde_saphyr::from_str(&read("charts/openvox-operator/files/rights.yaml")).unwrap();
    let wanted = serde_json::json!(verbs);
    let mut rights = file["rights"].as_array().unwrap().iter();
    let right = rights.find(|right| right["group"] == "openvox.voxpupuli.org" && right["verbs"] == wanted).unwrap();
    right["resources"].as_array().unwrap().iter().map(|resource| resource.as_str().unwrap().to_owned()).collect()
}

/// Items of a YAML list.
fn items(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| Some(line.trim().strip_prefix("- ")?.to_owned())).collect()
}

/// The texts between double quotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Keys of a Lua table.
fn keys(text: &str) -> Vec<String> {
    text.split(',').filter_map(|pair| Some(pair.split_once('=')?.0.trim().to_owned())).collect()
}

/// Names of the files of a folder with this end, without it.
fn stems(folder: &str, end: &str, except: &[&str]) -> Vec<String> {
    let names = std::fs::read_dir(path(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| Some(name.strip_suffix(end)?.to_owned())).filter(|stem| !except.contains(&stem.as_str())).collect()
}

/// First cells of the rows of the table in a page.
fn first_cells(file: &str) -> Vec<String> {
    first_cells_of(file, "").into_iter().filter(|cell| cell.starts_with(char::is_uppercase)).collect()
}

/// First cells of the rows of tables that contain a text.
fn first_cells_of(file: &str, text: &str) -> Vec<String> {
    let rows = read(file);
    let rows = rows.lines().filter(|line| line.starts_with("| ") && line.contains(text));
    rows.filter_map(|line| Some(line.split('|').nth(1)?.trim().to_owned())).collect()
}

/// What is wrong with the lists, in words.
fn faults(kinds: &[Kind], lists: &[List]) -> Vec<String> {
    let mut faults = Vec::new();
    for List { place, entries, entry } in lists {
        for kind in kinds {
            if let Some(entry) = entry(kind).filter(|entry| !entries.contains(entry)) {
                faults.push(format!("{} is missing in {place}: add {entry}", kind.name));
            }
        }
        let wanted: Vec<String> = kinds.iter().filter_map(entry).collect();
        faults.extend(entries.iter().filter(|entry| !wanted.contains(entry)).map(|entry| format!("{entry} does not belong in {place}")));
    }
    faults
}

#[test]
fn every_kind_is_in_every_list() {
    assert_eq!(faults(&kinds(), &lists()), Vec::<String>::new());
}

#[test]
fn an_entry_that_is_left_out_is_named_with_its_kind_and_its_list() {
    let kinds = kinds();
    let mut left_out = 0;
    for index in 0..lists().len() {
        for kind in &kinds {
            let mut lists = lists();
            let Some(entry) = (lists[index].entry)(kind) else { continue };
            lists[index].entries.retain(|other| *other != entry);
            let fault = format!("{} is missing in {}: add {entry}", kind.name, lists[index].place);
            assert_eq!(faults(&kinds, &lists), [fault]);
            left_out += 1;
        }
    }
    assert!(left_out > 70, "only {left_out} entries were left out");
}

#[test]
fn every_state_has_a_phase_of_the_status() {
    fn check<R: Reconciler>() {
        let phases = R::phases();
        for leaf in <R::Machine as Machine>::State::LEAVES {
            assert!(phases.contains(&leaf.phase()), "{} has no phase for {}", R::Machine::KIND, leaf.path);
        }
    }
    macro_rules! check_all {
        ($($kind:path),+) => { $(check::<$kind>();)+ };
    }
    for_each_controller!(check_all);
}

#[test]
fn an_entry_of_no_kind_is_named() {
    let mut lists = lists();
    lists[0].entries.push("Teapot".to_owned());
    assert_eq!(faults(&kinds(), &lists), [format!("Teapot does not belong in {}", lists[0].place)]);
}
