//! Globs with the meaning of Go's `path.Match` (Go documentation, package `path`), which policies were written for.
//!
//! A glob is compared with the whole text, case-sensitively. `*` stands for any run of characters but `/`, `?` for one
//! character but `/`, `[a-z]` for one character of a class, `[^a-z]` for one outside it, and a backslash takes the
//! special meaning from what follows. All else stands for itself.

use thiserror::Error;

/// Why a glob cannot be used. Such a glob never matches.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("failed to read the pattern {pattern:?}: {fault} at character {position}")]
pub struct GlobError {
    /// The whole pattern as it was written.
    pub pattern: String,
    /// Where the fault is, counted in characters from 1.
    pub position: usize,
    /// What is wrong there.
    pub fault: GlobFault,
}

/// What can be wrong with a glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GlobFault {
    /// Nothing is written at all.
    #[error("the pattern is empty")]
    Empty,
    /// A `[` without its `]`.
    #[error("the class is not closed")]
    OpenClass,
    /// `[]` or `[^]`; a literal `]` has to be written `\]`.
    #[error("the class is empty")]
    EmptyClass,
    /// A `-` that is not between two characters.
    #[error("the range has an end missing")]
    HalfRange,
    /// A backslash as the last character.
    #[error("nothing follows the backslash")]
    DanglingEscape,
}

