//! The INI dialect that Puppet reads (`puppet.conf`, `puppetdb.conf`).
//!
//! Puppet takes a line for a setting when it is `name = value` with a name of word characters; everything after the
//! equals sign up to the end of the line is the value, trimmed. There is no quoting and no escape, so a value that does
//! not fit on a line cannot be written at all.

use super::error::RenderError;

/// A file: sections in the order in which they were first named.
#[derive(Debug, Default)]
pub struct Ini {
    sections: Vec<Section>,
}

/// The settings of one section, each name once.
#[derive(Debug)]
pub struct Section {
    name: &'static str,
    settings: Vec<(String, String)>,
}

impl Ini {
    /// The section with that name, made when it is not there yet.
    pub fn section(&mut self, name: &'static str) -> &mut Section {
        let position = self.sections.iter().position(|section| section.name == name);
        let index = position.unwrap_or_else(|| {
            self.sections.push(Section { name, settings: Vec::new() });
            self.sections.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the index was found or made in the line above")]
        &mut self.sections[index]
    }

    /// The text of the file; sections without a setting are left out.
    #[must_use]
    pub fn render(&self) -> String {
        let filled = self.sections.iter().filter(|section| !section.settings.is_empty());
        let blocks: Vec<String> = filled.map(Section::render).collect();
        blocks.join("\n")
    }
}

impl Section {
    /// Writes a setting. A name that is there already keeps its line and gets the new value, so a name never occurs
    /// twice and the last writer wins, as it would when Puppet reads two lines.
    ///
    /// Blanks and line breaks around the value are dropped: Puppet drops them too, and a YAML block scalar ends in one.
    ///
    /// # Errors
    /// When the name is not made of letters, digits and `_`, or the value holds a control character other than a tab.
    /// `field` is the path that the error names.
    pub fn set(&mut self, field: &str, name: &str, value: &str) -> Result<(), RenderError> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(RenderError::new(field, name, "is not a setting name", "use letters, digits and underscores only"));
        }
        let value = value.trim();
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(RenderError::new(
                field,
                value,
                "holds a line break or another control character, which puppet.conf cannot express",
                "write the value on one line",
            ));
        }
        match self.settings.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.settings.push((name.to_owned(), value.to_owned())),
        }
        Ok(())
    }

    fn render(&self) -> String {
        let mut text = format!("[{}]\n", self.name);
        for (name, value) in &self.settings {
            text.push_str(name);
            text.push_str(" = ");
            text.push_str(value);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Reads a file the way Puppet does.
    fn parse(text: &str) -> BTreeMap<(String, String), String> {
        let mut section = String::new();
        let mut settings = BTreeMap::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else {
                let (name, value) = line.split_once('=').expect("a setting");
                let old = settings.insert((section.clone(), name.trim().to_owned()), value.trim().to_owned());
                assert_eq!(old, None, "{name} is written twice");
            }
        }
        settings
    }

    #[test]
    fn a_line_break_in_a_value_is_refused_and_not_written_as_a_second_setting() {
        let mut ini = Ini::default();
        let error = ini.section("main").set("spec.f", "server", "a\nautosign = true").unwrap_err();
        assert_eq!(error.field, "spec.f");
        assert!(error.rule.contains("line break"), "{error}");
        assert_eq!(ini.render(), "");
    }

    #[test]
    fn a_section_header_or_comment_cannot_be_smuggled_in_as_a_name() {
        let mut ini = Ini::default();
        for name in ["", "[server]", "#x", "a b", "a=b", "a\nb", "ä"] {
            assert!(ini.section("main").set("f", name, "v").is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_repeated_name_is_written_once_with_the_later_value_at_the_first_place() {
        let mut ini = Ini::default();
        for (name, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
            ini.section("main").set("f", name, value).unwrap();
        }
        assert_eq!(ini.render(), "[main]\na = 3\nb = 2\n");
    }

    #[test]
    fn a_block_scalar_that_ends_in_a_line_break_is_accepted() {
        let mut ini = Ini::default();
        ini.section("main").set("f", "a", "value\n").unwrap();
        assert_eq!(ini.render(), "[main]\na = value\n");
    }

    #[test]
    fn an_empty_section_is_left_out() {
        let mut ini = Ini::default();
        ini.section("main");
        ini.section("server").set("f", "a", "1").unwrap();
        assert_eq!(ini.render(), "[server]\na = 1\n");
    }

    proptest! {
        #[test]
        fn what_is_accepted_reads_back_as_it_was_given(
            pairs in proptest::collection::vec(("[a-z_0-9]{1,8}", any::<String>()), 0..8)
        ) {
            let mut ini = Ini::default();
            let mut expected = BTreeMap::new();
            for (name, value) in pairs {
                if ini.section("main").set("f", &name, &value).is_ok() {
                    expected.insert(("main".to_owned(), name), value.trim().to_owned());
                }
            }
            prop_assert_eq!(parse(&ini.render()), expected);
        }
    }
}
