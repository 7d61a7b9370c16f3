//! What is printed, as Ruby reads it: the same values as Ruby reads in the answer itself, with the same types and digits.

use openvox_runtime::enc::answer::Classification;
use openvox_runtime::enc::settings::Format;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Reads pairs of lines, an answer and what was printed for it, and says whether both mean the same.
const SCRIPT: &str = r#"
require 'yaml'; require 'json'; require 'base64'
$stdout.sync = true
load = ->(text) { YAML.safe_load(text, permitted_classes: [Symbol], aliases: true) }
while (line = $stdin.gets)
  format, answer, printed = line.split.map { |part| Base64.decode64(part).force_encoding('UTF-8') }
  begin
    wanted = format == 'json' ? JSON.parse(answer) : load.(answer)
    got = load.(printed)
    same = ->(a, b) { a.class == b.class && (a.is_a?(Hash) ? a.keys == b.keys && a.all? { |k, v| same.(v, b[k]) } : a.is_a?(Array) ? a.size == b.size && a.zip(b).all? { |x, y| same.(x, y) } : (a.eql?(b) || (a.is_a?(Float) && a.nan? && b.nan?))) }
    ok = same.(wanted['parameters'] || {}, got['parameters'] || {}) && same.(wanted['classes'] || {}, got['classes'])
    puts(ok ? 'same' : "different #{wanted.inspect} #{got.inspect}")
  rescue StandardError, Psych::SyntaxError => error
    puts "failed #{error.class} #{error.message.inspect}"
  end
end
"#;

struct Ruby {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Ruby {
    fn start() -> Self {
        let mut child = Command::new("ruby")
            .args(["-e", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ruby is needed to run this test: tests/packages.sh installs it");
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout }
    }

    /// Panics unless Ruby reads the same in the answer and in what is printed for it.
    fn agrees(&mut self, format: Format, answer: &str) {
        let printed = Classification::read(answer.as_bytes(), format).unwrap_or_else(|error| panic!("{error}: {answer}")).to_string();
        let name = if format == Format::Json { "json" } else { "yaml" };
        let encode = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        writeln!(self.stdin, "{} {} {}", encode(name), encode(answer), encode(&printed)).unwrap();
        let mut said = String::new();
        self.stdout.read_line(&mut said).unwrap();
        assert_eq!(said, "same\n", "{answer}\n{printed}");
    }
}

impl Drop for Ruby {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_kind_of_scalar_in_yaml_means_to_ruby_what_it_meant_before() {
    let mut ruby = Ruby::start();
    for scalar in [
        "1",
        "-1",
        "+1",
        "0",
        "-0",
        "0644",
        "0o17",
        "0x1F",
        "0b101",
        "1_000",
        "1,000",
        "12345678901234567890123",
        "1.5",
        "-0.0",
        "1e5",
        "1.0e+5",
        "1.5E-7",
        ".5",
        "5.",
        "0.1000000000000000055511151231257827",
        ".inf",
        "-.INF",
        ".nan",
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "True",
        "y",
        "n",
        "null",
        "~",
        "Null",
        "",
        "1:30",
        "1:30:45",
        "1:30.5",
        ":symbol",
        ":s.b",
        "text",
        "two words",
        "it's",
        "a:b",
        "a#b",
        "--",
        "-a",
        ".",
        "..",
        "a,b",
        "_",
        "_1",
        "1_",
        "=",
        "<",
        "'0644'",
        "\"0644\"",
        "\"a\\nb\"",
        "'a''b'",
        "|\n    x\n    y",
        ">\n    x\n    y",
        "\"\\u2028\"",
        "\"\\x85\"",
        "é",
        "😀",
        "!!str 7",
        "'<<'",
        "http://a.b/c?d=e&f",
        "C:\\x",
        "[1, 'a', {b: c}]",
        "{a: [x], b: {}}",
        "[]",
        "100%",
        ".x",
        "2.0.0",
        "1.2.3.4",
        "10.0.0.1",
        "aa:bb:cc:dd:ee:ff",
        "12:34:56:78:90:12",
        "+",
        "0b",
        "0x",
        "1__0",
        "1.",
        "-.5",
        "1.5e3",
        "1e+5",
        "+.inf",
    ] {
        ruby.agrees(Format::Yaml, &format!("classes:\n  c: {{}}\nparameters:\n  value: {scalar}\n  last: 1\n"));
    }
    ruby.agrees(Format::Yaml, "defaults: &d {a: 1, b: 2}\nparameters:\n  merged: {<<: *d, b: 3}\n");
    ruby.agrees(Format::Yaml, "parameters: {1: a, true: b, 0644: c, ~: d}\n");
}

#[test]
fn a_date_stays_the_text_that_it_was_because_puppet_reads_no_dates() {
    for text in ["2026-12-01", "2026-12-01T10:00:00Z", "2026-12-01 10:00:00 +01:00"] {
        let answer = format!("parameters: {{day: {text}}}");
        let printed = Classification::read(answer.as_bytes(), Format::Yaml).unwrap().to_string();
        assert!(printed.contains(&format!("day: \"{text}\"\n")), "{printed}");
    }
}

/// JSON text, with numbers in any notation.
fn json() -> impl Strategy<Value = String> {
    let text = any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap());
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|is| is.to_string()),
        "-?(0|[1-9][0-9]{0,25})".prop_map(|number| number),
        "-?(0|[1-9][0-9]{0,9})\\.[0-9]{1,20}([eE][+-]?[0-9]{1,2})?",
        "-?(0|[1-9][0-9]{0,9})[eE][+-]?[0-9]{1,2}",
        text.clone(),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let members = vec((any::<String>(), inner.clone()), 0..5).prop_map(|members| {
            let mut seen = std::collections::HashSet::new();
            let parts: Vec<String> = members
                .into_iter()
                .filter(|(key, _)| seen.insert(key.clone()))
                .map(|(key, value)| format!("{}:{value}", serde_json::to_string(&key).unwrap()))
                .collect();
            format!("{{{}}}", parts.join(","))
        });
        prop_oneof![vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(","))), members]
    })
}

#[test]
fn any_json_means_the_same_to_ruby_before_and_after() {
    let ruby = std::cell::RefCell::new(Ruby::start());
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    runner
        .run(&json(), |value| {
            ruby.borrow_mut().agrees(Format::Json, &format!("{{\"classes\": {{}}, \"parameters\": {{\"p\": {value}}}}}"));
            Ok(())
        })
        .unwrap();
}
