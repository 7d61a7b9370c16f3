//! The operator's rights: what the chart grants, and what an audit log shows of what was asked.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// A verb on a resource of a group.
pub type Right = (String, String, String);

/// What the table of the chart says.
pub struct Granted {
    /// The rules of the role, as Kubernetes wants them.
    pub rules: Vec<Value>,
    rights: BTreeSet<Right>,
    unseen: BTreeSet<Right>,
}

impl Granted {
    /// The table.
    pub fn by_the_chart() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/openvox-operator/files/rights.yaml");
        let text = std::fs::read_to_string(path).expect("the table is there");
        let table: Value = serde_saphyr::from_str(&text).expect("the table is YAML");
        let mut granted = Self { rules: Vec::new(), rights: BTreeSet::new(), unseen: BTreeSet::new() };
        for entry in table["rights"].as_array().expect("a list of rights") {
            let group = entry["group"].as_str().expect("a group");
            granted.rules.push(serde_json::json!({"apiGroups": [group], "resources": entry["resources"], "verbs": entry["verbs"]}));
            for resource in texts(&entry["resources"]) {
                let right = |verb: String| (group.to_owned(), resource.clone(), verb);
                granted.rights.extend(texts(&entry["verbs"]).into_iter().map(right));
                granted.unseen.extend(texts(&entry["unseen"]).into_iter().map(right));
            }
        }
        granted
    }

    /// What was used and is not granted, and what is granted and was not used.
    pub fn compared_with(&self, used: &BTreeSet<Right>) -> (Vec<Right>, Vec<Right>) {
        let missing = used.difference(&self.rights).cloned().collect();
        let idle = self.rights.difference(used).filter(|right| !self.unseen.contains(*right)).cloned().collect();
        (missing, idle)
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// Groups whose rights are in roles of their own: the Lease, and questions about callers.
const ELSEWHERE: [&str; 4] = ["coordination.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "certificates.k8s.io"];

/// Everything that a user has asked of the API server, from its audit log. What was forbidden is among it.
pub fn used(log: &str, user: &str) -> BTreeSet<Right> {
    let lines = log.lines().filter(|line| line.contains(user)).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut asked = BTreeSet::new();
    for line in lines.filter(|line| line["user"]["username"] == user) {
        let (object, verb) = (&line["objectRef"], line["verb"].as_str().unwrap_or_default());
        let of = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        if object.is_null() || ELSEWHERE.contains(&of("apiGroup").as_str()) {
            continue;
        }
        let resource = [of("resource"), of("subresource")].join("/");
        let right = |verb: &str| (of("apiGroup"), resource.trim_end_matches('/').to_owned(), verb.to_owned());
        // Server-side apply of an object that is not there needs both.
        if verb == "patch" && line["responseStatus"]["code"] == 201 {
            asked.insert(right("create"));
        }
        asked.insert(right(verb));
    }
    asked
}
