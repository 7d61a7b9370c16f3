//! What the operator counts.

use crate::cluster::{Cluster, SYSTEM};
use crate::operator;

/// Sum of a counter over all its labels, or over the series that carry one of them, such as `call="submit"`.
pub fn sum(cluster: &Cluster, metric: &str, label: Option<&str>) -> u64 {
    let pod = operator::pod(cluster);
    let pod = pod.trim_start_matches("pod/");
    let path = format!("/api/v1/namespaces/{SYSTEM}/pods/http:{pod}:8080/proxy/metrics");
    let text = cluster.run(SYSTEM, &["get", "--raw", &path]);
    text.lines()
        .filter(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' '])))
        .filter(|line| label.is_none_or(|label| line.contains(label)))
        .filter_map(|line| {
            // The value follows the labels; an exemplar may follow the value.
            let rest = line.rsplit_once("} ").map_or_else(|| line.trim_start_matches(metric), |(_, rest)| rest);
            rest.split_whitespace().next()?.parse::<u64>().ok()
        })
        .sum()
}
