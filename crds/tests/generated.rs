//! The manifests in the repository and in the chart are what the types say.

use openvox_crds::definition;
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn the_manifests_of_the_repository_and_of_the_chart_are_up_to_date() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["generated", "../charts/openvox-operator/crds"] {
        let folder = crate_folder.join(folder);
        let mut names = BTreeSet::new();
        for crd in definition::all().expect("definitions") {
            let name = definition::file_name(&crd);
            let text = fs::read_to_string(folder.join(&name)).unwrap_or_default();
            let body = text.split_once('\n').map(|(_, body)| body);
            assert!(
                body == Some(definition::manifest(&crd).expect("YAML").as_str()),
                "{} has drifted: run `cargo run -p openvox-crds --bin crdgen`",
                folder.join(&name).display()
            );
            names.insert(name);
        }
        for entry in fs::read_dir(&folder).expect("folder") {
            let name = entry.expect("file").file_name().to_string_lossy().into_owned();
            let ours = name.starts_with(openvox_crds::vocabulary::GROUP);
            assert!(!ours || names.contains(&name), "{name} belongs to no kind");
        }
    }
}
