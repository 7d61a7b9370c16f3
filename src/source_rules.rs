//! Rules of the sources that no lint of the compiler knows: names of the vocabulary are written out in the vocabulary only,
//! and imports are one block.

use openvox_crds::vocabulary::annotation;
use openvox_machines::{condition, reason};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files that define names.
const VOCABULARY: [&str; 7] = [
    "crds/src/vocabulary/annotation.rs",
    "crds/src/vocabulary/finalizer.rs",
    "crds/src/vocabulary/label.rs",
    "crds/src/vocabulary/secret_key.rs",
    "crds/src/vocabulary/well_known.rs",
    "machines/src/condition.rs",
    "puppet/src/layout.rs",
];

/// Folders with sources.
const SOURCES: [&str; 8] = ["src", "crds/src", "dashboards/src", "engine/src", "machines/src", "plugin/src", "puppet/src", "runtime/src"];

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

/// All source files.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in SOURCES {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Neither a test nor a part of the vocabulary.
fn uses_names(path: &Path) -> bool {
    const OTHERS: [&str; 7] = ["tests", "vocabulary", "tests.rs", "fixture.rs", "reason.rs", "condition.rs", "layout.rs"];
    !path.iter().any(|part| OTHERS.iter().any(|other| part == *other))
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
    let mut retyped = Vec::new();
    for path in sources().into_iter().filter(|path| uses_names(path)) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in code(&text) {
            let literals = line.split('"').skip(1).step_by(2);
            let known = literals.filter_map(|literal| names.get(literal));
            retyped.extend(known.map(|name| format!("{}:{}: {name}: {}", path.display(), number + 1, line.trim())));
        }
    }
    assert!(retyped.is_empty(), "use the constant:\n{}", retyped.join("\n"));
}

#[test]
fn imports_are_one_block_that_rustfmt_sorts() {
    let split = |path: &PathBuf| {
        let lines = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = lines.lines().collect();
        let is_import = |line: &str| line.starts_with("use ") && line.ends_with(';');
        lines.windows(3).any(|lines| is_import(lines[0]) && lines[1].is_empty() && lines[2].starts_with("use "))
    };
    let split: Vec<PathBuf> = sources().into_iter().filter(split).collect();
    assert!(split.is_empty(), "remove the empty lines between imports: {split:?}");
}
