//! The end of what a container wrote, fit for a status that many may read: short, without stack traces and without secrets.

/// Longest text that is kept, in characters: a condition's message has a kilobyte in all.
const MOST: usize = 500;

/// Stands for what was taken out.
const REDACTED: &str = "<redacted>";

/// Names after which a value is a secret, in lower case.
const SECRET_NAMES: &[&str] =
    &["password", "passwd", "passphrase", "secret", "token", "apikey", "api_key", "api-key", "credential", "credentials", "private_key"];

/// Names after which the whole rest of a line is a secret, in lower case.
const SECRET_LINES: &[&str] = &["authorization:", "proxy-authorization:", "cookie:", "set-cookie:"];

/// The last words of a text; `None` if it says nothing.
pub fn last_words(text: &str) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut in_key = false;
    for line in text.lines() {
        let line = undated(line.trim_end());
        if in_key || (line.contains("-----BEGIN") && line.contains("PRIVATE KEY")) {
            if !in_key {
                lines.push(REDACTED.to_owned());
            }
            in_key = !line.contains("-----END");
        } else if line.contains("-----END") && line.contains("PRIVATE KEY") {
            // The text began within the key.
            lines.clear();
            lines.push(REDACTED.to_owned());
        } else if !line.trim().is_empty() && !is_stack_frame(line) {
            lines.push(without_secrets(line.trim()));
        }
    }
    // The same line over and over says no more than once.
    lines.dedup();
    let text = lines.join(" | ");
    let surplus = text.chars().count().saturating_sub(MOST);
    let text = if surplus == 0 { text } else { format!("…{}", text.chars().skip(surplus + 1).collect::<String>()) };
    (!text.is_empty()).then_some(text)
}

/// A frame of a Java or Clojure stack trace.
fn is_stack_frame(line: &str) -> bool {
    let indented = line.starts_with([' ', '\t']);
    let line = line.trim_start();
    indented && (line.starts_with("at ") || (line.starts_with("... ") && line.ends_with(" more")))
}

/// The line without the time at its beginning: it would make the same words new at each restart.
fn undated(line: &str) -> &str {
    let mut rest = line;
    loop {
        let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let digits = first.chars().filter(char::is_ascii_digit).count();
        if digits < 4 || !first.chars().all(|letter| letter.is_ascii_digit() || "-:.,+/TZ[]".contains(letter)) {
            return rest;
        }
        rest = after;
    }
}

fn without_secrets(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    if let Some(at) = SECRET_LINES.iter().filter_map(|name| Some(lower.find(name)? + name.len())).min() {
        return format!("{} {REDACTED}", line.get(..at).unwrap_or_default());
    }
    let mut clean = String::new();
    let mut rest = line;
    while let Some((before, value)) = next_secret(rest) {
        clean += before;
        let (quote, inner) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => (Some(quote), value.get(1..).unwrap_or_default()),
            _ => (None, value),
        };
        let end = match quote {
            Some(quote) => inner.find(quote),
            None => inner.find(|letter: char| letter.is_whitespace() || ",;&)}]\"'".contains(letter)),
        };
        clean.extend(quote);
        clean += REDACTED;
        rest = inner.get(end.unwrap_or(inner.len())..).unwrap_or_default();
    }
    clean += rest;
    let words = clean.split(' ').map(|word| if is_random(word) { REDACTED.to_owned() } else { without_user(word) });
    let mut bearer = false;
    words
        .map(|word| {
            let hidden = std::mem::replace(&mut bearer, word.eq_ignore_ascii_case("bearer"));
            if hidden { REDACTED.to_owned() } else { word }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// What stands before the next secret value, its name included, and the rest of the text from the value on.
fn next_secret(text: &str) -> Option<(&str, &str)> {
    let lower = text.to_ascii_lowercase();
    let value_of = |name: &str| {
        lower.match_indices(name).find_map(|(at, _)| {
            let after = at + name.len();
            let tail = lower.get(after..)?;
            let gap = tail.len() - tail.trim_start_matches(['"', '\'', ' ']).len();
            let assigned = tail.get(gap..)?.strip_prefix([':', '='])?;
            let value = after + gap + 1 + (assigned.len() - assigned.trim_start().len());
            let hidden = text.get(value..)?.trim_start_matches(['"', '\'']).starts_with(REDACTED);
            (value < text.len() && !hidden).then_some(value)
        })
    };
    let value = SECRET_NAMES.iter().filter_map(|name| value_of(name)).min()?;
    Some((text.get(..value)?, text.get(value..)?))
}

/// A word that looks like key material or a token: long, of base64's letters, and of every sort of them.
fn is_random(word: &str) -> bool {
    let word = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    let has = |sort: fn(&char) -> bool| word.chars().any(|letter| sort(&letter));
    word.len() >= 40
        && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "+/=_-".contains(letter))
        && has(char::is_ascii_digit)
        && has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
}

/// The word without the user and the password of a URL in it.
fn without_user(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..authority).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{scheme}://{REDACTED}{}", rest.get(at..).unwrap_or_default()),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_a_java_program_is_found_below_its_stack_trace_and_is_the_same_at_each_restart() {
        let log = |time: &str| {
            format!(
                "{time} ERROR [main] [p.t.internal] Error during app buildup!\njava.io.IOException: disk full\n\tat a.b(C.java:1)\n    at d.e(F.java:2)\n\t... 12 more\n\n"
            )
        };
        let words = last_words(&log("2026-11-30T21:17:32.123Z")).unwrap();
        assert_eq!(words, "ERROR [main] [p.t.internal] Error during app buildup! | java.io.IOException: disk full");
        assert_eq!(last_words(&log("2026-12-01 03:00:00,456")).unwrap(), words);
        assert_eq!(last_words(" \n\t\n"), None);
    }

    #[test]
    fn secrets_are_cut_wherever_they_stand() {
        let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6Ik5zM2NyZXQ5OTk5OTk5OTk";
        let text = format!(
            "password=s3cret-1 and more\nconnect \"dbPassword\": \"s3cret 2\", user: bob\nhttps://bob:s3cret-3@db.example.test/path\n\
             Authorization: Basic s3cret-4\nBearer s3cret-5 refused\ngot {token} here\n-----BEGIN RSA PRIVATE KEY-----\ns3cret6\n-----END RSA PRIVATE KEY-----\nthe end"
        );
        let words = last_words(&text).unwrap();
        assert!(!words.contains("s3cret") && !words.contains(token), "{words}");
        for kept in ["and more", "user: bob", "db.example.test/path", "refused", "here", "the end"] {
            assert!(words.contains(kept), "{kept}: {words}");
        }
        let cut = last_words("s3cret7\n-----END PRIVATE KEY-----\nfailed").unwrap();
        assert_eq!(cut, "<redacted> | failed");
    }

    #[test]
    fn what_names_a_secret_without_its_value_stays_and_so_do_paths_and_digests() {
        for text in [
            "Secret corp-ca: not found",
            "the token of the ServiceAccount is not mounted",
            "/etc/puppetlabs/puppet/ssl/private_keys/puppet.example.test.pem: no such file",
            "key 5F:0A:11 is for another certificate",
        ] {
            assert_eq!(last_words(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn of_a_long_text_the_end_is_kept() {
        let words = last_words(&format!("{}\nthe end", "first ".repeat(400))).unwrap();
        assert!(words.chars().count() <= MOST && words.starts_with('…') && words.ends_with("the end"), "{words}");
    }
}
