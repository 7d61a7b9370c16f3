//! A rule of `auth.conf` that a Config adds.
//!
//! Puppet Server checks all rules when it starts and stops when one is wrong, so the same checks are made here first
//! (trapperkeeper-authorization, `validate-auth-config!`).

use super::error::RenderError;
use super::hocon::{Object, Value};
use super::path_regex;
use openvox_crds::{AuthorizationRule, MatchType};

/// Sort order of a rule that names none.
const DEFAULT_ORDER: i32 = 500;
/// Methods that Puppet Server knows.
const METHODS: [&str; 5] = ["get", "post", "put", "delete", "head"];

/// Checks that no two rules have one name.
///
/// # Errors
/// When a rule has the name of an earlier one, of a built-in one, or of the final rule.
pub fn check_names(rules: &[AuthorizationRule], built_in: &[&str], last: &str) -> Result<(), RenderError> {
    for (index, rule) in rules.iter().enumerate() {
        let earlier = rules.iter().take(index).any(|earlier| earlier.name == rule.name);
        if earlier || built_in.contains(&rule.name.as_str()) || rule.name == last {
            return Err(RenderError::new(field(index, "name"), &rule.name, "is the name of another rule", "choose a name of its own"));
        }
    }
    Ok(())
}

/// The fields of the rule at that position of `spec.puppetserver.authorizationRules`.
///
/// # Errors
/// When Puppet Server would refuse the rule.
pub fn render(index: usize, rule: &AuthorizationRule) -> Result<Object, RenderError> {
    let order = match rule.sort_order {
        0 => DEFAULT_ORDER,
        order @ 1..=999 => order,
        other => {
            return Err(RenderError::new(
                field(index, "sortOrder"),
                &other.to_string(),
                "is not a number from 1 to 999",
                "choose one; built-in rules have 500 and lower numbers come first",
            ));
        }
    };
    Ok(vec![
        ("match-request", Value::Object(request(index, rule)?)),
        effect(index, rule)?,
        ("sort-order", order.into()),
        ("name", rule.name.as_str().into()),
    ])
}

fn request(index: usize, rule: &AuthorizationRule) -> Result<Object, RenderError> {
    let request = &rule.match_request;
    let kind = match request.match_type {
        MatchType::Path => "path",
        MatchType::Regex => "regex",
    };
    let mut methods = Vec::new();
    for method in &request.method {
        let known = METHODS.into_iter().find(|known| known.eq_ignore_ascii_case(method)).ok_or_else(|| {
            RenderError::new(
                field(index, "matchRequest.method"),
                method,
                "is not a method that Puppet Server knows",
                "use get, post, put, delete or head, or leave the list out for all of them",
            )
        })?;
        methods.push(Value::from(known));
    }
    let mut fields: Object = vec![("path", request.path.as_str().into()), ("type", kind.into())];
    if !methods.is_empty() {
        fields.push(("method", Value::List(methods)));
    }
    Ok(fields)
}

fn effect(index: usize, rule: &AuthorizationRule) -> Result<(&'static str, Value), RenderError> {
    let groups = match rule.match_request.match_type {
        MatchType::Path => 0,
        MatchType::Regex => path_regex::count_groups(&rule.match_request.path).map_err(|problem| {
            RenderError::new(
                field(index, "matchRequest.path"),
                &rule.match_request.path,
                format!("is not a regular expression: {problem}"),
                "correct it, or set type to path",
            )
        })?,
    };
    if rule.allow_unauthenticated {
        return Ok(("allow-unauthenticated", true.into()));
    }
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let (name, value) = match (given(&rule.allow), given(&rule.deny)) {
        (Some(allow), _) => ("allow", allow),
        (None, Some(deny)) => ("deny", deny),
        (None, None) => {
            return Err(RenderError::new(
                field(index, "allow"),
                "",
                "is empty, and the rule has neither deny nor allowUnauthenticated, so it says nothing",
                "set one of the three",
            ));
        }
    };
    check_entry(index, name, &value, groups)?;
    Ok((name, Value::Text(value)))
}

/// Checks the form of an entry (trapperkeeper-authorization, `new-domain`).
fn check_entry(index: usize, name: &str, value: &str, groups: usize) -> Result<(), RenderError> {
    let references = references(value);
    if let Some(missing) = references.iter().find(|reference| **reference > groups) {
        return Err(RenderError::new(
            field(index, name),
            value,
            format!("refers to group ${missing}, but matchRequest.path has {groups} groups"),
            "add the group, or name the client",
        ));
    }
    let regex = value.len() >= 2 && value.starts_with('/') && value.ends_with('/');
    if value == "*" || regex || !references.is_empty() || is_name(value.strip_prefix("*.").unwrap_or(value)) {
        return Ok(());
    }
    Err(RenderError::new(
        field(index, name),
        value,
        "is not a form that Puppet Server knows",
        "write *, a certname, *.domain, $1, or /regular expression/",
    ))
}

