//! A scanner of Java regular expressions: it detects common mistakes and counts groups.
//!
//! Puppet Server compiles the expression with `java.util.regex` and does not start when that fails. A Rust regex crate
//! is no substitute: it refuses look-around and back-references, which Java accepts. So this module only detects common
//! mistakes: unbalanced brackets, a quantifier without anything to repeat, a backslash at the end.

use thiserror::Error;

/// What is wrong with an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RegexProblem {
    /// A `(` without its `)`.
    #[error("a group is not closed")]
    OpenGroup,
    /// A `)` without its `(`.
    #[error("a group is closed that was never opened")]
    StrayClose,
    /// A `[` without its `]`.
    #[error("a character class is not closed")]
    OpenClass,
    /// A backslash with nothing after it.
    #[error("it ends with a backslash")]
    TrailingBackslash,
    /// A `*`, `+` or `?` at the start of an alternative.
    #[error("a quantifier has nothing to repeat")]
    NothingToRepeat,
}

/// The number of capture groups.
///
/// # Errors
/// When the expression is broken in one of the ways of [`RegexProblem`].
pub fn count_groups(expression: &str) -> Result<usize, RegexProblem> {
    let mut rest = expression.chars().peekable();
    let mut groups = 0;
    let mut open = 0_usize;
    // Whether something stands before the current place that a quantifier can repeat.
    let mut repeatable = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                if rest.next().ok_or(RegexProblem::TrailingBackslash)? == 'Q' {
                    skip_quotation(&mut rest);
                }
                repeatable = true;
            }
            '[' => {
                skip_class(&mut rest)?;
                repeatable = true;
            }
            '(' => {
                open += 1;
                groups += usize::from(is_capturing(&mut rest));
                repeatable = false;
            }
            ')' => {
                open = open.checked_sub(1).ok_or(RegexProblem::StrayClose)?;
                repeatable = true;
            }
            '|' => repeatable = false,
            '*' | '+' | '?' if !repeatable => return Err(RegexProblem::NothingToRepeat),
            // After a quantifier `?` and `+` change its kind, and a further `*` is refused.
            '*' | '+' | '?' => {
                rest.next_if(|next| matches!(next, '?' | '+'));
                repeatable = false;
            }
            _ => repeatable = true,
        }
    }
    if open > 0 { Err(RegexProblem::OpenGroup) } else { Ok(groups) }
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Goes behind `?:`, `?=`, `?<name>` and the like, and says whether the group captures.
fn is_capturing(rest: &mut Rest<'_>) -> bool {
    if rest.next_if_eq(&'?').is_none() {
        return true;
    }
    let mut ahead = rest.clone();
    let named = ahead.next() == Some('<') && ahead.next().is_some_and(|c| c.is_ascii_alphabetic());
    // The mark itself is no text that could be repeated or that opens a group.
    rest.next();
    named
}

/// Goes behind the end of a character class, in which brackets may nest and the first `]` may stand for itself.
fn skip_class(rest: &mut Rest<'_>) -> Result<(), RegexProblem> {
    let mut depth = 1_usize;
    rest.next_if_eq(&'^');
    rest.next_if_eq(&']');
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                rest.next();
            }
            '[' => depth += 1,
            ']' if depth == 1 => return Ok(()),
            ']' => depth -= 1,
            _ => {}
        }
    }
    Err(RegexProblem::OpenClass)
}

/// Goes behind `\E`, or to the end: Java does not ask for it.
fn skip_quotation(rest: &mut Rest<'_>) {
    while let Some(c) = rest.next() {
        if c == '\\' && rest.next_if_eq(&'E').is_some() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capture_groups_are_counted_and_other_groups_are_not() {
        for (expression, groups) in [
            ("", 0),
            ("^/puppet/v3/catalog/([^/]+)$", 1),
            ("(a)(b(c))", 3),
            ("(?:a)(?=b)(?!c)(?<=d)(?<!e)(?>f)(?i)", 0),
            ("(?<name>x)", 1),
            (r"\(a\)", 0),
            (r"\Q(((\E(a)", 1),
            ("[(](a)", 1),
            ("[^]()]", 0),
            ("[a-z&&[^(]](x)", 1),
            ("(a)+?|(b)*+", 2),
        ] {
            assert_eq!(count_groups(expression), Ok(groups), "{expression:?}");
        }
    }

    #[test]
    fn broken_expressions_are_refused() {
        for (expression, problem) in [
            ("(a", RegexProblem::OpenGroup),
            ("a)", RegexProblem::StrayClose),
            ("[a", RegexProblem::OpenClass),
            ("[]", RegexProblem::OpenClass),
            ("a\\", RegexProblem::TrailingBackslash),
            ("*.example.com", RegexProblem::NothingToRepeat),
            ("a|+b", RegexProblem::NothingToRepeat),
            ("(?)", RegexProblem::OpenGroup),
        ] {
            assert_eq!(count_groups(expression), Err(problem), "{expression:?}");
        }
    }
}
