//! The engine knows no kind of anybody and no word of Puppet.

use std::path::Path;

/// What only one user of the engine knows.
const WORDS: [&str; 4] = ["openvox", "puppet", "certificate", "signing"];

/// The lines before the tests of all sources below a folder that say one of the words.
fn lines_with_words(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lines_with_words(&path, found);
        }
        let of_tests = ["tests.rs", "words.rs"].iter().any(|name| path.ends_with(name));
        if of_tests || path.extension().is_none_or(|kind| kind != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_lowercase().replace("openvox_engine", "");
        let lines = code.lines().filter(|line| WORDS.iter().any(|word| line.contains(word)));
        found.extend(lines.map(|line| format!("{}: {line}", path.display())));
    }
}

#[test]
fn no_source_of_the_engine_says_a_word_of_puppet() {
    let mut found = Vec::new();
    lines_with_words(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert_eq!(found, Vec::<String>::new());
}