/// The numbers of all groups that the value refers to with `$`.
fn references(value: &str) -> Vec<usize> {
    let tails = value.split('$').skip(1);
    let digits = tails.map(|tail| tail.chars().take_while(char::is_ascii_digit).collect::<String>());
    // Too many digits for a number refer to no group either.
    digits.filter(|digits| !digits.is_empty()).map(|digits| digits.parse().unwrap_or(usize::MAX)).collect()
}

fn is_name(value: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    value.starts_with(word) && value.chars().all(|c| word(c) || matches!(c, '-' | '.' | '@'))
}

fn field(index: usize, name: &str) -> String {
    format!("spec.puppetserver.authorizationRules[{index}].{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_crds::MatchRequest;

    fn rule() -> AuthorizationRule {
        AuthorizationRule {
            name: "mine".to_owned(),
            match_request: MatchRequest { path: "/x".to_owned(), ..MatchRequest::default() },
            allow: Some("*".to_owned()),
            ..AuthorizationRule::default()
        }
    }

    fn regex(path: &str) -> MatchRequest {
        MatchRequest { path: path.to_owned(), match_type: MatchType::Regex, method: Vec::new() }
    }

    fn text(rule: &AuthorizationRule) -> String {
        super::super::hocon::render(&render(3, rule).unwrap())
    }

    fn refused_field(rule: &AuthorizationRule) -> String {
        let error = render(3, rule).unwrap_err();
        error.field.strip_prefix("spec.puppetserver.authorizationRules[3].").unwrap().to_owned()
    }

    #[test]
    fn a_complete_rule_is_written_with_its_methods_in_lower_case() {
        let mut rule = rule();
        rule.match_request.method = vec!["GET".to_owned(), "put".to_owned()];
        insta::assert_snapshot!(text(&rule), @r#"
        match-request: {
          path: "/x"
          type: "path"
          method: ["get", "put"]
        }
        allow: "*"
        sort-order: 500
        name: "mine"
        "#);
    }

    #[test]
    fn of_several_effects_only_the_strongest_is_written() {
        let all = AuthorizationRule { allow_unauthenticated: true, deny: Some("*".to_owned()), ..rule() };
        let written = text(&all);
        assert!(written.contains("allow-unauthenticated: true"), "{written}");
        assert!(!written.contains("deny") && !written.contains("allow:"), "{written}");
        let written = text(&AuthorizationRule { allow_unauthenticated: false, ..all });
        assert!(written.contains("allow: \"*\"") && !written.contains("deny"), "{written}");
    }

    #[test]
    fn a_rule_that_would_stop_puppet_server_is_refused_and_the_error_names_the_field() {
        let mut method = rule();
        method.match_request.method = vec!["patch".to_owned()];
        let cases = [
            (AuthorizationRule { allow: None, ..rule() }, "allow"),
            (AuthorizationRule { sort_order: 1000, ..rule() }, "sortOrder"),
            (AuthorizationRule { sort_order: -1, ..rule() }, "sortOrder"),
            (method, "matchRequest.method"),
            (AuthorizationRule { match_request: regex("^/(x$"), ..rule() }, "matchRequest.path"),
            (AuthorizationRule { match_request: regex("^/(x)$"), allow: Some("$2".to_owned()), ..rule() }, "allow"),
            (AuthorizationRule { allow: Some("$1".to_owned()), ..rule() }, "allow"),
            (AuthorizationRule { allow: None, deny: Some("two words".to_owned()), ..rule() }, "deny"),
        ];
        for (rule, field) in cases {
            assert_eq!(refused_field(&rule), field, "{rule:?}");
        }
    }

    #[test]
    fn every_form_of_an_entry_is_accepted() {
        for allow in ["*", "node1", "a.example.com", "*.example.com", "$1", "$1.example.com", "/^web\\d+$/", "a@b"] {
            let rule = AuthorizationRule { match_request: regex("^/x/([^/]+)$"), allow: Some(allow.to_owned()), ..rule() };
            assert!(render(0, &rule).is_ok(), "{allow:?}");
        }
    }

    #[test]
    fn a_name_that_another_rule_has_is_refused() {
        let twice = [rule(), rule()];
        assert_eq!(check_names(&twice, &[], "last").unwrap_err().field, "spec.puppetserver.authorizationRules[1].name");
        assert!(check_names(&[rule()], &["mine"], "last").is_err());
        assert!(check_names(&[rule()], &[], "mine").is_err());
        assert!(check_names(&[rule()], &["other"], "last").is_ok());
    }
}
