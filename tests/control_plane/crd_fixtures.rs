//! What the CRDs accept and refuse, as a real API server reads them.

use crate::support::Cluster;
use crate::support::namespace::documents;
use kube::api::{DynamicObject, PostParams};
use std::path::{Path, PathBuf};

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds/tests/fixtures").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 20, "the fixtures are where they are looked for");
    files
}

fn dry_run() -> PostParams {
    PostParams { dry_run: true, ..PostParams::default() }
}

#[tokio::test]
async fn every_manifest_that_is_to_be_accepted_is() {
    let namespace = Cluster::shared().namespace().await;
    let mut refused = Vec::new();
    for file in fixtures("accepted") {
        for manifest in documents(&std::fs::read_to_string(&file).unwrap()) {
            let object: DynamicObject = serde_json::from_value(manifest.clone()).unwrap();
            if let Err(error) = namespace.api_of(&manifest).create(&dry_run(), &object).await {
                refused.push(format!("{}: {error}", file.display()));
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[tokio::test]
async fn every_manifest_that_is_to_be_refused_is_with_the_message_it_expects() {
    let namespace = Cluster::shared().namespace().await;
    let mut wrong = Vec::new();
    for file in fixtures("refused") {
        let text = std::fs::read_to_string(&file).unwrap();
        let expected = text.lines().next().and_then(|line| line.strip_prefix("# expect: ")).expect("a first line with what is expected");
        let manifest = documents(&text).remove(0);
        let object: DynamicObject = serde_json::from_value(manifest.clone()).unwrap();
        match namespace.api_of(&manifest).create(&dry_run(), &object).await {
            Ok(_) => wrong.push(format!("{}: accepted", file.display())),
            Err(error) if error.to_string().contains(expected) => {}
            Err(error) => wrong.push(format!("{}: expected {expected:?}, got {error}", file.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
