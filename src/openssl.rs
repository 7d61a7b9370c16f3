//! The `openssl` command as an independent check of what these tests make.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs `openssl` with `input` on its standard input; returns both outputs joined, and panics where it fails.
pub fn openssl(args: &[&str], input: &str) -> String {
    let mut child = Command::new("openssl").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads no input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {args:?}: {text}");
    text
}