/// A glob that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    pattern: String,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// `*`
    Run,
    /// `?`
    One,
    Literal(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Token {
    /// Whether this token, which is no run, takes `c`.
    fn takes(&self, c: char) -> bool {
        match self {
            Token::Run => false,
            Token::One => c != '/',
            Token::Literal(literal) => *literal == c,
            Token::Class { negated, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
        }
    }
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// A [`GlobError`] with the fault and its position.
    pub fn parse(pattern: &str) -> Result<Self, GlobError> {
        let mut source = Source { rest: pattern.chars().peekable(), position: 0 };
        source.tokens().map(|tokens| Self { pattern: pattern.to_owned(), tokens }).map_err(|(position, fault)| GlobError {
            pattern: pattern.to_owned(),
            position,
            fault,
        })
    }

    /// Whether the glob matches the whole of `text`. Takes at most (length of pattern × length of text) steps.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut tokens = self.tokens.as_slice();
        let mut rest = text.chars();
        // Where to go on if what follows the last run does not fit: the run takes one character more. Runs before it
        // need no second thought, as the earliest fit leaves the most to the runs after it.
        let mut retry: Option<(&[Token], std::str::Chars<'_>)> = None;
        loop {
            match tokens.split_first() {
                Some((Token::Run, after)) => {
                    tokens = after;
                    retry = Some((after, rest.clone()));
                    continue;
                }
                Some((token, after)) => {
                    let mut ahead = rest.clone();
                    if ahead.next().is_some_and(|c| token.takes(c)) {
                        tokens = after;
                        rest = ahead;
                        continue;
                    }
                }
                None if rest.as_str().is_empty() => return true,
                None => {}
            }
            let Some((after, mut from)) = retry.take() else {
                return false;
            };
            if from.next().is_none_or(|c| c == '/') {
                return false;
            }
            tokens = after;
            rest = from.clone();
            retry = Some((after, from));
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }
}

/// Checks a pattern without matching anything.
///
/// # Errors
///
/// A [`GlobError`] with the fault and its position.
pub fn check(pattern: &str) -> Result<(), GlobError> {
    Glob::parse(pattern).map(|_| ())
}

type Fault = (usize, GlobFault);

struct Source<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    /// Characters read so far, which is the position of the last one counted from 1.
    position: usize,
}

impl Source<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.position += usize::from(next.is_some());
        next
    }

    fn tokens(&mut self) -> Result<Vec<Token>, Fault> {
        let mut tokens = Vec::new();
        while let Some(c) = self.next() {
            tokens.push(match c {
                '*' => Token::Run,
                '?' => Token::One,
                '[' => self.class()?,
                '\\' => Token::Literal(self.escaped()?),
                literal => Token::Literal(literal),
            });
        }
        if tokens.is_empty() {
            return Err((1, GlobFault::Empty));
        }
        Ok(tokens)
    }

    fn escaped(&mut self) -> Result<char, Fault> {
        let at = self.position;
        self.next().ok_or((at, GlobFault::DanglingEscape))
    }

    /// What follows a `[`, up to its `]`.
    fn class(&mut self) -> Result<Token, Fault> {
        let start = self.position;
        let open = (start, GlobFault::OpenClass);
        let negated = self.rest.next_if_eq(&'^').is_some();
        self.position += usize::from(negated);
        let mut ranges = Vec::new();
        loop {
            let low = match self.next().ok_or(open)? {
                ']' if ranges.is_empty() => return Err((start, GlobFault::EmptyClass)),
                ']' => return Ok(Token::Class { negated, ranges }),
                '-' => return Err((self.position, GlobFault::HalfRange)),
                '\\' => self.escaped()?,
                c => c,
            };
            let mut high = low;
            if self.rest.next_if_eq(&'-').is_some() {
                self.position += 1;
                let dash = self.position;
                high = match self.next().ok_or(open)? {
                    ']' | '-' => return Err((dash, GlobFault::HalfRange)),
                    '\\' => self.escaped()?,
                    c => c,
                };
            }
            ranges.push((low, high));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::parse(pattern).is_ok_and(|glob| glob.matches(text))
    }

    #[test]
    fn matches_as_go_does() {
        let cases = [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "a", true),
            ("a*", "abc", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^b-d]", "abc", false),
            ("ab[^e-g]", "abc", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            ("a[^x]b", "a/b", true),
            ("[\\]a]", "]", true),
            ("[\\-]", "-", true),
            ("[x\\-]", "x", true),
            ("[x\\-]", "-", true),
            ("[x\\-]", "z", false),
            ("[\\-x]", "-", true),
            ("[z-a]", "m", false),
            ("[a^]", "^", true),
            ("[^^]", "^", false),
            ("[!a]", "a", true),
            ("*x", "xxx", true),
            ("web*.example.test", "web01.prod.example.test", true),
            ("web*.example.test", "web01.example.test.evil", false),
            ("Web*", "web01", false),
            ("]", "]", true),
            ("-", "-", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_malformed_pattern_names_its_fault_and_never_matches() {
        use GlobFault::{DanglingEscape, Empty, EmptyClass, HalfRange, OpenClass};
        let cases = [
            ("", 1, Empty),
            ("web[", 4, OpenClass),
            ("[^", 1, OpenClass),
            ("[^bc", 1, OpenClass),
            ("[a-", 1, OpenClass),
            ("[]a]", 1, EmptyClass),
            ("[^]", 1, EmptyClass),
            ("[-]", 2, HalfRange),
            ("[x-]", 3, HalfRange),
            ("[-x]", 2, HalfRange),
            ("[a-b-c]", 5, HalfRange),
            ("ä\\", 2, DanglingEscape),
            ("[\\", 2, DanglingEscape),
            ("[a-\\", 4, DanglingEscape),
        ];
        for (pattern, position, fault) in cases {
            let error = check(pattern).expect_err(pattern);
            assert_eq!((error.position, error.fault), (position, fault), "{pattern}");
            assert!(!matches(pattern, pattern), "{pattern}");
        }
        assert_eq!(check("web[").unwrap_err().to_string(), r#"failed to read the pattern "web[": the class is not closed at character 4"#);
    }

    #[test]
    fn many_runs_do_not_take_forever() {
        let pattern = "*a".repeat(200);
        let text = "a".repeat(20_000) + "b";
        assert!(!matches(&pattern, &text));
    }

    /// The obvious recursive reading, to compare with.
    fn slow(tokens: &[Token], text: &[char]) -> bool {
        match (tokens, text) {
            ([], _) => text.is_empty(),
            ([Token::Run, after @ ..], _) => {
                (0..=text.len()).take_while(|taken| !text[..*taken].contains(&'/')).any(|taken| slow(after, &text[taken..]))
            }
            ([token, after @ ..], [c, rest @ ..]) => token.takes(*c) && slow(after, rest),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn any_pattern_on_any_text_gives_an_answer(pattern: String, text: String) {
            let _ = matches(&pattern, &text);
        }

        #[test]
        fn agrees_with_the_obvious_reading(pattern in r"[ab*?]{0,8}", text in "[ab]{0,10}") {
            if let Ok(glob) = Glob::parse(&pattern) {
                let text_chars: Vec<char> = text.chars().collect();
                prop_assert_eq!(glob.matches(&text), slow(&glob.tokens, &text_chars));
            }
        }

        #[test]
        fn never_matches_more_than_the_obvious_reading(
            pattern in r"([ab/*?]|\[[ab]-[bc]\]|\[\^a\]){0,8}",
            text in "[abc/]{0,10}",
        ) {
            if let Ok(glob) = Glob::parse(&pattern) {
                let text_chars: Vec<char> = text.chars().collect();
                prop_assert!(!glob.matches(&text) || slow(&glob.tokens, &text_chars));
            }
        }

        #[test]
        fn a_fault_lies_within_the_pattern(pattern in r"[a\[\]\\^*?-]{0,12}") {
            if let Err(error) = check(&pattern) {
                prop_assert!((1..=pattern.chars().count().max(1)).contains(&error.position));
            }
        }

        #[test]
        fn a_fully_escaped_text_matches_itself_alone(text in ".{1,20}", other in ".{1,20}") {
            let pattern: String = text.chars().flat_map(|c| ['\\', c]).collect();
            prop_assert!(matches(&pattern, &text));
            prop_assert_eq!(matches(&pattern, &other), text == other);
        }
    }
}
