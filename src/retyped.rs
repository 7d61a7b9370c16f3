//! Names of the vocabulary stand in the vocabulary only: everything else uses the constants.

use openvox_crds::vocabulary::annotation;
use openvox_machines::{condition, reason};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the names are given.
const VOCABULARY: [&str; 7] = [
    "crds/src/vocabulary/annotation.rs",
    "crds/src/vocabulary/finalizer.rs",
    "crds/src/vocabulary/label.rs",
    "crds/src/vocabulary/secret_key.rs",
    "crds/src/vocabulary/well_known.rs",
    "machines/src/condition.rs",
    "puppet/src/layout.rs",
];

/// Where they are used.
const SOURCES: [&str; 6] = ["src", "engine/src", "plugin/src", "dashboards/src", "machines/src", "runtime/src"];

/// Words that mean something else as well: phases, and a condition of Deployments.
const HOMONYMS: [&str; 2] = ["Terminating", "Progressing"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The constants of a source file with their values.
fn constants(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("pub const ")?.split_once(": &str = \"")?;
        Some((name, value.strip_suffix("\";")?))
    })
}

/// The source files below a folder, without those of tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs")
            && !["tests.rs", "fixture.rs", "reason.rs", "condition.rs"].contains(&name)
        {
            found.push(path);
        }
    }
}

/// The lines of code before the tests of a file.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn no_name_of_the_vocabulary_is_written_out_elsewhere() {
    let files: Vec<String> = VOCABULARY.map(|path| std::fs::read_to_string(root().join(path)).unwrap()).into();
    let mut names: BTreeMap<String, String> = reason::ALL.iter().map(|(value, _)| ((*value).to_owned(), "a reason".to_owned())).collect();
    names.retain(|value, _| !HOMONYMS.contains(&value.as_str()));
    for (file, text) in VOCABULARY.iter().zip(&files) {
        let keys = constants(text).filter(|(_, value)| value.contains(['/', '.']) || file.ends_with("condition.rs"));
        names.extend(keys.map(|(name, value)| (value.to_owned(), format!("{name} of {file}"))));
    }
    assert!(names.contains_key(annotation::PAUSE) && names.contains_key(condition::CERT_SIGNED), "{names:?}");
    let mut paths = Vec::new();
    for folder in SOURCES {
        sources(&root().join(folder), &mut paths);
    }
    let mut retyped = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in code(&text) {
            let literals = line.split('"').skip(1).step_by(2);
            let known = literals.filter_map(|literal| names.get(literal));
            retyped.extend(known.map(|name| format!("{}:{}: {name}: {}", path.display(), number + 1, line.trim())));
        }
    }
    assert!(retyped.is_empty(), "use the constant:\n{}", retyped.join("\n"));
}
