//! The list of hazards names tests that exist, and leaves no number out.

use std::ops::RangeInclusive;
use std::path::Path;

/// The numbers of the list: H were found in other operators, S by attack and W in use of this one.
const NUMBERS: [(&str, RangeInclusive<usize>); 3] = [("H", 1..=72), ("S", 1..=15), ("W", 16..=31)];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_hazard_has_one_line_and_every_test_that_is_named_exists() {
    let list = read("docs/decisions/hazards.md");
    let lines: Vec<Vec<&str>> = list
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes().get(3).is_some_and(u8::is_ascii_digit))
        .map(|line| line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect())
        .collect();
    let numbers: Vec<String> = lines.iter().map(|cells| cells[0].to_owned()).collect();
    let expected = NUMBERS.into_iter().flat_map(|(letter, range)| range.map(move |number| format!("{letter}{number}")));
    assert_eq!(numbers, expected.collect::<Vec<_>>());
    for cells in &lines {
        let [number, hazard, here, shown] = cells[..] else { panic!("{cells:?} are not four cells") };
        assert!(!hazard.is_empty() && !here.is_empty(), "{number} says nothing");
        let tests: Vec<&str> = quoted(shown).collect();
        assert!(!tests.is_empty() || here.starts_with("reason: ") || here.starts_with("open: "), "{number} has neither test nor reason");
        for test in tests {
            let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{number}: {test} is not FILE::TEST"));
            assert!(read(file).contains(&format!("fn {name}(")), "{number}: there is no {name} in {file}");
        }
    }
}
